# What xm/ builds, tests and installs.

XM_OBJS := $(addprefix $(O)/xm/,xm.o run.o args.o help.o open.o json.o job.o format.o format_info.o \
	format_device.o list.o host.o sched.o lifecycle.o create.o tune.o numbers.o console.o top.o topdata.o watch.o \
	doctor.o device.o shell.o shellwords.o later.o)

PROGRAMS += $(O)/xm/xm

# Not the builder: its decompressors would be loaded for every `xm list`.
# Static: a question to the hypervisor takes a millisecond, and loading eleven libraries took six.  What ld
# would warn of is that readline looks users up (~user) through the C library's own modules.
XM_LIBS := $(HYP_LIBS) -lxentoollog -lxentoolcore -lm -lyajl_s -lreadline -lncursesw -ltinfo

$(O)/xm/xm: $(XM_OBJS) $(SHARED_OBJS) $(CTL_OBJS) $(XS_OBJS) $(HYP_OBJS) $(BASE_OBJS)
	$(CC) -static-pie -Wl,-z,relro,-z,now,--no-warnings -o $@ $^ $(XM_LIBS)

UNIT_TESTS += xm_format xm_words
# Formats are pure; what asks the hypervisor in the same files is not called.
test_xm_format_SRC := xm/format.c xm/format_info.c xm/format_device.c xm/topdata.c xend/domain.c
test_xm_words_SRC := xm/args.c xm/numbers.c xm/shellwords.c
CHECK_SCRIPTS += tests/xm/all tests/xm/terminal tests/xm/manual
CHECK_NEEDS += $(O)/tests/system/expect

# xm is also the tools by whose names it is called.
define install_xm
	install -d $(DESTDIR)$(prefix)/sbin $(DESTDIR)$(prefix)/share/man/man1 \
		$(DESTDIR)$(prefix)/share/bash-completion/completions $(DESTDIR)/etc/xen/auto
	install -m 755 $(O)/xm/xm $(DESTDIR)$(prefix)/sbin/
	ln -sf xm $(DESTDIR)$(prefix)/sbin/xentop
	ln -sf xm $(DESTDIR)$(prefix)/sbin/xenconsole
	install -m 644 man/xm.1 $(DESTDIR)$(prefix)/share/man/man1/
	install -m 644 xm/completion.bash $(DESTDIR)$(prefix)/share/bash-completion/completions/xm
	install -m 644 config-examples/xmexample* $(DESTDIR)/etc/xen/

endef
INSTALL_STEPS += install_xm

$(O)/tests/system/json-check: $(O)/tests/system/json-check.o
	$(CC) $(USER_LDFLAGS) -o $@ $^ -lyajl

$(O)/tests/system/core-check: $(O)/tests/system/core-check.o
	$(CC) $(USER_LDFLAGS) -o $@ $^

SYSTEM_TESTS += $(addprefix tests/system/,xend xend-more suspend-core devices-core)
LONG_TESTS += $(addprefix tests/system/,xend-deaths suspend devices)
SYSTEM_NEEDS += $(O)/system/dom0-debian.cpio $(PROGRAMS) $(O)/tests/system/json-check $(O)/tests/system/core-check
