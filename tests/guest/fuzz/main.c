/*
 * Throws random and structured hypercalls, page-table updates, descriptors, traps and frames at the
 * hypervisor.  Parameters on the command line: seed=N count=N vcpus=N fifo=1 sysenter=0 linger=SECONDS; with
 * one vcpu the same seed gives the same actions.  It says at its end that it is still there; a debug
 * hypervisor looks over its own books when it ends.
 */
#include "clock.h"
#include "fuzz.h"

uint64_t *toy[TOYS];
uint64_t toy_mfn[TOYS];
bool has_sysenter;
struct vcpu_time_info clock;

/* The number behind `name` on the command line. */
static uint64_t parameter(const char *name, uint64_t otherwise)
{
	const char *line = (const char *)start_info->cmd_line;
	size_t n = strlen(name);
	uint64_t value = 0;

	for (; *line; line++) {
		if (memcmp(line, name, n) != 0)
			continue;
		for (line += n; *line >= '0' && *line <= '9'; line++)
			value = value * 10 + (uint64_t)(*line - '0');
		return value;
	}
	return otherwise;
}

static void prepare(void)
{
	for (int i = 0; i < TOYS; i++) {
		toy[i] = page_get();
		toy_mfn[i] = mfn_of(toy[i]);
	}
	clock = shared_info.vcpu_info[0].time;
	own_frames_note();
	grants_prepare();
	has_sysenter = parameter("sysenter=", 1);
	workers_prepare((unsigned int)parameter("vcpus=", 1), parameter("seed=", 1), parameter("fifo=", 0));
	hcall(vm_assist, VMASST_CMD_enable, VMASST_TYPE_writable_pagetables);
}

/* Time for somebody at the console, until something is typed or the time is over. */
static void wait_s(uint64_t seconds)
{
	uint64_t end = clock_ns(&clock) + seconds * 1000000000;
	char typed;

	if (seconds)
		print("fuzz: all actions are done\n");
	while (clock_ns(&clock) < end && hcall(console_io, CONSOLEIO_read, 1, &typed) <= 0)
		hcall(sched_op, SCHEDOP_yield, NULL);
}

void test_main(void)
{
	uint64_t seed = parameter("seed=", 1), count = parameter("count=", 100000);

	prepare();
	print("fuzz: seed %lu, %lu actions, %u of %u vcpus\n", seed, count, worker_count, vcpu_count);
	workers_run(count);
	actions_report();
	wait_s(parameter("linger=", 0));
	print("TEST ok survives %lu actions of seed %lu\n", count, seed);
	print("ALL TESTS RAN\n");
}
