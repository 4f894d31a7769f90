# What domain 0 runs for tests/system/trace.
# shellcheck shell=sh

# events FILE: a line for each record: its event in hexadecimal (without the run states' bits), its words.  A
# record that doesn't begin where the last one ended shows as nonsense.
events() {
	od -An -v -t x4 -w4 "$1" | awk '
	function hex(s,  i, n) {
		for (i = 1; i <= length(s); i++)
			n = n * 16 + index("0123456789abcdef", substr(s, i, 1)) - 1
		return n
	}
	left { left--; next }
	{
		word = $1
		top = hex(substr(word, 1, 1))		# has the time; number of words of data
		left = top % 8 + (top >= 8 ? 2 : 0)
		print "0" substr(word, 2), top % 8
	}'
}

# count FILE EVENT-REGEX
count() { events "$1" | grep -c "^$2 "; }

# Something to be seen: forks, faults, sleeps.
work() {
	for i in 1 2 3 4 5 6 7 8 9 10; do
		ls /proc >/dev/null
		sleep 0.05
	done
}

# traced FILE OPTIONS…: a file of two seconds.
traced() {
	file=$1
	shift
	xentrace -D -T 2 "$@" "$file" >/tmp/xentrace.out 2>&1 &
	work
	wait $! || { cat /tmp/xentrace.out; return 1; }
	[ -s "$file" ] || { echo "nothing was traced: $(cat /tmp/xentrace.out)"; return 1; }
}

# want FILE NAME EVENT LEAST
want() {
	n=$(count "$1" "$3")
	[ "$n" -ge "$4" ] || { echo "$n records of $2, not $4; $(events "$1" | sort | uniq -c | sort -rn | head -n 8)"; return 1; }
}

known='0\(001f00[0-9]\|002[1289][0-9a-f]*\|0041...\|010f...\|020[12]...\|080[12]...\)'

test_trace_all() {
	traced /tmp/all -S 64 || return 1
	want /tmp/all 'changes of run state' '00021..1' 20 || return 1
	want /tmp/all switches 0002800a 20 || return 1
	want /tmp/all hypercalls 0020100d 100 || return 1
	want /tmp/all 'page faults' '00201[01]04' 20 || return 1
	unknown=$(events /tmp/all | grep -vc "^$known")
	[ "$unknown" -eq 0 ] || { echo "$unknown records make no sense"; events /tmp/all | grep -v "^$known" | head; return 1; }
}

test_trace_some() {
	traced /tmp/some -e 0x00021000 || return 1
	want /tmp/some 'changes of run state' '00021..1' 20 || return 1
	others=$(events /tmp/some | grep -vc '^000\(21...\|1f00.\)')
	[ "$others" -eq 0 ] || { echo "$others records that nobody asked for"; return 1; }
}

# More happens than fits between two looks of xentrace: it's told.
test_trace_small() {
	traced /tmp/small -s 900 -e 0x0ffff000 || return 1
	[ "$(count /tmp/small 0020100d)" -ge 100 ] || { echo "$(count /tmp/small 0020100d) hypercalls"; return 1; }
	unknown=$(events /tmp/small | grep -vc "^$known")
	[ "$unknown" -eq 0 ] || { echo "$unknown records make no sense"; return 1; }
}

test_perf() {
	xenperf -r || return 1
	work
	xenperf >/tmp/perf || return 1
	for name in hypercalls exceptions interrupts 'sched: context switches' 'evtchn\|event channel sends'; do
		grep -q "^\($name\) .*T= *[1-9]" /tmp/perf || { echo "no $name"; cat /tmp/perf; return 1; }
	done
}
