# What xend/ builds, tests and installs.

# Hypercall wrappers, and the builder of domains (need HYP_OBJS and HYP_LIBS).
CTL_OBJS    := $(addprefix $(O)/xend/,domctl.o sysctl.o memop.o)
BUILD_OBJS  := $(addprefix $(O)/xend/,fault.o sandbox.o image.o image_cache.o image_elf.o \
	image_notes.o image_unpack.o layout.o build.o build_frames.o) $(CTL_OBJS)
BUILD_LIBS  := -llzma -lz -lzstd -llz4
