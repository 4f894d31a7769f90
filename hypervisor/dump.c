#include "dump.h"

#include "arch.h"
#include "domain.h"
#include "heap.h"
#include "printk.h"
#include "sched.h"
#include "symbols.h"

static const char *const runstate_names[] = { "running", "runnable", "blocked", "offline" };

static void dump_vcpu(struct vcpu *v)
{
	const struct vcpu_info *info = v->info;
	int state = v->runstate.state;

	printk("    vcpu %u: %s on CPU %u, ran %lu ms%s%s%s%s, pauses %u\n", v->id,
	       state >= 0 && state < 4 ? runstate_names[state] : "?", v->cpu->id,
	       (uint64_t)(vcpu_cpu_time_ns(v) / NS_PER_MS), v->stop & VCPU_DOWN ? ", down" : "",
	       v->stop & VCPU_BLOCKED ? ", blocked" : "", v->stop & VCPU_POLLING ? ", polls" : "",
	       v->stop & VCPU_SHUTDOWN ? ", shut down" : "", v->pauses);
	if (info && !(v->stop & VCPU_DOWN))
		printk("      upcall pending %u masked %u, selector %016lx\n", info->evtchn_upcall_pending,
		       info->evtchn_upcall_mask, info->evtchn_pending_sel);
}

static void dump_domain(struct domain *d)
{
	static const char *const life[] = { "alive", "dying", "dead" };

	printk("  domain %u: %s%s%s, refs %u, pages %lu of %lu (%lu claimed), %lu shared ones\n", d->id,
	       life[d->dying], d->is_privileged ? ", privileged" : "", d->is_shut_down ? ", shut down" : "",
	       d->refs, d->tot_pages, d->max_pages, d->claimed_pages, d->xen_pages);
	for (unsigned int i = 0; i < d->max_vcpus; i++)
		if (d->vcpu[i])
			dump_vcpu(d->vcpu[i]);
}

void dump_domains(void)
{
	struct domain *d;

	printk("Domains, at %lu ns:\n", now_ns());
	spin_lock(&domain_list_lock);
	list_for_each(d, &domain_list, link)
		dump_domain(d);
	spin_unlock(&domain_list_lock);
}

void dump_memory(void)
{
	printk("Memory: %lu KiB in all, %lu KiB free\n", heap_total_pages() * 4, heap_free_pages() * 4);
}

/* Depth-first through the heap of a CPU; its lock is held. */
static void dump_timer_tree(const struct timer *t)
{
	for (; t; t = t->next) {
		uint64_t offset;
		const char *name = symbol_find((uint64_t)t->handler, &offset);

		printk("    at %lu ns: %s(%p)\n", t->expires_ns, name ? name : "?", t->data);
		dump_timer_tree(t->child);
	}
}

void dump_timers(void)
{
	unsigned int cpu;

	printk("Timers, at %lu ns:\n", now_ns());
	cpumask_for_each(cpu, &cpu_online) {
		struct timer_cpu *tc = &cpus[cpu]->timers;
		uint64_t flags;

		printk("  CPU %u:\n", cpu);
		flags = spin_lock_irqsave(&tc->lock);
		dump_timer_tree(tc->root);
		spin_unlock_irqrestore(&tc->lock, flags);
	}
}

void dump_cpus(void)
{
	unsigned int cpu;

	cpumask_for_each(cpu, &cpu_online)
		printk("CPU %u: %lu interrupts, %lu NMIs, softirqs pending %#lx\n", cpu,
		       cpus[cpu]->arch.irq_count, cpus[cpu]->arch.nmi_count, cpus[cpu]->softirq_pending);
}
