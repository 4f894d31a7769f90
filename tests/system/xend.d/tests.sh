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
		sed 's/ = .*//; /^\/local\/domain\/0\/memory/d' | sort
}

all_is_as_before() {	# FREE NODES
	wait_for eval '[ "$(free_mib)" = "'"$1"'" ]' || { echo "memory: $1 MiB, now $(free_mib)"; return 1; }
	store_nodes >/tmp/nodes.now
	diff "$2" /tmp/nodes.now || { echo "nodes differ"; return 1; }
}

# What an earlier test that failed has left behind is not this one's fault.
fresh() {
	for name in $(xm list | sed '1d; /^Domain-0 /d; s/ .*//'); do
		xm destroy "$name" 2>/dev/null || xm delete "$name"
	done
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
	fresh
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
	# A guest that has not told where its memory is; it goes on, and no file is left.
	xm dump-core living /tmp/core >/tmp/out 2>/tmp/err && { echo "dumped"; return 1; }
	grep -qx 'Dumping core of domain: living ...' /tmp/out && grep -q '^Error: Failed to dump core: ' /tmp/err &&
		[ ! -e /tmp/core ] || { cat /tmp/out /tmp/err; return 1; }
	state_is living '-b----' || { echo "left paused by dump-core"; return 1; }
	xm reset living || return 1
	[ "$(xm domid living)" -gt "$id" ] || { echo "not reset"; return 1; }
	xm suspend living 2>&1 | grep -qx 'Error: Domain is not managed by Xend lifecycle support.' || return 1
	xm resume living 2>&1 | grep -q 'Error: Error occurred when resuming: Cannot resume domain that is not' || return 1
	sched=$(xm info | sed -n "s/^xen_scheduler *: //p")
	xm sched-sedf living 2>&1 | grep -qx "Error: Xen is running with the $sched scheduler" || return 1
	xm trigger living nmi 7 2>&1 | grep -qx "Error: Domain 'living' has no vcpu 7: the last is 0" || return 1
	xm "sched-$sched" -d living -w 500 && xm "sched-$sched" -d living | grep -q "^living .* 500\b" || return 1
	xm destroy living || return 1
	is_gone living || { echo "still there"; return 1; }
	said life 'DOMU UP' || { echo "its record is lost"; return 1; }
	all_is_as_before "$(cat /tmp/free.before)" /tmp/nodes.before
}

test_xend_refusals() {
	fresh
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
	config few stay 'memory = 8'
	xm create -q /tmp/few.cfg 2>&1 | grep -q 'Error: .*the least is 16 MiB' || return 1
	printf 'kernel = "/bin/busybox"\n' >/tmp/bad.cfg
	xm create -q /tmp/bad.cfg >/tmp/out 2>&1
	grep -q '^Error: /bin/busybox: the kernel has no Xen notes' /tmp/out && grep -q CONFIG_XEN_PV /tmp/out ||
		{ cat /tmp/out; return 1; }
	config far stay 'cpus = "77"'
	xm create -q /tmp/far.cfg 2>&1 | grep -q '^Error: vcpu 0 cannot run: none of the physical cpus' || return 1
	config dir stay 'ramdisk = "/guest"'
	xm create -q /tmp/dir.cfg 2>&1 | grep -q '^Error: the ramdisk /guest is no regular file' || return 1
	for what in pause destroy rename; do
		xm $what Domain-0 $([ $what = rename ] && echo x) 2>&1 |
			grep -q "^Error: Cannot $what privileged domain Domain-0" || { echo "$what Domain-0"; return 1; }
	done
	xm shutdown Domain-0 2>&1 | grep -q '^Error: Domain 0 cannot be shutdown' || return 1
	create stubborn stay || return 1
	xm shutdown -w --timeout=1 stubborn 2>&1 | grep -q '1 domain did not obey within 1 seconds' || return 1
	xm vcpu-pin stubborn 0 63 2>&1 | grep -q "^Error: Cannot pin vcpu: 0 to cpu: \[63\] - (22, 'Invalid argument')" ||
		return 1
	xm destroy stubborn || return 1
	kill -9 "$(cat /run/xenconsoled.pid)"
	xm doctor >/tmp/out && { echo "healthy without xenconsoled"; cat /tmp/out; return 1; }
	grep -A 1 '^problem *xenconsoled' /tmp/out | grep -q -- '-> xenconsoled --log=guest' || { cat /tmp/out; return 1; }
	xenconsoled --log=guest || return 1
	xm doctor >/dev/null || return 1
	all_is_as_before "$(cat /tmp/free.before)" /tmp/nodes.before
}

# A viewer writes, another one looks on; what was said before comes first.
test_xend_console() {
	fresh
	create echo echo || return 1
	wait_for said echo 'DOMU UP' || return 1
	(sleep 2; printf 'a'; sleep 2; printf '\035') | xm console echo >/tmp/writer 2>/tmp/writer.err &
	sleep 1
	(sleep 2; printf 'b'; sleep 2; printf '\035') | xm console echo >/tmp/viewer 2>/tmp/viewer.err &
	wait
	grep -aq 'DOMU UP' /tmp/writer && grep -aq '<a>' /tmp/writer || { cat /tmp/writer; return 1; }
	grep -aq 'DOMU UP' /tmp/viewer && grep -aq '<a>' /tmp/viewer || { cat /tmp/viewer; return 1; }
	! grep -aq '<b>' /tmp/writer || { echo "two wrote"; return 1; }
	grep -q 'you can only watch' /tmp/viewer.err || { cat /tmp/viewer.err; return 1; }
	# The daemon dies; its successor still knows what was said.
	kill -9 "$(cat /run/xenconsoled.pid)"
	xenconsoled --log=guest || return 1
	(sleep 1; printf 'c'; sleep 1; printf '\035') | xm console echo >/tmp/writer 2>&1
	grep -aq 'DOMU UP' /tmp/writer && grep -aq '<c>' /tmp/writer || { cat /tmp/writer; return 1; }
	xm destroy echo || return 1
	create flood flood || return 1
	wait_for said flood 'FLOOD OVER' || return 1
	xm destroy flood || return 1
	[ -e /var/log/xen/console/guest-flood.log.2 ] || { ls -l /var/log/xen/console; return 1; }
	for record in /var/log/xen/console/guest-flood.log*; do
		[ "$(wc -c <"$record")" -le $((1024 * 1024 + 4096)) ] || { ls -l "$record"; return 1; }
	done
	all_is_as_before "$(cat /tmp/free.before)" /tmp/nodes.before
}

# A real kernel, that does as it is told.
test_xend_linux() {
	fresh
	printf 'name = "linux"\nkernel = "/guest/vmlinuz"\nramdisk = "/guest/initrd"\nmemory = 160\nvcpus = 2\nextra = "console=hvc0"\n' >/tmp/linux.cfg
	xm create -q /tmp/linux.cfg || return 1
	wait_for said linux 'LINUX UP cpus=2' || { tail -n 5 /var/log/xen/console/guest-linux.log; return 1; }
	xm list linux | grep -q '^linux  *[0-9]*  *160  *2  ' || { xm list linux; return 1; }
	xm vcpu-set --wait --timeout=60 linux 1 || return 1
	xm list linux | grep -q '^linux  *[0-9]*  *160  *1  ' || { xm list linux; return 1; }
	xm mem-set --wait --timeout=60 linux 140 || return 1
	xm list linux | grep -qE '^linux +[0-9]+ +1(39|40|41|42) ' || { xm list linux; return 1; }
	xm mem-set linux 200 2>&1 | grep -q 'memory_dynamic_max must be less than or equal to memory_static_max' || return 1
	xm sysrq linux h && wait_for said linux 'sysrq: HELP' || return 1
	xm dump-core linux /tmp 2>&1 | grep -q '^Error: Cannot dump core in a directory: /tmp' || return 1
	xm dump-core linux /tmp/core >/dev/null || return 1
	[ "$(wc -c </tmp/core)" -gt $((130 * 1024 * 1024)) ] || { ls -l /tmp/core; return 1; }
	rm /tmp/core
	state_is linux '-b----' || state_is linux 'r-----' || { echo "left paused by dump-core"; return 1; }
	xm reboot --timeout=100 -w linux >/tmp/out || { cat /tmp/out; return 1; }
	printf 'Domain linux rebooted\nAll domains rebooted\n' | cmp -s - /tmp/out || { cat /tmp/out; return 1; }
	wait_for eval '[ "$(grep -ac "LINUX UP" /var/log/xen/console/guest-linux.log)" = 2 ]' || return 1
	xm shutdown --timeout=100 --wait linux >/tmp/out || { cat /tmp/out; return 1; }
	printf 'Domain linux terminated\nAll domains terminated\n' | cmp -s - /tmp/out || { cat /tmp/out; return 1; }
	all_is_as_before "$(cat /tmp/free.before)" /tmp/nodes.before
}

# A kernel that panics leaves its core; so does one that xm dump-core is asked for, in its three ways.
test_xend_core() {
	fresh
	rm -f /var/xen/dump/* /tmp/*.core /var/log/xen/console/guest-linux.log*
	printf 'name = "linux"\nkernel = "/guest/vmlinuz"\nramdisk = "/guest/initrd"\nmemory = 128\nextra = "console=hvc0"\non_crash = "coredump-destroy"\n' >/tmp/linux.cfg
	xm create -q /tmp/linux.cfg && wait_for said linux 'LINUX UP' || return 1
	xm dump-core --live linux /tmp/live.core >/tmp/out && core-check 128 </tmp/live.core || { cat /tmp/out; return 1; }
	printf 'Dumping core of domain: linux ...\n' | cmp -s - /tmp/out || { cat /tmp/out; return 1; }
	rm /tmp/live.core
	xm sysrq linux c && wait_for is_gone linux || return 1
	core-check 128 <"$(echo /var/xen/dump/*-linux.*.core)" || { ls -l /var/xen/dump; return 1; }
	rm /var/xen/dump/* /var/log/xen/console/guest-linux.log*
	xm create -q /tmp/linux.cfg || return 1
	wait_for said linux 'LINUX UP' || return 1
	xm dump-core -C -R linux /tmp/reset.core 2>&1 | grep -q "more than one '-CR' option" || return 1
	xm dump-core -C linux >/tmp/out || { cat /tmp/out; return 1; }
	printf 'Dumping core of domain: linux ...\nDestroying domain: linux ...\n' | cmp -s - /tmp/out || { cat /tmp/out; return 1; }
	is_gone linux && core-check 128 <"$(echo /var/xen/dump/*-linux.*.core)" || return 1
	rm -f /var/xen/dump/*
	all_is_as_before "$(cat /tmp/free.before)" /tmp/nodes.before
}

# Domain-0 gives what is missing, where xend may ask for it, and no more than that.
test_xend_balloon() {
	fresh
	free=$(cat /tmp/free.before) dom0=$(xm list Domain-0 | awk 'NR == 2 { print $3 }')
	config large stay "memory = $((free + 40))"
	xm create -q /tmp/large.cfg >/tmp/out 2>&1 && { echo "made from nothing"; return 1; }
	grep -q '^Error: Not enough free memory and dom0_min_mem is 0, so I cannot release any more\.' /tmp/out &&
		grep -q 'xm mem-set Domain-0 [0-9]' /tmp/out || { cat /tmp/out; return 1; }
	echo "(dom0-min-mem $((dom0 - 20)))" >/etc/xen/xend-config.sxp
	xend reload
	wait_for eval 'xm create -q /tmp/large.cfg 2>&1 | grep -q "but dom0_min_mem is"' || return 1
	echo '(dom0-min-mem 256)' >/etc/xen/xend-config.sxp
	xend reload
	wait_for xm create -q /tmp/large.cfg || { xm create /tmp/large.cfg; return 1; }
	less=$(xm list Domain-0 | awk 'NR == 2 { print $3 }')
	[ "$less" -lt "$dom0" ] && [ "$less" -ge $((dom0 - 60)) ] || { echo "dom0 $dom0, then $less"; return 1; }
	xm mem-set Domain-0 40 >/tmp/out 2>&1 && { echo "Domain-0 gives what it uses"; return 1; }
	grep -q "^Error: Domain-0 cannot do with 40 MiB" /tmp/out || { cat /tmp/out; return 1; }
	xm destroy large || return 1
	xm mem-set --wait --timeout=30 Domain-0 "$dom0" || return 1
	rm /etc/xen/xend-config.sxp
	xend reload
	all_is_as_before "$free" /tmp/nodes.before
}

test_xend_ends() {
	fresh
	create off poweroff || return 1
	wait_for is_gone off || return 1
	said off 'DOMU UP' || { echo "it died unheard"; return 1; }
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

# What an administrator asks of the hypervisor.
test_xend_asks() {
	fresh
	[ "$(xm info | sed -n 's/^nr_cpus *: //p')" = 2 ] || { xm info; return 1; }
	xm info | grep -q '^xen_major *: 4$' && xm info | grep -q '^xen_minor *: 17$' || { xm info; return 1; }
	xm debug-keys h && xm dmesg | grep -q "'h' pressed\|key .h." || { xm dmesg | tail -n 5; return 1; }
	create asks stay 'vcpus = 1' && wait_for said asks 'DOMU UP' || return 1
	xm vcpu-list asks | grep -q '^asks  *[0-9]*  *0  *[01]  *-b-' || { xm vcpu-list; return 1; }
	xm uptime asks | grep -q '^asks .*0:0' || { xm uptime asks; return 1; }
	xentop -b -i 1 | grep -q '^ *asks ' || { xentop -b -i 1; return 1; }
	xm mem-max asks 24 && xm mem-set asks 12 || return 1
	weights=sched-$(xm info | sed -n "s/^xen_scheduler *: //p")
	xm "$weights" -d asks -w=128 && xm "$weights" -d asks | grep -q "^asks .* 128" || { xm "$weights"; return 1; }
	xm list --long asks | grep -q '(maxmem 24)' || { xm list --long asks; return 1; }
	xm destroy asks || return 1
	all_is_as_before "$(cat /tmp/free.before)" /tmp/nodes.before
}

crash() { xenstore-write "/local/domain/$(xm domid "$1")/control/shutdown" crash; }

# Each on_crash action; preserve and rename-restart are in xend_ends.
test_xend_crashes() {
	fresh
	create lost crash 'on_crash = "destroy"' && wait_for is_gone lost || return 1
	create afresh obey 'on_crash = "restart"' && wait_for said afresh 'DOMU UP' || return 1
	crash afresh
	wait_for eval '[ "$(grep -ac "DOMU UP" /var/log/xen/console/guest-afresh.log)" = 2 ]' || return 1
	xm destroy afresh || return 1
	printf 'name = "dumped"\nkernel = "/guest/vmlinuz"\nramdisk = "/guest/initrd"\nmemory = 128\nextra = "console=hvc0 sysrq_always_enabled"\non_crash = "coredump-destroy"\n' >/tmp/dumped.cfg
	xm create -q /tmp/dumped.cfg && wait_for said dumped 'LINUX UP' && xm sysrq dumped c || return 1
	wait_for is_gone dumped || return 1
	wait_for eval '[ "$(head -c 4 /var/xen/dump/*dumped* | tail -c 3)" = ELF ]' || { ls -l /var/xen/dump; return 1; }
	rm /var/xen/dump/*
	all_is_as_before "$(cat /tmp/free.before)" /tmp/nodes.before
}

test_xend_managed() {
	fresh
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

cache_is_full() {
	ls /var/lib/xend/kernels/*.kernel
}

# A kernel is unpacked when its domain becomes managed, and when xend starts: no start waits for it.
test_xend_cache() {
	fresh
	rm -f /var/lib/xend/kernels/*
	config kept stay && xm new -q /tmp/kept.cfg && wait_for cache_is_full || return 1
	xend stop && rm -f /var/lib/xend/kernels/* && xend start && wait_for cache_is_full || return 1
	# It holds nothing of the daemon's: another one starts at once.
	xend restart || return 1
	xm start kept && wait_for said kept 'DOMU UP' && xm destroy kept && xm delete kept || return 1
	rm -f /var/lib/xend/kernels/*
	create first stay && wait_for cache_is_full && xm destroy first || return 1
	all_is_as_before "$(cat /tmp/free.before)" /tmp/nodes.before
}

# libxl introduces a domain before it describes its console, and waits for the console's terminal.
test_xend_beside_xl() {
	fresh
	config guest stay
	xl create /tmp/guest.cfg >/tmp/out 2>&1 || { cat /tmp/out; return 1; }
	wait_for said guest 'DOMU UP' || return 1
	wait_for state_is guest '-b----' || return 1
	(sleep 1; printf '\035') | xm console guest | grep -aq 'DOMU UP' || { echo "no console"; return 1; }
	xl destroy guest && wait_for is_gone guest || return 1
	wait_for eval '[ "$(free_mib)" = "$(cat /tmp/free.before)" ]' || { xm list; return 1; }
}

told() {		# NAME: xend tells it
	xenstore-read /tool/xend/names/0 2>/dev/null | sed 's/\\n/\n/g' | grep -q "^[0-9]* $1\$"
}

guests() {		# all names but Domain-0's
	xm list | sed '1d; /^Domain-0 /d; s/ .*//' | tr '\n' ' '
}

# Lists take names from where xend tells them, and are right whoever renames, and when xend is dead.
test_xend_names() {
	fresh
	for name in one two three; do
		create $name stay && wait_for told $name || return 1
	done
	[ "$(guests)" = 'one three two ' ] || { xm list; return 1; }
	xm rename one eins && [ "$(guests)" = 'eins three two ' ] && told eins || { echo "renamed by xm"; xm list; return 1; }
	xenstore-ls -fp /tool/xend | grep -v '(n0)$' && { echo "guests may read that"; return 1; }
	id=$(xm domid two)
	xenstore-write "/local/domain/$id/name" 'zwei fach' && wait_for told 'zwei fach' && ! told two || return 1
	xm list | grep -q '^zwei fach ' && [ "$(xm domid 'zwei fach')" = "$id" ] || { xm list; return 1; }
	# For those who ask for a name it is right even before xend has told it.
	xenstore-write "/local/domain/$id/name" zwei && wait_for told zwei || return 1
	kill -STOP "$(cat /run/xend.pid)"
	xenstore-write "/local/domain/$id/name" nobody
	exact="$(xm domid nobody) $(xm domname "$id")" old=$(xm domid zwei 2>&1)
	kill -CONT "$(cat /run/xend.pid)"
	[ "$exact" = "$id nobody" ] || { echo "a new name: $exact"; return 1; }
	[ "$old" = "Error: Domain 'zwei' does not exist." ] || { echo "an old name: $old"; return 1; }
	xend stop
	xenstore-exists /tool/xend/names && { echo "still told without xend"; return 1; }
	xend start && wait_for told nobody || return 1
	# What a dead xend told is not believed.
	pid=$(cat /run/xend.pid)
	kill -9 "$(sed 's/.*) . \([0-9]*\) .*/\1/' "/proc/$pid/stat")" "$pid"
	xenstore-write "/local/domain/$id/name" drei
	told nobody && [ "$(guests)" = 'drei eins three ' ] || { echo "a dead xend is believed"; xm list; return 1; }
	xend start && wait_for told drei && [ "$(guests)" = 'drei eins three ' ] || return 1
	xm destroy drei && xm destroy eins && xm destroy three || return 1
	[ -z "$(guests)" ] || { xm list; return 1; }
	all_is_as_before "$(cat /tmp/free.before)" /tmp/nodes.before
}

# A restart of the daemon costs no guest anything.
test_xend_restart() {
	fresh
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
	fresh
	create before stay || return 1
	wait_for said before 'DOMU UP' || return 1
	for victim in $(pids_of xenstored); do
		kill -9 "$victim"
	done
	xm list >/dev/null || { echo "list needs the store"; return 1; }
	store_again
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

kill_one() {		# xend, xend-worker, xm or xenstored; there may be none for a moment
	for try in 1 2 3 4 5 6 7 8; do
		pids=$(pids_of "$1")
		[ -z "$pids" ] || break
	done
	for victim in $pids; do
		kill -9 "$victim" 2>/dev/null && killed=$((killed + 1)) && eval "killed_$2=\$((killed_$2 + 1))"
	done
	[ "$1" != xenstored ] || store_again
}

# The dead one may hold the lock until the kernel has buried it.
store_again() {
	until xenstored --pid-file /run/xenstored.pid; do
		sleep 0.1
	done
}

# What is known of a name: yes, no, or unknown because the xm that was asked was killed.
known() {
	cat "/tmp/model.$1" 2>/dev/null || echo no
}

knows() {
	echo "$2" >"/tmp/model.$1"
}

ask() {			# OP COMMAND…: its status and words in files
	op=$1
	shift
	"$@" >"/tmp/op.$op" 2>&1
	echo $? >"/tmp/op.$op.status"
}

lie() {
	echo "LIE: $*: $(cat /tmp/op.*[a-z] | tr '\n' ' ')"
	xm list
	tail -n 40 /var/log/xen/xend.log >/dev/console
	return 1
}

# What three answers say about three names.
judge() {		# ROUND
	made=k$1 old=k$(($1 - 1)) new=r$(($1 - 1)) gone=r$(($1 - 2))
	case $(cat /tmp/op.create.status) in
	0) knows "$made" yes ;;
	137) knows "$made" unknown ;;
	*) knows "$made" no ;;
	esac
	if [ "$1" -gt 1 ]; then
		case $(cat /tmp/op.rename.status) in
		0) knows "$old" no; knows "$new" yes ;;
		137) [ "$(known "$old")" = no ] || { knows "$old" unknown; knows "$new" unknown; } ;;
		3) [ "$(known "$old")" != yes ] || { lie "no $old to rename"; return 1; }
			knows "$old" no ;;
		esac
	fi
	if [ "$1" -gt 2 ]; then
		case $(cat /tmp/op.destroy.status) in
		0) knows "$gone" no ;;
		137) [ "$(known "$gone")" = no ] || knows "$gone" unknown ;;
		3) [ "$(known "$gone")" != yes ] || { lie "no $gone to destroy"; return 1; }
			knows "$gone" no ;;
		esac
	fi
	xm list >/tmp/list
	for name in "$made" "$old" "$new" "$gone"; do
		case $(known "$name") in
		yes) grep -q "^$name " /tmp/list || { lie "$name is not there"; return 1; } ;;
		no) ! grep -q "^$name " /tmp/list || { lie "$name is there"; return 1; } ;;
		esac
	done
}

# Each name once, each domain named, each job over.
is_sound() {
	[ -z "$(xm list | sed 1d | cut -d' ' -f1 | sort | uniq -d)" ] || { echo "doubled"; return 1; }
	! xm list | grep -q '^Domain-#' || { echo "half-built"; return 1; }
}

is_idle() {		# outcomes that nobody reads any more are no work
	xend status && ! xm jobs | sed 1d | grep -qvE ' (done|failed|cancelled) '
}

# kill -9 of xend, of its workers, of xm and, where it can live with it, of xenstored, at random moments
# in a hundred creates, renames and destroys, three at a time.  Every answer is held against what is there.
test_xend_kill() {
	fresh
	killed=0 round=0 killed_d=0 killed_w=0 killed_x=0 killed_s=0
	rm -f /tmp/model.* /tmp/op.*
	while [ $round -lt "$rounds" ]; do
		round=$((round + 1))
		config "k$round" stay
		ask create xm create -q "/tmp/k$round.cfg" &
		[ $round -le 1 ] || ask rename xm rename "k$((round - 1))" "r$((round - 1))" &
		[ $round -le 2 ] || ask destroy xm destroy "r$((round - 2))" &
		usleep $(($(random 700) * 1000))
		case $(random "$victims") in
		0) kill_one xend d ;;
		1) kill_one xend-worker w ;;
		2) kill_one xm x ;;
		3) kill_one xenstored s ;;
		esac
		wait
		# An xm that was killed has left a job that goes on.
		wait_for is_idle || { xm jobs; return 1; }
		judge $round || { echo "in round $round"; return 1; }
	done
	echo "KILLED $killed in $round rounds: xend $killed_d, workers $killed_w, xm $killed_x, xenstored $killed_s" >/dev/console
	[ $killed -gt $((rounds / 4)) ] || { echo "only $killed were killed"; return 1; }
	wait_for is_sound || { is_sound; xm list; return 1; }
	wait_for eval '[ -z "$(xm jobs)" ]' || { xm jobs; return 1; }
	for name in $(xm list | sed '1d; /^Domain-0 /d; s/ .*//'); do
		xm destroy "$name" || return 1
	done
	all_is_as_before "$(cat /tmp/free.before)" /tmp/nodes.before
}
