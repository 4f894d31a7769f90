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
