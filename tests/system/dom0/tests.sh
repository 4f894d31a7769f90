# The tests that run inside domain 0.  test_NAME succeeds or says what is wrong; the kernel's command line
# hands over tests= and what they expect (want_cpus=, want_mib=, now=, seconds=).
# shellcheck shell=sh disable=SC2154

test_cpus() {
	n=$(grep -c '^processor' /proc/cpuinfo)
	[ "$n" -eq "$want_cpus" ] || { echo "$n CPUs, not $want_cpus"; return 1; }
	# Each does work of its own.
	cpu=0
	while [ $cpu -lt "$want_cpus" ]; do
		taskset -c $cpu sh -c 'i=0; while [ $i -lt 200 ]; do i=$((i + 1)); done' || return 1
		cpu=$((cpu + 1))
	done
}

# One CPU after the other goes away and comes back (vcpu_op down, initialise, up).
test_cpu_hotplug() {
	for cpu in /sys/devices/system/cpu/cpu[1-9]*; do
		echo 0 >"$cpu/online" || return 1
		[ "$(cat "$cpu/online")" = 0 ] || { echo "$cpu stays online"; return 1; }
		echo 1 >"$cpu/online" || return 1
		[ "$(cat "$cpu/online")" = 1 ] || { echo "$cpu stays offline"; return 1; }
	done
	test_cpus
}

test_memory() {
	mib=$(awk '/^MemTotal:/ { print int($2 / 1024) }' /proc/meminfo)
	[ "$mib" -ge "$want_mib" ] || { echo "$mib MiB, not $want_mib"; return 1; }
}

test_memory_limit() {
	mib=$(awk '/^MemTotal:/ { print int($2 / 1024) }' /proc/meminfo)
	[ "$mib" -le "$most_mib" ] || { echo "$mib MiB, more than $most_mib"; return 1; }
}

# Machine memory above 4 GiB can be written and read back: more pages than there are below.
test_memory_high() {
	mkdir -p /mnt/high
	mount -t tmpfs -o size=90% tmpfs /mnt/high || return 1
	head -c 67108864 /dev/urandom >/mnt/high/0
	i=64
	while [ $i -lt "$high_mib" ]; do
		(echo "$i"; cat /mnt/high/0) >/mnt/high/$i || { echo "no space at $i MiB"; return 1; }
		i=$((i + 64))
	done
	sum=$(md5sum </mnt/high/0)
	i=64
	while [ $i -lt "$high_mib" ]; do
		read -r head </mnt/high/$i
		[ "$head" = $i ] || { echo "the file at $i MiB begins with '$head'"; return 1; }
		again=$(tail -c 67108864 /mnt/high/$i | md5sum)
		[ "$sum" = "$again" ] || { echo "the pages at $i MiB changed"; return 1; }
		i=$((i + 256))
	done
	umount /mnt/high
}

# Linux prefers the TSC to Xen's clock where both the CPU and the hypervisor vouch for it.
test_clocksource() {
	now_used=$(cat /sys/devices/system/clocksource/clocksource0/current_clocksource)
	available=$(cat /sys/devices/system/clocksource/clocksource0/available_clocksource)
	case "$now_used $available" in
	xen\ *|tsc\ *xen*) ;;
	*) echo "clocksource $now_used of $available"; return 1 ;;
	esac
}

# now= is the host's clock when QEMU was started.
test_wallclock() {
	date=$(date +%s)
	[ "$date" -ge $((now - 2)) ] && [ "$date" -le $((now + 300)) ] ||
		{ echo "the clock is $((date - now)) s off"; return 1; }
}

# A second lasts at least a second of both clocks.
test_sleep() {
	wall=$(date +%s)
	for i in 1 2 3; do
		read -r before _ </proc/uptime
		sleep 1
		read -r after _ </proc/uptime
		before=$(echo "$before" | tr -d .) after=$(echo "$after" | tr -d .)
		[ $((after - before)) -ge 99 ] || { echo "sleep 1 took $((after - before)) cs"; return 1; }
	done
	[ $(($(date +%s) - wall)) -ge 2 ] || { echo "the wall clock stood still"; return 1; }
}

test_control_d() {
	capabilities=$(cat /proc/xen/capabilities)
	[ "$capabilities" = control_d ] || { echo "capabilities '$capabilities'"; return 1; }
}

test_hypervisor() {
	[ "$(cat /sys/hypervisor/type)" = xen ] || return 1
	version=$(cat /sys/hypervisor/version/major).$(cat /sys/hypervisor/version/minor)
	[ "$version" = 4.17 ] || { echo "version $version"; return 1; }
}

interrupts_of() {
	awk -v what="$1" '$0 ~ what { for (i = 2; i <= NF && $i ~ /^[0-9]+$/; i++) n += $i } END { print n + 0 }' \
		/proc/interrupts
}

# Every CPU has its timer and its IPIs, and the timers tick.
test_interrupts() {
	for kind in timer resched callfunc; do
		rows=$(grep -c "xen-percpu.*$kind[0-9]*\$" /proc/interrupts)
		[ "$rows" -ge "$want_cpus" ] || { echo "$rows rows of $kind"; cat /proc/interrupts; return 1; }
	done
	cpu=0
	while [ $cpu -lt "$want_cpus" ]; do
		before=$(interrupts_of "timer$cpu\$")
		taskset -c $cpu sleep 0.3
		after=$(interrupts_of "timer$cpu\$")
		[ "$after" -gt "$before" ] || { echo "timer$cpu stands at $before"; return 1; }
		cpu=$((cpu + 1))
	done
}

# With MSI some device uses it; with pci=nomsi none does, and lines of the IO-APIC carry all.
test_msi() {
	n=$(interrupts_of 'xen-pirq.*-msi')
	[ "$n" -gt 0 ] || { echo "no MSI arrived"; cat /proc/interrupts; return 1; }
}

test_no_msi() {
	! grep -q 'xen-pirq.*-msi' /proc/interrupts || { echo "MSIs in spite of pci=nomsi"; return 1; }
	n=$(interrupts_of 'xen-pirq.*ioapic-level')
	[ "$n" -gt 0 ] || { echo "no interrupt by a line"; cat /proc/interrupts; return 1; }
}

# The first half of the disk is copied onto the second and read back from the medium.
disk_test() {
	dev=$1 driver=$2
	for module in $driver; do
		modprobe "$module" || { echo "no module $module"; return 1; }
	done
	i=0
	while [ ! -b "/dev/$dev" ] && [ $i -lt 100 ]; do
		sleep 0.1
		i=$((i + 1))
	done
	[ -b "/dev/$dev" ] || { echo "no /dev/$dev"; return 1; }
	half=$(($(cat "/sys/block/$dev/size") / 2 / 2048))
	sum=$(dd if="/dev/$dev" bs=1M count=$half 2>/dev/null | md5sum)
	dd if="/dev/$dev" of="/dev/$dev" bs=1M count=$half seek=$half conv=notrunc,fsync 2>/dev/null ||
		{ echo "writing fails"; return 1; }
	sync
	echo 3 >/proc/sys/vm/drop_caches
	again=$(dd if="/dev/$dev" bs=1M skip=$half count=$half 2>/dev/null | md5sum)
	[ "$sum" = "$again" ] || { echo "wrote $sum, read $again"; return 1; }
}

test_disk_virtio() { disk_test vda "virtio_pci virtio_blk"; }
test_disk_ide() { disk_test sda "ata_piix sd_mod"; }
test_disk_ahci() { disk_test sda "ahci sd_mod"; }

# The gateway answers, a file comes by TFTP as it is, and an echo service returns what it is sent.
net_test() {
	driver=$1 net=$2
	[ "$driver" != virtio_net ] || modprobe virtio_pci
	modprobe "$driver" || return 1
	i=0 eth=
	while [ -z "$eth" ] && [ $i -lt 50 ]; do
		for link in /sys/class/net/*; do
			case $(readlink -f "$link/device/driver") in
			*/"$driver") eth=${link##*/} ;;
			esac
		done
		[ -n "$eth" ] || sleep 0.1
		i=$((i + 1))
	done
	[ -n "$eth" ] || { echo "no interface of $driver"; return 1; }
	ip link set "$eth" up
	udhcpc -q -n -t 5 -T 2 -i "$eth" -s /etc/udhcpc 2>&1 || return 1
	ping -c 3 -W 5 "$net.2" >/dev/null || { echo "$net.2 does not answer"; return 1; }
	tftp -g -b 1400 -r blob -l /tmp/blob "$net.2" || { echo "TFTP fails"; return 1; }
	tftp -g -r blob.md5 -l /tmp/blob.md5 "$net.2" || { echo "TFTP fails"; return 1; }
	[ "$(md5sum </tmp/blob | cut -d ' ' -f 1)" = "$(cut -d ' ' -f 1 /tmp/blob.md5)" ] ||
		{ echo "the file differs"; return 1; }
	head -c 262144 /tmp/blob >/tmp/part
	(cat /tmp/part; sleep 20) | timeout 60 nc "$net.100" 7 2>/dev/null | head -c 262144 | cmp - /tmp/part ||
		{ echo "the echo differs"; return 1; }
	ip link set "$eth" down
}

test_net_virtio() { net_test virtio_net 10.0.2; }
test_net_e1000() { net_test e1000 10.0.3; }
test_net_e1000e() { net_test e1000e 10.0.3; }

# The harness types what it is asked for; ten lines come back reversed.
test_console_input() {
	for i in 0 1 2 3 4 5 6 7 8 9; do
		echo "TYPE $i" >/dev/console
		read -r line </dev/console
		echo "HEARD $(echo "$line" | rev)" >/dev/console
	done
}

# A line longer than any buffer on the way comes out whole (the harness looks for its end).
test_console_output() {
	i=0
	while [ $i -lt 400 ]; do
		printf '%04d-0123456789abcdef0123456789abcdef0123456789abcdef012345\n' $i
		i=$((i + 1))
	done >/dev/console
	echo "OUTPUT ENDS" >/dev/console
}

# Advice about the CPU is no complaint about the hypervisor: known.
test_dmesg() {
	known='RETBleed:|Speculative Return Stack Overflow:|Spectre V2 :'
	bad=$(dmesg | grep -E 'WARNING:|BUG:|BUG |Call Trace|Oops|unchecked MSR|soft lockup|detected stalls|blocked for more than|Kernel panic' |
		grep -v -E "$known" | head -n 5)
	[ -z "$bad" ] || { echo "$bad"; return 1; }
}

# The machine goes down with its domain 0.
test_crash() {
	echo "ALL TESTS RAN" >/dev/console
	echo 1 >/proc/sys/kernel/sysrq
	echo c >/proc/sysrq-trigger
}

test_tools() {
	tools_start_"$(cat /etc/tools)"
}

# By debug key A of ours: no frame has counts that are wrong.
test_audit() {
	xl debug-keys A
	xl dmesg | grep "Audit: " | tail -n 1 >/tmp/audit
	grep -q "Audit: [0-9]* frames, 0 wrong" /tmp/audit || { cat /tmp/audit; return 1; }
}

# For make bench: what the hypervisor keeps of the memory, beside domain 0's 512 MiB.
test_report_memory() {
	xl info >/tmp/info || return 1
	awk '$1 == "total_memory" { total = $3 } $1 == "free_memory" { free = $3 }
		END { print "REPORT hypervisor-memory-mib", total - free - 512 }' /tmp/info >/dev/console
}

# For seconds= s: processes come and go, memory runs full, the disk and the network are busy.
stress_fork() {
	while [ "$(date +%s)" -lt "$1" ]; do
		/bin/busybox true || return 1
		(/bin/busybox echo x | /bin/busybox cat | /bin/busybox grep -q x) || return 1
	done
}

stress_memory() {
	mkdir -p /mnt/stress
	mount -t tmpfs -o size=70% tmpfs /mnt/stress || return 1
	while [ "$(date +%s)" -lt "$1" ]; do
		dd if=/dev/zero of=/mnt/stress/file bs=1M 2>/dev/null
		rm -f /mnt/stress/file
	done
	umount /mnt/stress
}

stress_disk() {
	while [ "$(date +%s)" -lt "$1" ]; do
		disk_test vda "virtio_pci virtio_blk" || return 1
	done
}

stress_net() {
	while [ "$(date +%s)" -lt "$1" ]; do
		net_test virtio_net 10.0.2 || return 1
	done
}

test_stress() {
	end=$(($(date +%s) + seconds))
	for job in fork fork memory disk net; do
		{ stress_$job $end >/tmp/stress.$job 2>&1 || echo failed >>/tmp/failed; } &
	done
	wait
	[ ! -e /tmp/failed ] || { tail -n 3 /tmp/stress.*; return 1; }
}

# The reason goes on one line, so that the harness finds it.
tests_run() {
	for name in $(echo "$1" | tr , ' '); do
		case $name in
		poweroff|reboot)
			echo "ALL TESTS RAN"
			sleep 0.2
			"$name" -f
			sleep 60 ;;
		*)
			if why=$("test_$name" 2>&1); then
				echo "TEST ok $name"
			else
				echo "TEST not ok $name: $(echo "$why" | tail -n 12 | tr '\n' '|')"
			fi ;;
		esac
	done
	echo "ALL TESTS RAN"
	sleep 0.2
	poweroff -f
}
