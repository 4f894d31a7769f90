# What domain 0 runs for tests/system/pygrub: guests whose kernels are on their own disks.
# shellcheck shell=sh disable=SC2154

# config NAME [LINE…]
config() {
	file=/tmp/$1.cfg
	cat >"$file" <<-END
	name = "$1"
	memory = 96
	bootloader = "pygrub"
	extra = "console=hvc0 from=config"
	disk = [ "phy:/dev/vda,xvda,w" ]
	END
	shift
	for line; do
		echo "$line" >>"$file"
	done
}

wait_for() {
	i=0
	until "$@" >/dev/null 2>&1; do
		sleep 0.5
		i=$((i + 1))
		[ $i -lt 480 ] || { echo "waited in vain for: $*"; xm list; return 1; }
	done
}

said() {		# NAME TEXT
	grep -aq "$2" "/var/log/xen/console/guest-$1.log"
}

is_gone() {
	xm list "$1" >/dev/null 2>&1
	[ $? -eq 3 ]
}

nothing_is_left() {
	[ -z "$(ls /var/run/xend/boot)" ] || { echo "left: $(ls /var/run/xend/boot/*)"; return 1; }
}

test_pygrub_start() {
	for module in xen-blkback virtio_pci virtio_blk; do
		modprobe $module || { echo "no $module"; return 1; }
	done
	mkdir -p /var/log/xen/console /var/lib/xend /run/xen-hotplug
	xenconsoled --pid-file=/run/xenconsoled.pid --log=all --log-dir=/var/log/xen/console
	xend start || return 1
	wait_for [ -b /dev/vda ]
}

test_pygrub_default() {
	config first
	xm create -q /tmp/first.cfg || return 1
	nothing_is_left || return 1
	wait_for said first 'GUEST UP entry=default console=hvc0 from=config DISK the disk of the guest' ||
		{ tail -n 5 /var/log/xen/console/guest-first.log; return 1; }
	xm destroy first
}

test_pygrub_entry() {
	config second 'bootargs = "--entry=rescue"'
	xm create -q /tmp/second.cfg || return 1
	wait_for said second 'GUEST UP entry=rescue console=hvc0' || return 1
	xm destroy second
}

test_pygrub_refused() {
	config third 'bootargs = "--entry=9"'
	xm create -q /tmp/third.cfg >/tmp/said 2>&1 && { echo "it was made"; return 1; }
	grep -q "^Error: Boot loader [^ ]*pygrub: The menu has no entry '9'" /tmp/said || { cat /tmp/said; return 1; }
	is_gone third || { echo "something of it is there"; return 1; }
	nothing_is_left || return 1
	config third 'bootloader = "/nonexistent/loader"'
	xm create -q /tmp/third.cfg 2>&1 | grep -q "Bootloader isn't executable: /nonexistent/loader"
}

# A terminal for `xm create -c`: down, Enter; then the guest's own words on the same terminal.
test_pygrub_menu() {
	config fourth
	: >/tmp/typescript
	(wait_for grep -aq 'Boot menu of' /tmp/typescript >/dev/null; printf '\033[B\r'
		wait_for grep -aq 'GUEST UP' /tmp/typescript >/dev/null; printf '\035') |
		script -q -f -c 'xm create -c /tmp/fourth.cfg' /tmp/typescript >/dev/null 2>&1 &
	wait_for grep -aq 'GUEST UP entry=rescue' /tmp/typescript || { cat /tmp/typescript; xm destroy fourth; return 1; }
	grep -aq 'Boot menu of /dev/vda' /tmp/typescript || { echo "no menu"; return 1; }
	nothing_is_left || return 1
	xm destroy fourth
}

# Each start reads the menu again.
test_pygrub_restart() {
	config fifth 'extra = "console=hvc0 then=reboot"' 'on_reboot = "restart"'
	xm create -q /tmp/fifth.cfg || return 1
	wait_for eval '[ "$(grep -ac "GUEST UP" /var/log/xen/console/guest-fifth.log)" -ge 2 ]' || return 1
	xm destroy fifth 2>/dev/null	# it may have been stopped: it restarts very often
	wait_for nothing_is_left
}
