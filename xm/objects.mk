# What xm/ builds, tests and installs.

XM_OBJS := $(addprefix $(O)/xm/,xm.o run.o args.o help.o open.o json.o job.o format.o format_info.o \
	list.o host.o sched.o lifecycle.o create.o tune.o numbers.o console.o top.o topdata.o watch.o \
	doctor.o shell.o shellwords.o later.o)

PROGRAMS += $(O)/xm/xm

$(O)/xm/xm: $(XM_OBJS) $(TOOL_OBJS)
	$(CC) $(USER_LDFLAGS) -o $@ $^ $(TOOL_LIBS) -lyajl -lreadline -lncursesw -ltinfo

UNIT_TESTS += xm_format xm_words
# Formats are pure; what asks the hypervisor in the same files is not called.
test_xm_format_SRC := xm/format.c xm/format_info.c xm/topdata.c xend/domain.c
test_xm_words_SRC := xm/args.c xm/numbers.c xm/shellwords.c
CHECK_SCRIPTS += tests/xm/all
