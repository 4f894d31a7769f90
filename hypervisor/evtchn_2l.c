/*
 * The 2-level event ABI: pending and mask bits in shared_info, one selector bit per 64 ports in
 * vcpu_info (xen/xen.h).
 */
#include "evtchn_abi.h"
#include "bitmap.h"
#include "domain.h"
#include "errno.h"

static void notify_2l(struct vcpu *v, uint32_t port)
{
	struct vcpu_info *info = v->info;

	if (!info)		/* when it's registered the whole selector is set */
		return;
	if (!bit_test_set_atomic((uint64_t *)&info->evtchn_pending_sel, port / 64))
		evtchn_mark_pending(v);
}

static void set_pending_2l(struct vcpu *v, struct evtchn *chn)
{
	struct shared_info *s = v->domain->shared;

	if (bit_test_set_atomic((uint64_t *)s->evtchn_pending, chn->port))
		return;
	if (!bit_test((uint64_t *)s->evtchn_mask, chn->port))
		notify_2l(v, chn->port);
}

static void clear_pending_2l(struct domain *d, struct evtchn *chn)
{
	bit_test_clear_atomic((uint64_t *)d->shared->evtchn_pending, chn->port);
}

static void unmask_2l(struct vcpu *v, struct evtchn *chn)
{
	struct shared_info *s = v->domain->shared;

	if (bit_test_clear_atomic((uint64_t *)s->evtchn_mask, chn->port) &&
	    bit_test((uint64_t *)s->evtchn_pending, chn->port))
		notify_2l(v, chn->port);
}

static bool is_pending_2l(struct domain *d, const struct evtchn *chn)
{
	return bit_test((uint64_t *)d->shared->evtchn_pending, chn->port);
}

static bool is_masked_2l(struct domain *d, const struct evtchn *chn)
{
	return bit_test((uint64_t *)d->shared->evtchn_mask, chn->port);
}

static int set_priority_2l(struct evtchn *chn, uint32_t priority)
{
	return -ENOSYS;		/* there are none: Linux copes (drivers/xen/events/events_base.c) */
}

const struct evtchn_ops evtchn_2l_ops = {
	.name = "2-level",
	.ports = EVTCHN_2L_NR_CHANNELS,
	.set_pending = set_pending_2l,
	.clear_pending = clear_pending_2l,
	.unmask = unmask_2l,
	.is_pending = is_pending_2l,
	.is_masked = is_masked_2l,
	.set_priority = set_priority_2l,
};
