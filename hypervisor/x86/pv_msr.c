#include "pv_msr.h"
#include "arch.h"
#include "asm.h"
#include "cpu_features.h"
#include "mm.h"

#define EFER_SVME (1UL << 12)

/* Bases are live in the CPU while the guest kernel runs: GS its own, KERNEL_GS its user mode's. */
static bool read_hardware(struct vcpu *v, uint32_t msr, uint64_t *value) { return rdmsr_safe(msr, value); }

static bool write_base(struct vcpu *v, uint32_t msr, uint64_t value)
{
	if (!va_is_canonical(value))
		return false;
	wrmsr(msr, value);
	return true;
}

static bool read_zero(struct vcpu *v, uint32_t msr, uint64_t *value)
{
	*value = 0;
	return true;
}

static bool write_ignored(struct vcpu *v, uint32_t msr, uint64_t value) { return true; }
static bool write_zero_only(struct vcpu *v, uint32_t msr, uint64_t value) { return value == 0; }

static bool read_efer(struct vcpu *v, uint32_t msr, uint64_t *value)
{
	*value = rdmsr(MSR_EFER) & ~EFER_SVME;
	return true;
}

/* Linux writes back what it read; anything else isn't its to change. */
static bool write_same(struct vcpu *v, uint32_t msr, uint64_t value)
{
	uint64_t old;

	return pv_msr_read(v, msr, &old) && old == value;
}

static bool read_apic_base(struct vcpu *v, uint32_t msr, uint64_t *value)
{
	*value = 0xfee00800 | (v->id == 0 ? 0x100 : 0);
	return true;
}

static bool read_pat(struct vcpu *v, uint32_t msr, uint64_t *value)
{
	*value = PAT_VALUE;
	return true;
}

static bool read_tsc_aux(struct vcpu *v, uint32_t msr, uint64_t *value)
{
	*value = v->arch.tsc_aux;
	return cpu_has(XEN_X86_FEATURE_RDTSCP);
}

static bool write_tsc_aux(struct vcpu *v, uint32_t msr, uint64_t value)
{
	if (value >> 32 || !cpu_has(XEN_X86_FEATURE_RDTSCP))
		return false;
	v->arch.tsc_aux = value;
	wrmsr(MSR_TSC_AUX, value);
	return true;
}

static bool read_tsc(struct vcpu *v, uint32_t msr, uint64_t *value)
{
	*value = arch_tsc();
	return true;
}

static bool read_microcode(struct vcpu *v, uint32_t msr, uint64_t *value)
{
	*value = 0;
	(void)rdmsr_safe(msr, value);
	return true;
}

/* LFENCE serialises (bit 1): what kernels look for on AMD. */
static bool read_de_cfg(struct vcpu *v, uint32_t msr, uint64_t *value)
{
	*value = 2;
	return !cpu_is_intel();
}

static bool is_amd_read_zero(struct vcpu *v, uint32_t msr, uint64_t *value)
{
	*value = 0;
	return !cpu_is_intel();
}

static bool is_amd_write(struct vcpu *v, uint32_t msr, uint64_t value) { return !cpu_is_intel(); }

static const struct pv_msr {
	uint32_t first, last;
	bool (*read)(struct vcpu *v, uint32_t msr, uint64_t *value);
	bool (*write)(struct vcpu *v, uint32_t msr, uint64_t value);
} pv_msrs[] = {
	{ 0x10, 0x10, read_tsc, NULL },
	{ 0x17, 0x17, read_zero, NULL },			/* platform id */
	{ 0x1b, 0x1b, read_apic_base, write_same },
	{ 0x8b, 0x8b, read_microcode, write_zero_only },
	{ 0x179, 0x17a, read_zero, write_ignored },		/* machine check: capabilities, status */
	{ 0x1d9, 0x1d9, read_zero, write_zero_only },		/* debug control */
	{ 0x277, 0x277, read_pat, write_same },
	{ 0x400, 0x47f, read_zero, write_ignored },		/* machine check banks */
	{ MSR_EFER, MSR_EFER, read_efer, write_same },
	{ MSR_FS_BASE, MSR_KERNEL_GS_BASE, read_hardware, write_base },
	{ MSR_TSC_AUX, MSR_TSC_AUX, read_tsc_aux, write_tsc_aux },
	{ 0xc0010000, 0xc0010007, is_amd_read_zero, is_amd_write },	/* performance counters */
	{ 0xc0010010, 0xc0010010, is_amd_read_zero, NULL },	/* SYSCFG */
	{ 0xc0010015, 0xc0010015, is_amd_read_zero, is_amd_write },	/* HWCR */
	{ 0xc0010055, 0xc0010055, is_amd_read_zero, NULL },	/* interrupt pending message */
	{ 0xc0011029, 0xc0011029, read_de_cfg, is_amd_write },
};

static const struct pv_msr *pv_msr_find(uint32_t msr)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(pv_msrs); i++)
		if (msr >= pv_msrs[i].first && msr <= pv_msrs[i].last)
			return &pv_msrs[i];
	return NULL;
}

bool pv_msr_read(struct vcpu *v, uint32_t msr, uint64_t *value)
{
	const struct pv_msr *m = pv_msr_find(msr);

	if (m && m->read)
		return m->read(v, msr, value);
	if (!v->arch.pv.traps[13].address) {	/* no handler for the #GP yet: early probing reads zeroes */
		*value = 0;
		return true;
	}
	return false;
}

bool pv_msr_write(struct vcpu *v, uint32_t msr, uint64_t value)
{
	const struct pv_msr *m = pv_msr_find(msr);

	return m && m->write && m->write(v, msr, value);
}
