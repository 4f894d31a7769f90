# What xenstore/ builds, tests and installs.

# What every user-space part uses: log, buffer, event loop, the door to the hypervisor.
BASE_OBJS := $(addprefix $(O)/xenstore/,log.o buf.o loop.o)
HYP_OBJS  := $(O)/xenstore/hyp.o
HYP_LIBS  := -lxencall -lxenforeignmemory -lxengnttab -lxenevtchn
# The XenStore client library (needs BASE_OBJS).
XS_OBJS   := $(O)/xenstore/xs.o $(O)/xenstore/xs_calls.o

# The daemon but for its main file and its door to the guests.
XENSTORED_PARTS := heap path perms quota kids list store forget txn watch change conn ring domain \
	request req_args req_node req_domain trace control update start
XENSTORED_OBJS := $(XENSTORED_PARTS:%=$(O)/xenstore/%.o)

XENSTORE_LINKS := chmod control exists list ls read rm watch write

PROGRAMS += $(O)/xenstored $(O)/xenstore-cli $(XENSTORE_LINKS:%=$(O)/xenstore-%)

$(O)/xenstored: $(O)/xenstore/xenstored.o $(O)/xenstore/guest_xen.o $(XENSTORED_OBJS) \
		$(HYP_OBJS) $(BASE_OBJS)
	$(CC) $(USER_LDFLAGS) -o $@ $^ $(HYP_LIBS)

UNIT_TESTS += loop buf ring advisories
test_loop_SRC := xenstore/loop.c
test_buf_SRC := xenstore/buf.c

# build/xenstore is the objects' directory: the program takes its name when it is installed.
$(O)/xenstore-cli: $(O)/xenstore/cli.o $(XS_OBJS) $(BASE_OBJS)
	$(CC) $(USER_LDFLAGS) -o $@ $^

$(XENSTORE_LINKS:%=$(O)/xenstore-%): $(O)/xenstore-cli
	ln -sf xenstore-cli $@

# The daemon with guests that a test speaks for.
XENSTORED_FAKE_SRC := $(XENSTORED_PARTS:%=xenstore/%.c) xenstore/log.c xenstore/buf.c \
	xenstore/loop.c tests/fake/xs_guest.c
test_ring_SRC := $(XENSTORED_FAKE_SRC) tests/fake/xs_world.c
test_advisories_SRC := $(test_ring_SRC)

# Conversations, deaths and bad clients.
XST := $(O)/tests/xenstore/xst
$(XST) $(addprefix $(O)/tests/xenstore/,crash hostile library): $(O)/tests/xenstore/%: \
		$(O)/tests/xenstore/%.o $(O)/tests/xenstore/daemon.o $(XS_OBJS) $(BASE_OBJS)
	$(CC) $(USER_LDFLAGS) -o $@ $^

CHECK_NEEDS += $(XST) $(addprefix $(O)/tests/xenstore/,crash hostile library)
CHECK_SCRIPTS += tests/xenstore/conversations tests/xenstore/deaths tests/xenstore/bad-clients \
	tests/xenstore/clients tests/xenstore/library
SYSTEM_TESTS += tests/xenstore/deaths-thousand tests/system/xenstore
SYSTEM_NEEDS += $(O)/system/dom0-debian.cpio

FUZZERS += xenstored
fuzz_xenstored_SRC := $(XENSTORED_FAKE_SRC)

INSTALL_STEPS += xenstore_install
define xenstore_install
	install -D -m 755 $(O)/xenstored $(DESTDIR)$(prefix)/sbin/xenstored
	install -D -m 755 $(O)/xenstore-cli $(DESTDIR)$(prefix)/bin/xenstore
	set -e; for c in $(filter-out control,$(XENSTORE_LINKS)); do \
		ln -sf xenstore $(DESTDIR)$(prefix)/bin/xenstore-$$c; done
	install -d $(DESTDIR)$(prefix)/sbin
	ln -sf ../bin/xenstore $(DESTDIR)$(prefix)/sbin/xenstore-control
	install -D -m 644 man/xenstored.8 $(DESTDIR)$(prefix)/share/man/man8/xenstored.8
	install -D -m 644 man/xenstore-control.8 $(DESTDIR)$(prefix)/share/man/man8/xenstore-control.8
	install -D -m 644 man/xenstore.1 $(DESTDIR)$(prefix)/share/man/man1/xenstore.1
	set -e; for c in $(filter-out control,$(XENSTORE_LINKS)); do \
		echo .so man1/xenstore.1 >$(DESTDIR)$(prefix)/share/man/man1/xenstore-$$c.1; done

endef
