# What scripts of devices share: XenStore, the verdict, locks.  Sourced with $dir set, or from where
# the script is.  The verdict goes into hotplug-status and hotplug-error, where xend reads it.
# shellcheck shell=sh disable=SC2034

dir=${dir:-$(dirname "$0")}
# shellcheck source=xend/scripts/xen-script-common.sh
. "$dir/xen-script-common.sh"

xenstore_read() {
	xenstore-read "$1" 2>/dev/null || fatal "xenstore-read $1 failed."
}

xenstore_read_default() {	# PATH DEFAULT
	xenstore-read "$1" 2>/dev/null || printf '%s\n' "$2"
}

xenstore_write() {		# PATH VALUE…
	xenstore-write "$@" || fatal "Writing $* to XenStore failed."
}

# fatal TEXT…: this is why the device cannot be.
fatal() {
	xenstore-write "$XENBUS_PATH/hotplug-error" "$*" "$XENBUS_PATH/hotplug-status" error 2>/dev/null
	complain "$*"
	exit 1
}

# ebusy TEXT: somebody else has it.
ebusy() {
	xenstore-write "$XENBUS_PATH/hotplug-error" "$*" "$XENBUS_PATH/hotplug-status" busy 2>/dev/null
	complain "$*"
	exit 1
}

success() {
	xenstore_write "$XENBUS_PATH/hotplug-status" connected
}

sigerr() {
	fatal "${0##*/} ${command:-} failed; error detected."
}

do_or_die() {
	"$@" || fatal "$* failed"
}

do_without_error() {
	"$@" 2>/dev/null || log debug "$* failed"
}

# Locks are files that are locked: whoever dies lets go.  Two at a time: iptables, and one other.
claim_lock() {
	mkdir -p "$xen_run"
	case $1 in
	iptables) exec 8>>"$xen_run/$1.lock" && flock -w 100 8 ;;
	*)	exec 9>>"$xen_run/$1.lock" && flock -w 100 9 ;;
	esac || fatal "The lock $xen_run/$1.lock is held by somebody for too long."
}

release_lock() {
	case $1 in
	iptables) exec 8>&- ;;
	*)	exec 9>&- ;;
	esac
}

[ -n "$XENBUS_PATH" ] || {
	complain "${0##*/}: XENBUS_PATH is not set: this is run by xend, for a device."
	exit 1
}
