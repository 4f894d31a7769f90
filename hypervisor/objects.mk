# What hypervisor/ builds, tests and installs.

# Kernel images: formats, decompressors, ELF.  Freestanding, and on the host for tests and fuzzers.
HV_UNPACK_SRC := hypervisor/bzimage.c hypervisor/crc.c hypervisor/elf.c hypervisor/lzma2.c \
	hypervisor/unpack.c hypervisor/unxz.c
HV_SRC += $(HV_UNPACK_SRC)
