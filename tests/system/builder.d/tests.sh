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
		[ $i -lt 300 ] || { echo "no '$2' from $1"; tail -n 20 "$(built_log "$1")"; return 1; }
	done
	grep -a "$2" "$(built_log "$1")"
}

free_kib() {
	xl info | awk '/^free_memory/ { print $3 * 1024 }'
}

# built NAME KERNEL INITRD MEMORY VCPUS THEN OPTION…: build, start, wait for its first word.
built() {
	name=$1 kernel=$2 initrd=$3 memory=$4 vcpus=$5 then=$6
	shift 6
	xend-build name="$name" cache=/var/lib/xend/kernels "$@" "$kernel" "$initrd" "$memory" "$vcpus" \
		"console=hvc0 then=$then" || return 1
	built_wait "$name" "GUEST UP cpus=$vcpus .*then=$then"
}

domid_of() {
	for path in $(xenstore-list /local/domain); do
		[ "$(xenstore-read "/local/domain/$path/name" 2>/dev/null)" = "$1" ] && echo "$path"
	done
}

built_end() {
	xl destroy "$(domid_of "$1")"
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
