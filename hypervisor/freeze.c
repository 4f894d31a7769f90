#include "freeze.h"
#include "arch.h"
#include "domain.h"
#include "printk.h"
#include "sched.h"

#define PATIENCE_NS 1000000000UL

static struct spinlock freeze_lock;	/* outermost: two that stop each other would wait for ever */

static void for_each_other_vcpu(void (*visit)(struct vcpu *v))
{
	struct domain *d;

	list_for_each(d, &domain_list, link)
		for (unsigned int i = 0; i < d->max_vcpus; i++) {
			struct vcpu *v = domain_vcpu(d, i);

			if (v && v != current_vcpu())
				visit(v);
		}
}

static struct vcpu *still_running(void)
{
	struct domain *d;

	list_for_each(d, &domain_list, link)
		for (unsigned int i = 0; i < d->max_vcpus; i++) {
			struct vcpu *v = domain_vcpu(d, i);

			if (v && v != current_vcpu() && __atomic_load_n(&v->is_running, __ATOMIC_ACQUIRE))
				return v;
		}
	return NULL;
}

static void vcpu_freeze(struct vcpu *v) { vcpu_stop_set(v, VCPU_FROZEN); }
static void vcpu_thaw(struct vcpu *v) { vcpu_stop_clear(v, VCPU_FROZEN); }

void domains_thaw(void)
{
	for_each_other_vcpu(vcpu_thaw);
	spin_unlock(&domain_list_lock);
	spin_unlock(&freeze_lock);
}

/* A vcpu may need the list's lock to get to where it can stop: it is let go again and again. */
bool domains_freeze(void)
{
	uint64_t deadline = now_ns() + PATIENCE_NS;
	struct vcpu *v;

	if (!spin_trylock(&freeze_lock))
		return false;
	spin_lock(&domain_list_lock);
	for_each_other_vcpu(vcpu_freeze);
	while ((v = still_running()) && now_ns() < deadline) {
		spin_unlock(&domain_list_lock);
		cpu_relax();
		spin_lock(&domain_list_lock);
	}
	if (v) {
		printk(LOG_WARN "d%uv%u doesn't stop\n", v->domain->id, v->id);
		domains_thaw();
		return false;
	}
	for_each_other_vcpu(arch_vcpu_sync);
	return true;
}
