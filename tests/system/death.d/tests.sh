# What domain 0 runs for tests/system/death: lives by the hundred (tests/system/lives.c), and zombies.
# shellcheck shell=sh disable=SC2154

seed=${seed:-1}

lives() {		# SCENARIO COUNT
	timeout $((600 * ${times:-1})) lives "$1" $(($2 * ${times:-1})) "$seed" /guest/domu.elf
}

test_lives_whole() { lives whole 100; }
test_lives_crash() { lives crash 20; }
test_lives_cut() { lives cut 60; }
test_lives_killed() { lives killed 60; }
test_lives_foreign() { lives foreign 30; }
test_lives_grants() { lives grants 20; }
test_lives_holder() { lives holder 20; }
test_lives_race() { lives race 20; }
test_lives_crowd() { timeout 600 lives crowd 1 "$seed" /guest/domu.elf; }

# A debug key tells what keeps a zombie: mappings of its frames, and grants.
test_zombies() {
	mkfifo /tmp/hold
	lives hold 2 1 /guest/domu.elf </tmp/hold >/tmp/held &
	exec 9>/tmp/hold
	i=0
	until grep -q HELD /tmp/held; do
		sleep 0.1
		i=$((i + 1))
		[ $i -lt 300 ] || { cat /tmp/held; return 1; }
	done
	xl dmesg -c >/dev/null
	xl debug-keys Z
	xl dmesg >/tmp/zombies
	exec 9>&-
	wait
	grep -q 'Zombies: 2' /tmp/zombies && grep -q 'frame .* of domain [0-9]*: mapped by domain 0.* writable' /tmp/zombies &&
		grep -q 'grant [0-9]*: mapped by domain 0, handle' /tmp/zombies && grep -q 'more grants mapped by domain 0' /tmp/zombies ||
		{ cat /tmp/zombies; return 1; }
	xl debug-keys Z
	xl dmesg | grep -q 'Zombies: 0' || { echo "they stay"; xl list; return 1; }
}
