#include "cpu_policy.h"
#include "cpu_features.h"
#include "errno.h"
#include "guest.h"

/* The leaves of a list, in order; rows with subleaves have so many, numbered from 0. */
static const struct leaf_range { uint32_t first, last, subleaves; } ranges[] = {
	{ 0, 3, 0 }, { 4, 4, 6 }, { 5, 6, 0 }, { 7, 7, 3 }, { 8, 0xa, 0 }, { 0xb, 0xb, 2 }, { 0xc, 0xc, 0 },
	{ 0xd, 0xd, 63 }, { 0x40000000, 0x40000000, 0 }, { 0x40000100, 0x40000100, 0 },
	{ 0x80000000, 0x80000021, 0 },
};

/* MSRs that tell of the CPU; a PV guest finds nothing in them here. */
static const uint32_t policy_msrs[POLICY_MSRS] = { 0xce, 0x10a };	/* PLATFORM_INFO, ARCH_CAPABILITIES */

static unsigned int range_leaves(const struct leaf_range *r)
{
	return r->subleaves ? r->subleaves : r->last - r->first + 1;
}

/* Where a leaf is in a list, or -1. */
static int leaf_index(uint32_t leaf, uint32_t subleaf)
{
	unsigned int at = 0;

	for (unsigned int i = 0; i < ARRAY_SIZE(ranges); at += range_leaves(&ranges[i]), i++) {
		const struct leaf_range *r = &ranges[i];

		if (leaf < r->first || leaf > r->last)
			continue;
		if (!r->subleaves)
			return at + leaf - r->first;
		return subleaf < r->subleaves ? (int)(at + subleaf) : -1;
	}
	return -1;
}

static bool leaf_has_subleaves(uint32_t leaf) { return leaf == 4 || leaf == 7 || leaf == 0xb || leaf == 0xd; }

static bool is_hypervisor_leaf(uint32_t leaf) { return leaf >> 16 == 0x4000; }

struct cpuid policy_of_cpu(uint32_t leaf, uint32_t subleaf)
{
	uint32_t base = leaf & 0x80000000;

	if (is_hypervisor_leaf(leaf) || leaf > cpuid(base, 0).a)
		return (struct cpuid){ 0 };
	return cpuid(leaf, subleaf);
}

const struct cpuid *policy_find(const struct cpu_policy *p, uint32_t leaf, uint32_t subleaf)
{
	int i = leaf_index(leaf, subleaf);

	return i < 0 ? NULL : &p->leaf[i];
}

void policy_default(struct cpu_policy *p)
{
	struct cpuid *to = p->leaf;

	for (unsigned int i = 0; i < ARRAY_SIZE(ranges); i++)
		for (unsigned int k = 0; k < range_leaves(&ranges[i]); k++)
			*to++ = ranges[i].subleaves ? pv_default_cpuid(ranges[i].first, k) :
				pv_default_cpuid(ranges[i].first + k, 0);
}

static long leaf_write(const struct cpu_policy *p, policy_source *source, uint32_t leaf, uint32_t subleaf,
		       uint64_t to)
{
	struct cpuid r = p ? *policy_find(p, leaf, subleaf) : source(leaf, subleaf);
	xen_cpuid_leaf_t out = { leaf, leaf_has_subleaves(leaf) ? subleaf : XEN_CPUID_NO_SUBLEAF,
				 r.a, r.b, r.c, r.d };

	return copy_to_guest(to, &out, sizeof(out));
}

static long leaves_write(const struct cpu_policy *p, policy_source *source, uint64_t to)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(ranges); i++)
		for (unsigned int k = 0; k < range_leaves(&ranges[i]); k++, to += sizeof(xen_cpuid_leaf_t)) {
			uint32_t leaf = ranges[i].first + (ranges[i].subleaves ? 0 : k);

			if (leaf_write(p, source, leaf, ranges[i].subleaves ? k : 0, to))
				return -EFAULT;
		}
	return 0;
}

long policy_write(const struct cpu_policy *p, policy_source *source, uint64_t leaves_at, uint32_t *leaves,
		  uint64_t msrs_at, uint32_t *msrs)
{
	if (leaves_at && *leaves < POLICY_LEAVES)
		return -ENOBUFS;
	if (msrs_at && *msrs < POLICY_MSRS)
		return -ENOBUFS;
	if (leaves_at && leaves_write(p, source, leaves_at))
		return -EFAULT;
	for (unsigned int i = 0; msrs_at && i < POLICY_MSRS; i++) {
		const xen_msr_entry_t msr = { .idx = policy_msrs[i] };

		if (copy_to_guest(msrs_at + i * sizeof(msr), &msr, sizeof(msr)))
			return -EFAULT;
	}
	*leaves = POLICY_LEAVES;
	*msrs = POLICY_MSRS;
	return 0;
}

/* A leaf of the caller's into the list: numbers that would promise more than there is are refused. */
static bool leaf_read(struct cpu_policy *p, const xen_cpuid_leaf_t *in)
{
	bool has_subleaves = leaf_has_subleaves(in->leaf);
	uint32_t subleaf = has_subleaves ? in->subleaf : 0;
	int i = leaf_index(in->leaf, subleaf);
	struct cpuid r = { in->a, in->b, in->c, in->d };

	if (i < 0 || (!has_subleaves && in->subleaf != XEN_CPUID_NO_SUBLEAF))
		return false;
	if (is_hypervisor_leaf(in->leaf))	/* limits of our own leaves, which aren't the toolstack's */
		return true;
	if ((in->leaf == 0 || in->leaf == 0x80000000) && r.a > pv_default_cpuid(in->leaf, 0).a)
		return false;
	p->leaf[i] = features_limit(in->leaf, subleaf, r);
	return true;
}

static bool msr_read(const xen_msr_entry_t *in)
{
	bool is_known = false;

	for (unsigned int i = 0; i < POLICY_MSRS; i++)
		is_known |= policy_msrs[i] == in->idx;
	return is_known && !in->flags && !in->val;
}

long policy_read(struct xen_domctl_cpu_policy *op, struct cpu_policy *p)
{
	op->err_leaf = op->err_subleaf = op->err_msr = ~0U;
	if (op->nr_leaves > POLICY_LEAVES || op->nr_msrs > POLICY_MSRS)
		return -E2BIG;
	for (uint32_t i = 0; i < op->nr_leaves; i++) {
		xen_cpuid_leaf_t in;

		if (copy_from_guest(&in, (uint64_t)op->leaves.p + i * sizeof(in), sizeof(in)))
			return -EFAULT;
		if (!leaf_read(p, &in)) {
			op->err_leaf = in.leaf;
			op->err_subleaf = in.subleaf;
			return -EINVAL;
		}
	}
	for (uint32_t i = 0; i < op->nr_msrs; i++) {
		xen_msr_entry_t in;

		if (copy_from_guest(&in, (uint64_t)op->msrs.p + i * sizeof(in), sizeof(in)))
			return -EFAULT;
		if (!msr_read(&in)) {
			op->err_msr = in.idx;
			return -EINVAL;
		}
	}
	return 0;
}
