# Booting it all in QEMU: Debian's kernel and Xen as the reference, domain 0's image, system tests.
HYPERVISOR := ours
export HYPERVISOR O

SYSTEM_NEEDS += $(O)/debian/ready $(O)/system/dom0.cpio $(O)/tests/system/expect $(GUEST_BINS)

# The list is a prerequisite through this file: a changed list unpacks what is new.
$(O)/debian/ready: Makefile tests/system/fetch
	tests/deps $(PACKAGES_RUN)
	tests/system/fetch $(O)/debian $(PACKAGES_REFERENCE)
	touch $@

IMAGE_PARTS := tests/system/image $(wildcard tests/system/dom0/*)

$(O)/system/dom0.cpio: $(O)/debian/ready $(IMAGE_PARTS)
	@mkdir -p $(@D)
	tests/system/image $@ $(O)/debian none

$(O)/system/dom0-debian.cpio: $(O)/debian/ready $(IMAGE_PARTS)
	@mkdir -p $(@D)
	tests/system/image $@ $(O)/debian debian

$(O)/tests/system/expect: $(addprefix $(O)/tests/system/,expect.o screen.o)
	$(CC) $(USER_LDFLAGS) -o $@ $^

# What `make run` and the tests boot.
HYPERVISOR_ours   := $(O)/hypervisor/xylem
HYPERVISOR_debian := $(O)/debian/xen.elf
# `make run`: our tools with an example guest, GUEST=small or debian; or TOOLS=debian and no guest.
TOOLS := ours
GUEST := debian
GUEST_DISK_debian := $(O)/system/debian-root.img
GUEST_DISK_small  := $(O)/system/guest-small.img
RUN_DISK_ours     := $(GUEST_DISK_$(GUEST))
RUN_IMAGE_ours    := $(O)/system/run-$(GUEST).cpio
RUN_IMAGE_debian  := $(O)/system/dom0-debian.cpio

run:
	@tests/deps $(PACKAGES_BUILD) $(PACKAGES_RUN) $(PACKAGES_GUEST)
	@$(MAKE) all $(O)/debian/ready $(RUN_IMAGE_$(TOOLS)) $(RUN_DISK_$(TOOLS)) $(O)/tests/system/expect
	@DISK=$(RUN_DISK_$(TOOLS)) tests/system/run-dom0 $(HYPERVISOR_$(HYPERVISOR)) $(O)/debian/vmlinuz $(RUN_IMAGE_$(TOOLS))

SYSTEM_TESTS += tests/system/grub-menu tests/system/run tests/system/pygrub
SYSTEM_NEEDS += $(O)/system/run-small.cpio $(O)/system/guest-small.img
LONG_TESTS += tests/system/run-debian
LONG_NEEDS += $(O)/system/run-debian.cpio

RUN_PARTS := tests/system/run-image $(wildcard tests/system/run.d/*)

$(O)/system/run-%.cpio: $(O)/system/dom0-ours.cpio $(RUN_PARTS)
	@mkdir -p $(@D)
	tests/system/run-image dom0 $@ $(O)/debian $< $*

$(O)/system/guest-small.img: $(RUN_PARTS)
	@mkdir -p $(@D)
	tests/system/run-image disk $@

$(O)/system/debian-root.img: tests/system/debian-root-image
	@mkdir -p $(@D)
	tests/system/debian-root-image $@

SYSTEM_TESTS += $(addprefix tests/system/,guests dom0-devices dom0-console multiboot2 bad-boot)
SYSTEM_TESTS += $(addprefix tests/system/,trace xl-core sched-sedf)
LONG_TESTS += tests/system/sched
LONG_TESTS += $(addprefix tests/system/,guests-fuzz dom0-machines stress debian-root xl xend-ours)
LONG_NEEDS += $(O)/system/debian-root.img $(O)/system/dom0-debian.cpio

# A PV guest built by hand: tests the builder without xend, and on Debian's Xen, so that what fails is ours.
$(O)/tests/system/xend-build: $(O)/tests/system/xend-build.o $(BUILD_OBJS) $(HYP_OBJS) $(XS_OBJS) $(BASE_OBJS)
	$(CC) $(USER_LDFLAGS) -o $@ $^ $(BUILD_LIBS) $(HYP_LIBS)

SYSTEM_TESTS += tests/system/builder
SYSTEM_NEEDS += $(O)/system/dom0-debian.cpio $(O)/tests/system/xend-build

# Load generators for xenstored, and domains that never run for it to serve.
$(O)/tests/bench/xenstore-bench: $(addprefix $(O)/tests/bench/load/,main.o measure.o conn.o node.o dir.o \
		txn.o watch.o host.o update.o null.o)
	$(CC) $(USER_LDFLAGS) -o $@ $^

$(O)/tests/bench/xenstore-guests: $(O)/tests/bench/xenstore-guests.o $(CTL_OBJS) $(HYP_OBJS) $(BASE_OBJS)
	$(CC) $(USER_LDFLAGS) -o $@ $^ $(HYP_LIBS)

MARKS_AT := 0x5eed0000
MARKS_CFLAGS := -DMARKS_AT=$(MARKS_AT) -iquote tests/bench

# These run in domain 0 and in guests, whatever their libraries.
$(O)/tests/bench/tsc $(O)/tests/bench/took: $(O)/tests/bench/%: tests/bench/%.c tests/bench/marks.h
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(MARKS_CFLAGS) -static -no-pie -Wl,--section-start=.marks=$(MARKS_AT) -o $@ $<

# QEMU loads it.
$(O)/tests/bench/share.so: tests/bench/share.c tests/bench/marks.h
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(MARKS_CFLAGS) -fPIC -shared -o $@ $<

BENCH_NEEDS := $(O)/system/dom0-debian.cpio $(addprefix $(O)/tests/bench/,xenstore-bench xenstore-guests tsc took share.so)

bench: all $(SYSTEM_NEEDS) $(LONG_NEEDS) $(BENCH_NEEDS)
	tests/bench/run
	tests/bench/xenstore
	tests/bench/xm

.PHONY: bench-xenstore
bench-xenstore: all $(SYSTEM_NEEDS) $(BENCH_NEEDS)
	tests/bench/xenstore

# With what `make install` installs; it starts with xenstored alone, or with all of it once xend is there.
$(O)/system/dom0-ours.cpio: $(O)/debian/ready $(IMAGE_PARTS) $(PROGRAMS)
	rm -rf $(O)/system/ours
	$(MAKE) -s install DESTDIR=$(abspath $(O)/system/ours)
	rm -rf $(O)/system/ours/boot $(O)/system/ours/usr/lib/debug $(O)/system/ours/usr/share
	tests/system/image $@ $(O)/debian ours $(O)/system/ours

# Lives and deaths of domains, by the hundred.
$(O)/tests/system/lives: $(O)/tests/system/lives.o $(BUILD_OBJS) $(HYP_OBJS) $(BASE_OBJS)
	$(CC) $(USER_LDFLAGS) -o $@ $^ $(BUILD_LIBS) $(HYP_LIBS)

SYSTEM_TESTS += tests/system/death
SYSTEM_NEEDS += $(O)/tests/system/lives $(O)/system/dom0-debian.cpio

# Static, for a guest's small initramfs.
$(O)/tests/system/shares: $(O)/tests/system/shares.o
	$(CC) -static -o $@ $^ -lxengnttab -lxencall -lxentoolcore -lxentoollog

SYSTEM_TESTS += tests/system/xl-devices-core
LONG_TESTS += tests/system/xl-devices
SYSTEM_NEEDS += $(O)/tests/system/shares

# What README shows, typed on a terminal.
SYSTEM_TESTS += tests/system/session
SYSTEM_NEEDS += $(O)/system/dom0-ours.cpio

# Static, for a guest without anything else.
$(O)/tests/system/registers: $(O)/tests/system/registers.o
	$(CC) -static -o $@ $^

LONG_TESTS += tests/system/registers
LONG_NEEDS += $(O)/tests/system/registers
