# What scripts of the host's networks share.  Sourced by network-bridge, network-route and network-nat:
# `start`, `stop` or `status`, then NAME=VALUE words.  What they change they write down first, in
# /run/xen-hotplug, and `stop` puts it back.
# shellcheck shell=sh

dir=${dir:-$(dirname "$0")}
# shellcheck source=xend/scripts/xen-script-common.sh
. "$dir/xen-script-common.sh"

fail() {
	complain "$*"
	exit 1
}

network_words() {
	command=$1
	[ $# = 0 ] || shift
	evalVariables "$@"
	case $command in
	start|stop|status) ;;
	*)	echo "Unknown command: $command" >&2
		echo 'Valid commands are: start, stop, status' >&2
		exit 1 ;;
	esac
	mkdir -p "$xen_run"
	# One at a time.
	exec 9>>"$xen_run/network.lock"
	flock -w 60 9 || fail "Another network script has been running for too long."
}

exists() {
	[ -e "$xen_sys/class/net/$1" ]
}

is_bridge() {
	[ -d "$xen_sys/class/net/$1/bridge" ]
}

# vifnum=N was how Xen 3.1 named ethN.
default_netdev() {
	if [ -n "$vifnum" ]; then
		echo "eth$vifnum"
		return
	fi
	found=$(ip -4 route show default 2>/dev/null | sed -n 's/.* dev \([^ ]*\).*/\1/p' | head -n 1)
	echo "${found:-eth0}"
}

# sysctl_set NAME VALUE: a file below /proc/sys; its old value is kept, once.
sysctl_set() {
	# At once: a byte at a time, as some shells read, only the first would come.
	old=$(cat "$xen_proc/sys/$1" 2>/dev/null) || fail "There is no $xen_proc/sys/$1."
	[ "$old" != "$2" ] || return 0
	grep -qs "^$1 " "$state" || echo "$1 $old" >>"$state"
	echo "$2" >"$xen_proc/sys/$1" || fail "Unable to set $1."
}

sysctl_restore() {
	[ -e "$state" ] || return 0
	while read -r name value; do
		echo "$value" >"$xen_proc/sys/$name"
	done <"$state"
	rm -f "$state"
}
