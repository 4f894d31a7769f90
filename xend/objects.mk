# What xend/ builds, tests and installs.

# What xm and xend share: S-expressions, the configuration language, the domain model.
SXP_SRC := xend/sxp.c xend/sxp_print.c
EVAL_SRC := xend/eval.c xend/eval_value.c xend/eval_text.c xend/eval_lex.c xend/eval_parse.c \
	xend/eval_parse_expr.c xend/eval_run.c xend/eval_expr.c xend/eval_call.c xend/eval_op.c \
	xend/eval_format.c xend/eval_builtin.c xend/eval_method.c xend/eval_module.c xend/eval_re.c
CONFIG_SRC := xend/config.c xend/config_vars.c xend/config_value.c xend/config_device.c \
	xend/config_disk.c xend/config_sxp.c xend/config_from.c xend/config_check.c \
	xend/config_lint.c $(EVAL_SRC) $(SXP_SRC)

UNIT_TESTS += sxp eval
test_sxp_SRC := $(SXP_SRC)
test_eval_SRC := $(EVAL_SRC)
test_eval_LIBS := -lm

CONFIG_TESTS := config $(addprefix config_,override error sxp file number lint vars)
UNIT_TESTS += $(CONFIG_TESTS) config_oom
$(foreach t,$(CONFIG_TESTS),$(eval test_$(t)_SRC := $(CONFIG_SRC))$(eval test_$(t)_LIBS := -lm))
test_config_oom_SRC := $(CONFIG_SRC)
test_config_oom_LIBS := -lm $(foreach f,malloc calloc realloc reallocarray strdup strndup \
	asprintf vasprintf,-Wl,--wrap=$(f))

FUZZERS += sxp eval config
fuzz_sxp_SRC := $(SXP_SRC)
fuzz_eval_SRC := $(EVAL_SRC)
fuzz_eval_LIBS := -lm
fuzz_config_SRC := $(CONFIG_SRC)
fuzz_config_LIBS := -lm
# Hypercall wrappers, and the builder of domains (need HYP_OBJS and HYP_LIBS).
CTL_OBJS    := $(addprefix $(O)/xend/,domctl.o domctl_vcpu.o sysctl.o memop.o)
BUILD_OBJS  := $(addprefix $(O)/xend/,fault.o sandbox.o image.o image_cache.o image_elf.o \
	image_notes.o image_unpack.o layout.o build.o build_frames.o \
	dump.o dump_p2m.o save.o stream.o tables.o feed.o restore.o state.o) $(CTL_OBJS)
BUILD_LIBS  := -llzma -lz -lzstd -llz4

IMAGE_SRC := $(addprefix xend/,fault.c sandbox.c image.c image_cache.c image_elf.c image_notes.c \
	image_unpack.c)

UNIT_TESTS += image
test_image_SRC := $(IMAGE_SRC)
test_image_LIBS := $(BUILD_LIBS)

FUZZERS += image
fuzz_image_SRC := $(IMAGE_SRC)
fuzz_image_LIBS := $(BUILD_LIBS)

UNIT_TESTS += sandbox
test_sandbox_SRC := xend/sandbox.c

UNIT_TESTS += layout
test_layout_SRC := xend/layout.c xend/fault.c

# Against a made-up hypervisor, part of the test.
UNIT_TESTS += build
test_build_SRC := $(addprefix xend/,build.c build_frames.c layout.c fault.c)

UNIT_TESTS += dump
test_dump_SRC := $(addprefix xend/,dump.c dump_p2m.c fault.c)

# Saved states.
UNIT_TESTS += stream tables save state
test_state_SRC := xend/state.c xend/fault.c
test_save_SRC := $(addprefix xend/,save.c restore.c feed.c stream.c tables.c sandbox.c dump_p2m.c build.c \
	build_frames.c fault.c)
test_stream_SRC := xend/stream.c xend/fault.c
test_tables_SRC := xend/tables.c

FUZZERS += stream
fuzz_stream_SRC := xend/stream.c xend/fault.c

# What xm and xend share of domains: who is there, what is managed, settings, jobs.
SHARED_OBJS := $(addprefix $(O)/xend/,domain.o roster.o names.o managed.o host.o settings.o job.o lock.o) \
	$(CONFIG_SRC:%.c=$(O)/%.o)
TOOL_OBJS   := $(SHARED_OBJS) $(BUILD_OBJS) $(XS_OBJS) $(HYP_OBJS) $(BASE_OBJS)
TOOL_LIBS   := $(BUILD_LIBS) $(HYP_LIBS) -lm

XEND_OBJS := $(addprefix $(O)/xend/,xend.o jobs.o methods.o plan.o create.o suspend.o tune.o worker.o launch.o prefill.o \
	room.o dom0_need.o reap.o life.o names_keep.o bootloader.o bootloader_run.o device.o device_nodes.o device_store.o \
	device_wait.o device_attach.o device_detach.o device_config.o device_jobs.o hotplug.o loopdev.o)

PROGRAMS += $(O)/xend/xend

$(O)/xend/xend: $(XEND_OBJS) $(TOOL_OBJS)
	$(CC) $(USER_LDFLAGS) -o $@ $^ $(TOOL_LIBS)

CONSOLED_OBJS := $(addprefix $(O)/xend/,xenconsoled.o console.o viewer.o conlog.o conring.o lock.o)

PROGRAMS += $(O)/xend/xenconsoled

$(O)/xend/xenconsoled: $(CONSOLED_OBJS) $(CTL_OBJS) $(XS_OBJS) $(HYP_OBJS) $(BASE_OBJS)
	$(CC) $(USER_LDFLAGS) -o $@ $^ $(HYP_LIBS)

UNIT_TESTS += domain managed names settings console room dom0_need log
test_domain_SRC := xend/domain.c
test_managed_SRC := xend/managed.c xend/domain.c $(SXP_SRC)
test_names_SRC := xend/names.c xend/lock.c $(addprefix xenstore/,xs.c xs_calls.c buf.c loop.c)
test_settings_SRC := xend/settings.c xenstore/buf.c $(SXP_SRC)
test_log_SRC := xenstore/log.c
test_room_SRC := xend/room.c xend/fault.c
test_dom0_need_SRC := xend/dom0_need.c
test_console_SRC := xend/conring.c xend/conlog.c xenstore/buf.c

XEN_SCRIPTS := $(addprefix xend/scripts/,block block-nbd vif-bridge vif-route vif-nat network-bridge \
	network-route network-nat)

define install_xend
	install -d $(DESTDIR)$(prefix)/sbin $(DESTDIR)$(prefix)/share/man/man5 \
		$(DESTDIR)$(prefix)/share/man/man8 $(DESTDIR)/etc/xen
	install -m 755 $(O)/xend/xend $(O)/xend/xenconsoled $(DESTDIR)$(prefix)/sbin/
	install -d $(DESTDIR)$(prefix)/lib/xen/bin $(DESTDIR)$(prefix)/bin
	install -m 755 $(O)/xend/pygrub $(DESTDIR)$(prefix)/lib/xen/bin/
	ln -sf ../lib/xen/bin/pygrub $(DESTDIR)$(prefix)/bin/pygrub
	install -m 644 man/xend.8 man/xenconsoled.8 man/pygrub.8 $(DESTDIR)$(prefix)/share/man/man8/
	install -m 644 man/xend-config.sxp.5 man/xmdomain.cfg.5 $(DESTDIR)$(prefix)/share/man/man5/
	[ -e $(DESTDIR)/etc/xen/xend-config.sxp ] || \
		install -m 644 config-examples/xend-config.sxp $(DESTDIR)/etc/xen/
	install -d $(DESTDIR)/etc/xen/scripts
	install -m 755 $(XEN_SCRIPTS) $(DESTDIR)/etc/xen/scripts/
	install -m 644 $(wildcard xend/scripts/*.sh) $(DESTDIR)/etc/xen/scripts/

endef
INSTALL_STEPS += install_xend

UNIT_TESTS += job
test_job_SRC := xend/job.c xend/lock.c xenstore/xs.c xenstore/xs_calls.c \
	xenstore/buf.c xenstore/log.c xenstore/loop.c

# pygrub(8): a guest's kernel out of its disk.
GRUB_LIBS := -lext2fs -lz
GRUB_MENU_SRC := xend/grub_menu.c xend/fault.c
GRUB_CFG_SRC := $(addprefix xend/,grub_cfg.c grub_bls.c grub_script.c grub_script_cond.c) \
	$(GRUB_MENU_SRC)
GRUB_OLD_SRC := xend/grub_legacy.c xend/grub_syslinux.c
GRUB_SRC := $(addprefix xend/,grub_boot.c grub_disk.c grub_fs.c) $(GRUB_OLD_SRC) $(GRUB_CFG_SRC)
PYGRUB_SRC := $(addprefix xend/,pygrub.c pygrub_work.c grub_screen.c sandbox.c) $(GRUB_SRC) \
	xenstore/buf.c

PROGRAMS += $(O)/xend/pygrub

$(O)/xend/pygrub: $(PYGRUB_SRC:%.c=$(O)/%.o)
	$(CC) $(USER_LDFLAGS) -o $@ $^ $(GRUB_LIBS)

UNIT_TESTS += grub_cfg grub_menu grub_disk grub_screen bootloader
test_grub_cfg_SRC := $(GRUB_CFG_SRC)
test_grub_menu_SRC := $(GRUB_OLD_SRC) $(GRUB_CFG_SRC)
test_grub_disk_SRC := xend/grub_disk.c
test_grub_disk_LIBS := -lz
test_grub_screen_SRC := xend/grub_screen.c xenstore/buf.c xend/grub_legacy.c $(GRUB_MENU_SRC)
test_bootloader_SRC := $(addprefix xend/,bootloader.c bootloader_run.c device.c hotplug.c settings.c fault.c) \
	xenstore/buf.c xenstore/loop.c $(CONFIG_SRC)
test_bootloader_LIBS := -lm
CHECK_SCRIPTS += tests/pygrub/run

FUZZERS += grub_disk grub_menu grub_fs
fuzz_grub_disk_SRC := xend/grub_disk.c
fuzz_grub_disk_LIBS := -lz
fuzz_grub_menu_SRC := $(GRUB_OLD_SRC) $(GRUB_CFG_SRC)
fuzz_grub_fs_SRC := $(GRUB_SRC)
fuzz_grub_fs_LIBS := $(GRUB_LIBS)

CHECK_SCRIPTS += tests/xend/scripts tests/xend/networks

UNIT_TESTS += device hotplug loopdev
test_loopdev_SRC := xend/loopdev.c
test_device_SRC := $(addprefix xend/,device.c device_nodes.c device_config.c hotplug.c settings.c domain.c fault.c \
	managed.c job.c lock.c) $(addprefix xenstore/,xs.c xs_calls.c buf.c log.c loop.c) $(CONFIG_SRC)
test_device_LIBS := -lm
test_hotplug_SRC := xend/hotplug.c xenstore/buf.c xenstore/loop.c

# Devices against a real xenstored and a made-up kernel.
$(O)/tests/xend/devices: $(O)/tests/xend/devices.o $(O)/tests/xenstore/daemon.o $(addprefix $(O)/xend/,device.o \
		device_nodes.o device_store.o device_wait.o device_attach.o device_detach.o hotplug.o loopdev.o) \
		$(SHARED_OBJS) $(BUILD_OBJS) $(XS_OBJS) $(HYP_OBJS) $(BASE_OBJS)
	$(CC) $(USER_LDFLAGS) -o $@ $^ $(TOOL_LIBS) -lpthread

CHECK_NEEDS += $(O)/tests/xend/devices $(O)/xenstored
CHECK_SCRIPTS += $(O)/tests/xend/devices
