/*
 * Spinlocks.  Waiting never disables interrupts by itself: the CPU that waits keeps answering TLB-flush
 * IPIs, so a holder may wait for a flush.  A lock that interrupt handlers take is taken everywhere with
 * spin_lock_irqsave(); its holder never waits for another CPU.  The lock order is in domain.h.
 */
#ifndef HV_LOCK_H
#define HV_LOCK_H

#include "machine.h"
#include "types.h"

struct spinlock { uint32_t next, owner; };	/* ticket taken next; ticket served now */

#define SPINLOCK_INIT { 0, 0 }

static inline void spin_lock(struct spinlock *l)
{
	uint32_t ticket = __atomic_fetch_add(&l->next, 1, __ATOMIC_RELAXED);

	while (__atomic_load_n(&l->owner, __ATOMIC_ACQUIRE) != ticket)
		cpu_relax();
}

static inline bool spin_trylock(struct spinlock *l)
{
	uint32_t ticket = __atomic_load_n(&l->owner, __ATOMIC_RELAXED);

	return __atomic_compare_exchange_n(&l->next, &ticket, ticket + 1, false,
					   __ATOMIC_ACQUIRE, __ATOMIC_RELAXED);
}

static inline void spin_unlock(struct spinlock *l)
{
	__atomic_store_n(&l->owner, l->owner + 1, __ATOMIC_RELEASE);
}

static inline bool spin_is_locked(const struct spinlock *l)
{
	return READ_ONCE(l->next) != READ_ONCE(l->owner);
}

/* While it waits with interrupts enabled before, the irqsave form lets them in between two attempts. */
static inline uint64_t spin_lock_irqsave(struct spinlock *l)
{
	uint64_t flags = irq_save();

	while (!spin_trylock(l)) {
		irq_restore(flags);
		cpu_relax();
		irq_save();
	}
	return flags;
}

static inline void spin_unlock_irqrestore(struct spinlock *l, uint64_t flags)
{
	spin_unlock(l);
	irq_restore(flags);
}

#endif
