#include "mtrr.h"

#include "asm.h"
#include "cpu.h"
#include "mm.h"
#include "printk.h"

#define MSR_CAP		0xfe
#define MSR_DEFAULT	0x2ff
#define MSR_BASE(n)	(0x200 + 2 * (n))
#define CAP_FIXED	0x100
#define DEFAULT_ENABLE	0x800
#define VARIABLE_MAX	32
#define CR0_CD		0x40000000UL
#define CR0_NW		0x20000000UL

static const uint32_t fixed_msrs[] = {		/* 64, 16 and 4 KiB ranges below 1 MiB */
	0x250, 0x258, 0x259, 0x268, 0x269, 0x26a, 0x26b, 0x26c, 0x26d, 0x26e, 0x26f,
};

struct mtrrs {
	uint64_t default_type, fixed[ARRAY_SIZE(fixed_msrs)], variable[2 * VARIABLE_MAX];
};

static struct mtrrs boot;
static unsigned int variable_count;
static bool are_there, has_fixed;

static void mtrrs_read(struct mtrrs *m)
{
	m->default_type = rdmsr(MSR_DEFAULT);
	for (unsigned int i = 0; has_fixed && i < ARRAY_SIZE(fixed_msrs); i++)
		m->fixed[i] = rdmsr(fixed_msrs[i]);
	for (unsigned int i = 0; i < 2 * variable_count; i++)
		m->variable[i] = rdmsr(MSR_BASE(0) + i);
}

void mtrr_save(void)
{
	uint64_t cap;

	if (!(cpuid(1, 0).d & 1U << 12) || !rdmsr_safe(MSR_CAP, &cap))
		return;
	are_there = true;
	has_fixed = cap & CAP_FIXED;
	variable_count = MIN(cap & 0xff, (uint64_t)VARIABLE_MAX);
	mtrrs_read(&boot);
}

static bool mtrrs_differ(const struct mtrrs *m)
{
	if (m->default_type != boot.default_type)
		return true;
	for (unsigned int i = 0; has_fixed && i < ARRAY_SIZE(fixed_msrs); i++)
		if (m->fixed[i] != boot.fixed[i])
			return true;
	for (unsigned int i = 0; i < 2 * variable_count; i++)
		if (m->variable[i] != boot.variable[i])
			return true;
	return false;
}

static uint64_t cr0_read(void)
{
	uint64_t v;

	__asm__ volatile("mov %%cr0, %0" : "=r"(v));
	return v;
}

static void cr0_write(uint64_t v) { __asm__ volatile("mov %0, %%cr0" :: "r"(v) : "memory"); }
static void caches_flush(void) { __asm__ volatile("wbinvd" ::: "memory"); }

/* Caches off and empty while types change: SDM 3A 11.11.7.2. */
static void mtrrs_write(void)
{
	uint64_t cr0 = cr0_read();

	cr0_write((cr0 | CR0_CD) & ~CR0_NW);
	caches_flush();
	write_cr3(read_cr3());
	wrmsr(MSR_DEFAULT, boot.default_type & ~(uint64_t)DEFAULT_ENABLE);
	for (unsigned int i = 0; has_fixed && i < ARRAY_SIZE(fixed_msrs); i++)
		wrmsr(fixed_msrs[i], boot.fixed[i]);
	for (unsigned int i = 0; i < 2 * variable_count; i++)
		wrmsr(MSR_BASE(0) + i, boot.variable[i]);
	wrmsr(MSR_DEFAULT, boot.default_type);
	caches_flush();
	write_cr3(read_cr3());
	cr0_write(cr0);
}

void mtrr_apply(void)
{
	struct mtrrs own;

	if (!are_there)
		return;
	mtrrs_read(&own);
	if (!mtrrs_differ(&own))
		return;
	mtrrs_write();
	printk(LOG_INFO "CPU %u: MTRRs were not the boot CPU's, and now are\n", cpu_id());
}
