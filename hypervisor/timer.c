/* Timers: a pairing heap per CPU (Fredman, Sedgewick, Sleator, Tarjan 1986), smallest expiry at the root. */
#include "timer.h"
#include "arch.h"
#include "printk.h"
#include "softirq.h"

static struct timer *heap_meld(struct timer *a, struct timer *b)
{
	struct timer *parent = a, *child = b;

	if (!a || !b)
		return a ? a : b;
	if (b->expires_ns < a->expires_ns) {
		parent = b;
		child = a;
	}
	child->prev = parent;
	child->next = parent->child;
	if (child->next)
		child->next->prev = child;
	parent->child = child;
	return parent;
}

/* Makes one heap of a list of siblings: melds them in pairs, then the pairs from the last to the first. */
static struct timer *heap_meld_siblings(struct timer *first)
{
	struct timer *pairs = NULL, *root = NULL;

	while (first) {
		struct timer *a = first, *b = a->next;

		first = b ? b->next : NULL;
		a->next = a->prev = NULL;
		if (b)
			b->next = b->prev = NULL;
		a = heap_meld(a, b);
		a->next = pairs;
		pairs = a;
	}
	while (pairs) {
		struct timer *a = pairs;

		pairs = a->next;
		a->next = NULL;
		root = heap_meld(root, a);
	}
	return root;
}

static void heap_insert(struct timer_cpu *tc, struct timer *t)
{
	t->child = t->next = t->prev = NULL;
	tc->root = heap_meld(tc->root, t);
}

static void heap_remove(struct timer_cpu *tc, struct timer *t)
{
	struct timer *orphans;

	if (t->prev) {			/* cut it, with all below it, out of its parent's children */
		if (t->prev->child == t)
			t->prev->child = t->next;
		else
			t->prev->next = t->next;
		if (t->next)
			t->next->prev = t->prev;
		t->next = t->prev = NULL;
	}
	orphans = heap_meld_siblings(t->child);
	tc->root = tc->root == t ? orphans : heap_meld(tc->root, orphans);
	t->child = NULL;
}

/* Locks the heap that the timer belongs to, which may change until we hold it. */
static struct cpu *timer_lock(struct timer *t, uint64_t *flags)
{
	for (;;) {
		struct cpu *c = READ_ONCE(t->cpu);

		*flags = spin_lock_irqsave(&c->timers.lock);
		if (c == READ_ONCE(t->cpu))
			return c;
		spin_unlock_irqrestore(&c->timers.lock, *flags);
	}
}

/* The heap has a new first timer: its CPU must hear of it in time.  Lock held. */
static void timer_program(struct cpu *c)
{
	struct timer_cpu *tc = &c->timers;
	uint64_t deadline = tc->root->expires_ns;

	if (tc->programmed_ns && deadline >= tc->programmed_ns)
		return;			/* the interrupt that comes before looks again */
	if (c != this_cpu()) {
		softirq_raise_on(c, SOFTIRQ_TIMER);
		return;
	}
	tc->programmed_ns = deadline;
	arch_timer_program(deadline);
}

int timer_cpu_init(struct cpu *c)
{
	c->timers = (struct timer_cpu){ .lock = SPINLOCK_INIT };
	softirq_set_handler(SOFTIRQ_TIMER, timer_softirq);
	return 0;
}

void timer_init(struct timer *t, struct cpu *c, void (*handler)(void *), void *data)
{
	*t = (struct timer){ .cpu = c, .handler = handler, .data = data };
}

void timer_set(struct timer *t, uint64_t expires_ns)
{
	uint64_t flags;
	struct cpu *c = timer_lock(t, &flags);

	if (!t->is_dead) {
		if (t->is_set)
			heap_remove(&c->timers, t);
		t->expires_ns = MAX(expires_ns, 1);	/* 0 would ask for no interrupt at all */
		t->is_set = true;
		heap_insert(&c->timers, t);
		if (c->timers.root == t)
			timer_program(c);
	}
	spin_unlock_irqrestore(&c->timers.lock, flags);
}

static void timer_stop_as(struct timer *t, bool is_dead)
{
	uint64_t flags;
	struct cpu *c = timer_lock(t, &flags);

	if (t->is_set)
		heap_remove(&c->timers, t);
	t->is_set = false;
	t->is_dead |= is_dead;
	spin_unlock_irqrestore(&c->timers.lock, flags);
}

void timer_stop(struct timer *t)
{
	timer_stop_as(t, false);
}

void timer_kill(struct timer *t)
{
	if (!t->handler)		/* never initialised */
		return;
	timer_stop_as(t, true);
	/* It may run on another CPU than t->cpu, if its handler moved it. */
	for (unsigned int i = 0; i < cpu_count; i++)
		while (cpus[i] && cpus[i] != this_cpu() &&
		       __atomic_load_n(&cpus[i]->timers.running, __ATOMIC_ACQUIRE) == t)
			cpu_relax();
}

static void timer_move_locked(struct timer *t, struct cpu *from, struct cpu *to)
{
	if (t->is_set)
		heap_remove(&from->timers, t);
	WRITE_ONCE(t->cpu, to);
	if (!t->is_set)
		return;
	heap_insert(&to->timers, t);
	if (to->timers.root == t)
		timer_program(to);
}

void timer_migrate(struct timer *t, struct cpu *to)
{
	for (;;) {
		struct cpu *from = READ_ONCE(t->cpu), *low = MIN(from, to), *high = MAX(from, to);
		uint64_t flags;
		bool is_moved = false;

		if (from == to)
			return;
		flags = spin_lock_irqsave(&low->timers.lock);
		spin_lock(&high->timers.lock);
		if (t->cpu == from) {	/* nobody was faster */
			timer_move_locked(t, from, to);
			is_moved = true;
		}
		spin_unlock(&high->timers.lock);
		spin_unlock_irqrestore(&low->timers.lock, flags);
		if (is_moved)
			return;
	}
}

void timer_softirq(void)
{
	struct timer_cpu *tc = &this_cpu()->timers;
	uint64_t flags = spin_lock_irqsave(&tc->lock);
	struct timer *t;

	while ((t = tc->root) && t->expires_ns <= now_ns()) {
		heap_remove(tc, t);
		t->is_set = false;
		tc->running = t;
		spin_unlock_irqrestore(&tc->lock, flags);
		t->handler(t->data);
		flags = spin_lock_irqsave(&tc->lock);
		__atomic_store_n(&tc->running, NULL, __ATOMIC_RELEASE);	/* t may be gone from here on */
	}
	tc->programmed_ns = t ? t->expires_ns : 0;
	arch_timer_program(tc->programmed_ns);
	spin_unlock_irqrestore(&tc->lock, flags);
}
