# What tests/system/suspend adds to the xend tests: domains put away and brought back.
# shellcheck shell=sh disable=SC2154

state_of() {		# NAME: the state's file
	echo /var/lib/xend/domains/"$(xm list --long "$1" | sed -n 's/^ *(uuid \(.*\))$/\1/p')"/checkpoint.chk
}

suspender() {		# NAME [LINE…]: a managed Linux guest that says every second how long it is up
	file=/tmp/$1.cfg
	printf 'name = "%s"\nkernel = "/guest/vmlinuz"\nramdisk = "/guest/initrd"\nmemory = 128\nextra = "console=hvc0 tick"\n' \
		"$1" >"$file"
	name=$1
	shift
	for line; do
		echo "$line" >>"$file"
	done
	xm new -q "$file" && xm start "$name"
}

ticks() {		# NAME: the last that it said
	grep -ao 'TICK [0-9]*' "/var/log/xen/console/guest-$1.log" | tail -n 1 | cut -d' ' -f2
}

ticks_on() {		# NAME TICK
	[ "$(ticks "$1")" -gt "$2" ]
}

test_suspend_whole() {
	fresh
	suspender sus 'vcpus = 2' || return 1
	wait_for said sus 'TICK 3' || { tail -n 5 /var/log/xen/console/guest-sus.log; return 1; }
	xm suspend sus || { tail -n 20 /var/log/xen/console/guest-sus.log; return 1; }
	xm list sus | grep -q '^sus ' || return 1
	last=$(ticks sus)
	ls -l "$(state_of sus)" || return 1
	xm resume sus || return 1
	wait_for ticks_on sus $((last + 2)) || { tail -n 20 /var/log/xen/console/guest-sus.log; xm list; xm dmesg | tail -n 20; return 1; }
	xm destroy sus
	xm delete sus
	all_is_as_before "$(cat /tmp/free.before)" /tmp/nodes.before
}
