# What tests/system/suspend adds to the xend tests: domains put away and brought back.
# shellcheck shell=sh disable=SC2154

# States take more than there is of the root's tmpfs.
mkdir -p /var/lib/xend/domains
mount -t tmpfs -o size=320m tmpfs /var/lib/xend/domains

directory_of() {	# NAME
	echo /var/lib/xend/domains/"$(xm list --long "$1" | sed -n 's/^ *(uuid \(.*\))$/\1/p')"
}

suspender() {		# NAME [LINE…]: a managed Linux guest that says every second how long it is up
	file=/tmp/$1.cfg
	printf 'name = "%s"\nkernel = "/guest/vmlinuz"\nramdisk = "/guest/initrd"\nmemory = 128\nextra = "console=hvc0 tick"\n' \
		"$1" >"$file"
	who=$1
	shift
	for line; do
		echo "$line" >>"$file"
	done
	xm new -q "$file" && xm start "$who" && wait_for said "$who" TICK
}

record() {		# NAME: what it said last
	tail -n 6 "/var/log/xen/console/guest-$1.log"
	grep -E 'WARN|ERROR' /var/log/xen/xend.log | tail -n 12
	xm dmesg | tail -n 8
	xm list
}

tick() {		# NAME: seconds that it is up, as it said last
	grep -ao 'TICK [0-9]*' "/var/log/xen/console/guest-$1.log" | tail -n 1 | cut -d' ' -f2
}

ticks_on() {		# NAME TICK
	[ "$(tick "$1")" -gt "$2" ]
}

is_suspended() {	# NAME
	xm list --state=suspended | grep -q "^$1 " && [ -s "$(directory_of "$1")/checkpoint.chk" ] &&
		! xm domid "$1" | grep -q '[0-9]'
}

forget() {		# NAME, in whatever state it is
	xm destroy "$1"
	xm delete "$1"
}

test_suspend_whole() {
	fresh
	suspender sus 'vcpus = 2' || { record sus; return 1; }
	xm suspend sus >/tmp/out 2>&1 || { cat /tmp/out; record sus; return 1; }
	[ -s /tmp/out ] && { cat /tmp/out; return 1; }
	last=$(tick sus)
	is_suspended sus || { echo "not suspended"; record sus; return 1; }
	xm list sus | grep -q '^sus  *128  *2  *0\.0$' || { xm list sus; return 1; }
	xm list --json sus | grep -q '"power_state": *"suspended"' || { xm list --json sus; return 1; }
	xm start sus 2>&1 | grep -qx 'Error: Domain is suspended' || { xm start sus; return 1; }
	xm delete sus 2>&1 | grep -qx 'Error: Domain is not halted.' || { xm delete sus; return 1; }
	xm suspend sus 2>&1 | grep -qx 'Error: Domain is not running' || { xm suspend sus; return 1; }
	xm create -q /tmp/sus.cfg 2>&1 | grep -q "^Error: VM name 'sus' already exists" || return 1
	# Nothing of it is left outside its directory.
	all_is_as_before "$(cat /tmp/free.before)" /tmp/nodes.before || return 1
	xend restart || return 1
	is_suspended sus || { echo "not suspended after a restart"; record sus; return 1; }
	xm rename sus again || return 1
	xm resume --paused again || { record sus; return 1; }
	state_is again '--p---' || { xm list again; return 1; }
	[ -e "$(directory_of again)/checkpoint.chk" ] && { echo "its state is still there"; return 1; }
	xm unpause again || return 1
	wait_for ticks_on again "$last" || { record again; return 1; }
	# It went on, and did not begin anew.
	! said again 'LINUX UP' || { echo "it was booted again"; return 1; }
	# The store works, the console in both directions, and so does a second time.
	xm vcpu-set --wait --timeout=60 again 1 || { record again; return 1; }
	last=$(tick again)
	xm suspend again || { record again; return 1; }
	xm resume again || { record again; return 1; }
	wait_for ticks_on again "$last" || { record again; return 1; }
	xm sysrq again h && wait_for said again 'sysrq: HELP' || { record again; return 1; }
	xm shutdown --timeout=100 --wait again >/dev/null || { record again; return 1; }
	xm list --state=halted | grep -q '^again ' || { xm list; return 1; }
	xm delete again || return 1
	all_is_as_before "$(cat /tmp/free.before)" /tmp/nodes.before
}

test_suspend_refused() {
	fresh
	xm suspend Domain-0 2>&1 | grep -qx 'Error: Cannot save privileged domain Domain-0' || return 1
	config deaf stay && xm new -q /tmp/deaf.cfg || return 1
	xm suspend deaf 2>&1 | grep -qx 'Error: Domain is not running' || return 1
	xm resume deaf 2>&1 | grep -q 'Error: Error occurred when resuming: Cannot resume domain that is not' || return 1
	xm start deaf && wait_for said deaf 'DOMU UP' || return 1
	xm pause deaf
	xm suspend deaf 2>&1 | grep -q '^Error: Domain is paused' || return 1
	xm unpause deaf
	# A guest that does not hear goes on, with nothing left of the request.
	xm suspend deaf >/tmp/out 2>&1 && { echo "it cannot be"; return 1; }
	grep -q '^Error: The guest did not obey within [0-9]* seconds; it goes on running' /tmp/out &&
		grep -q CONFIG_HIBERNATE_CALLBACKS /tmp/out || { cat /tmp/out; return 1; }
	state_is deaf '-b----' || { xm list; return 1; }
	[ -z "$(xenstore-read "/local/domain/$(xm domid deaf)/control/shutdown")" ] || { echo "still asked"; return 1; }
	ls "$(directory_of deaf)" | grep -q checkpoint && { echo "a file is left"; return 1; }
	forget deaf || return 1
	all_is_as_before "$(cat /tmp/free.before)" /tmp/nodes.before
}

# Files that are damaged, cut short, or something else: refused, and whatever they say, the domain stays
# suspended and can be resumed when the right one is back.
test_suspend_damaged() {
	fresh
	suspender dam || { record dam; return 1; }
	xm suspend dam || { record dam; return 1; }
	last=$(tick dam)
	state=$(directory_of dam)/checkpoint.chk
	mv "$state" /tmp/state
	for what in empty text short zeros; do
		case $what in
		empty) : >"$state" ;;
		text) echo 'This is no state of any domain' >"$state" ;;
		short) head -c 20000000 /tmp/state >"$state" ;;
		zeros) head -c 3000 /tmp/state >"$state"; head -c 4000000 /dev/zero >>"$state" ;;
		esac
		xm resume dam >/tmp/out 2>&1 && { echo "resumed from $what"; return 1; }
		grep -q '^Error: Error occurred when resuming: ' /tmp/out || { cat /tmp/out; return 1; }
		[ -e "$state" ] || { echo "$what: the file is gone"; return 1; }
		all_is_as_before "$(cat /tmp/free.before)" /tmp/nodes.before || { echo "$what"; return 1; }
	done
	rm "$state"
	xm resume dam 2>&1 | grep -q 'Cannot resume domain that is not suspended' || return 1
	mv /tmp/state "$state"
	xm resume dam && wait_for ticks_on dam "$last" || { record dam; return 1; }
	xm suspend dam && xm destroy dam || { record dam; return 1; }
	xm list --state=halted | grep -q '^dam ' || { xm list; return 1; }
	xm delete dam || return 1
	all_is_as_before "$(cat /tmp/free.before)" /tmp/nodes.before
}

# It runs or it is suspended, whoever is killed when.
test_suspend_kill() {
	fresh
	suspender kil || { record kil; return 1; }
	round=0 killed=0 killed_w=0 killed_d=0 killed_x=0
	while [ $round -lt "${rounds:-8}" ]; do
		round=$((round + 1))
		last=$(tick kil)
		if is_suspended kil; then
			xm resume kil >/dev/null 2>&1 &
		else
			xm suspend kil >/dev/null 2>&1 &
		fi
		usleep $(($(random 4000) * 1000))
		case $(random 3) in
		0) kill_one xend d ;;
		1) kill_one xend-worker w ;;
		2) kill_one xm x ;;
		esac
		wait
		wait_for is_idle || { xm jobs; return 1; }
		[ "$(xm list | grep -c '^kil ')" = 1 ] || { echo "round $round: not once there"; record kil; return 1; }
		ls "$(directory_of kil)" | grep -q new && { echo "round $round: half a state"; return 1; }
		is_suspended kil && continue
		state_is kil '[r-][b-]----' || { echo "round $round: neither"; record kil; return 1; }
		wait_for ticks_on kil "$last" || { echo "round $round: it stands still"; record kil; return 1; }
	done
	echo "KILLED $killed in $round rounds: xend $killed_d, workers $killed_w, xm $killed_x" >/dev/console
	forget kil || { xm list; return 1; }
	all_is_as_before "$(cat /tmp/free.before)" /tmp/nodes.before
}
