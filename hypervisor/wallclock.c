#include "wallclock.h"

#include "arch.h"
#include "calendar.h"
#include "domain.h"

static struct spinlock wallclock_lock;	/* irqsave */
static uint64_t wallclock_boot_ns;	/* UTC at system time 0 */

uint64_t wallclock_now_ns(void)
{
	return READ_ONCE(wallclock_boot_ns) + now_ns();
}

/* The version is odd while the fields change (xen/xen.h, struct shared_info). */
static void wallclock_write_at(struct domain *d, uint64_t boot_ns)
{
	struct shared_info *s = d->shared;
	uint64_t seconds = boot_ns / NS_PER_S + d->wallclock_offset_s;

	if (!s)
		return;
	s->wc_version |= 1;		/* the guest may have scribbled on it */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	WRITE_ONCE(s->wc_sec, (uint32_t)seconds);
	WRITE_ONCE(s->wc_nsec, (uint32_t)(boot_ns % NS_PER_S));
	WRITE_ONCE(s->wc_sec_hi, (uint32_t)(seconds >> 32));
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	WRITE_ONCE(s->wc_version, s->wc_version + 1);
}

void wallclock_write(struct domain *d)
{
	uint64_t flags = spin_lock_irqsave(&wallclock_lock);

	wallclock_write_at(d, wallclock_boot_ns);
	spin_unlock_irqrestore(&wallclock_lock, flags);
}

void wallclock_set(uint64_t seconds, uint64_t ns, uint64_t system_time_ns)
{
	struct domain *d;
	uint64_t flags;

	spin_lock(&domain_list_lock);
	flags = spin_lock_irqsave(&wallclock_lock);
	wallclock_boot_ns = seconds * NS_PER_S + ns - system_time_ns;
	list_for_each(d, &domain_list, link)
		wallclock_write_at(d, wallclock_boot_ns);
	spin_unlock_irqrestore(&wallclock_lock, flags);
	spin_unlock(&domain_list_lock);
}
