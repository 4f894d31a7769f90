# What domain 0 runs for tests/system/builder: guests by the hand of xend-build.
# shellcheck shell=sh disable=SC2154

built_log() {
	echo "/var/log/xen/guest-$1.log"
}

# Wait for a line in a guest's console log.
built_wait() {
	i=0
	while ! grep -aq "$2" "$(built_log "$1")" 2>/dev/null; do
		sleep 0.2
		i=$((i + 1))
		[ $i -lt 450 ] || { echo "no '$2' from $1"; tail -n 20 "$(built_log "$1")"; return 1; }
	done
	grep -a "$2" "$(built_log "$1")"
}

# built NAME KERNEL INITRD MEMORY VCPUS THEN OPTION…: build and start.
built_start() {
	name=$1 kernel=$2 initrd=$3 memory=$4 vcpus=$5 then=$6
	shift 6
	xend-build name="$name" cache=/var/lib/xend/kernels "$@" "$kernel" "$initrd" "$memory" "$vcpus" \
		"console=hvc0 then=$then"
}

# The same, and wait for its first word.
built() {
	built_start "$@" && built_wait "$1" "GUEST UP cpus=$5 .*then=$6"
}

domid_of() {
	for domid in $(xenstore-list /local/domain); do
		[ "$(xenstore-read "/local/domain/$domid/name" 2>/dev/null)" != "$1" ] || echo "$domid"
	done
}

built_end() {
	xl destroy "$(domid_of "$1")"
}

# Free memory, once the hypervisor has scrubbed what was freed last.
free_mib() {
	last=
	now=$(xl info | awk '/^free_memory/ { print $3 }')
	while [ "$now" != "$last" ]; do
		sleep 0.5
		last=$now
		now=$(xl info | awk '/^free_memory/ { print $3 }')
	done
	echo "$now"
}

# Run a command that must fail and say WHAT; no domain and no memory may be gone after it.
refused() {
	what=$1
	shift
	before=$(free_mib) domains=$(xl list | wc -l)
	if said=$("$@" 2>&1); then
		echo "not refused: $*"
		return 1
	fi
	case $said in
	*"$what"*) ;;
	*)	echo "not '$what' but '$said'"; return 1 ;;
	esac
	[ "$(xl list | wc -l)" -eq "$domains" ] || { echo "a domain is left"; xl list; return 1; }
	[ "$(free_mib)" -eq "$before" ] || { echo "memory is gone"; return 1; }
}

test_build_cold() {
	built cold /guest/vmlinuz /guest/initrd 256 1 stay >/tmp/cold || { cat /tmp/cold; return 1; }
	cat /tmp/cold >/dev/console
	grep -q 'IMAGE .* unpacked' /tmp/cold || { cat /tmp/cold; return 1; }
	built_end cold
}

test_build_warm() {
	built warm /guest/vmlinuz /guest/initrd 256 2 stay >/tmp/warm || { cat /tmp/warm; return 1; }
	cat /tmp/warm >/dev/console
	grep -q 'IMAGE .* cached' /tmp/warm || { cat /tmp/warm; return 1; }
	built_end warm
}

# As little as this kernel can live with, an odd size, and room to grow.
test_build_sizes() {
	built small /guest/vmlinuz /guest/initrd 128 1 stay || return 1
	built odd /guest/vmlinuz /guest/initrd 257 1 stay maxmem=400 || return 1
	mib=$(built_wait odd 'GUEST UP' | sed 's/.*mib=\([0-9]*\).*/\1/')
	[ "$mib" -ge 190 ] && [ "$mib" -le 257 ] || { echo "$mib MiB of 257"; return 1; }
	built_end small && built_end odd
}

test_build_vcpus() {
	built eight /guest/vmlinuz /guest/initrd 256 8 stay pin=1 >/tmp/eight || { cat /tmp/eight; return 1; }
	n=$(xl vcpu-list eight | awk '$1 == "eight" && $4 != "--" && $7 == "1" { n++ } END { print n }')
	[ "$n" -eq 8 ] || { xl vcpu-list eight; return 1; }
	built_end eight || return 1
	built_start most /guest/vmlinuz /guest/initrd 256 32 stay paused=1 weight=700 cap=50 || return 1
	n=$(xl vcpu-list most | grep -c '^most')
	[ "$n" -eq 32 ] || { echo "$n vcpus"; return 1; }
	xl sched-credit2 -d most | grep -q '700 *50' || { xl sched-credit2 -d most; return 1; }
	built_end most
}

# The same kernel in other wrappings.
test_build_formats() {
	for format in gz zst lz4 elf; do
		then=stay
		built $format /guest/vmlinux.$format /guest/initrd 256 1 $then || return 1
		built_end $format
	done
}

# A kernel of the old kind: hypercall page, p2m inside the first mapping.  It ends by itself.
test_build_old() {
	xend-build name=old paused=0 claim=0 /guest/hello.elf - 16 1 hello || return 1
	domid=$(domid_of old) i=0
	while [ "$(xl list | awk -v d="$domid" '$2 == d { print $5 }' | tr -d -)" != s ]; do
		sleep 0.1
		i=$((i + 1))
		[ $i -lt 100 ] || { xl list; return 1; }
	done
	built_end old
}

test_build_refused() {
	refused 'Kernel image does not exist: /nowhere' \
		xend-build /nowhere - 128 1 '' || return 1
	refused 'Kernel ramdisk does not exist: /nowhere' \
		xend-build cache=/var/lib/xend/kernels /guest/vmlinuz /nowhere 128 1 '' || return 1
	refused 'not a kernel that a PV guest can run' xend-build /guest/initrd - 128 1 '' || return 1
	refused 'no executable' xend-build /usr/sbin/xend-build - 128 1 '' || return 1
	refused "the domain's 64 MiB are too few" \
		xend-build cache=/var/lib/xend/kernels /guest/vmlinuz - 64 1 '' || return 1
	refused 'the host has not enough free memory: the domain takes' \
		xend-build cache=/var/lib/xend/kernels /guest/vmlinuz - 100000 1 '' || return 1
	refused 'none of the physical cpus' \
		xend-build pin=77 cache=/var/lib/xend/kernels /guest/vmlinuz - 128 1 '' || return 1
	for phase in memory kernel ramdisk tables; do
		refused 'cancelled' xend-build stop=$phase cache=/var/lib/xend/kernels /guest/vmlinuz \
			/guest/initrd 128 1 '' || return 1
	done
}

# A build that is killed leaves a domain that its owner can see and destroy, and nothing else.
test_build_killed() {
	before=$(free_mib)
	for delay in 0.1 0.2 0.3 0.4 0.5; do
		xend-build loop=1000 cache=/var/lib/xend/kernels /guest/vmlinuz /guest/initrd 256 1 '' &
		pid=$!
		sleep $delay
		kill -9 $pid
		wait $pid
		for domid in $(xl list | awk 'NR > 1 && $2 > 0 { print $2 }'); do
			xl destroy "$domid"
		done
	done 2>/dev/null
	[ "$(xl list | wc -l)" -eq 2 ] || { xl list; return 1; }
	after=$(free_mib)
	[ "$after" -eq "$before" ] || { echo "$before MiB were free, now $after"; return 1; }
}

test_build_leak() {
	before=$(free_mib)
	xend-build loop=30 cache=/var/lib/xend/kernels /guest/vmlinuz /guest/initrd 128 4 '' || return 1
	[ "$(xl list | wc -l)" -eq 2 ] || { xl list; return 1; }
	after=$(free_mib)
	[ "$after" -eq "$before" ] || { echo "$before MiB were free, now $after"; return 1; }
}

test_build_dump() {
	built core /guest/vmlinuz /guest/initrd 128 2 stay || return 1
	domid=$(domid_of core)
	xl pause "$domid"
	xend-build dump "$domid" /tmp/core >/dev/console || return 1
	# its frames are all there, and among them the kernel's banner
	size=$(wc -c </tmp/core)
	[ "$size" -gt $((125 * 1024 * 1024)) ] && [ "$size" -lt $((135 * 1024 * 1024)) ] ||
		{ echo "$size bytes"; return 1; }
	for text in 'Linux version 6' .xen_prstatus; do
		tr -s '\000' '\n' </tmp/core | grep -aq "$text" || { echo "no '$text' in it"; return 1; }
	done
	rm /tmp/core
	xl unpause "$domid"
	built_end core
}
