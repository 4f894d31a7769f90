# What domain 0 runs for tests/system/devices.
# shellcheck shell=sh disable=SC2154

export PATH=/usr/sbin:$PATH

# config NAME LINE…
config() {
	file=/tmp/$1.cfg name=$1
	shift
	{
		printf '%s\n' "name = '$name'" "kernel = '/guest/vmlinuz'" "ramdisk = '/guest/initrd'" \
			"memory = 96" "on_reboot = 'restart'"
		printf '%s\n' "$@"
	} >"$file"
}

# guest NAME WORDS-FOR-ITS-COMMAND-LINE LINE…: created, and up.
guest() {
	name=$1 words=$2
	shift 2
	config "$name" "extra = 'console=hvc0 $words'" "$@"
	rm -f "$(log_of "$name")" "/tmp/$name.n"
	xm create -q "/tmp/$name.cfg" || return 1
	said "$name" 'GUEST UP'
}

log_of() { echo "/var/log/xen/console/guest-$1.log"; }

# said NAME REGEX: waits for it on the guest's console.
said() {
	i=0
	until grep -aq "$2" "$(log_of "$1")" 2>/dev/null; do
		sleep 0.3
		i=$((i + 1))
		[ $i -lt 200 ] || { echo "no '$2' from $1"; tail -n 12 "$(log_of "$1")"; return 1; }
	done
}

# in_guest NAME COMMAND: runs it there; its output and its status are ours.
in_guest() {
	n=$(($(cat "/tmp/$1.n" 2>/dev/null || echo 0) + 1))
	echo $n >"/tmp/$1.n"
	lines=$(wc -l <"$(log_of "$1")")
	tty=$(xenstore-read "/local/domain/$(xm domid "$1")/console/tty") || return 1
	printf '%s\n' "$2" >"$tty"
	said "$1" "DID $n " || return 1
	tail -n +$((lines + 1)) "$(log_of "$1")" | tr -d '\r' | grep -av "^DID $n "
	return "$(sed -n "s/^DID $n \([0-9]*\).*/\1/p" "$(log_of "$1")" | tr -d '\r' | tail -n 1)"
}

wait_for() {
	i=0
	until "$@" >/dev/null 2>&1; do
		sleep 0.3
		i=$((i + 1))
		[ $i -lt 120 ] || { echo "waited in vain for: $*"; return 1; }
	done
}

is_gone() {
	xm list "$1" >/dev/null 2>&1
	[ $? -eq 3 ]
}

# What devices leave in the host when they shouldn't.
leftovers() {
	losetup -a
	ls /sys/bus/xen-backend/devices
	xenstore-ls -f /local/domain/0/backend 2>/dev/null
	xenstore-ls -f /local/domain/0/error 2>/dev/null
	xenstore-ls -f /tool/xend/leaving 2>/dev/null
	ls /sys/class/net | grep '^vif'
	ls /sys/class/net/*/brif 2>/dev/null | grep vif
}

clean() {
	wait_for eval '[ -z "$(leftovers)" ]' || { echo "left over:"; leftovers; return 1; }
}

image() {		# NAME MIB
	dd if=/dev/zero of="$1" bs=1M count="$2" 2>/dev/null
}

refused() {		# REGEX COMMAND…: fails, and says so
	regex=$1
	shift
	if words=$("$@" 2>&1); then
		echo "'$*' succeeded"
		return 1
	fi
	echo "$words" | tr '\n' ' ' | grep -q -- "$regex" || { echo "'$*' said: $words"; return 1; }
}

test_devices_start() {
	echo 7 >/proc/sys/kernel/printk		# who crashes is said
	for module in loop llc stp bridge xen-netback xen-blkback; do
		modprobe $module
	done
	mkdir -p /srv
	mount -t tmpfs tmpfs /srv
	image /srv/a.img 16 && image /srv/b.img 4 && image /srv/c.img 8 || return 1
	sed -i 's/^#*(device-create-timeout.*//' /etc/xen/xend-config.sxp 2>/dev/null
	echo '(device-create-timeout 100)' >>/etc/xen/xend-config.sxp	# scripts are slow on a busy machine
	echo '(device-destroy-timeout 60)' >>/etc/xen/xend-config.sxp
	mkdir -p /var/log/xen/console /var/lib/xend /run/xen-hotplug
	xenconsoled --pid-file=/run/xenconsoled.pid --log=all --log-dir=/var/log/xen/console
	xend start || return 1
}

# Written, read, and read again by another guest and by domain 0.
test_devices_disk() {
	guest one '' "disk = [ 'file:/srv/a.img,xvda,w', 'tap:aio:/srv/b.img,xvdb1,r' ]" || return 1
	xm block-list one || return 1
	[ "$(xm block-list one | sed 1d | awk '{ print $1, $2, $4 }' | tr '\n' ';')" = '51712 0 4;51729 0 4;' ] ||
		{ echo "rows"; return 1; }
	xm block-list one -l | grep -q '(virtual-device 51712)' || { xm block-list one -l; return 1; }
	xm block-list one --json | grep -q '"id": 51712' || { xm block-list one --json; return 1; }
	in_guest one 'seq 1 200000 >/tmp/x; dd if=/tmp/x of=/dev/xvda bs=4k conv=fsync 2>/dev/null' || return 1
	sum=$(in_guest one 'head -c 1000000 /tmp/x | md5sum') || return 1
	again=$(in_guest one 'echo 3 >/proc/sys/vm/drop_caches; head -c 1000000 /dev/xvda | md5sum') || return 1
	[ "$sum" = "$again" ] || { echo "$sum is not $again"; return 1; }
	in_guest one 'dd if=/tmp/x of=/dev/xvdb1 bs=4k count=1 conv=fsync 2>/dev/null' && { echo "r is written"; return 1; }
	xm destroy one || return 1
	here=$(head -c 1000000 /srv/a.img | md5sum)
	[ "${here%% *}" = "${sum%% *}" ] || { echo "image $here, guest $sum"; return 1; }
	clean
}

# The old names of disks are the numbers that they ever were; Linux shows them as xvd.
test_devices_names() {
	guest names '' "disk = [ 'file:/srv/a.img,hda,w', 'file:/srv/b.img,sdb1,r', 'tap:aio:/srv/c.img,xvdc,w' ]" ||
		return 1
	[ "$(xm block-list names | sed 1d | awk '{ print $1 }' | sort -n | tr '\n' ' ')" = '768 2065 51744 ' ] ||
		{ xm block-list names; return 1; }
	in_guest names 'test -b /dev/xvda -a -b /dev/xvdb1 -a -b /dev/xvdc' || { in_guest names 'ls /dev/xvd*'; return 1; }
	xm block-detach names sdb1 && wait_for in_guest names 'test ! -e /dev/xvdb1' || return 1
	xm destroy names || return 1
	clean
}

test_devices_refused() {
	config bad "disk = [ 'file:/srv/none.img,xvda,w' ]"
	refused 'Error: /srv/none.img does not exist' xm create -q /tmp/bad.cfg || return 1
	config bad "disk = [ 'phy:nothing,xvda,w' ]"
	refused 'Error: Device 51712 (vbd) could not be connected. Backend device does not exist' \
		xm create -q /tmp/bad.cfg || return 1
	config bad "disk = [ 'tap:qcow2:/srv/a.img,xvda,w' ]"
	refused "are not served.*qemu-img convert" xm create -q /tmp/bad.cfg || return 1
	config bad "disk = [ 'drbd:r0,xvda,w' ]"
	refused 'Unable to run the script /etc/xen/scripts/block-drbd' xm create -q /tmp/bad.cfg || return 1
	config bad "vif = [ 'bridge=nobr' ]"
	refused 'Error: Device 0 (vif) could not be connected. Could not find bridge device nobr' \
		xm create -q /tmp/bad.cfg || return 1
	config bad "vif = [ '' ]"
	refused 'Could not find bridge, and none was specified' xm create -q /tmp/bad.cfg || return 1
	config bad "vif = [ 'mac=zz' ]"
	refused 'is no MAC address' xm create -q /tmp/bad.cfg || return 1
	config bad "vfb = [ 'type=vnc' ]"
	refused 'Devices of class vkbd are not available yet' xm create -q /tmp/bad.cfg || return 1
	config bad "disk = [ 'file:/srv/a.img,xvda,w,nobody' ]"
	refused 'Cannot configure device for unknown backend nobody' xm create -q /tmp/bad.cfg || return 1
	xm list | grep -q bad && { xm list; return 1; }
	clean
}

test_devices_attach() {
	guest two '' "disk = [ 'file:/srv/b.img,xvda,w' ]" || return 1
	xm block-attach two file:/srv/c.img xvdb w || return 1
	wait_for in_guest two 'test -b /dev/xvdb' || return 1
	in_guest two 'echo written >/dev/xvdb; sync' || return 1
	refused 'The device "xvdb" is already defined' xm block-attach two file:/srv/a.img xvdb w || return 1
	refused 'The file "/srv/c.img" is already used' xm block-attach two file:/srv/c.img xvdc w || return 1
	refused 'Invalid mode' xm block-attach two file:/srv/a.img xvdc x || return 1
	refused 'Unable to find number for device (foo)' xm block-attach two file:/srv/a.img foo w || return 1
	refused 'Device 9 not connected' xm block-detach two 9 || return 1
	refused 'Refusing to reconfigure device vbd:51728' xm block-configure two file:/srv/a.img xvdb w || return 1
	xm list -l two | grep -q 'file:/srv/c.img' || { echo "not in its configuration"; return 1; }
	xm block-detach two xvdb || return 1
	in_guest two 'test ! -b /dev/xvdb' || { echo "still there"; return 1; }
	xm list -l two | grep -q 'file:/srv/c.img' && { echo "still in its configuration"; return 1; }
	head -c 7 /srv/c.img | grep -q written || { echo "lost"; return 1; }
	losetup -a | grep c.img && { echo "a loop device is left"; return 1; }
	# Once more, by force and by number.
	xm block-attach two file:/srv/c.img xvdb r && xm block-detach two 51728 -f || return 1
	[ "$(xm block-list two | wc -l)" = 2 ] || { xm block-list two; return 1; }
	xm destroy two || return 1
	clean
}

# Who uses a disk is said.
test_devices_sharing() {
	image /srv/d.img 8 && mke2fs -F /srv/d.img >/dev/null || return 1
	loop=$(losetup -f --show /srv/d.img) || return 1
	mkdir -p /mnt/d
	modprobe crc32c_generic && modprobe ext4 && mount -t ext4 "$loop" /mnt/d || return 1
	config share "disk = [ 'phy:$loop,xvda,w' ]"
	refused "Device $loop is mounted in the privileged domain, and so cannot be mounted by a guest. It is used there: /mnt/d" \
		xm create -q /tmp/share.cfg || return 1
	config share "disk = [ 'file:/srv/d.img,xvda,r' ]"
	refused 'is mounted read-write in the privileged domain, and so cannot be mounted read-only' \
		xm create -q /tmp/share.cfg || return 1
	umount /mnt/d && losetup -d "$loop" || return 1
	guest first '' "disk = [ 'file:/srv/d.img,xvda,w' ]" || return 1
	refused 'is mounted in a guest domain, and so cannot be mounted now. It is used by domain first (' \
		xm create -q /tmp/share.cfg extra=x "disk=file:/srv/d.img,xvda,w" || return 1
	refused 'read-write in a guest domain' xm create -q /tmp/share.cfg || return 1
	guest shared '' "disk = [ 'file:/srv/d.img,xvda,w!' ]" || return 1
	xm destroy shared && xm destroy first || return 1
	guest first '' "disk = [ 'file:/srv/d.img,xvda,r' ]" || return 1
	guest second '' "disk = [ 'file:/srv/d.img,xvda,r' ]" || return 1
	xm destroy first && xm destroy second || return 1
	clean
}

test_devices_bridge() {
	bridge_up || return 1
	guest net 'addr=192.168.77.2/24' "vif = [ 'bridge=xenbr0, mac=00:16:3e:00:00:11, vifname=netlink' ]" || return 1
	xm network-list net
	xm network-list net | grep -q '^0   0  00:16:3e:00:00:11 .* 4 ' || return 1
	[ -e /sys/class/net/netlink ] || { echo "vifname is not used"; return 1; }
	ping -c 3 -W 3 192.168.77.2 >/dev/null || { echo "no answer from the guest"; return 1; }
	in_guest net 'ping -c 3 -W 3 192.168.77.1' || return 1
	xm network-attach net bridge=xenbr0 ip=192.168.77.9 || return 1
	wait_for in_guest net 'test -e /sys/class/net/eth1' || return 1
	mac=$(xm network-list net | awk '$1 == 1 { print $3 }')
	refused "The mac \"$mac\" is already defined" xm network-attach net mac=$mac || return 1
	refused 'Device 7 not connected' xm network-detach net 7 || return 1
	xm network-detach net $mac || return 1
	wait_for in_guest net 'test ! -e /sys/class/net/eth1' || return 1
	[ "$(ls /sys/class/net/xenbr0/brif)" = netlink ] || { ls /sys/class/net/xenbr0/brif; return 1; }
	xm destroy net || return 1
	clean
}

bridge_up() {
	[ -e /sys/class/net/xenbr0 ] && return 0
	ip link add name xenbr0 type bridge && ip addr add 192.168.77.1/24 dev xenbr0 && ip link set xenbr0 up
}

# Third parties' scripts: what they are given, and what becomes of their words.
test_devices_types() {
	image /srv/t.img 4
	loop=$(losetup -f --show /srv/t.img) || return 1
	: >/tmp/block-test.log
	guest third '' "disk = [ 'test:$loop,xvda,w' ]" || return 1
	in_guest third 'echo through a script >/dev/xvda; sync' || return 1
	xm destroy third || return 1
	[ "$(cat /tmp/block-test.log)" = "add $loop ACTION=add TYPE=vbd BASE=backend
remove $loop ACTION=remove TYPE=vbd BASE=backend" ] || { cat /tmp/block-test.log; return 1; }
	head -c 9 /srv/t.img | grep -q through || { echo "nothing written"; return 1; }
	losetup -d "$loop"
	clean
}

test_devices_failing() {
	config fails "disk = [ 'test:fail,xvda,w' ]"
	refused "Device 51712 (vbd) could not be connected. the test's disk is out of order" xm create -q /tmp/fails.cfg || return 1
	config fails "disk = [ 'test:mute,xvda,w' ]"
	refused 'could not be connected. words on stderr only' xm create -q /tmp/fails.cfg || return 1
	config fails "disk = [ 'test:hang,xvda,w' ]"
	sed -i 's/^(device-create-timeout.*/(device-create-timeout 10)/' /etc/xen/xend-config.sxp
	xend reload || return 1
	read -r before _ </proc/uptime
	refused 'Hotplug scripts not working' xm create -q /tmp/fails.cfg || return 1
	read -r after _ </proc/uptime
	[ $((${after%.*} - ${before%.*})) -lt 60 ] || { echo "took from $before to $after"; return 1; }
	! ps | grep -q '[b]lock-test' || { ps; return 1; }
	sed -i 's/^(device-create-timeout.*/(device-create-timeout 100)/' /etc/xen/xend-config.sxp
	xend reload || return 1
	# Ctrl-C of a create whose script hangs.
	xm create -q /tmp/fails.cfg &
	sleep 4
	kill -INT $!
	wait $!
	wait_for is_gone fails || return 1
	clean
}

# A guest that crashes, and one that is destroyed by another toolstack's hand.
test_devices_death() {
	bridge_up
	guest dies '' "disk = [ 'file:/srv/a.img,xvda,w' ]" "vif = [ 'bridge=xenbr0' ]" "on_crash = 'destroy'" || return 1
	tty=$(xenstore-read "/local/domain/$(xm domid dies)/console/tty")
	echo 'echo c >/proc/sysrq-trigger' >"$tty"
	wait_for is_gone dies || return 1
	clean || return 1
	guest dies 'addr=192.168.77.5/24' "disk = [ 'file:/srv/a.img,xvda,w' ]" "vif = [ 'bridge=xenbr0' ]" || return 1
	xend stop || return 1
	kill_domain "$(xm domid dies)" || return 1
	xend start || return 1
	wait_for is_gone dies || return 1
	clean
}

# Debian's xl knows nothing of our nodes: it only ends the domain.
kill_domain() {
	touch /etc/xen/xl.conf
	xl -f destroy "$1" >/dev/null 2>&1 || xl destroy "$1" >/dev/null 2>&1
	! xl list "$1" >/dev/null 2>&1
}

# A restart has the same devices, those attached since too, and the same address.
test_devices_restart() {
	bridge_up
	guest again '' "disk = [ 'file:/srv/a.img,xvda,w' ]" "vif = [ 'bridge=xenbr0' ]" || return 1
	xm block-attach again file:/srv/c.img xvdb w || return 1
	mac=$(xm network-list again | awk 'NR == 2 { print $3 }')
	id=$(xm domid again)
	tty=$(xenstore-read "/local/domain/$id/console/tty")
	echo 'reboot -f' >"$tty"
	wait_for eval '[ "$(xm domid again 2>/dev/null || echo '"$id"')" != '"$id"' ]' || return 1
	wait_for eval '[ "$(grep -ac "GUEST UP" "$(log_of again)")" = 2 ]' || { cat "$(log_of again)"; return 1; }
	wait_for eval 'xm block-list again | grep -q "^51728 .* 4 "' || { xm block-list again; return 1; }
	[ "$(xm network-list again | awk 'NR == 2 { print $3 }')" = "$mac" ] || { echo "was $mac"; xm network-list again; return 1; }
	xm destroy again || return 1
	clean
}

test_devices_managed() {
	config man "disk = [ 'file:/srv/a.img,xvda,w' ]"
	xm new -q /tmp/man.cfg || return 1
	xm block-attach man file:/srv/b.img xvdb r && xm network-attach man bridge=xenbr0 || return 1
	[ "$(xm block-list man | wc -l)" = 3 ] || { xm block-list man; return 1; }
	xm block-configure man file:/srv/c.img xvdb w || return 1
	refused 'Device 9 not connected' xm block-detach man 9 || return 1
	xm block-list man -l | grep -q /srv/c.img || { xm block-list man -l; return 1; }
	xm block-detach man xvdb && xm network-detach man 0 || return 1
	[ "$(xm block-list man | wc -l)" = 2 ] && [ -z "$(xm network-list man)" ] || return 1
	xm start man && xm destroy man && xm delete man || return 1
	clean
}

# Put away and brought back: disk, interface and what is in memory are as they were.
test_devices_suspend() {
	bridge_up
	mkdir -p /var/lib/xend/domains
	mount -t tmpfs -o size=200m tmpfs /var/lib/xend/domains
	config away "extra = 'console=hvc0 addr=192.168.77.21/24'" "vif = [ 'bridge=xenbr0' ]" \
		"disk = [ 'file:/srv/a.img,xvda,w', 'file:/srv/b.img,xvdb,r' ]"
	rm -f "$(log_of away)" /tmp/away.n
	xm new -q /tmp/away.cfg && xm start away && said away 'GUEST UP' || return 1
	in_guest away 'dd if=/dev/urandom of=/tmp/x bs=1k count=500 2>/dev/null; dd if=/tmp/x of=/dev/xvda bs=4k conv=fsync 2>/dev/null' || return 1
	sum=$(in_guest away 'md5sum </tmp/x') || return 1
	mac=$(xm network-list away | awk 'NR == 2 { print $3 }')
	xm suspend away || { tail -n 5 "$(log_of away)"; return 1; }
	clean || return 1
	[ "$(head -c 512000 /srv/a.img | md5sum)" = "$sum" ] || { echo "not written"; return 1; }
	[ "$(xm block-list away | wc -l)" = 3 ] || { xm block-list away; return 1; }
	xm resume away || return 1
	again=$(in_guest away 'echo 3 >/proc/sys/vm/drop_caches; head -c 512000 /dev/xvda | md5sum; md5sum </tmp/x') || return 1
	[ "$again" = "$sum
$sum" ] || { echo "$sum is not $again"; return 1; }
	in_guest away 'echo written after >/dev/xvda; sync' || return 1
	wait_for ping -c 2 -W 3 192.168.77.21 || return 1
	in_guest away 'ping -c 3 -W 3 192.168.77.1' || return 1
	[ "$(xm network-list away | awk 'NR == 2 { print $3 }')" = "$mac" ] || { echo "was $mac"; return 1; }
	[ "$(grep -ac 'GUEST UP' "$(log_of away)")" = 1 ] || { echo "booted again"; return 1; }
	xm destroy away && xm delete away || return 1
	head -c 13 /srv/a.img | grep -q 'written after' || { echo "lost"; return 1; }
	umount /var/lib/xend/domains
	clean
}

# Two guests and domain 0 on one bridge: each reaches each.
test_devices_two_bridged() {
	bridge_up
	guest b1 'addr=192.168.77.11/24' "vif = [ 'bridge=xenbr0' ]" || return 1
	guest b2 'addr=192.168.77.12/24' "vif = [ 'bridge=xenbr0, rate=10MB/s' ]" || return 1
	ping -c 2 -W 3 192.168.77.11 >/dev/null && ping -c 2 -W 3 192.168.77.12 >/dev/null || { echo "dom0"; return 1; }
	in_guest b1 'ping -c 3 -W 3 192.168.77.12' || return 1
	in_guest b2 'ping -c 3 -W 3 192.168.77.1' || return 1
	xm destroy b1 && xm destroy b2 || return 1
	clean
}

# A card of domain 0's, and the world behind it.
world_up() {
	[ -e /sys/class/net/eth0 ] && return 0
	ip link add eth0 type veth peer name world || return 1
	ip netns add far 2>/dev/null
	ip link set world netns far
	ip addr add 10.9.0.1/24 dev eth0 && ip link set eth0 up
	ip netns exec far ip addr add 10.9.0.2/24 dev world
	ip netns exec far ip link set world up
	ip netns exec far ip link set lo up
	ip route add default via 10.9.0.2
	ping -c 2 -W 3 10.9.0.2 >/dev/null
}

test_devices_routed() {
	modprobe veth 2>/dev/null || insmod /lib/modules/veth.ko 2>/dev/null
	world_up || { echo "no world"; return 1; }
	ip netns exec far ip route replace 192.168.78.0/24 via 10.9.0.1
	old=$(cat /proc/sys/net/ipv4/ip_forward)
	/etc/xen/scripts/network-route start && /etc/xen/scripts/network-route start || return 1
	guest r1 'addr=192.168.78.11/32 gw=10.9.0.1' "vif = [ 'script=vif-route, ip=192.168.78.11' ]" || return 1
	guest r2 'addr=192.168.78.12/32 gw=10.9.0.1' "vif = [ 'script=vif-route, ip=192.168.78.12' ]" || return 1
	in_guest r1 'ping -c 3 -W 3 192.168.78.12' || return 1
	in_guest r1 'ping -c 3 -W 3 10.9.0.2' || return 1
	ping -c 2 -W 3 192.168.78.12 >/dev/null || { echo "dom0"; return 1; }
	xm destroy r1 && xm destroy r2 || return 1
	/etc/xen/scripts/network-route stop || return 1
	[ "$(cat /proc/sys/net/ipv4/ip_forward)" = "$old" ] || { echo "forwarding stays"; return 1; }
	ip netns exec far ip route del 192.168.78.0/24
	clean
}

test_devices_nat() {
	for module in nfnetlink libcrc32c nf_defrag_ipv4 nf_defrag_ipv6 nf_conntrack nf_nat nf_tables nft_chain_nat nft_masq; do
		insmod /lib/modules/$module.ko 2>/dev/null
	done
	world_up || { echo "no world"; return 1; }
	/etc/xen/scripts/network-nat start && /etc/xen/scripts/network-nat start || return 1
	[ "$(nft list ruleset | grep -c masquerade)" = 1 ] || { nft list ruleset; return 1; }
	guest n1 'addr=10.77.0.11/32 gw=10.77.0.138' "vif = [ 'script=vif-nat, ip=10.77.0.11' ]" || return 1
	guest n2 'addr=10.77.0.12/32 gw=10.77.0.139' "vif = [ 'script=vif-nat, ip=10.77.0.12' ]" || return 1
	# The world has no route back to them: it answers domain 0.
	in_guest n1 'ping -c 3 -W 3 10.9.0.2' || return 1
	in_guest n1 'ping -c 3 -W 3 10.77.0.12' || return 1
	ping -c 2 -W 3 10.77.0.11 >/dev/null || { echo "dom0"; return 1; }
	xm destroy n1 && xm destroy n2 || return 1
	/etc/xen/scripts/network-nat stop || return 1
	[ -z "$(nft list ruleset)" ] || { nft list ruleset; return 1; }
	clean
}

network_of_host() {
	ip -o addr show scope global | sed 's/^[0-9]*: //; s/\\.*//'
	ip route
	ip -o link | sed 's/^[0-9]*: //; s/\\.*//; s/state.*//; s/@.*<//' | sort
}

# The card moves to a bridge and back; the world is reached all along; when it isn't, all is put back.
test_devices_network_bridge() {
	world_up || { echo "no world"; return 1; }
	network_of_host >/tmp/network.before
	script=/etc/xen/scripts/network-bridge
	$script start || return 1
	[ -d /sys/class/net/eth0/bridge ] && [ -e /sys/class/net/peth0 ] || { ip link; return 1; }
	ping -c 2 -W 3 10.9.0.2 >/dev/null || { echo "cut off"; return 1; }
	ip route | grep -q '^default via 10.9.0.2 dev eth0' || { ip route; return 1; }
	$script start || { echo "a second start"; return 1; }
	guest w1 'addr=10.9.0.11/24' "vif = [ 'bridge=xenbr0' ]" && { echo "xenbr0 is another bridge"; true; }
	xm destroy w1 2>/dev/null
	guest w1 'addr=10.9.0.11/24' "vif = [ 'bridge=eth0' ]" || return 1
	in_guest w1 'ping -c 3 -W 3 10.9.0.2' || return 1
	xm destroy w1 || return 1
	$script stop || return 1
	network_of_host >/tmp/network.after
	diff /tmp/network.before /tmp/network.after || return 1
	# The card keeps its name beside a bridge of another.
	$script start bridge=br9 && ping -c 2 -W 3 10.9.0.2 >/dev/null && $script stop bridge=br9 || return 1
	network_of_host >/tmp/network.after
	diff /tmp/network.before /tmp/network.after || return 1
	# Killed at any moment, the next start or stop goes on from there.
	for ms in 50 100 200 300 400 600 900; do
		$script start & victim=$!
		usleep $((ms * 1000))
		kill -9 $victim 2>/dev/null
		wait $victim 2>/dev/null
		$script start >/dev/null || { echo "no start after a kill at $ms ms"; ip addr; return 1; }
		ping -c 2 -W 3 10.9.0.2 >/dev/null || { echo "cut off after a kill at $ms ms"; ip addr; ip route; return 1; }
		$script stop
		network_of_host >/tmp/network.after
		diff /tmp/network.before /tmp/network.after || { echo "after a kill at $ms ms"; return 1; }
	done
	# A gateway that no longer answers: all is put back.
	(sleep 0.5; ip netns exec far ip link set world down; sleep 6; ip netns exec far ip link set world up) &
	if gateway_seconds=2 $script start; then
		$script stop
	fi
	wait
	wait_for ping -c 1 -W 1 10.9.0.2 || { ip addr; ip route; return 1; }
	network_of_host >/tmp/network.after
	diff /tmp/network.before /tmp/network.after
}

# Guests of a VLAN are on a bridge of its interface, and on no other's.
test_devices_vlan() {
	for module in garp mrp 8021q; do
		insmod /lib/modules/$module.ko 2>/dev/null
	done
	world_up || { echo "no world"; return 1; }
	network_of_host >/tmp/network.before
	ip link add link eth0 name eth0.7 type vlan id 7 && ip link set eth0.7 up || return 1
	ip netns exec far ip link add link world name world.7 type vlan id 7 &&
		ip netns exec far ip addr add 10.7.0.2/24 dev world.7 && ip netns exec far ip link set world.7 up || return 1
	script=/etc/xen/scripts/network-bridge
	$script start netdev=eth0.7 bridge=xenbr7 && $script start netdev=eth0.7 bridge=xenbr7 || return 1
	guest v7 'addr=10.7.0.11/24' "vif = [ 'bridge=xenbr7' ]" || return 1
	in_guest v7 'ping -c 3 -W 3 10.7.0.2' || return 1
	in_guest v7 'ping -c 2 -W 2 10.9.0.2' && { echo "the VLAN leaks"; return 1; }
	xm destroy v7 || return 1
	$script stop netdev=eth0.7 bridge=xenbr7 || return 1
	ip link delete eth0.7 && ip netns exec far ip link delete world.7
	network_of_host >/tmp/network.after
	diff /tmp/network.before /tmp/network.after || return 1
	clean
}

random() { echo $(($(od -An -N2 -tu2 /dev/urandom) % $1)); }

pids_of() { grep -lx "$1" /proc/[0-9]*/comm 2>/dev/null | cut -d/ -f3; }

# kill -9 of xend and of workers while devices come and go: nothing leaks, no job is lost.
test_devices_kill() {
	bridge_up
	guest keep '' "vif = [ 'bridge=xenbr0' ]" || return 1
	config k "disk = [ 'file:/srv/a.img,xvda,w', 'tap:aio:/srv/b.img,xvdb,r' ]" "vif = [ 'bridge=xenbr0', '' ]"
	round=0 killed=0
	while [ $round -lt "${rounds:-10}" ]; do
		round=$((round + 1))
		xm create -q /tmp/k.cfg >/tmp/create.out 2>&1 & maker=$!
		xm block-attach keep file:/srv/c.img xvdc w >/tmp/attach.out 2>&1 & giver=$!
		usleep $(($(random 3000) * 1000))
		for victim in $(pids_of "$([ "$(random 2)" = 0 ] && echo xend || echo xend-worker)"); do
			kill -9 "$victim" 2>/dev/null && killed=$((killed + 1))
		done
		wait $maker $giver
		wait_for xend status || return 1
		wait_for eval '[ -z "$(xm jobs)" ]' || { xm jobs; return 1; }
		xm destroy k >/dev/null 2>&1
		usleep $(($(random 1000) * 1000))
		[ "$(random 2)" = 0 ] || for victim in $(pids_of xend); do
			kill -9 "$victim" 2>/dev/null && killed=$((killed + 1))
		done
		xm block-detach keep xvdc -f >/dev/null 2>&1
		wait_for eval '[ -z "$(xm jobs)" ]' || { xm jobs; return 1; }
		xm block-detach keep xvdc -f >/dev/null 2>&1
		wait_for is_gone k || { xm destroy k; wait_for is_gone k; } || { xm list; return 1; }
		wait_for eval '[ -z "$(losetup -a)" ]' || { echo "round $round:"; losetup -a; leftovers; return 1; }
		[ "$(ls /sys/bus/xen-backend/devices | wc -l)" = 1 ] || { echo "round $round:"; leftovers; return 1; }
		echo "ROUND $round: $killed killed" >/dev/console
	done
	[ $killed -gt 0 ] || { echo "nothing was killed"; return 1; }
	in_guest keep 'true' || { echo "the other guest noticed"; return 1; }
	xm destroy keep || return 1
	clean
}
