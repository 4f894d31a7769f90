# What xenstore/ builds, tests and installs.

# What every user-space part uses: log, buffer, event loop, the door to the hypervisor.
BASE_OBJS := $(addprefix $(O)/xenstore/,log.o buf.o loop.o)
HYP_OBJS  := $(O)/xenstore/hyp.o
HYP_LIBS  := -lxencall -lxenforeignmemory -lxengnttab -lxenevtchn
# The XenStore client library (needs BASE_OBJS).
XS_OBJS   := $(O)/xenstore/xs.o

UNIT_TESTS += loop buf
test_loop_SRC := xenstore/loop.c
test_buf_SRC := xenstore/buf.c
