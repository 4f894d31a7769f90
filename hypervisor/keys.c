#include "keys.h"

#include "arch.h"
#include "dump.h"
#include "evtchn.h"
#include "gnttab.h"
#include "panic.h"
#include "printk.h"
#include "sched.h"
#include "softirq.h"

static void keys_help(void);
static void key_crash(void) { panic("asked for by debug key C"); }
static void key_reboot(void) { arch_reboot(); }

/* The letters that administrators of Xen know; x86's are in arch_debug_keys. */
static const struct debug_key keys[] = {
	{ 'a', dump_timers, "timers" },
	{ 'C', key_crash, "crash the hypervisor, with all that it says then" },
	{ 'e', evtchn_dump, "event channels" },
	{ 'g', gnttab_dump, "grant tables" },
	{ 'h', keys_help, "this help" },
	{ 'm', dump_memory, "memory" },
	{ 'n', dump_cpus, "interrupt and NMI counts" },
	{ 'q', dump_domains, "domains, their memory and vcpus" },
	{ 'r', sched_dump, "run queues" },
	{ 'R', key_reboot, "reboot the machine" },
};

static uint64_t pending[2];		/* keys below 128 that wait for the softirq */

static void keys_help(void)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(keys); i++)
		printk(" key '%c' => %s\n", keys[i].key, keys[i].help);
	for (const struct debug_key *k = arch_debug_keys; k->handler; k++)
		printk(" key '%c' => %s\n", k->key, k->help);
}

static const struct debug_key *key_find(char key)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(keys); i++)
		if (keys[i].key == key)
			return &keys[i];
	for (const struct debug_key *k = arch_debug_keys; k->handler; k++)
		if (k->key == key)
			return k;
	return NULL;
}

bool key_run(char key)
{
	const struct debug_key *k = key_find(key);

	if (!k)
		return false;
	printk("'%c' pressed -> %s\n", key, k->help);
	arch_watchdog_hold();
	k->handler();
	arch_watchdog_release();
	return true;
}

void keys_run_pending(void)
{
	for (unsigned int key = 0; key < 128; key++)
		if (bit_test(pending, key) && bit_test_clear_atomic(pending, key))
			key_run(key);
}

/* A CPU that is stuck in the hypervisor runs no softirqs: R three times in a row works without them. */
void key_pressed(char key)
{
	static unsigned int reboots_asked;

	if ((unsigned char)key >= 128 || !key_find(key))
		return;
	reboots_asked = key == 'R' ? reboots_asked + 1 : 0;
	if (reboots_asked == 3)
		arch_reboot();
	bit_test_set_atomic(pending, key);
	softirq_raise(SOFTIRQ_CONSOLE);
}
