# The hypervisor: one flat multiboot image, build/hypervisor/xylem, and xylem-syms with its symbols.

HV_CFLAGS := $(CFLAGS) -ffreestanding -mgeneral-regs-only -mno-red-zone -fPIE -fvisibility=hidden \
	-fno-stack-protector -fcf-protection=none -fno-asynchronous-unwind-tables -fno-plt \
	-fno-jump-tables -iquote hypervisor -iquote hypervisor/x86
HV_ASFLAGS := -g -iquote hypervisor -iquote hypervisor/x86 -MMD -MP

HV_SRC += hypervisor/string.c
HV_ASM += hypervisor/x86/boot.S

HV_OBJS = $(HV_ASM:%.S=$(O)/hv/%.o) $(HV_SRC:%.c=$(O)/hv/%.o)

$(O)/hv/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(HV_CFLAGS) -c -o $@ $<

$(O)/hv/%.o: %.S
	@mkdir -p $(@D)
	$(CC) $(HV_ASFLAGS) -c -o $@ $<
HV_SRC += hypervisor/calendar.c hypervisor/cmdline.c hypervisor/console.c hypervisor/format.c
HV_SRC += hypervisor/keys.c hypervisor/options.c hypervisor/printk.c hypervisor/wallclock.c
HV_SRC += hypervisor/x86/console_sinks.c hypervisor/x86/serial.c hypervisor/x86/serial_options.c

UNIT_TESTS += format cmdline platform_parts
test_format_SRC := hypervisor/format.c
test_cmdline_SRC := hypervisor/cmdline.c hypervisor/options.c
test_platform_parts_SRC := hypervisor/calendar.c hypervisor/cmdline.c hypervisor/x86/serial_options.c
HV_SRC += hypervisor/x86/acpi.c hypervisor/x86/acpi_tables.c
HV_SRC += hypervisor/x86/apic.c hypervisor/x86/clocks.c hypervisor/x86/cmos.c hypervisor/x86/ioapic.c
HV_SRC += hypervisor/x86/irq.c hypervisor/x86/pic.c hypervisor/x86/time.c hypervisor/x86/tsc_scale.c

# Kernel images: formats, decompressors, ELF.  Freestanding, and on the host for tests and fuzzers.
HV_UNPACK_SRC := $(addprefix hypervisor/,crc.c fse.c inflate.c lzma2.c unlz4.c unpack.c unxz.c unzstd.c zhuff.c)
HV_SRC += $(HV_UNPACK_SRC) hypervisor/bzimage.c hypervisor/elf.c

UNIT_TESTS += unpack bzimage elf
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
HV_SRC += hypervisor/sched.c hypervisor/sched_credit.c hypervisor/sched_op.c hypervisor/softirq.c
HV_SRC += hypervisor/timer.c hypervisor/vcpu.c

# The core as unit tests see it: real, on a fake machine.
HV_CORE_SRC := tests/fake/fake.c $(addprefix hypervisor/,domain.c evtchn.c evtchn_2l.c evtchn_fifo.c page.c \
	sched.c sched_credit.c sched_op.c softirq.c timer.c vcpu.c)
HV_CORE_TESTS := timer evtchn evtchn_fifo sched_credit vcpu
UNIT_TESTS += $(HV_CORE_TESTS)
$(foreach t,$(HV_CORE_TESTS),$(eval test_$(t)_SRC := $(HV_CORE_SRC)))
