# What domain 0 runs for tests/system/xl-devices, after xl.d/tests.sh: disks, networks and shared pages.
# shellcheck shell=sh disable=SC2154

sum_of() { md5sum | cut -d ' ' -f 1; }

# in_guest NAME COMMAND: runs it there; what it says is what this says, and so is its status.
in_guest() {
	ran=$(($(cat /tmp/ran 2>/dev/null || echo 0) + 1))
	echo $ran >/tmp/ran
	log=$(guest_log "$1")
	tty=$(xenstore-read "/local/domain/$(xl domid "$1")/console/tty") || return 1
	from=$(wc -c <"$log")
	echo "$ran $2" >"$tty"
	said "$1" "^RAN $ran " || { echo "it was to run: $2"; return 1; }
	tail -c +$((from + 1)) "$log" | tr -d '\r' | sed -n "/^RAN $ran /q; p"
	return "$(tr -d '\r' <"$log" | sed -n "s/^RAN $ran //p")"
}

# is WANTED COMMAND…: that's what it says.
is() {
	wanted=$1
	shift
	found=$("$@")
	[ "$found" = "$wanted" ] || { echo "'$*' says '$found', not '$wanted'"; return 1; }
}

disk="'format=raw,vdev=xvda,access=rw,target=/root/disk'"

device_guest() {		# NAME [ARGUMENTS OF ITS KERNEL] LINE…
	name=$1 arguments=$2
	shift 2
	guest "$name" "stay $arguments" "$@" && said "$name" 'GUEST UP'
}

test_devices() {
	for module in xen-blkback xen-netback loop bridge; do
		modprobe $module || return 1
	done
	ip link set lo up
	brctl addbr br0 && ip addr add 10.9.0.1/24 dev br0 && ip link set br0 up || return 1
	mkdir -p /root /srv
	head -c 16777216 /dev/urandom >/root/disk && truncate -s 33554432 /root/disk || return 1
	head -c 4194304 /dev/urandom >/srv/blob
	httpd -p 10.9.0.1:80 -h /srv || return 1
	device_guest alpha '' "disk=[$disk]" "vif=['mac=00:16:3e:00:00:0a,bridge=br0']" "vcpus=2" || return 1
	device_guest beta grant_table.version=2 "vif=['mac=00:16:3e:00:00:0b,bridge=br0']" || return 1
	grep -a -q 'Grant tables using version 2' "$(guest_log beta)" || { grep -a Grant "$(guest_log beta)"; return 1; }
	in_guest alpha 'ip addr add 10.9.0.10/24 dev eth0; ip link set eth0 up' &&
		in_guest beta 'ip addr add 10.9.0.11/24 dev eth0; ip link set eth0 up'
}

# The console takes what is typed to the guest and brings back what it says; Ctrl-] ends it.  (xl console becomes
# xenconsole, which listens to a terminal alone, unless it is told.)
test_console() {
	mkfifo /tmp/typed
	(/usr/lib/xen-4.17/bin/xenconsole --interactive "$(xl domid alpha)" </tmp/typed >/tmp/heard; echo OVER >>/tmp/heard) &
	exec 8>/tmp/typed
	echo '0 echo SUM=$((40 + 2))' >&8
	heard '^SUM=42' && sleep 1 && printf '\035' >&8 && heard '^OVER'
	rc=$?
	exec 8>&-
	return $rc
}

heard() {
	waited=0
	until grep -a -q "$1" /tmp/heard; do
		sleep 0.5
		waited=$((waited + 1))
		[ $waited -lt 120 ] || { echo "no '$1'"; tail -n 5 /tmp/heard; return 1; }
	done
}

half() { dd if="$1" bs=1M skip=$(($2 * 16)) count=16 2>/dev/null | sum_of; }
half_there() { in_guest alpha "echo 3 >/proc/sys/vm/drop_caches; dd if=/dev/xvda bs=1M skip=$(($1 * 16)) count=16 2>/dev/null | md5sum | cut -d ' ' -f 1"; }

# The first half, which domain 0 wrote, is read and copied to the second; both sides see the same.
test_disk() {
	sum=$(half /root/disk 0)
	is "$sum" half_there 0 || return 1
	in_guest alpha 'dd if=/dev/xvda of=/dev/xvda bs=1M count=16 seek=16 conv=notrunc,fsync 2>/dev/null && sync' || return 1
	is "$sum" half_there 1 || return 1
	is "$sum" half /root/disk 1 || return 1
	xl block-detach alpha xvda || return 1
	in_guest alpha 'i=0; while [ -e /sys/block/xvda ] && [ $i -lt 100 ]; do sleep 0.1; i=$((i + 1)); done; [ ! -e /sys/block/xvda ]' ||
		{ echo "it is still there"; return 1; }
	xl block-attach alpha format=raw,vdev=xvda,access=rw,target=/root/disk || return 1
	in_guest alpha 'i=0; while [ ! -b /dev/xvda ] && [ $i -lt 100 ]; do sleep 0.1; i=$((i + 1)); done; [ -b /dev/xvda ]' || return 1
	is "$sum" half_there 1 && is "$sum" half_there 0
}

fetch() { wget -q -O - "http://10.9.0.$1/blob" | sum_of; }
fetch_there() { in_guest "$1" "wget -q -O - http://10.9.0.$2/blob | md5sum | cut -d ' ' -f 1"; }

# All three talk to each other over the bridge, and files come over as they were.
test_network() {
	for name in alpha beta; do
		in_guest $name 'ping -c 3 -W 5 10.9.0.1 >/dev/null' || { echo "$name finds nobody"; return 1; }
		in_guest $name 'mkdir -p /srv; head -c 4194304 /dev/urandom >/srv/blob; httpd -h /srv' || return 1
		in_guest $name "md5sum </srv/blob | cut -d ' ' -f 1" >/tmp/sum.$name
	done
	ours=$(sum_of </srv/blob)
	is "$ours" fetch_there alpha 1 && is "$ours" fetch_there beta 1 || return 1
	is "$(cat /tmp/sum.alpha)" fetch 10 && is "$(cat /tmp/sum.beta)" fetch 11 || return 1
	is "$(cat /tmp/sum.beta)" fetch_there alpha 11 && is "$(cat /tmp/sum.alpha)" fetch_there beta 10 || return 1
	in_guest alpha 'ping -c 20 -i 0.05 -s 1400 -W 5 10.9.0.11 >/dev/null'
}

# refs NAME: those that it offered.
refs() { in_guest "$1" 'i=0; until grep REFS /tmp/offer || [ $i -gt 100 ]; do sleep 0.1; i=$((i + 1)); done' | sed -n 's/^REFS //p'; }
offer() { in_guest "$1" "shares offer $2 8 >/tmp/offer 2>&1 &"; }
answered() { in_guest "$1" 'wait; cat /tmp/offer' | grep -q '^ANSWERED'; }

# Pages shared by gntalloc are mapped and copied by gntdev: between guest and domain 0, and guest and guest.
test_shares() {
	alpha=$(xl domid alpha) beta=$(xl domid beta)
	for name in alpha beta; do
		for how in take copy; do
			offer $name 0 && r=$(refs $name) || return 1
			shares $how "$(xl domid $name)" $r && answered $name || { echo "$how of $name's '$r'"; return 1; }
		done
		shares offer "$(xl domid $name)" 8 >/tmp/offer &
		sleep 1
		in_guest $name "shares take 0 $(sed -n 's/^REFS //p' /tmp/offer)" || return 1
		wait $! || { cat /tmp/offer; return 1; }
	done
	offer alpha "$beta" && r=$(refs alpha) || return 1
	shares peek "$alpha" ${r%% *} || { echo "domain 0 sees what isn't granted to it"; return 1; }
	in_guest beta "shares copy $alpha $r" && answered alpha || return 1
	offer beta "$alpha" && r=$(refs beta) && in_guest alpha "shares take $beta $r" && answered beta
}

# Its devices come along through save and restore.
test_device_save() {
	sum=$(half /root/disk 0)
	xl save alpha /tmp/alpha.img && xl restore /tmp/alpha.img && rm /tmp/alpha.img || return 1
	is "$sum" half_there 1 || return 1
	in_guest alpha 'ping -c 3 -W 5 10.9.0.1 >/dev/null && ping -c 3 -W 5 10.9.0.11 >/dev/null' || return 1
	is "$(sum_of </srv/blob)" fetch_there alpha 1
}

zombies() { xl list | awk '$1 == "(null)" && $5 ~ /d$/ { n++ } END { print n + 0 }'; }
listed() { xl list | wc -l; }

# A guest has the pages of another mapped, which stays a zombie until the first has died as well.
test_share_death() {
	alpha=$(xl domid alpha) beta=$(xl domid beta)
	offer alpha "$beta" && r=$(refs alpha) || return 1
	in_guest beta "shares hold $alpha $r >/tmp/held 2>&1 &" || return 1
	in_guest beta 'i=0; until grep -q HELD /tmp/held || [ $i -gt 100 ]; do sleep 0.1; i=$((i + 1)); done; grep HELD /tmp/held' ||
		return 1
	xl destroy alpha && gone alpha && until_says 1 zombies || return 1
	xl destroy beta && gone beta && until_says 2 listed
}

# Destroyed while everything is busy, again and again; nothing is left behind.
test_device_death() {
	i=0
	while [ $i -lt 3 ]; do
		device_guest alpha '' "disk=[$disk]" "vif=['mac=00:16:3e:00:00:0a,bridge=br0']" "vcpus=2" || return 1
		in_guest alpha 'ip addr add 10.9.0.10/24 dev eth0; ip link set eth0 up' || return 1
		in_guest alpha '(while :; do dd if=/dev/xvda of=/dev/xvda bs=1M count=16 seek=16 conv=notrunc,fsync; done) 2>/dev/null &'
		in_guest alpha '(while :; do wget -q -O /dev/null http://10.9.0.1/blob; done) &'
		sleep 1
		xl destroy alpha && gone alpha && until_says 2 listed || return 1
		sleep 1
		free=$(free_kib)
		[ $i -lt 2 ] || [ "$free" = "$before" ] || { echo "$before KiB were free, now $free"; return 1; }
		before=$free i=$((i + 1))
	done
}
