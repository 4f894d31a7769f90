# The hypervisor: one flat multiboot image, build/hypervisor/xylem, and xylem-syms with its symbols.

HV_CFLAGS := $(CFLAGS) -ffreestanding -mgeneral-regs-only -mno-red-zone -fPIE -fvisibility=hidden \
	-fno-stack-protector -fcf-protection=none -fno-asynchronous-unwind-tables -fno-plt \
	-fno-jump-tables -include hypervisor/x86/visibility.h \
	-iquote hypervisor -iquote hypervisor/x86
HV_ASFLAGS := -g -iquote $(O)/hv -iquote hypervisor -iquote hypervisor/x86 -MMD -MP

# Memory, hypercalls, and what PV guests see of the machine.
HV_SRC += hypervisor/guest.c hypervisor/heap.c hypervisor/hypercall.c hypervisor/main.c hypervisor/memory.c
HV_SRC += hypervisor/page.c hypervisor/perf.c hypervisor/trace.c hypervisor/string.c hypervisor/version.c
HV_SRC += $(addprefix hypervisor/x86/,audit.c bootinfo.c bootmem.c cpu_features.c desc.c e820.c insn.c int128.c mm.c tlb.c pv_desc.c \
	pv_dom0.c pv_domain.c pv_emulate.c pv_hypercalls.c pv_io.c pv_memory.c pv_mm.c pv_mmu.c pv_msr.c pv_tree.c \
	pv_ptwr.c pv_traps.c pv_vcpu.c setup.c traps.c)
HV_ASM += hypervisor/x86/boot.S hypervisor/x86/entry.S

HV_OBJS = $(HV_ASM:%.S=$(O)/hv/%.o) $(HV_SRC:%.c=$(O)/hv/%.o) $(O)/hv/build.o
HV_IMAGE := $(O)/hypervisor/xylem
IMAGES += $(HV_IMAGE)

# The flat image that loaders take by the addresses in its multiboot headers.
$(HV_IMAGE): $(O)/hypervisor/xylem-syms
	objcopy -O binary $< $@

# Linked twice: the table of function names is made from the first, and doesn't move them in the second.
HV_LINK = ld -static -nostdlib -z max-page-size=4096 -z noexecstack --no-warn-rwx-segments \
	-T hypervisor/x86/xylem.lds

$(O)/hv/pass1: $(O)/hv/symbols-none.o
	@mkdir -p $(@D)
	$(call run,LD,$@)$(HV_LINK) -o $@ $(filter %.o,$^)

$(O)/hypervisor/xylem-syms: $(O)/hv/symbols-table.o
	@mkdir -p $(@D)
	$(call run,LD,$@)$(HV_LINK) -o $@ $(filter %.o,$^)

$(O)/hv/symbols-none.o: hypervisor/symbols.awk
	@mkdir -p $(@D)
	awk -f $< </dev/null | $(CC) -c -x assembler -o $@ -

$(O)/hv/symbols-table.o: $(O)/hv/pass1 hypervisor/symbols.awk
	nm -n $< | awk -f hypervisor/symbols.awk | $(CC) -c -x assembler -o $@ -

# Offsets for the assembly, from the C structures.
$(O)/hv/offsets.h: hypervisor/x86/offsets.c
	@mkdir -p $(@D)
	$(CC) $(HV_CFLAGS) -MT $@ -MF $(O)/hv/offsets.d -S -o - $< | sed -n 's/^#define/&/p' >$@

# What the build was: version.h.
$(O)/hv/build.c: Makefile
	@mkdir -p $(@D)
	{ echo '#include "version.h"'; \
	  echo 'const char build_version[] = "$(VERSION)";'; \
	  echo 'const char build_extraversion[] = ".0-xylem$(VERSION)";'; \
	  echo 'const char build_compiler[] = "$(shell $(CC) --version | head -n 1)";'; \
	  echo 'const char build_date[] = "$(shell LC_ALL=C date -u)";'; \
	  echo 'const char build_changeset[] = "$(shell git rev-parse --short HEAD 2>/dev/null)";'; } >$@
$(O)/hv/build.o: $(O)/hv/build.c
	$(call run,CC,$<)$(CC) $(HV_CFLAGS) -c -o $@ $<

$(O)/hv/%.o: %.c
	@mkdir -p $(@D)
	$(call run,CC,$<)$(CC) $(HV_CFLAGS) -c -o $@ $<

$(O)/hv/%.o: %.S $(O)/hv/offsets.h
	@mkdir -p $(@D)
	$(call run,CC,$<)$(CC) $(HV_ASFLAGS) -c -o $@ $<
# Kernel images: formats, decompressors, ELF.  Freestanding, and on the host for tests and fuzzers.
HV_UNPACK_SRC := $(addprefix hypervisor/,crc.c fse.c inflate.c lzma2.c unlz4.c unpack.c unxz.c unzstd.c zhuff.c)
HV_SRC += $(HV_UNPACK_SRC) hypervisor/bzimage.c hypervisor/elf.c

UNIT_TESTS += crc unpack bzimage elf
test_crc_SRC := hypervisor/crc.c
test_unpack_SRC := $(HV_UNPACK_SRC)
test_bzimage_SRC := $(HV_UNPACK_SRC) hypervisor/bzimage.c
test_elf_SRC := hypervisor/elf.c

FUZZERS += unpack elf
fuzz_unpack_SRC := $(HV_UNPACK_SRC)
fuzz_elf_SRC := $(HV_UNPACK_SRC) hypervisor/bzimage.c hypervisor/elf.c

# What test_unpack reads: data packed by the real tools.
UNPACK_DATA := $(O)/tests/unit/unpack-data
CHECK_NEEDS += $(UNPACK_DATA)/stamp
$(UNPACK_DATA)/stamp: tests/unit/unpack-data
	tests/unit/unpack-data $(UNPACK_DATA)
	touch $@
$(O)/san/tests/unit/test_unpack.o: USER_CFLAGS += -DUNPACK_DATA='"$(UNPACK_DATA)"'

# Who exists, who runs, what they tell each other.
HV_SRC += hypervisor/domain.c hypervisor/evtchn.c hypervisor/evtchn_2l.c hypervisor/evtchn_fifo.c
HV_SRC += hypervisor/gnttab.c hypervisor/gnttab_table.c hypervisor/sched.c hypervisor/sched_credit.c
HV_SRC += hypervisor/sched_op.c hypervisor/sched_place.c hypervisor/sched_sedf.c hypervisor/softirq.c
HV_SRC += hypervisor/timer.c hypervisor/vcpu.c hypervisor/x86/pv_grant.c
HV_SRC += hypervisor/sched.c hypervisor/sched_credit.c hypervisor/sched_op.c hypervisor/sched_place.c hypervisor/sched_sedf.c hypervisor/softirq.c
HV_SRC += hypervisor/timer.c hypervisor/vcpu.c hypervisor/gnttab.c hypervisor/gnttab_table.c hypervisor/x86/pv_grant.c

# The machine: console, clocks, interrupts, other CPUs, devices, shutdown and crashes.
HV_SRC += $(addprefix hypervisor/,calendar.c cmdline.c console.c format.c keys.c options.c panic.c printk.c \
	symbols.c wallclock.c)
HV_SRC += $(addprefix hypervisor/,ctl.c domctl.c domctl_vcpu.c sysctl.c)
HV_SRC += $(addprefix hypervisor/x86/,arch_sysctl.c cpu_policy.c pv_context.c pv_domctl.c topology.c)
HV_SRC += hypervisor/dump.c hypervisor/freeze.c hypervisor/x86/holders.c hypervisor/x86/arch_keys.c hypervisor/x86/mca.c
HV_SRC += $(addprefix hypervisor/x86/,acpi.c acpi_tables.c apic.c clocks.c cmos.c console_sinks.c crash.c \
	ioapic.c irq.c msi.c mtrr.c pci.c physdev.c pic.c platform.c serial.c serial_options.c shutdown.c smp.c \
	time.c tsc_scale.c vga.c vga_text.c watchdog.c)
HV_ASM += hypervisor/x86/trampoline.S

UNIT_TESTS += acpi cmdline format platform_parts tsc_scale
test_acpi_SRC := hypervisor/x86/acpi_tables.c
test_cmdline_SRC := hypervisor/cmdline.c hypervisor/options.c
test_format_SRC := hypervisor/format.c
test_platform_parts_SRC := hypervisor/calendar.c hypervisor/cmdline.c hypervisor/x86/serial_options.c \
	hypervisor/x86/vga_text.c
test_tsc_scale_SRC := hypervisor/x86/tsc_scale.c
FUZZERS += acpi
CHECK_SCRIPTS += tests/boot-options
fuzz_acpi_SRC := hypervisor/x86/acpi_tables.c

# The core as unit tests see it: real, on a fake machine.
HV_CORE_SRC := tests/fake/fake.c $(addprefix hypervisor/,ctl.c domain.c freeze.c evtchn.c evtchn_2l.c \
	evtchn_fifo.c gnttab.c gnttab_table.c memory.c page.c perf.c sched.c sched_credit.c sched_op.c \
	sched_place.c sched_sedf.c softirq.c timer.c trace.c vcpu.c)
HV_CORE_TESTS := timer freeze memory evtchn evtchn_fifo sched_credit vcpu gnttab gnttab_more sched_sedf core_random trace
UNIT_TESTS += $(HV_CORE_TESTS)
$(foreach t,$(HV_CORE_TESTS),$(eval test_$(t)_SRC := $(HV_CORE_SRC)))
UNIT_TESTS += domctl
test_domctl_SRC := $(HV_CORE_SRC) $(addprefix hypervisor/,domctl.c domctl_vcpu.c sysctl.c)

# The allocator by itself: the fake machine has another.
UNIT_TESTS += heap
test_heap_SRC := hypervisor/heap.c

# Page tables of PV guests, on the same machine.
UNIT_TESTS += pv_mm
test_pv_mm_SRC := $(HV_CORE_SRC) $(addprefix hypervisor/x86/,pv_mm.c pv_mmu.c pv_tree.c)

# GRUB's 20_linux_xen looks for /boot/xen-*; the symbols are for who reads a crash.
HV_NAME := xen-4.17-xylem$(VERSION)
define hypervisor_install
	install -d $(DESTDIR)/boot $(DESTDIR)/usr/lib/debug/boot $(DESTDIR)$(prefix)/share/man/man7
	gzip -9nc $(HV_IMAGE) >$(DESTDIR)/boot/$(HV_NAME).gz
	install -m 644 $(O)/hypervisor/xylem-syms $(DESTDIR)/usr/lib/debug/boot/$(HV_NAME)-syms
	install -m 644 man/xen-command-line.7 $(DESTDIR)$(prefix)/share/man/man7/
endef
INSTALL_STEPS += hypervisor_install

# Last, when all objects are known.
$(O)/hv/pass1 $(O)/hypervisor/xylem-syms: $(HV_OBJS) hypervisor/x86/xylem.lds
