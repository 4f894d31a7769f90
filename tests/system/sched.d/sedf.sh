# What domain 0 runs for tests/system/sched-sedf, after xend.d/tests.sh.
# shellcheck shell=sh disable=SC2154

# The CPU time it has had, in tenths of a second.
ran() { xm list "$1" | awk 'NR == 2 { print int($6 * 10 + 0.5) }'; }

uptime_tenths() { awk '{ print int($1 * 10 + 0.5) }' /proc/uptime; }

# between WHAT VALUE LEAST MOST
between() {
	[ "$2" -ge "$3" ] && [ "$2" -le "$4" ] || { echo "$1: $2, not $3 to $4"; return 1; }
}

# parts SECONDS: of that time, what a and b had, in thousandths of a CPU.
parts() {
	a=$(ran a) b=$(ran b) time=$(uptime_tenths)	# in the same order twice: asking takes time, too
	sleep "$1"
	a=$(($(ran a) - a)) b=$(($(ran b) - b)) time=$(($(uptime_tenths) - time))
	part_a=$((a * 1000 / time)) part_b=$((b * 1000 / time))
}

test_sedf() {
	xm info | grep -q '^xen_scheduler *: sedf$' || { xm info; return 1; }
	create a spin && create b spin || return 1
	xm sched-sedf a --weight=512 && xm sched-sedf b --weight=256 || return 1
	xm sched-sedf a | grep -q '^a .* 512$' || { xm sched-sedf a; return 1; }
	sleep 1
	parts 30
	between 'weight 512 beside 256, in thousandths of what both had' $((part_a * 1000 / (part_a + part_b))) 633 700 ||
		return 1
}

# A slice in each period and no more, whoever else wants the CPU; with extra time, what is left as well.
test_sedf_slices() {
	xm sched-sedf a --weight=0 --period=50 --slice=20 --extratime=0 || return 1
	xm sched-sedf a | grep -q '^a  *[0-9]*  *50\.0  *20\.0  *0\.0  *0  *0$' || { xm sched-sedf a; return 1; }
	sleep 1
	parts 20
	between '20 ms in 50, in thousandths' $part_a 388 412 || return 1
	between 'what another has beside it' $part_b 450 612 || return 1
	xm sched-sedf b --weight=0 --period=20 --slice=4 --extratime=0 || return 1
	sleep 1
	parts 20
	between '20 ms in 50, once more' $part_a 388 412 && between '4 ms in 20' $part_b 190 210 || return 1
	xm sched-sedf a --extratime=1 || return 1
	sleep 1
	parts 20
	between '4 ms in 20 beside one with extra time' $part_b 190 210 &&
		between 'a slice and what is left' $part_a 650 812 || return 1
	xm sched-sedf b --period=20 --slice=21 2>/dev/null && { echo "21 ms in 20"; return 1; }
	xm destroy a && xm destroy b
}
