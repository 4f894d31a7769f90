
# Our xenstored with Debian's xl (tests/system/xenstore).
PATH=/ours:$PATH
xs_log=/var/log/xen/guest-g1.log
# What a guest says whose disk can be read and whose network answers.
works="net works disk first"

xs_start() {
	/ours/xenstored --pid-file /run/xenstored.pid
}

# Debian's xenconsoled does not come back to a new daemon by itself: its socket died with the old one.
xs_consoles() {
	[ ! -e /run/xenconsoled.pid ] || kill -9 "$(cat /run/xenconsoled.pid)"
	xenconsoled --pid-file=/run/xenconsoled.pid --log=all --log-dir=/var/log/xen
}

xs_kill() {
	kill -9 "$(cat /run/xenstored.pid)" && xs_start && xs_consoles
}

# xs_wait SECONDS COMMAND…: until it succeeds.
xs_wait() {
	limit=$1
	shift
	while ! "$@"; do
		[ "$limit" -gt 0 ] || { echo "never: $*"; tail -n 3 $xs_log; return 1; }
		limit=$((limit - 1))
		sleep 1
	done
}

xs_last_tick() {
	tail -n 1 $xs_log | grep -q "GUEST TICK .*$1"
}

xs_ticks_on() {
	before=$(grep -c TICK $xs_log)
	sleep 4
	[ "$(grep -c TICK $xs_log)" -gt "$before" ] && xs_last_tick "$works"
}

test_xs_serves() {
	modprobe xen-blkback
	modprobe xen-netback
	modprobe loop
	xs_start && xs_consoles &&
		[ "$(xenstore-read /local/domain/0/name)" = Domain-0 ] &&
		[ "$(XENSTORED_PATH=/dev/xen/xenbus xenstore-read domid)" = 0 ] &&
		[ "$(/usr/bin/xenstore-read /local/pool/0/name)" = Pool-0 ]
}

test_xs_guest() {
	echo first >/root/disk0
	dd if=/dev/zero of=/root/disk0 bs=1M count=4 seek=1 2>/dev/null
	cat >/root/g1.cfg <<-END
		name="g1"
		type="pv"
		memory=96
		kernel="/guest/vmlinuz"
		ramdisk="/guest/initrd"
		extra="console=hvc0 quiet"
		disk=["format=raw,vdev=xvda,access=rw,target=/root/disk0"]
		vif=["script=/etc/xen/scripts/vif"]
	END
	xl create /root/g1.cfg && xs_wait 60 xs_last_tick "$works" && xl list g1
}

test_xs_killed() {
	for i in 1 2 3 4 5 6 7 8 9 10; do
		xs_kill || return 1
		xenstore-ls /local/domain/1 >/dev/null || return 1
	done
	xs_ticks_on
}

test_xs_attach() {
	dd if=/dev/zero of=/root/disk bs=1M count=4 2>/dev/null
	xl block-attach g1 format=raw,vdev=xvdb,access=rw,target=/root/disk && xs_kill &&
		xs_wait 20 xs_last_tick xvdb && xl network-attach g1 script=/etc/xen/scripts/vif &&
		xs_kill && xs_wait 20 xs_last_tick eth1
}

test_xs_update() {
	xenstore-watch -n 2 /tool/update >/run/watched &
	watcher=$!
	sleep 1
	xenstore-control live-update /ours/xenstored || return 1
	xenstore-write /tool/update 1
	xs_wait 5 grep -q . /run/watched && wait $watcher && xs_ticks_on
}

xs_no_xvdb() {
	! xs_last_tick xvdb
}

test_xs_detach() {
	xl block-detach g1 xvdb && xs_kill && xs_wait 20 xs_no_xvdb
}

test_xs_save() {
	xl save g1 /run/g1.save && ! xl domid g1 2>/dev/null
}

test_xs_restore() {
	xl restore /run/g1.save && xs_wait 20 xs_ticks_on
}

test_xs_destroy() {
	xl destroy g1 && sleep 2 && [ "$(xl list | wc -l)" = 2 ] &&
		[ "$(xenstore-list /local/domain)" = 0 ]
}

test_xs_sound() {
	xenstore-control check | grep '^OK'
}
