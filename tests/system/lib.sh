# What the system tests share: one boot of QEMU, and its verdict as TAP.  Sourced from the top directory.
# shellcheck shell=sh disable=SC2034

O=${O:-build}
HYPERVISOR=${HYPERVISOR:-ours}		# or debian, for Debian's Xen
case $HYPERVISOR in
ours)	hypervisor=$O/hypervisor/xylem always_args= ;;
# QEMU's XSAVE and XRSTOR don't heed CR0.TS (SDM 2, XSAVE: #NM), by which Xen restores vector registers lazily on
# AMD's processors: domains would find each other's values in theirs.
debian)	hypervisor=$O/debian/xen.elf always_args=spec-ctrl=eager-fpu ;;
*)	echo "Bail out! HYPERVISOR=$HYPERVISOR is neither ours nor debian"; exit 1 ;;
esac
expect=$O/tests/system/expect
kernel=$O/debian/vmlinuz
work=${TMPDIR:-/tmp}/xylem-test.$$
logs=$O/logs/$HYPERVISOR
mkdir -p "$work" "$logs"
trap 'rm -rf "$work"' EXIT
trap 'exit 1' INT TERM

tap=0

tap_result() {			# tap_result STATUS NAME [WHY]
	tap=$((tap + 1))
	if [ "$1" -eq 0 ]; then
		echo "ok $tap - $2"
	else
		echo "not ok $tap - $2${3:+: $3}"
	fi
}

tap_skip() {			# tap_skip NAME WHY
	tap=$((tap + 1))
	echo "ok $tap - $1 # SKIP $2"
}

tap_plan() {
	echo "1..$tap"
}

# A boot's settings; boot_reset gives each its default.
boot_reset() {
	machine=pc cpus=1 memory=512 cpu=max,-smap,-smep accel=tcg
	hv_args='loglvl=all' modules= cdrom= limit=600 script=
	qemu_more=
}

# What a healthy run never prints.
boot_failures='fail Panic on CPU
fail FATAL TRAP
fail Kernel panic
fail Xen BUG at
fail XYLEM PANIC
'

# qemu_run COMMAND… -- QEMU-ARGUMENTS…: the machine as set, started by COMMAND (expect, timeout …).
# modules= is multiboot's: files with their command lines, separated by commas.
qemu_run() {
	starter=
	while [ "$1" != -- ]; do
		starter="$starter $1"
		shift
	done
	shift
	# shellcheck disable=SC2086  # these hold several words each
	$starter qemu-system-x86_64 -accel "$accel" -machine "$machine" -cpu "$cpu" -smp "$cpus" -m "$memory" \
		-no-reboot $qemu_more "$@"
}

# boot NAME [QEMU-ARGUMENT…]: boots $hypervisor with $modules, or the ISO image $cdrom, follows $script on
# the serial line, and leaves the console in $log.
boot() {
	log=$logs/$1.log
	shift
	if [ -n "$cdrom" ]; then
		set -- -cdrom "$cdrom" "$@"
	else
		set -- -kernel "$hypervisor" -append "com1=115200,8n1 console=com1 $always_args $hv_args" \
			${modules:+-initrd "$modules"} "$@"
	fi
	printf '%s%s\n' "$boot_failures" "$script" >"$work/script"
	boot_once "$@"
	if [ $boot_status -eq 3 ] && ! grep -q '^TEST not ok' "$log"; then
		echo "# QEMU itself: $why ($log.died); once more"
		mv "$log" "$log.died"
		boot_once "$@"
	fi
}

# QEMU 7.2 looks for its debugger, and dies of there being none, when a watchpoint that a guest set is hit in a bad
# moment: once in some hundred lives of a fuzzer.  boot_status is 3 then.
boot_once() {
	qemu_run "$expect" -l "$work/log" -t "$limit" "$work/script" -- \
		-display none -serial stdio -monitor none -net none "$@" 2>"$work/why"
	boot_status=$?
	tr -d '\r' <"$work/log" >"$log"
	why=$(tail -n 1 "$work/why")
}

# dom0_boot NAME TESTS [QEMU-ARGUMENT…]: boots domain 0, which runs TESTS (comma separated; the last may
# be poweroff or reboot), and judges each.  kernel_args holds more for its command line.
dom0_boot() {
	name=$1 tests=$2
	shift 2
	args="console=hvc0 tests=$tests want_cpus=${vcpus:-$cpus} now=$(date +%s) $kernel_args"
	[ -n "$script" ] || script='wait ALL TESTS RAN
exit'
	if [ -n "$make_cdrom" ]; then
		cdrom=$work/boot.iso
		$make_cdrom "$args" || return 1
	else
		modules="$kernel $(echo "$args" | sed 's/,/,,/g'),$image"
	fi
	boot "$name" "$@"
	for test in $(echo "$tests" | tr , ' '); do
		dom0_judge "$name" "$test"
	done
}

dom0_judge() {
	case $2 in
	poweroff|reboot)
		tap_result $boot_status "$1: $2 ends the machine" "$why (see $log)"
		return ;;
	esac
	if grep -q "^TEST ok $2\$" "$log"; then
		tap_result 0 "$1: $2"
	else
		reason=$(sed -n "s/^TEST not ok $2: *//p" "$log" | tr -d '\r')
		tap_result 1 "$1: $2" "${reason:-no result; $why} (see $log)"
	fi
}

# guest_boot NAME GUEST [ARGUMENTS]: boots a test guest as domain 0 and passes on each of its results.  What
# $guest_script does comes before its end.
guest_boot() {
	name=$1
	modules="$O/tests/guest/$2.elf $3"
	# Xen 4.17 halts when its domain 0 powers off, ours ends the machine.
	case $HYPERVISOR in
	ours) end=exit ;;
	debian) end='wait halting machine' ;;
	esac
	script="fail Guest panic
$guest_script
wait ALL TESTS RAN
$end"
	boot "$name"
	while read -r word verdict rest; do
		case "$word $verdict" in
		"TEST ok") tap_result 0 "$name: $rest" ;;
		"TEST not") tap_result 1 "$name: ${rest#ok }" ;;
		esac
	done <"$log"
	tap_result $boot_status "$name: the guest runs to its end" "$why (see $log)"
}

# tree_pack DIRECTORY: an initramfs of it, on standard output.
tree_pack() {
	(cd "$1" && find . | cpio -o -H newc -R 0:0 --quiet)
}

# tree_libraries PROGRAM…: the libraries that they need go into $tree.
tree_libraries() {
	mkdir -p "$tree/usr/lib/x86_64-linux-gnu"
	for program; do
		ldd "$program" | sed -n 's/.*=> \(\/[^ ]*\).*/\1/p'
	done | sort -u | while read -r library; do
		cp -L "$library" "$tree/usr/lib/x86_64-linux-gnu/"
	done
}

# overlay_onto BASE: what is in $tree goes over domain 0's image BASE; $image is both.
overlay_onto() {
	tree_pack "$tree" >"$work/overlay"
	cat "$1" "$work/overlay" >"$work/dom0.cpio"
	image=$work/dom0.cpio
}

# vmlinux_unpack BZIMAGE OUT: the ELF inside (Linux: Documentation/x86/boot.rst), so that no guest's
# creation spends its time on decompression.
vmlinux_unpack() {
	sectors=$(od -An -tu1 -j 497 -N 1 "$1" | tr -d ' ')
	offset=$(od -An -tu4 -j 584 -N 4 "$1" | tr -d ' ')
	length=$(od -An -tu4 -j 588 -N 4 "$1" | tr -d ' ')
	tail -c +$(((sectors + 1) * 512 + offset + 1)) "$1" | head -c "$length" |
		xz -dc --single-stream >"$2" 2>/dev/null
	[ "$(head -c 4 "$2" | tail -c 3)" = ELF ] || echo "Bail out! no ELF in $1"
}

# fuzz_boot NAME ARGUMENTS: guest_boot for the fuzzer.  Our hypervisor audits its frame table by debug key A while
# the domain is still there.
fuzz_boot() {
	fuzz_args=$2
	case $HYPERVISOR in
	ours)
		fuzz_args="$fuzz_args linger=60"	# or until it is sent something
		guest_script='wait all actions are done
send \x01\x01\x01A
wait Audit:
wait frames, 0 wrong
send \x01\x01\x01
send go on' ;;
	esac
	guest_boot "$1" fuzz "$fuzz_args"
	guest_script=
}

image=$O/system/dom0.cpio
kernel_args= make_cdrom= guest_script=
boot_reset
