# What the programs that start and stop a host's Xen share.  Sourced.
# shellcheck shell=sh disable=SC2154  # the sourcing program sets me=

# Everything is looked for below XEN_INIT_ROOT, and programs in XEN_INIT_PATH: the tests set them.
root=${XEN_INIT_ROOT-}
# Where the package keeps programs whose public names belong to Debian's Xen, if it does.
PATH=${XEN_INIT_PATH-/usr/lib/xylem/bin:/usr/sbin:/usr/bin:/sbin:/bin}
export PATH

# Exit statuses of init scripts (LSB Core, "Init Script Actions").
LSB_FAILED=1
LSB_USAGE=2
LSB_NOT_ROOT=4
LSB_STATUS_STOPPED=3
export LSB_FAILED LSB_USAGE LSB_NOT_ROOT LSB_STATUS_STOPPED

say() {
	echo "$me: $*"
}

complain() {
	echo "$me: $*" >&2
}

# settings_read NAME…: Red Hat's place, Debian's, in this order; the last word counts.
settings_read() {
	for name; do
		for file in "$root/etc/sysconfig/$name" "$root/etc/default/$name"; do
			# shellcheck disable=SC1090
			[ ! -r "$file" ] || . "$file"
		done
	done
}

# True in the domain that controls the host.
is_dom0() {
	grep -q control_d "$root/proc/xen/capabilities" 2>/dev/null
}

# other_in_charge SCRIPT: another suite's init script is installed and not switched off.  Two suites must
# not both start daemons and guests; the one that an administrator knows already goes first.
other_in_charge() {
	[ -x "$root/etc/init.d/$1" ] && ! grep -q Xylem "$root/etc/init.d/$1"
}

# A whole number of at most nine digits.
is_number() {
	case $1 in
	'' | *[!0-9]* | ??????????*) return 1 ;;
	esac
}

# sleep_us MICROSECONDS
sleep_us() {
	is_number "$1" && [ "$1" -gt 0 ] || return 0
	sleep "$(($1 / 1000000)).$(printf %06d $(($1 % 1000000)))"
}

need_root() {
	[ "$(id -u)" -eq 0 ] && return
	complain "must be run as root"
	exit $LSB_NOT_ROOT
}
