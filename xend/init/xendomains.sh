#!/bin/sh
# Guests at boot and shutdown of the host: xendomains start|stop|restart|reload|force-reload|status.
# The manual: xendomains(8).
here=${0%/*}
# shellcheck source=xend/init/init.sh
. "$here/init.sh"
me=xendomains

XENDOMAINS_SYSRQ=
XENDOMAINS_USLEEP=100000
XENDOMAINS_CREATE_USLEEP=5000000
XENDOMAINS_MIGRATE=
XENDOMAINS_SAVE=
XENDOMAINS_SHUTDOWN='--halt --wait'
XENDOMAINS_SHUTDOWN_ALL='--all --halt --wait'
XENDOMAINS_RESTORE=true
XENDOMAINS_AUTO=/etc/xen/auto
XENDOMAINS_AUTO_ONLY=false
XENDOMAINS_STOP_MAXWAIT=300
settings_read xendomains xylem-domains

lock=$root/run/lock/xendomains
failed=0

is_true() {
	case $1 in
	true|yes|on|1) ;;
	*) return 1 ;;
	esac
}

# A word from an administrator's file that must be a number; anything else is the default.
number_or() {		# VARIABLE DEFAULT
	value=
	eval "value=\$$1"
	is_number "$value" && return
	complain "$1='$value' is not a number; $2 is used"
	eval "$1=$2"
}

# Gives up waiting for xm after XENDOMAINS_STOP_MAXWAIT seconds (0: never).
xm_limited() {
	if [ "$XENDOMAINS_STOP_MAXWAIT" -eq 0 ]; then
		xm "$@"
		return
	fi
	timeout -k 10 "$XENDOMAINS_STOP_MAXWAIT" xm "$@"
	code=$?
	[ $code -ne 124 ] || complain "xm $1 took longer than $XENDOMAINS_STOP_MAXWAIT seconds"
	return $code
}

# Running guests, as lines "id name".  Halted managed domains have no id, hence fewer columns; what is only
# dying (d) can be told nothing any more.
guests() {
	xm list | awk 'NR > 1 && NF == 6 && $2 ~ /^[0-9]+$/ && $2 > 0 && $5 !~ /d$/ { print $2, $1 }'
}

is_running() {		# NAME
	case $(xm domid "$1" 2>/dev/null) in
	'' | *[!0-9]*) return 1 ;;
	esac
}

# Files that editors and package managers leave behind are no guests.
auto_files() {
	[ -n "$XENDOMAINS_AUTO" ] || return 0
	for file in "$root$XENDOMAINS_AUTO"/*; do
		case $file in
		*~ | *.bak | *.orig | *.rej | *.dpkg-* | *.ucf-* | *.rpm* | */README* | */*'#'*) continue ;;
		esac
		[ ! -f "$file" ] || echo "$file"
	done
}

# The name in a configuration file is computed, so it is xm that says it.
auto_name() {		# FILE
	xm create --quiet --dryrun --defconfig "$1" |
		sed -n '/^[[:space:]]*(name /{s/.*(name \([^)]*\)).*/\1/p;q;}' | tr -d "'"
}

auto_names() {
	auto_files | while IFS= read -r file; do
		auto_name "$file" 2>/dev/null
	done
}

# ------------------------------------------------------------------ start

is_saved_guest() {	# FILE
	[ "$(head -c 16 "$1" 2>/dev/null | tr -d '\0')" = LinuxGuestRecord ]
}

saved_files() {
	[ -n "$XENDOMAINS_SAVE" ] || return 0
	for file in "$root$XENDOMAINS_SAVE"/*; do
		[ -f "$file" ] && is_saved_guest "$file" && echo "$file"
	done
}

# An image is the guest's memory: it goes only when the guest is seen to run.
restore_one() {		# FILE
	name=${1##*/}
	if is_running "$name"; then
		complain "$name runs already; its saved state stays in $1"
		return 1
	fi
	say "restoring $name"
	xm restore "$1" && is_running "$name" && rm -f "$1" && return
	complain "$name was not restored; its state stays in $1"
	return 1
}

restore_all() {
	is_true "$XENDOMAINS_RESTORE" || return 0
	saved_files >"$work/saved"
	while IFS= read -r file; do
		restore_one "$file" </dev/null || failed=1
	done <"$work/saved"
}

# A guest whose memory waits in a file must not be booted from its disks beneath that.
is_waiting_to_be_restored() {	# NAME
	[ -n "$XENDOMAINS_SAVE" ] && is_saved_guest "$root$XENDOMAINS_SAVE/$1"
}

auto_start() {		# FILE
	name=$(auto_name "$1")
	if [ -z "$name" ]; then
		complain "$1 is not a guest's configuration"
		return 1
	fi
	if is_running "$name"; then
		say "$name runs already"
	elif is_waiting_to_be_restored "$name"; then
		complain "$name is not started: its saved state is in $XENDOMAINS_SAVE/$name"
		return 1
	else
		say "starting $name"
		xm create --quiet --defconfig "$1" || {
			complain "$name was not started"
			return 1
		}
		sleep_us "$XENDOMAINS_CREATE_USLEEP"
	fi
}

auto_start_all() {
	auto_files >"$work/auto"
	while IFS= read -r file; do
		auto_start "$file" </dev/null || failed=1
	done <"$work/auto"
}

start() {
	if [ -e "$lock" ]; then
		say "xendomains already running (lockfile exists)"
		return
	fi
	reload
	mkdir -p "${lock%/*}"
	: >"$lock"
}

# Starts what is missing; touches nothing that runs.
reload() {
	restore_all
	auto_start_all
}

# ------------------------------------------------------------------- stop

sysrq_send() {		# ID
	for letter in $(echo "$XENDOMAINS_SYSRQ" | sed 's/./& /g'); do
		xm_limited sysrq "$1" "$letter"
		sleep_us "$XENDOMAINS_USLEEP"
	done
}

# Migrates, saves or shuts one guest down: what is asked for and works first.
stop_one() {		# ID NAME
	sysrq_send "$1"
	if [ -n "$XENDOMAINS_MIGRATE" ]; then
		say "migrating $2"
		# shellcheck disable=SC2086  # a host and options
		xm_limited migrate "$1" $XENDOMAINS_MIGRATE && return
		complain "$2 was not migrated"
	fi
	if [ -n "$XENDOMAINS_SAVE" ]; then
		say "saving $2"
		[ -d "$root$XENDOMAINS_SAVE" ] || mkdir -m 700 "$root$XENDOMAINS_SAVE"
		xm_limited save "$1" "$root$XENDOMAINS_SAVE/$2" && return
		complain "$2 was not saved"
	fi
	if [ -n "$XENDOMAINS_SHUTDOWN" ]; then
		say "shutting down $2"
		# shellcheck disable=SC2086
		xm_limited shutdown "$1" $XENDOMAINS_SHUTDOWN >/dev/null && return
		complain "$2 was not shut down"
	fi
	return 1
}

guests_to_stop() {
	if is_true "$XENDOMAINS_AUTO_ONLY"; then
		auto_names >"$work/names"
		guests | awk 'NR == FNR { auto[$0]; next } $2 in auto' "$work/names" -
	else
		guests
	fi
}

# All at the same time: the slowest guest, not the number of them, says how long it takes.
stop() {
	guests_to_stop >"$work/guests"
	while read -r id name; do
		stop_one "$id" "$name" </dev/null &
	done <"$work/guests"
	wait
	if [ -n "$XENDOMAINS_SHUTDOWN_ALL" ] && ! is_true "$XENDOMAINS_AUTO_ONLY" && [ -n "$(guests)" ]; then
		say "shutting down all that is left"
		# shellcheck disable=SC2086
		xm_limited shutdown $XENDOMAINS_SHUTDOWN_ALL >/dev/null
	fi
	guests_to_stop >"$work/guests"
	while read -r id name; do
		complain "$name still runs"
		failed=1
	done <"$work/guests"
	rm -f "$lock"
}

# ------------------------------------------------------------------ status

status() {
	guests | sed 's/^[0-9]* / /'
	auto_names | while read -r name; do
		is_running "$name" || echo " MISS AUTO: $name"
	done
	saved_files | sed 's|.*/| MISS SAVED: |'
	[ -e "$lock" ]
}

ready() {
	need_root
	is_dom0 || exit 0
	if other_in_charge xendomains; then
		say "/etc/init.d/xendomains of Debian's Xen takes care of guests"
		exit 0
	fi
	number_or XENDOMAINS_USLEEP 100000
	number_or XENDOMAINS_CREATE_USLEEP 5000000
	number_or XENDOMAINS_STOP_MAXWAIT 300
	work=$(mktemp -d) || exit $LSB_FAILED
	trap 'rm -rf "$work"' EXIT
	xm list >/dev/null || exit $LSB_FAILED
}

case $1 in
start)	ready; start ;;
stop)	ready; stop ;;
restart)
	ready; stop; start ;;
reload|force-reload)
	ready; reload ;;
status)	is_dom0 || exit $LSB_STATUS_STOPPED
	status || exit $LSB_STATUS_STOPPED
	exit 0 ;;
*)	complain "usage: $me {start|stop|restart|reload|force-reload|status}"
	exit $LSB_USAGE ;;
esac
exit $failed
