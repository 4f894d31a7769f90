#!/bin/sh
# What every toolstack needs in domain 0: kernel modules, /proc/xen, xenstored, domain 0's own nodes, and
# xenconsoled.  xencommons start|stop|restart|force-reload|status, and the steps that systemd's units take
# one by one: prepare, describe.
here=${0%/*}
# shellcheck source=xend/init/init.sh
. "$here/init.sh"
me=xencommons

XENSTORED_ARGS=
XENCONSOLED_TRACE=guest
XENCONSOLED_ARGS=
settings_read xencommons

STORE_WAIT_S=30
store_pid=$root/run/xenstore.pid
console_pid=$root/run/xenconsoled.pid

# Modules that are built in, or that this kernel doesn't have, are no reason to stop here: what is really
# missing shows as a device that isn't there.
prepare() {
	for module in xen-evtchn xen-gntdev xen-gntalloc xen-privcmd xen-blkback xen-netback xenfs; do
		modprobe -q "$module" 2>/dev/null
	done
	[ ! -d "$root/proc/xen" ] || [ -e "$root/proc/xen/capabilities" ] ||
		mount -t xenfs xenfs "$root/proc/xen"
	mkdir -p "$root/run/xen" "$root/run/xenstored" "$root/var/log/xen/console"
}

store_answers() {
	xenstore-exists -s / >/dev/null 2>&1
}

# pid_of FILE NAME: prints the process that the file names, if it still is that program.
pid_of() {
	read -r pid <"$1" 2>/dev/null || return 1
	is_number "$pid" && [ "$(cat "$root/proc/$pid/comm" 2>/dev/null)" = "$2" ] && echo "$pid"
}

store_start() {
	if store_answers; then
		return
	fi
	# shellcheck disable=SC2086  # several words
	xenstored --pid-file "$store_pid" $XENSTORED_ARGS || return
	waited=0
	until store_answers; do
		if [ $waited -ge $STORE_WAIT_S ]; then
			complain "xenstored does not answer after $STORE_WAIT_S seconds; see /var/log/xen/xenstored.log"
			return 1
		fi
		sleep 1
		waited=$((waited + 1))
	done
}

node_default() {
	xenstore-exists -s "$1" 2>/dev/null || xenstore-write -s "$1" "$2"
}

# Domain 0's name, for tools that look names up in the store; what is there is left alone.
describe() {
	uuid=00000000-0000-0000-0000-000000000000
	node_default /local/domain/0/domid 0 &&
		node_default /local/domain/0/name Domain-0 &&
		node_default /vm/$uuid/uuid $uuid &&
		node_default /vm/$uuid/name Domain-0
}

console_start() {
	pid_of "$console_pid" xenconsoled >/dev/null && return
	# shellcheck disable=SC2086
	xenconsoled --log="$XENCONSOLED_TRACE" --pid-file="$console_pid" $XENCONSOLED_ARGS
}

console_stop() {
	pid=$(pid_of "$console_pid" xenconsoled) || return 0
	kill "$pid" || return
	waited=0
	while pid_of "$console_pid" xenconsoled >/dev/null; do
		if [ $waited -ge 10 ]; then
			complain "xenconsoled (pid $pid) does not end"
			return 1
		fi
		sleep 1
		waited=$((waited + 1))
	done
}

start() {
	[ "$(cat "$root/sys/hypervisor/type" 2>/dev/null)" = xen ] || return 0
	prepare
	is_dom0 || return 0
	if other_in_charge xen; then
		say "/etc/init.d/xen of Debian's Xen starts the daemons of this host"
		return 0
	fi
	store_start && describe && console_start
}

# xenstored stays: guests' devices and every other tool live by it.
stop() {
	is_dom0 || return 0
	other_in_charge xen || console_stop
}

status() {
	store_answers && [ -n "$(pid_of "$console_pid" xenconsoled)" ]
}

reload() {
	for pid in $(pid_of "$store_pid" xenstored) $(pid_of "$console_pid" xenconsoled); do
		kill -HUP "$pid"
	done
}

case $1 in
start)		need_root; start || exit $LSB_FAILED ;;
stop)		need_root; stop || exit $LSB_FAILED ;;
restart)	need_root; { stop && start; } || exit $LSB_FAILED ;;
reload|force-reload)
		need_root; reload || exit $LSB_FAILED ;;
status)		status || exit $LSB_STATUS_STOPPED ;;
prepare)	need_root; prepare ;;
describe)	need_root; describe || exit $LSB_FAILED ;;
*)		complain "usage: $me {start|stop|restart|reload|force-reload|status}"; exit $LSB_USAGE ;;
esac
exit 0
