# What domain 0 runs for tests/bench/xm.  Under -icount, times are instructions: took's to the ns, /proc/uptime's to 10 ms.
# shellcheck shell=sh disable=SC2154

uptime_cs() {		# hundredths of a second
	sed 's/ .*//; s/\.//' /proc/uptime
}

# measure WHAT TOOL RUNS COMMAND…: what the command takes from its start to its end
measure() {
	what=$1 tool=$2 runs=$3
	shift 3
	seconds=$(took "$runs" "$@" 2>/tmp/why) || { echo "$*: $(cat /tmp/why)" >/dev/console; return 1; }
	echo "BENCH time $what $tool $runs $seconds" >/dev/console
}

readers() {		# WHAT: with so many guests
	measure start any 50 busybox true
	for tool in xl xm; do
		measure "list-$1" $tool 20 $tool list
		measure "info-$1" $tool 20 $tool info
		measure "vcpu-list-$1" $tool 20 $tool vcpu-list
		measure "domid-$1" $tool 20 $tool domid g1
	done
}

tools_start() {		# [XENSTORED]
	"${1:-xenstored}" --pid-file /run/xenstored.pid && xen-init-dom0 >/dev/null && xend start
}

small() {		# N: a configuration for both
	printf 'name = "g%s"\nkernel = "/guest/domu.elf"\nmemory = 16\nextra = "then=stay"\n' "$1" >"/tmp/g$1.cfg"
}

small_guests() {	# FROM TO
	n=$1
	while [ "$n" -le "$2" ]; do
		small "$n"
		xm create -q "/tmp/g$n.cfg" || return 1
		n=$((n + 1))
	done
}

cache_grows() {	# by a process that may be a zombie for as long as a test runs: init waits for nothing else
	grep -qs "(xend-cache) [^Z]" /proc/[0-9]*/stat
}

# A guest's life with a real kernel; it is paused at once, so that its own work is not counted.
lives() {		# WHAT TOOL RUNS
	i=0 create=0 destroy=0
	while [ $i -lt "$3" ]; do
		begin=$(uptime_cs)
		$2 create -q /tmp/linux.cfg >/tmp/out 2>&1 || { cat /tmp/out >/dev/console; return 1; }
		made=$(uptime_cs)
		while cache_grows; do sleep 0.1; done	# what that takes is nobody's wait
		$2 pause linux
		before=$(uptime_cs)
		$2 destroy linux || return 1
		end=$(uptime_cs)
		create=$((create + made - begin)) destroy=$((destroy + end - before)) i=$((i + 1))
	done
	awk -v c=$create -v d=$destroy -v n="$3" -v what="$1" -v tool="$2" 'BEGIN {
		printf "BENCH time create-%s %s %d %.2f\n", what, tool, n, c / 100
		printf "BENCH time destroy-%s %s %d %.2f\n", what, tool, n, d / 100
	}' >/dev/console
}

test_bench_times() {
	tools_start || return 1
	printf 'name = "linux"\nkernel = "/guest/vmlinuz"\nramdisk = "/guest/initrd"\nmemory = 128\n' >/tmp/linux.cfg
	lives cold xm 1 || return 1
	lives cold xl 1 || return 1
	lives warm xm 5 || return 1
	lives warm xl 2 || return 1
	small_guests 1 1 && readers 1 && small_guests 2 "$guests" && readers "$guests"
}

# The store has its part in what a list of many takes.
test_bench_ours() {
	tools_start xenstored-ours && small_guests 1 "$guests" && readers "$guests-our-store"
}

rss_kib() {		# of the daemon, not its monitor
	sed -n 's/^VmRSS:[^0-9]*\([0-9]*\).*/\1/p' "/proc/$(cat /run/xend.pid)/status"
}

test_bench_memory() {
	tools_start || return 1
	small 1
	printf 'create -q -p /tmp/g1.cfg\ndestroy g1\n' >/tmp/cycle
	xm shell </tmp/cycle >/dev/null || return 1
	before=$(rss_kib) n=0
	: >/tmp/cycles
	while [ $n -lt "$cycles" ]; do
		cat /tmp/cycle >>/tmp/cycles
		n=$((n + 1))
	done
	xm shell </tmp/cycles >/tmp/out 2>&1
	! grep -q Error /tmp/out || { grep Error /tmp/out | sort | uniq -c | head; return 1; }
	done_jobs=$(cat /var/log/xen/xend.log* | grep -c "destroy g1): done")
	[ "$done_jobs" -gt "$cycles" ] || { echo "only $done_jobs cycles"; return 1; }
	echo "BENCH memory $before $(rss_kib) $cycles" >/dev/console
}
