# Tiny PV guests: each directory but common/ is one, an ELF64 with Xen notes that boots as domain 0.
GUESTS := hello abi bench pair fuzz domu
GUEST_BINS := $(GUESTS:%=$(O)/tests/guest/%.elf)

GUEST_CFLAGS := $(CFLAGS) -ffreestanding -fno-pic -fno-stack-protector -fcf-protection=none \
	-fno-asynchronous-unwind-tables -mcmodel=kernel -mno-red-zone -mgeneral-regs-only \
	-iquote tests/guest/common
GUEST_COMMON := start.o try.o guest.o console.o print.o mem.o clock.o bench.o
GUEST_LDFLAGS := -nostdlib -static -no-pie -Wl,--build-id=none -Wl,-z,max-page-size=4096 \
	-Wl,-z,noexecstack -Wl,-T,tests/guest/common/guest.lds

$(O)/tests/guest/%.o: tests/guest/%.c
	@mkdir -p $(@D)
	$(CC) $(GUEST_CFLAGS) -c -o $@ $<

$(O)/tests/guest/%.o: tests/guest/%.S
	@mkdir -p $(@D)
	$(CC) $(GUEST_CFLAGS) -D__ASSEMBLY__ -c -o $@ $<

define guest
$(O)/tests/guest/$(1).elf: $(patsubst %,$(O)/%.o,$(basename $(wildcard tests/guest/$(1)/*.[cS]))) \
		$(GUEST_COMMON:%=$(O)/tests/guest/common/%) tests/guest/common/guest.lds
	$$(CC) $$(GUEST_LDFLAGS) -o $$@ $$(filter %.o,$$^)
endef
$(foreach g,$(GUESTS),$(eval $(call guest,$(g))))
