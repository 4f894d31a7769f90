# What domain 0 runs for tests/system/xl: guests by Debian's xl.
# shellcheck shell=sh disable=SC2154

guest_log() { echo "/var/log/xen/guest-$1.log"; }

# guest NAME THEN LINE…: writes its configuration and starts it.
guest() {
	name=$1 then=$2
	shift 2
	{
		printf '%s\n' "name='$name'" "type='pv'" "kernel='/guest/vmlinuz'" "ramdisk='/guest/initrd'" \
			"memory=128" "extra='console=hvc0 then=$then'"
		printf '%s\n' "$@"
	} >"/tmp/$name.cfg"
	rm -f "$(guest_log "$name")"
	xl create -q "/tmp/$name.cfg"
}

# small_guest NAME KERNEL ARGUMENTS LINE…: one of tests/guest/, where Linux would only take longer.
small_guest() {
	name=$1 kernel=$2 arguments=$3
	shift 3
	printf '%s\n' "name='$name'" "type='pv'" "kernel='/guest/$kernel'" "memory=32" "extra='$arguments'" "$@" \
		>"/tmp/$name.cfg"
	rm -f "$(guest_log "$name")"
	xl create -q "/tmp/$name.cfg"
}

# said NAME REGEX [COUNT]: waits for so many lines of that kind on a guest's console.
said() {
	waited=0
	while n=$(grep -a -c "$2" "$(guest_log "$1")" 2>/dev/null); [ "${n:-0}" -lt "${3:-1}" ]; do
		sleep 0.5
		waited=$((waited + 1))
		[ $waited -lt 400 ] || { echo "no '$2' from $1"; tail -n 20 "$(guest_log "$1")"; return 1; }
	done
}

ticks() { grep -a -c TICK "$(guest_log "$1")"; }

# It goes on from now: two more ticks.
goes_on() { said "$1" TICK $(($(ticks "$1") + 2)); }

# state NAME: its letters in xl list; empty: it isn't there.
state() { xl list | awk -v name="$1" '$1 == name { print $5 }'; }

# Waits until a command says what is wanted.
until_says() {
	want=$1 waited=0
	shift
	while [ "$("$@")" != "$want" ]; do
		sleep 0.5
		waited=$((waited + 1))
		[ $waited -lt 240 ] || { echo "'$*' says '$("$@")', not '$want'"; return 1; }
	done
}

# Free memory in KiB by the debug key, which is exact; elsewhere as xl tells it.
free_kib() {
	xl debug-keys m
	kib=$(xl dmesg | sed -n 's/.*Memory: .* in all, \([0-9]*\) KiB free.*/\1/p' | tail -n 1)
	[ -n "$kib" ] || kib=$(xl info | awk '/^free_memory/ { print $3 * 1024 }')
	echo "$kib"
}

gone() { until_says '' state "$1"; }

test_xl_questions() {
	[ "$(xl info nr_cpus)" = 2 ] || [ "$(xl info | awk '/^nr_cpus/ { print $3 }')" = 2 ] ||
		{ xl info; return 1; }
	xl info | grep -q '^xen_version *: 4\.17' || { xl info; return 1; }
	xl info -n | grep -q '^  1:' || { xl info -n; return 1; }
	[ "$(state Domain-0)" = r----- ] || { xl list; return 1; }
	xl vcpu-list | grep -q '^Domain-0 *0 *1 ' || { xl vcpu-list; return 1; }
	xl cpupool-list | grep -q '^Pool-0' || return 1
	xl sched-credit | grep -q 'Domain-0 *0 *256 *0' || { xl sched-credit; return 1; }
	xl dmesg | grep -q . || return 1
	xl debug-keys h && xl dmesg -c >/tmp/dmesg && grep -q 'key .h.' /tmp/dmesg || return 1
	! xl dmesg | grep -q 'key .h.' || { echo "what was cleared is shown again"; return 1; }
	xentop -b -i 1 | grep -q Domain-0
}

test_xl_life() {
	guest life stay vcpus=2 && said life 'GUEST UP cpus=2' && goes_on life || return 1
	year=$(sed -n 's/^TICK .* year=\([0-9]*\).*/\1/p' "$(guest_log life)" | head -n 1)
	[ "$year" = "$(date +%Y)" ] || { echo "it is $year there"; return 1; }
	xl pause life && sleep 1
	[ "$(state life)" = --p--- ] || { xl list; return 1; }
	n=$(ticks life)
	sleep 3
	[ "$(ticks life)" = "$n" ] || { echo "it runs while paused"; return 1; }
	xl unpause life && goes_on life || return 1
	xl sched-credit -d life -w 512 -c 50 && xl sched-credit -d life | grep -q ' 512 *50' || return 1
	xl sysrq life h && said life 'sysrq: HELP' || return 1
	xl rename life lives && xl list lives >/dev/null && xl rename lives life || return 1
	xl shutdown -w life && gone life || return 1
	guest life stay && said life 'TICK 1 ' && xl destroy life && gone life
}

vcpus_of() { xl list | awk -v name="$1" '$1 == name { print $4 }'; }

test_xl_vcpus() {
	guest many stay vcpus=2 maxvcpus=4 && said many 'TICK 1 ' || return 1
	xl vcpu-set --ignore-host many 4 && until_says 4 vcpus_of many && said many 'cpus=4' || return 1
	xl vcpu-set --ignore-host many 1 && until_says 1 vcpus_of many && said many 'TICK .* cpus=1' || return 1
	xl vcpu-set --ignore-host many 3 && until_says 3 vcpus_of many && said many 'cpus=3' || return 1
	xl vcpu-pin many 0 1 && xl vcpu-list many | grep -q 'many *[0-9]* *0 .* 1 / all' ||
		{ xl vcpu-list many; return 1; }
	! xl vcpu-pin many 0 5 2>/dev/null || { echo "pinned to a CPU that isn't there"; return 1; }
	goes_on many && xl destroy many && gone many
}

mem_of() { xl list | awk -v name="$1" '$1 == name { print $3 }'; }

test_xl_memory() {
	guest mem stay maxmem=256 && said mem 'TICK 1 ' || return 1
	xl mem-set mem 96 && until_says 96 mem_of mem && goes_on mem || return 1
	xl mem-set mem 200 && until_says 200 mem_of mem && goes_on mem || return 1
	xl mem-max mem 300 && most=$(xentop -b -i 1 | awk '$1 == "mem" { print $7 }') || return 1
	[ "$most" -ge 307200 ] && [ "$most" -le 309248 ] || { echo "at most $most KiB"; return 1; }
	! guest large stay memory=65536 2>/tmp/large || { echo "64 GiB were found"; return 1; }
	! xl list large 2>/dev/null || { echo "what could not be built is there"; return 1; }
	goes_on mem && xl destroy mem && gone mem
}

# obedient NAME LINE…: a guest that crashes when it's told to.
obedient() {
	name=$1
	shift
	small_guest "$name" domu.elf then=obey "$@" && said "$name" 'DOMU UP'
}

crash() { xenstore-write "/local/domain/$(xl domid "$1")/control/shutdown" crash; }

test_xl_crash() {
	guest kept crash "on_crash='preserve'" && until_says ---sc- state kept && xl destroy kept && gone kept || return 1
	small_guest lost domu.elf then=crash "on_crash='destroy'" && gone lost || return 1
	obedient again "on_crash='restart'" && crash again && said again 'DOMU UP' 2 || return 1
	xl destroy again && gone again || return 1
	obedient renamed "on_crash='rename-restart'" && crash renamed && said renamed 'DOMU UP' 2 || return 1
	old=$(xl list | awk '$1 ~ /^renamed-[0-9]+T[0-9]+Z$/ { print $1 }')	# the time is part of its name
	[ "$(state "$old")" = ---sc- ] || { xl list; return 1; }
	xl destroy renamed && xl destroy "$old" && gone renamed && gone "$old" || return 1
	mkdir -p /var/lib/xen/dump
	# A core needs a guest that tells where its memory is; its kernel crashes by key only if it's made to.
	guest dumped 'stay sysrq_always_enabled' "on_crash='coredump-restart'" && said dumped 'TICK 1 ' || return 1
	xl sysrq dumped c && said dumped 'GUEST UP' 2 || return 1
	[ "$(head -c 4 /var/lib/xen/dump/*dumped* | tail -c 3)" = ELF ] || { ls -l /var/lib/xen/dump; return 1; }
	rm /var/lib/xen/dump/*
	xl destroy dumped && gone dumped
}

test_xl_reboot() {
	small_guest turns domu.elf then=reboot && said turns 'DOMU UP' 2 || return 1
	until xl destroy turns 2>/dev/null; do :; done		# it may be on its way from one life to the next
	gone turns || return 1
	guest asked stay && said asked 'TICK 1 ' && xl reboot asked && said asked 'GUEST UP' 2 || return 1
	xl destroy asked
	gone asked || return 1
	small_guest ends domu.elf then=poweroff && gone ends
}

test_xl_save() {
	guest saved stay vcpus=2 && said saved 'TICK 2 ' || return 1
	xl save saved /tmp/saved.img && [ -z "$(state saved)" ] || return 1
	n=$(sed -n 's/^TICK \([0-9]*\) .*/\1/p' "$(guest_log saved)" | tail -n 1)
	xl restore /tmp/saved.img && said saved "^TICK $((n + 3)) cpus=2" || return 1
	rm /tmp/saved.img
	xl save saved /tmp/saved.img && xl restore /tmp/saved.img && rm /tmp/saved.img || return 1
	goes_on saved && xl destroy saved && gone saved
}

# It runs on after it was saved; and what was saved starts once it's gone.
test_xl_checkpoint() {
	guest check stay vcpus=2 && said check 'TICK 2 ' || return 1
	xl save -c check /tmp/check.img && goes_on check || return 1
	xl destroy check && gone check && xl restore /tmp/check.img && goes_on check || return 1
	xl destroy check && gone check
}

# What an earlier test that failed has left behind, too.
fresh() {
	for domid in $(xl list | awk 'NR > 1 && $2 > 0 { print $2 }'); do
		xl destroy "$domid"
	done
}

# Lives of all kinds, none of which leaves a page behind; the first makes what is kept for ever.
test_xl_leak() {
	fresh
	guest leak stay && said leak 'TICK 1 ' && xl destroy leak && gone leak || return 1
	sleep 1
	before=$(free_kib) i=0
	while [ $i -lt 4 ]; do
		guest leak stay vcpus=$((i + 1)) || return 1
		[ $i -lt 2 ] || said leak 'TICK 1 ' || return 1
		xl destroy leak
		xl create -q /tmp/leak.cfg &		# killed in the middle of building
		sleep 0.$((i * 2 + 1))
		kill -9 $!
		wait $! 2>/dev/null
		fresh
		i=$((i + 1))
	done
	sleep 1
	[ "$(xl list | wc -l)" = 2 ] || { xl list; return 1; }
	after=$(free_kib)
	[ "$before" = "$after" ] || { echo "$before KiB were free, now $after"; return 1; }
}

# The rest of what an administrator asks.
test_xl_sundry() {
	guest sundry stay vcpus=2 && said sundry 'TICK 1 ' || return 1
	xl list -v | grep -q '^sundry .*[-r][-b]---- ' || { xl list -v; return 1; }
	xl list -l sundry | grep -q '"name": "sundry"' || { xl list -l sundry; return 1; }
	xl uptime sundry | grep -q '^sundry .*:..:' || { xl uptime sundry; return 1; }
	xl claims | grep -q '^sundry .* 0$' || { xl claims; return 1; }
	xl domid sundry | grep -q '^[0-9]' && [ "$(xl domname "$(xl domid sundry)")" = sundry ] || return 1
	xl sched-credit -s | grep -q 'tslice=[0-9]*ms ratelimit=1000us' || { xl sched-credit -s; return 1; }
	xl vcpu-list sundry | grep -q '^sundry  *[0-9]*  *1  *[0-9]  *[-r][-b]-' || { xl vcpu-list sundry; return 1; }
	xl trigger sundry nmi 0 && said sundry 'NMI received' || return 1
	xl dump-core sundry /tmp/core >/dev/null 2>&1 || { echo "no core"; return 1; }
	[ "$(head -c 4 /tmp/core | tail -c 3)" = ELF ] && [ "$(($(stat -c %s /tmp/core) / 1048576))" -ge 128 ] ||
		{ ls -l /tmp/core; return 1; }
	rm /tmp/core
	goes_on sundry && xl destroy sundry && gone sundry
}


# More vcpus than CPUs, and as many as a guest may have of old; all of them do something.
test_xl_wide() {
	guest wide stay vcpus=32 memory=256 && said wide 'GUEST UP cpus=32' && goes_on wide || return 1
	[ "$(xl vcpu-list wide | grep -c '^wide ')" = 32 ] || { xl vcpu-list wide; return 1; }
	xl vcpu-list wide | awk 'NR > 1 && $6 < 0.1 { exit 1 }' || { xl vcpu-list wide; return 1; }
	xl vcpu-set --ignore-host wide 2 && until_says 2 vcpus_of wide && said wide 'TICK .* cpus=2' || return 1
	xl pause wide && xl unpause wide && goes_on wide && xl destroy wide && gone wide && audit
}

# One thing is done as it should be, whatever the others do: domain 0's own work.
work_here() { md5sum </guest/vmlinuz; }

worked() { said "$1" "^WORKED $(($(grep -a -c '^WORKED' "$(guest_log "$1")") + ${2:-3}))"; }

# On our hypervisor.
audit() {
	! xl info | grep -q '^xen_extra.*xylem' || test_audit
}

# Why a fuzzer isn't heard of any more: it crashed, or the hypervisor's log has what it does.
fuzz_state() {
	xl dmesg | grep '^(XEN) d[0-9]* crashed'
	for key in q e a; do
		xl debug-keys $key
	done
}

# Guests that throw random calls at the hypervisor, beside one that works and doesn't notice.
test_xl_fuzz() {
	small_guest works domu.elf then=work && said works '^WORKED' || return 1
	here=$(work_here) seed=1
	while [ $seed -le ${fuzz_seeds:-3} ]; do
		small_guest fuzz fuzz.elf "seed=$seed count=${fuzz_count:-20000} vcpus=2 linger=20" vcpus=4 memory=64 || return 1
		said fuzz 'all actions are done' && worked works && [ "$(work_here)" = "$here" ] && audit || { fuzz_state; return 1; }
		said fuzz 'TEST ok survives' && gone fuzz || return 1
		seed=$((seed + 1))
	done
	! grep -a WRONG "$(guest_log works)" || return 1
	xl destroy works && gone works && audit
}
