# What domain 0 measures for tests/bench/run, by Debian's xl.  REPORT lines go to the console.
# shellcheck shell=sh

now() { /bench/tsc "$@"; }	# with a mark, see tests/bench/marks.h

report_ms() {			# report_ms NAME FROM TO, both TSC
	us=$((($3 - $2) / 1000))
	printf 'REPORT %s %d.%03d\n' "$1" $((us / 1000)) $((us % 1000)) >/dev/console
}

guest_log() { echo "/var/log/xen/guest-$1.log"; }

# What a guest has measured itself.
report_guest() { tr -d '\r' <"$(guest_log "$1")" | sed -n 's/^BENCH /REPORT /p' >/dev/console; }

# guest_create NAME KERNEL MIB LINE…: in $created how long xl took, as two TSC values.
guest_create() {
	name=$1 kernel=$2 mib=$3
	shift 3
	printf '%s\n' "name='$name'" "type='pv'" "kernel='/bench/$kernel'" "memory=$mib" \
		"tsc_mode='native'" "$@" >"/tmp/$name.cfg"
	from=$(now 62)
	xl create -q "/tmp/$name.cfg" 2>/tmp/why || { cat /tmp/why; return 1; }
	created="$from $(now 0)"
}

# guest_said NAME TEXT SECONDS: looks once a second, for looking takes time from who is measured.
guest_said() {
	i=0
	until grep -aq "$2" "$(guest_log "$1")" 2>/dev/null; do
		i=$((i + 1))
		[ $i -lt "$3" ] || { echo "no '$2' from $1"; tail -n 5 "$(guest_log "$1")"; return 1; }
		sleep 1
	done
}

# The first two domains are 1 and 2, and each is told the other's number.
test_bench_pair() {
	guest_create answer pair.elf 16 "extra='role=answer peer=2'" || return 1
	guest_said answer 'PAIR answers' 20 || return 1
	guest_create ask pair.elf 16 "extra='role=ask peer=1'" || return 1
	sleep 3
	guest_said ask 'PAIR done' 20 || return 1
	report_guest ask
}

# How long after its time a guest runs that sleeps 10 ms at a time, beside two that never sleep.
test_bench_wakes() {
	for name in spin1 spin2; do
		guest_create $name domu.elf 32 "extra='then=spin'" || return 1
	done
	guest_create nap domu.elf 32 "extra='then=nap'" && guest_said nap NAPS 60 || return 1
	# NAPS half N tenth N latest N us late
	sed -n 's/^NAPS half \([0-9]*\) tenth \([0-9]*\) latest \([0-9]*\) us.*/REPORT wake-beside-hogs-us \1\nREPORT wake-beside-hogs-latest-us \3/p' \
		"$(guest_log nap)" >/dev/console
	for name in spin1 spin2 nap; do
		xl destroy $name || return 1
	done
}

# A guest that does nothing, made and unmade.  The first one warms the caches of files.
test_bench_life() {
	for _ in first second; do
		guest_create tiny domu.elf 128 || return 1
		guest_said tiny 'DOMU UP' 20 || return 1
		from=$(now)
		xl destroy tiny || return 1
		to=$(now)
		sleep 1
	done
	# shellcheck disable=SC2086
	report_ms xl-create-tiny-ms $created
	report_ms xl-destroy-tiny-ms "$from" "$to"
}

# A Linux guest with a disk and a network card: how long it takes to come up, how fast both are.
test_bench_linux() {
	for module in xen-blkback xen-netback loop; do
		modprobe $module || return 1
	done
	head -c 67108864 /dev/zero >/tmp/disk
	nc -ll -p 5000 -e /bench/sink >/dev/null 2>&1 &
	nc -ll -p 5001 -e /bench/source >/dev/null 2>&1 &
	guest_create linux vmlinux 192 "ramdisk='/bench/initrd'" "extra='console=hvc0 quiet'" \
		"disk=['/tmp/disk,raw,xvda,w']" "vif=['script=/bench/vif']" || return 1
	now 63 >/dev/null		# until it comes to its /init
	guest_said linux 'LINUX done' 100 || return 1
	# shellcheck disable=SC2086
	report_ms xl-create-linux-ms $created
	report_guest linux
	printf 'REPORT %s\n' 'mark-62 xl-create-linux-ms' 'mark-63 guest-boot-to-init-ms' >/dev/console
	from=$(now)
	xl destroy linux || return 1
	report_ms xl-destroy-linux-ms "$from" "$(now)"
	killall nc
}
