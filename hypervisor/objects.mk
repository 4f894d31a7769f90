# What hypervisor/ builds, tests and installs.

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
