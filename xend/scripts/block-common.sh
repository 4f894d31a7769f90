# What scripts of disks share: names, numbers, and who else uses a disk.  Sourced by block and by
# block-TYPE, third parties' too:
#
#	command			add or remove
#	canonicalise_mode MODE	w, r, or ! (do not check)
#	expand_dev NAME		a device's full path
#	device_major_minor DEV	8:1, both hexadecimal
#	check_sharing DEV MODE	ends the script with status busy, and says by whom, if it may not be
#	write_dev DEV		this is the disk: tells the driver, and xend that it worked
# shellcheck shell=sh

dir=${dir:-$(dirname "$0")}
# shellcheck source=xend/scripts/xen-hotplug-common.sh
. "$dir/xen-hotplug-common.sh"

command=$1
case $command in
add|remove) ;;
*)	complain "Invalid command: $command"
	exit 1 ;;
esac

canonicalise_mode() {
	case $1 in
	*!*)	echo '!' ;;
	*w*)	echo w ;;
	*)	echo r ;;
	esac
}

expand_dev() {
	case $1 in
	/*)	echo "$1" ;;
	*)	echo "/dev/$1" ;;
	esac
}

device_major_minor() {
	stat -L -c %t:%T "$1"
}

# decimal 8:1 of hexadecimal 8:1, as the kernel's own files have it
decimal_number() {
	echo "$((0x${1%:*})):$((0x${1#*:}))"
}

# The disk itself, its partitions or the disk that it is a partition of, in decimal.
related_numbers() {		# NUMBER
	echo "$1"
	if [ -e "$xen_sys/dev/block/$1/partition" ]; then
		cat "$xen_sys/dev/block/$1/../dev" 2>/dev/null
	else
		cat "$xen_sys/dev/block/$1"/*/dev 2>/dev/null
	fi
}

# in_list WORD LIST
in_list() {
	case " $2 " in
	*" $1 "*) return 0 ;;
	esac
	return 1
}

# Where domain 0 has one of the numbers: prints "rw|ro PLACE", nothing when it hasn't.
used_in_dom0() {		# NUMBERS
	while read -r _ _ number _ place options _; do
		in_list "$number" "$1" || continue
		case ,$options, in
		*,ro,*) echo "ro $place" ;;
		*)	echo "rw $place" ;;
		esac
		return
	done <"$xen_proc/self/mountinfo"
	while read -r place kind _; do
		[ "$kind" = partition ] || continue
		in_list "$(decimal_number "$(device_major_minor "$place" 2>/dev/null || echo 0:0)")" "$1" || continue
		echo "rw swap on $place"
		return
	done <"$xen_proc/swaps"
	for number in $1; do
		for holder in "$xen_sys/dev/block/$number/holders"/*; do
			[ -e "$holder" ] || continue
			name=$(cat "$holder/dm/name" 2>/dev/null)
			echo "rw device ${holder##*/}${name:+ ($name)}"
			return
		done
	done
}

# Which other guest has one of the numbers: prints "MODE DOMID NAME DEVICE".  Our own domain's earlier
# self, that is being restarted, does not count.
used_by_guest() {		# NUMBERS
	vm=$(xenstore_read_default "$XENBUS_PATH/xend-vm" none)
	for domid in $(xenstore-list backend/vbd 2>/dev/null); do
		for device in $(xenstore-list "backend/vbd/$domid" 2>/dev/null); do
			other=backend/vbd/$domid/$device
			[ "$other" != "$XENBUS_PATH" ] || continue
			number=$(xenstore-read "$other/physical-device" 2>/dev/null) || continue
			in_list "$(decimal_number "$number")" "$1" || continue
			[ "$(xenstore_read_default "$other/xend-vm" other)" != "$vm" ] || continue
			echo "$(canonicalise_mode "$(xenstore_read_default "$other/mode" w)") $domid" \
				"$(xenstore_read_default "$other/domain" '?')" \
				"$(xenstore_read_default "$other/dev" "$device")"
			return
		done
	done
}

# refuse WHAT WHERE MODE BY: the words that scripts know, then by whom.
refuse_sharing() {
	case $3:$2 in
	r:guest) ebusy "$1 is mounted read-write in a guest domain,
and so cannot be mounted read-only now.
It is used by $4." ;;
	*:guest) ebusy "$1 is mounted in a guest domain,
and so cannot be mounted now.
It is used by $4." ;;
	r:*)	ebusy "$1 is mounted read-write in the privileged domain,
and so cannot be mounted read-only by a guest.
It is used there: $4." ;;
	*)	ebusy "$1 is mounted in the privileged domain,
and so cannot be mounted by a guest.
It is used there: $4." ;;
	esac
}

# Several may read; who writes is alone.
check_numbers() {		# WHAT NUMBERS MODE
	[ "$3" != '!' ] || return 0
	found=$(used_in_dom0 "$2")
	if [ -n "$found" ] && { [ "$3" = w ] || [ "${found%% *}" = rw ]; }; then
		refuse_sharing "$1" dom0 "$3" "${found#* }"
	fi
	found=$(used_by_guest "$2")
	if [ -n "$found" ] && { [ "$3" = w ] || [ "${found%% *}" != r ]; }; then
		found=${found#* }
		domid=${found%% *} found=${found#* }
		refuse_sharing "$1" guest "$3" "domain ${found% *} ($domid) as ${found##* }"
	fi
}

check_sharing() {		# DEVICE MODE [WHAT]
	number=$(decimal_number "$(device_major_minor "$1")")
	# shellcheck disable=SC2046  # a list of words
	check_numbers "${3:-Device $1}" "$(echo $(related_numbers "$number"))" "$2"
}

# Loop devices that somebody has made of the same file; ours does not count.
loops_of() {			# FILE OURS
	id=$(stat -L -c %d:%i "$1")
	for loop in "$xen_sys"/block/loop*/loop/backing_file; do
		read -r file 2>/dev/null <"$loop" || continue
		[ "$(stat -L -c %d:%i "$file" 2>/dev/null)" = "$id" ] || continue
		loop=${loop%/loop/backing_file}
		[ "/dev/${loop##*/}" = "$2" ] || cat "$loop/dev"
	done
}

check_file_sharing() {		# FILE MODE OURS
	# shellcheck disable=SC2046
	numbers=$(echo $(for number in $(loops_of "$1" "$3"); do related_numbers "$number"; done))
	[ -z "$numbers" ] || check_numbers "File $1" "$numbers" "$2"
}

write_dev() {
	number=$(device_major_minor "$1") || fatal "Backend device does not exist"
	case $number in
	0:0|'') fatal "Backend device does not exist" ;;
	esac
	xenstore_write "$XENBUS_PATH/physical-device" "$number"
	success
}
