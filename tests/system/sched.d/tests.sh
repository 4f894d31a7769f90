# What domain 0 runs for tests/system/sched.
# shellcheck shell=sh disable=SC2154

# hog NAME [THEN]: a guest that doesn't sleep, or does THEN.
hog() {
	printf '%s\n' "name='$1'" "type='pv'" "kernel='/guest/domu.elf'" "memory=32" \
		"extra='then=${2:-spin}'" >"/tmp/$1.cfg"
	xl create -q "/tmp/$1.cfg"
}

# The CPU time it has had, in tenths of a second.
ran() { xl list "$1" | awk 'NR == 2 { print int($6 * 10 + 0.5) }'; }

uptime_tenths() { awk '{ print int($1 * 10 + 0.5) }' /proc/uptime; }

gone() { for name; do xl destroy "$name"; done; }

# between WHAT VALUE LEAST MOST
between() {
	[ "$2" -ge "$3" ] && [ "$2" -le "$4" ] || { echo "$1: $2, not $3 to $4"; return 1; }
}

# shares SECONDS A B: of what both had in that time, A's part in thousandths.
shares() {
	a=$(ran "$2") b=$(ran "$3")
	sleep "$1"
	a=$(($(ran "$2") - a)) b=$(($(ran "$3") - b))
	echo $((a * 1000 / (a + b)))
}

test_credit_weights() {
	hog a && hog b && xl sched-credit -d a -w 512 && xl sched-credit -d b -w 256 || return 1
	sleep 1
	between 'part of weight 512 beside 256, in thousandths' "$(shares 30 a b)" 650 683 || return 1
	xl sched-credit -d a -w 256
	sleep 1
	between 'part of one of two equals' "$(shares 20 a b)" 483 517
	rc=$?
	gone a b
	return $rc
}

test_credit_cap() {
	hog a && xl sched-credit -d a -c 50 || return 1
	sleep 1
	a=$(ran a) time=$(uptime_tenths)	# in the same order twice: asking takes time, too
	sleep 30
	a=$(($(ran a) - a)) time=$(($(uptime_tenths) - time))
	gone a
	between 'part of a CPU with a cap of 50 %, in thousandths' $((a * 1000 / time)) 470 530
}

# One that sleeps most of its time runs soon after it wakes, whoever else wants the CPU: not only when
# their slices are over.
test_credit_wakes() {
	hog a && hog b && hog c nap || return 1
	log=/var/log/xen/guest-c.log
	i=0
	until grep -q NAPS $log; do
		sleep 0.5
		i=$((i + 1))
		[ $i -lt 240 ] || { echo "no word of it"; cat $log; return 1; }
	done
	gone a b c
	half=$(sed -n 's/^NAPS half \([0-9]*\) .*/\1/p' $log)
	grep NAPS $log
	between 'microseconds from its time to its running, in half of the cases' "$half" 0 15000
}

# Weights hold as well among those that compete for one CPU of two, whatever runs on the other.
test_credit_pinned() {
	hog a && hog b && hog c && xl sched-credit -d a -w 512 || return 1
	xl vcpu-pin a 0 1 && xl vcpu-pin b 0 1 && xl vcpu-pin c 0 0 || return 1
	sleep 1
	between "part of weight 512 beside 256 on their CPU, in thousandths" "$(shares 30 a b)" 650 683
	rc=$?
	gone a b c
	return $rc
}

# Two that prefer different CPUs, and may use both, run where they prefer to.
test_credit_soft_affinity() {
	hog a && hog b && xl vcpu-pin a 0 - 1 && xl vcpu-pin b 0 - 1 || return 1
	xl vcpu-list a | awk 'NR == 2 && $9 == 1 { ok = 1 } END { exit !ok }' ||
		{ xl vcpu-list; return 1; }
	xl destroy b
	sleep 2
	i=0 there=0
	while [ $i -lt 20 ]; do
		[ "$(xl vcpu-list a | awk 'NR == 2 { print $4 }')" = 1 ] && there=$((there + 1))
		sleep 0.1
		i=$((i + 1))
	done
	gone a
	between 'looks out of 20 that found it where it prefers to be' $there 18 20
}
