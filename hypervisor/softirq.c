/* Softirqs: a word of pending bits per CPU and one handler per bit. */
#include "softirq.h"
#include "arch.h"
#include "printk.h"

static void (*softirq_handler[SOFTIRQ_COUNT])(void);

void softirq_raise(enum softirq nr)
{
	bit_test_set_atomic(&this_cpu()->softirq_pending, nr);
}

void softirq_raise_on(struct cpu *c, enum softirq nr)
{
	/* A bit that is set already was kicked by whoever set it, or will be seen on c's own way out. */
	if (!bit_test_set_atomic(&c->softirq_pending, nr) && c != this_cpu())
		arch_kick_cpu(c);
}

void softirq_set_handler(enum softirq nr, void (*handler)(void))
{
	softirq_handler[nr] = handler;
}

void softirq_run(void)
{
	struct cpu *c = this_cpu();
	uint64_t pending;

	perf_inc(softirqs);
	/* Bit by bit, because a handler may not return: what it left pending runs in the next call. */
	while ((pending = READ_ONCE(c->softirq_pending)) != 0) {
		unsigned int nr = __builtin_ctzll(pending);

		bit_test_clear_atomic(&c->softirq_pending, nr);
		ASSERT(nr < SOFTIRQ_COUNT);
		if (softirq_handler[nr])
			softirq_handler[nr]();
	}
}
