# What xm/ builds, tests and installs.

XM_OBJS := $(addprefix $(O)/xm/,xm.o run.o args.o help.o open.o json.o job.o format.o format_info.o \
	list.o host.o sched.o lifecycle.o create.o tune.o console.o top.o topdata.o watch.o \
	doctor.o shell.o shellwords.o later.o)

PROGRAMS += $(O)/xm/xm

$(O)/xm/xm: $(XM_OBJS) $(TOOL_OBJS)
	$(CC) $(USER_LDFLAGS) -o $@ $^ $(TOOL_LIBS) -lyajl -lreadline -lncursesw -ltinfo
