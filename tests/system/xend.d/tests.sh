# What domain 0 runs for tests/system/xend: whole lives of guests, through xm.
# shellcheck shell=sh disable=SC2154

guest=/guest/domu.elf

# config NAME THEN [LINE…]: a configuration file, in the language that administrators write.
config() {
	file=/tmp/$1.cfg
	printf 'name = "%s"\nkernel = "%s"\nmemory = 16\nextra = "then=%s"\n' "$1" $guest "$2" >"$file"
	shift 2
	for line; do
		echo "$line" >>"$file"
	done
}

create() {
	config "$@" && xm create -q "/tmp/$1.cfg"
}

# Waits until the command succeeds; some 30 s.
wait_for() {
	i=0
	until "$@" >/dev/null 2>&1; do
		sleep 0.3
		i=$((i + 1))
		[ $i -lt 100 ] || { echo "waited in vain for: $*"; xm list; return 1; }
	done
}

state_is() {		# NAME STATE, e.g. ----c-
	xm list "$1" 2>/dev/null | grep -q " $2 "
}

is_gone() {
	xm list "$1" >/dev/null 2>&1
	[ $? -eq 3 ]
}

said() {		# NAME TEXT
	grep -aq "$2" "/var/log/xen/console/guest-$1.log"
}

free_mib() {
	xm info | sed -n 's/^free_memory *: //p'
}

# Everything but counters that grow, ptys and times.
store_nodes() {
	{ xenstore-ls -f /vm; xenstore-ls -f /local/domain; xenstore-ls -f /tool/xend/jobs; } 2>/dev/null |
		sed 's/ = .*//' | sort
}

all_is_as_before() {	# FREE NODES
	wait_for eval '[ "$(free_mib)" = "'"$1"'" ]' || { echo "memory: $1 MiB, now $(free_mib)"; return 1; }
	store_nodes >/tmp/nodes.now
	diff "$2" /tmp/nodes.now || { echo "nodes differ"; return 1; }
}

test_xend_start() {
	xend status && { echo "runs already"; return 1; }
	xend start || return 1
	xend status || { echo "not running"; return 1; }
	xenconsoled --help >/dev/null || return 1
	xm list | grep -q '^Domain-0 *0 ' || { xm list; return 1; }
	xm doctor || { echo "the doctor finds problems"; return 1; }
	store_nodes >/tmp/nodes.before
	free_mib >/tmp/free.before
}

test_xend_life() {
	create life stay || return 1
	wait_for said life 'DOMU UP then=stay' || return 1
	xm list life | grep -q '^life  *[0-9]*  *16  *1  *-b----' || { xm list life; return 1; }
	xm pause life && state_is life '-[b-]p---' || { echo "not paused"; return 1; }
	xm unpause life && state_is life '-b----' || { echo "not unpaused"; return 1; }
	xm create -q /tmp/life.cfg 2>&1 | grep -q "Error: Domain 'life' already exists with ID" ||
		{ echo "a twin was made"; return 1; }
	[ "$(xm list --long life | grep -c status)" = 1 ] || { echo "not one status line"; return 1; }
	xm list --long life | grep status | grep -q '(status 2)' || { echo "status"; return 1; }
	xm rename life living || return 1
	id=$(xm domid living) || return 1
	[ "$(xm domname "$id")" = living ] || { echo "not renamed"; return 1; }
	xm list life >/dev/null 2>&1
	[ $? -eq 3 ] || { echo "the old name is still there"; return 1; }
	xm vcpu-pin living all 0 && xm vcpu-list living | grep -q ' 0$' || { xm vcpu-list; return 1; }
	(sleep 1; printf '\035') | xm console living | grep -aq 'DOMU UP' || { echo "no replay"; return 1; }
	xm destroy living || return 1
	is_gone living || { echo "still there"; return 1; }
	said life 'DOMU UP' || { echo "its record is lost"; return 1; }
	all_is_as_before "$(cat /tmp/free.before)" /tmp/nodes.before
}

test_xend_refusals() {
	printf 'kernel = "/nonexistent"\n' >/tmp/bad.cfg
	xm create -q /tmp/bad.cfg 2>&1 | grep -q '^Error: Kernel image does not exist: /nonexistent' ||
		{ xm create -q /tmp/bad.cfg; return 1; }
	printf 'kernel = "/etc/tests.sh"\n' >/tmp/bad.cfg
	xm create -q /tmp/bad.cfg 2>&1 | grep -q '^Error: ' || { echo "a script was booted"; return 1; }
	config big stay 'memory = 100000'
	xm create -q /tmp/big.cfg 2>&1 | grep -q 'Error: Not enough free memory' ||
		{ xm create -q /tmp/big.cfg; return 1; }
	xm destroy Domain-0 2>&1 | grep -q 'Cannot destroy privileged domain Domain-0' || return 1
	xm destroy nobody 2>/dev/null
	[ $? -eq 3 ] || { echo "unknown domain"; return 1; }
	all_is_as_before "$(cat /tmp/free.before)" /tmp/nodes.before
}

test_xend_ends() {
	create off poweroff || return 1
	wait_for is_gone off || return 1
	create kept poweroff 'on_poweroff = "preserve"' || return 1
	wait_for state_is kept '---s--' || return 1
	sleep 2
	state_is kept '---s--' || { echo "not preserved"; return 1; }
	xm destroy kept || return 1
	create crash crash 'on_crash = "preserve"' || return 1
	wait_for state_is crash '----c-' || return 1
	xm destroy crash || return 1
	# Once it is restarted; that it comes back at once ends it.
	create again reboot || return 1
	wait_for grep -q 'again .*restarts too fast' /var/log/xen/xend.log || return 1
	wait_for is_gone again || return 1
	[ "$(grep -ac 'DOMU UP' /var/log/xen/console/guest-again.log)" = 2 ] ||
		{ cat /var/log/xen/console/guest-again.log; return 1; }
	create twin crash 'on_crash = "rename-restart"' || return 1
	wait_for is_gone twin || return 1
	twin=$(xm list | sed -n 's/^\(Domain-[0-9a-f]*-[^ ]*\).*----c-.*/\1/p')
	[ -n "$twin" ] || { xm list; return 1; }
	xm destroy "$twin" || return 1
	all_is_as_before "$(cat /tmp/free.before)" /tmp/nodes.before
}

test_xend_managed() {
	config man stay
	xm new -q /tmp/man.cfg || return 1
	xm list man | grep -q '^man  *16  *1  *0\.0$' || { xm list man; return 1; }
	xm delete nobody 2>/dev/null
	[ $? -eq 3 ] || return 1
	xm start man || return 1
	wait_for said man 'DOMU UP' || return 1
	xm delete man 2>&1 | grep -q 'Error: Domain is not halted.' || return 1
	xm start man 2>&1 | grep -q 'Error: Domain is already running' || return 1
	xm rename man men && xm mem-max men 32 || return 1
	xm destroy men || return 1
	xm list men | grep -q '^men ' || { echo "lost"; return 1; }
	xend restart || return 1
	xm list men | grep -q '^men ' || { echo "lost in a restart"; return 1; }
	xm start men && xm destroy men && xm delete men || return 1
	is_gone men || return 1
	all_is_as_before "$(cat /tmp/free.before)" /tmp/nodes.before
}

# A restart of the daemon costs no guest anything.
test_xend_restart() {
	create stay stay || return 1
	wait_for said stay 'DOMU UP' || return 1
	id=$(xm domid stay)
	xend restart || return 1
	[ "$(xm domid stay)" = "$id" ] || { echo "another domain"; return 1; }
	# What ends while there is no xend is dealt with by the next.
	xend stop || return 1
	xm list stay >/dev/null || { echo "list needs xend"; return 1; }
	xm destroy stay 2>&1 | grep -q 'Is xend running?' || { echo "no word about xend"; return 1; }
	xend start && xm destroy stay || return 1
	all_is_as_before "$(cat /tmp/free.before)" /tmp/nodes.before
}

# The store dies and comes back with all it knew: xend and xenconsoled find it again.
test_xend_store_dies() {
	create before stay || return 1
	wait_for said before 'DOMU UP' || return 1
	for victim in $(pids_of xenstored); do
		kill -9 "$victim"
	done
	xm list >/dev/null || { echo "list needs the store"; return 1; }
	xenstored --pid-file /run/xenstored.pid || return 1
	wait_for xm domid before || return 1
	wait_for xm pause before || return 1
	xm unpause before || return 1
	create after stay && wait_for said after 'DOMU UP' || return 1
	xm destroy before && xm destroy after || return 1
	all_is_as_before "$(cat /tmp/free.before)" /tmp/nodes.before
}

random() {		# 0 … $1 - 1
	echo $(($(od -An -N2 -tu2 /dev/urandom) % $1))
}

pids_of() {		# NAME, as the kernel calls it
	grep -lx "$1" /proc/[0-9]*/comm 2>/dev/null | cut -d/ -f3
}

kill_one() {		# xend, xend-worker or xm; there may be none for a moment
	for try in 1 2 3 4 5 6 7 8; do
		victims=$(pids_of "$1")
		[ -z "$victims" ] || break
	done
	for victim in $victims; do
		kill -9 "$victim" 2>/dev/null && killed=$((killed + 1))
	done
}

# Each name once, each domain named, each job over.
is_sound() {
	[ -z "$(xm list | sed 1d | cut -d' ' -f1 | sort | uniq -d)" ] || { echo "doubled"; return 1; }
	! xm list | grep -q '^Domain-#' || { echo "half-built"; return 1; }
}

# kill -9 of xend, of workers and of xm at random moments during creates, renames and destroys.
test_xend_kill() {
	killed=0 round=0
	while [ $round -lt "${rounds:-20}" ]; do
		round=$((round + 1))
		config "k$round" stay
		case $((round % 4)) in
		0) xm destroy "k$((round - 1))" >/tmp/out.$round 2>&1 & ;;
		1) xm rename "r$((round - 4))" "k$((round - 4))x" >/tmp/out.$round 2>&1 & ;;
		esac
		{ xm create -q "/tmp/k$round.cfg" >/tmp/create.$round 2>&1; echo $? >/tmp/status.$round; } &
		maker=$!
		usleep $(($(random 900) * 1000))
		case $(random 3) in
		0) kill_one xend ;;
		1) kill_one xend-worker ;;
		2) kill_one xm ;;
		esac
		wait $maker
		echo "ROUND $round: $killed killed" >/dev/console
	done
	wait
	wait_for xend status || return 1
	wait_for eval '[ -z "$(xm jobs)" ]' || { xm jobs; return 1; }
	echo "KILLED $killed in $round rounds" >/dev/console
	[ $killed -gt 0 ] || { echo "nothing was killed"; return 1; }
	wait_for is_sound || { is_sound; xm list; return 1; }
	# Who was told that it worked, has a domain; unless a later round destroyed it.
	round=1
	while [ $round -le "${rounds:-20}" ]; do
		if [ "$(cat /tmp/status.$round 2>/dev/null)" = 0 ] && [ $((round % 4)) -ne 3 ]; then
			xm list "k$round" >/dev/null 2>&1 || { echo "k$round was promised and is not there"; xm list; return 1; }
		fi
		round=$((round + 1))
	done
	for name in $(xm list | sed '1d; /^Domain-0 /d; s/ .*//'); do
		xm destroy "$name" || return 1
	done
	all_is_as_before "$(cat /tmp/free.before)" /tmp/nodes.before
}
