#include "ctl.h"
#include "arch.h"
#include "errno.h"
#include "guest.h"
#include "sched.h"
#include "string.h"

#define BITMAP_MAX 65536		/* more than any machine has of anything counted here */

static uint64_t bits_mask(unsigned int bits) { return bits >= 64 ? ~0UL : (1UL << bits) - 1; }

int ctl_bitmap_get(uint64_t *words, unsigned int bits, const struct xenctl_bitmap *from)
{
	unsigned int n = MIN(bits, from->nr_bits);

	if (from->nr_bits > BITMAP_MAX)
		return -E2BIG;
	memset(words, 0, BITS_TO_WORDS(bits) * sizeof(*words));
	if (copy_from_guest(words, (uint64_t)from->bitmap.p, DIV_UP(n, 8)))
		return -EFAULT;
	if (n % 64)			/* the last byte's other bits aren't part of it */
		words[n / 64] &= bits_mask(n % 64);
	return 0;
}

int ctl_bitmap_put(const struct xenctl_bitmap *to, const uint64_t *words, unsigned int bits)
{
	uint64_t at = (uint64_t)to->bitmap.p;
	unsigned int bytes = DIV_UP((uint64_t)to->nr_bits, 8), i;

	if (to->nr_bits > BITMAP_MAX)
		return -E2BIG;
	for (i = 0; i < MIN(bits, to->nr_bits); i += 64) {
		uint64_t word = words[i / 64] & bits_mask(MIN(bits, to->nr_bits) - i);

		if (copy_to_guest(at + i / 8, &word, MIN(sizeof(word), bytes - i / 8)))
			return -EFAULT;
	}
	i = DIV_UP(MIN(i, bytes * 8), 8);
	return i < bytes ? guest_clear(at + i, bytes - i) : 0;
}

static void vcpus_info(struct domain *d, struct xen_domctl_getdomaininfo *info)
{
	bool is_blocked = true;

	info->max_vcpu_id = XEN_INVALID_MAX_VCPU_ID;
	for (unsigned int id = 0; id < d->max_vcpus; id++) {
		struct vcpu *v = __atomic_load_n(&d->vcpu[id], __ATOMIC_ACQUIRE);

		if (!v)
			continue;
		info->max_vcpu_id = id;
		info->cpu_time += vcpu_cpu_time_ns(v);
		if (READ_ONCE(v->stop) & VCPU_DOWN)
			continue;
		info->nr_online_vcpus++;
		is_blocked &= !!(READ_ONCE(v->stop) & VCPU_BLOCKED);
		if (READ_ONCE(v->is_running))
			info->flags |= XEN_DOMINF_running;
	}
	if (is_blocked)
		info->flags |= XEN_DOMINF_blocked;
}

static uint32_t state_flags(const struct domain *d)
{
	uint32_t flags = 0;

	if (d->dying != DOMAIN_ALIVE)
		flags |= XEN_DOMINF_dying;
	if (READ_ONCE(d->is_shut_down))
		flags |= XEN_DOMINF_shutdown | (d->shutdown_reason & XEN_DOMINF_shutdownmask) <<
			XEN_DOMINF_shutdownshift;
	if (d->controller_pauses)
		flags |= XEN_DOMINF_paused;
	if (d->config.flags & XEN_DOMCTL_CDF_xs_domain)
		flags |= XEN_DOMINF_xs_domain;
	return flags;
}

/* domain_list_lock is held: `d` is in the list and stays whole meanwhile. */
static void domain_info(struct domain *d, struct xen_domctl_getdomaininfo *info)
{
	memset(info, 0, sizeof(*info));
	info->domain = d->id;
	info->flags = state_flags(d);
	info->tot_pages = d->tot_pages;
	info->max_pages = d->max_pages;
	info->outstanding_pages = d->claimed_pages;
	info->shared_info_frame = d->shared ? virt_to_mfn(d->shared).n : ~0UL;
	memcpy(info->handle, d->handle, sizeof(info->handle));
	info->arch_config = d->config.arch;
	vcpus_info(d, info);
	arch_domain_info(d, info);
}

int ctl_domain_info(domid_t id, struct xen_domctl_getdomaininfo *info)
{
	struct domain *d;
	int rc = -ESRCH;

	spin_lock(&domain_list_lock);
	list_for_each(d, &domain_list, link)
		if (d->id >= id) {
			domain_info(d, info);
			rc = 0;
			break;
		}
	spin_unlock(&domain_list_lock);
	return rc;
}
