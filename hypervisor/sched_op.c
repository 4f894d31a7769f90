/* HYPERVISOR_sched_op: what a guest asks of the scheduler and says about its own end. */
#include "sched.h"
#include "arch.h"
#include "errno.h"
#include "evtchn.h"
#include "guest.h"
#include "hypercall.h"
#include "printk.h"
#include "softirq.h"

#define POLL_PORTS_MAX 128		/* a guest may wait for so many at once */
#define REASON_MAX 255			/* XEN_DOMINF_shutdownmask */

static long sched_op_shutdown(void *arg)
{
	const struct sched_shutdown *op = arg;

	if (op->reason > REASON_MAX)
		return -EINVAL;
	domain_shutdown(current_vcpu()->domain, op->reason);
	return 0;
}

static long sched_op_shutdown_code(void *arg)
{
	const struct sched_shutdown *op = arg;

	if (op->reason > REASON_MAX)
		return -EINVAL;
	current_vcpu()->domain->shutdown_latch = op->reason;
	return 0;
}

static long sched_op_remote_shutdown(void *arg)
{
	const struct sched_remote_shutdown *op = arg;
	struct domain *d;

	if (op->reason > REASON_MAX)
		return -EINVAL;
	d = domain_get(op->domain_id);
	if (!d)
		return -ESRCH;
	domain_shutdown(d, op->reason);
	domain_put(d);
	return 0;
}

/* Is one of them pending?  1, 0, -EFAULT, -EINVAL. */
static int poll_ports(struct vcpu *v, const struct sched_poll *op)
{
	uint64_t from = (uint64_t)(uintptr_t)op->ports.p;

	for (unsigned int i = 0; i < op->nr_ports; i++) {
		evtchn_port_t port;

		if (copy_from_guest(&port, from + i * sizeof(port), sizeof(port)))
			return -EFAULT;
		if (!evtchn_port_is_valid(v->domain, port))
			return -EINVAL;
		if (op->nr_ports == 1)
			v->evtchn.poll_port = port;
		if (evtchn_port_is_pending(v->domain, port))
			return 1;
	}
	return 0;
}

/* We are "polling" before we look, so that whoever sends from then on wakes us. */
static long sched_op_poll(void *arg)
{
	const struct sched_poll *op = arg;
	struct vcpu *v = current_vcpu();
	int rc;

	if (op->nr_ports > POLL_PORTS_MAX)
		return -EINVAL;
	timer_stop(&v->poll);
	v->evtchn.poll_port = 0;
	__atomic_fetch_or(&v->stop, VCPU_BLOCKED | VCPU_POLLING, __ATOMIC_SEQ_CST);
	bit_test_set_atomic(v->domain->evtchn.polling, v->id);
	rc = vcpu_is_called(v) ? 1 : poll_ports(v, op);
	if (rc) {
		bit_test_clear_atomic(v->domain->evtchn.polling, v->id);
		__atomic_fetch_and(&v->stop, ~(VCPU_BLOCKED | VCPU_POLLING), __ATOMIC_SEQ_CST);
		return MIN(rc, 0);
	}
	if (op->timeout) {
		timer_migrate(&v->poll, v->cpu);
		timer_set(&v->poll, op->timeout);
	}
	softirq_raise(SOFTIRQ_SCHEDULE);
	return 0;
}

static void watchdog_fires(void *data)
{
	struct domain *d = data;

	printk(LOG_GUEST LOG_WARN "d%u: its watchdog expired\n", d->id);
	domain_shutdown(d, SHUTDOWN_watchdog);
}

void sched_watchdog_init(struct domain *d)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(d->watchdog); i++)
		timer_init(&d->watchdog[i], this_cpu(), watchdog_fires, d);
}

/* Claims a free one: its id (from 1), or -ENOSPC. */
static long watchdog_claim(struct domain *d)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(d->watchdog); i++)
		if (!(__atomic_fetch_or(&d->watchdog_in_use, 1U << i, __ATOMIC_SEQ_CST) & 1U << i))
			return i + 1;
	return -ENOSPC;
}

static long sched_op_watchdog(void *arg)
{
	const struct sched_watchdog *op = arg;
	struct domain *d = current_vcpu()->domain;
	long id = op->id;

	if (id > (long)ARRAY_SIZE(d->watchdog) || (!id && !op->timeout))
		return -EINVAL;
	if (id && !(READ_ONCE(d->watchdog_in_use) & 1U << (id - 1)))
		return -EINVAL;
	if (!op->timeout) {
		timer_stop(&d->watchdog[id - 1]);
		__atomic_fetch_and(&d->watchdog_in_use, ~(1U << (id - 1)), __ATOMIC_SEQ_CST);
		return 0;
	}
	if (!id) {
		id = watchdog_claim(d);
		if (id < 0)
			return id;
		timer_set(&d->watchdog[id - 1], now_ns() + op->timeout * NS_PER_S);
		return id;
	}
	timer_set(&d->watchdog[id - 1], now_ns() + op->timeout * NS_PER_S);
	return 0;
}

static long sched_op_pin_override(void *arg)
{
	const struct sched_pin_override *op = arg;

	return vcpu_pin_override(current_vcpu(), op->pcpu);
}

static const struct hypercall_op sched_op_table[] = {
	[SCHEDOP_shutdown]	  = { sched_op_shutdown, sizeof(struct sched_shutdown) },
	[SCHEDOP_poll]		  = { sched_op_poll, sizeof(struct sched_poll) },
	[SCHEDOP_remote_shutdown] = { sched_op_remote_shutdown,
				      sizeof(struct sched_remote_shutdown), HC_PRIVILEGED },
	[SCHEDOP_shutdown_code]	  = { sched_op_shutdown_code, sizeof(struct sched_shutdown) },
	[SCHEDOP_watchdog]	  = { sched_op_watchdog, sizeof(struct sched_watchdog) },
	[SCHEDOP_pin_override]	  = { sched_op_pin_override, sizeof(struct sched_pin_override), HC_PRIVILEGED },
};

long sched_op(unsigned int cmd, uint64_t arg)
{
	if (cmd == SCHEDOP_block) {	/* the two that have no argument, and must be fast */
		vcpu_block();
		return 0;
	}
	if (cmd == SCHEDOP_yield) {
		vcpu_yield();
		return 0;
	}
	return hypercall_sub_op(sched_op_table, ARRAY_SIZE(sched_op_table), cmd, arg);
}
