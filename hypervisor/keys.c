#include "keys.h"

#include "arch.h"
#include "evtchn.h"
#include "printk.h"
#include "softirq.h"

struct debug_key {
	char key;
	void (*handler)(void);
	const char *help;
};

static void keys_help(void);
static void key_reboot(void);

static const struct debug_key keys[] = {
	{ 'h', keys_help, "show this help" },
	{ 'e', evtchn_dump, "event channels" },
	{ 'R', key_reboot, "reboot the machine" },
};

static uint64_t pending[2];		/* keys below 128 that wait for the softirq */

static void keys_help(void)
{
	printk("Debug keys:\n");
	for (unsigned int i = 0; i < ARRAY_SIZE(keys); i++)
		printk(" key '%c' => %s\n", keys[i].key, keys[i].help);
}

static void key_reboot(void)
{
	arch_reboot();
}

static const struct debug_key *key_find(char key)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(keys); i++)
		if (keys[i].key == key)
			return &keys[i];
	return NULL;
}

void key_run(char key)
{
	const struct debug_key *k = key_find(key);

	if (!k)
		return;
	printk("'%c' pressed -> %s\n", key, k->help);
	k->handler();
}

void keys_run_pending(void)
{
	for (unsigned int key = 0; key < 128; key++)
		if (bit_test(pending, key) && bit_test_clear_atomic(pending, key))
			key_run(key);
}

void key_pressed(char key)
{
	if ((unsigned char)key >= 128 || !key_find(key))
		return;
	bit_test_set_atomic(pending, key);
	softirq_raise(SOFTIRQ_CONSOLE);
}
