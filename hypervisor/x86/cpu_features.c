#include "cpu_features.h"
#include "arch.h"
#include "cpu_policy.h"
#include "mm.h"
#include "options.h"
#include "string.h"
#include "time.h"

#define F(name) XEN_X86_FEATURE_##name

uint64_t xcr0_supported;
uint32_t xsave_bytes = 512 + 64;

static uint32_t host_words[FEATURE_WORDS], pv_words[FEATURE_WORDS];
static uint32_t max_leaf, max_ext_leaf;
static bool is_intel;

/* Where CPUID shows each word of the featureset. */
static const struct feature_word { uint32_t leaf, subleaf; char reg; } word_source[FEATURE_WORDS] = {
	[0] = { 1, 0, 'd' }, [1] = { 1, 0, 'c' }, [2] = { 0x80000001, 0, 'd' }, [3] = { 0x80000001, 0, 'c' },
	[4] = { 0xd, 1, 'a' }, [5] = { 7, 0, 'b' }, [6] = { 7, 0, 'c' }, [7] = { 0x80000007, 0, 'd' },
	[8] = { 0x80000008, 0, 'b' }, [9] = { 7, 0, 'd' }, [10] = { 7, 1, 'a' }, [11] = { 0x80000021, 0, 'a' },
	[12] = { 7, 1, 'b' }, [13] = { 7, 2, 'd' }, [14] = { 7, 1, 'c' }, [15] = { 7, 1, 'd' },
	[18] = { 0x80000021, 0, 'c' },
};

/*
 * What a PV guest may use as it is: instructions without privilege, and facts about the CPU.  What needs
 * privilege, or state that isn't switched between vcpus, is left out.
 */
static const uint16_t pv_features[] = {
	F(FPU), F(DE), F(TSC), F(MSR), F(PAE), F(MCE), F(CX8), F(APIC), F(SEP), F(MCA), F(CMOV), F(PAT),
	F(CLFLUSH), F(ACPI), F(MMX), F(FXSR), F(SSE), F(SSE2), F(SS), F(HTT),
	F(SSE3), F(PCLMULQDQ), F(SSSE3), F(FMA), F(CX16), F(SSE4_1), F(SSE4_2), F(MOVBE), F(POPCNT), F(AESNI),
	F(XSAVE), F(AVX), F(F16C), F(RDRAND), F(HYPERVISOR),
	F(SYSCALL), F(NX), F(MMXEXT), F(FFXSR), F(RDTSCP), F(LM), F(3DNOWEXT), F(3DNOW),
	F(LAHF_LM), F(CMP_LEGACY), F(ABM), F(SSE4A), F(MISALIGNSSE), F(3DNOWPREFETCH), F(XOP), F(FMA4),
	F(TBM), F(DBEXT),
	F(XSAVEOPT), F(XSAVEC), F(XGETBV1),
	F(FSGSBASE), F(BMI1), F(AVX2), F(BMI2), F(ERMS), F(RTM), F(AVX512F), F(AVX512DQ), F(RDSEED), F(ADX),
	F(AVX512_IFMA), F(CLFLUSHOPT), F(CLWB), F(AVX512CD), F(SHA), F(AVX512BW), F(AVX512VL),
	F(PREFETCHWT1), F(AVX512_VBMI), F(AVX512_VBMI2), F(GFNI), F(VAES), F(VPCLMULQDQ), F(AVX512_VNNI),
	F(AVX512_BITALG), F(AVX512_VPOPCNTDQ), F(RDPID), F(CLDEMOTE), F(MOVDIRI), F(MOVDIR64B),
	F(ITSC), F(CLZERO), F(RSTR_FP_ERR_PTRS), F(SSB_NO), F(BTC_NO),
	F(AVX512_4VNNIW), F(AVX512_4FMAPS), F(FSRM), F(AVX512_VP2INTERSECT), F(MD_CLEAR), F(SERIALIZE),
	F(AVX_VNNI), F(AVX512_BF16), F(FZRM), F(FSRS), F(FSRCS), F(LFENCE_DISPATCH), F(NSCB),
};

static bool word_test(const uint32_t *words, unsigned int feature)
{
	return words[feature / 32] >> (feature % 32) & 1;
}

bool cpu_has(unsigned int feature) { return word_test(host_words, feature); }
bool cpu_is_intel(void) { return is_intel; }

void features_host(uint32_t words[FEATURE_WORDS]) { memcpy(words, host_words, sizeof(host_words)); }
void features_pv(uint32_t words[FEATURE_WORDS]) { memcpy(words, pv_words, sizeof(pv_words)); }

static uint32_t cpuid_reg(struct cpuid r, char reg)
{
	return reg == 'a' ? r.a : reg == 'b' ? r.b : reg == 'c' ? r.c : r.d;
}

static bool leaf_exists(uint32_t leaf)
{
	return leaf <= max_leaf || (leaf >= 0x80000000 && leaf <= max_ext_leaf);
}

static void xsave_init(void)
{
	uint64_t hw = (uint64_t)cpuid(0xd, 0).d << 32 | cpuid(0xd, 0).a;

	/* x87, SSE, AVX, and the three parts of AVX-512 together: SDM 1 13.1 */
	xcr0_supported = hw & 7;
	if ((hw & 0xe0) == 0xe0)
		xcr0_supported |= 0xe0;
	xsave_bytes = 512 + 64;
	for (unsigned int i = 2; i < 8; i++)
		if (xcr0_supported >> i & 1) {
			struct cpuid r = cpuid(0xd, i);	/* size, offset */

			xsave_bytes = MAX(xsave_bytes, r.a + r.b);
		}
}

void features_init(void)
{
	uint32_t may[FEATURE_WORDS] = { 0 };

	max_leaf = cpuid(0, 0).a;
	max_ext_leaf = cpuid(0x80000000, 0).a;
	is_intel = cpuid(0, 0).b == 0x756e6547;		/* "Genu" */
	for (unsigned int w = 0; w < FEATURE_WORDS; w++)
		if (word_source[w].reg && leaf_exists(word_source[w].leaf))
			host_words[w] = cpuid_reg(cpuid(word_source[w].leaf, word_source[w].subleaf),
						  word_source[w].reg);
	if (!cpu_has(F(XSAVE)) || max_leaf < 0xd || !options.xsave)
		host_words[F(XSAVE) / 32] &= ~(1U << F(XSAVE) % 32);
	else
		xsave_init();
	for (unsigned int i = 0; i < ARRAY_SIZE(pv_features); i++)
		may[pv_features[i] / 32] |= 1U << (pv_features[i] % 32);
	for (unsigned int w = 0; w < FEATURE_WORDS; w++)
		pv_words[w] = host_words[w] & may[w];
	pv_words[F(HYPERVISOR) / 32] |= 1U << (F(HYPERVISOR) % 32);
	if (!(xcr0_supported & 4)) {		/* no AVX state: nothing that uses it */
		pv_words[1] &= ~(1U << F(AVX) % 32 | 1U << F(FMA) % 32 | 1U << F(F16C) % 32);
		pv_words[5] &= ~(1U << F(AVX2) % 32);
	}
	if (!(xcr0_supported & 0x80))
		pv_words[5] &= ~(0xdc230000U);	/* AVX512* of leaf 7 EBX */
}

/* The leaves of the hypervisor itself: xen/arch-x86/cpuid.h. */
static struct cpuid hypervisor_leaf(const struct vcpu *v, uint32_t leaf, uint32_t subleaf)
{
	struct cpuid r = { 0 };

	switch (leaf & 0xff) {
	case 0:
		return (struct cpuid){ 0x40000005, 0x566e6558, 0x65584d4d, 0x4d4d566e };	/* XenVMMXenVMM */
	case 1:
		r.a = 4 << 16 | 17;		/* the version whose ABI this is */
		break;
	case 2:
		r.a = 1;			/* one hypercall page, its MSR */
		r.b = 0x40000000;
		r.c = 1;			/* MMU_PT_UPDATE_PRESERVE_AD */
		break;
	case 3:
		if (subleaf == 0) {
			r.a = 2;		/* the TSC is what guests may rely on */
			r.c = tsc_hz / 1000;
			r.d = v->domain->arch.tsc_incarnation;
		} else if (subleaf == 2) {
			r.a = tsc_hz / 1000;
		}
		break;
	case 5:
		r.b = paddr_bits;
		break;
	}
	return r;
}

static struct cpuid xsave_leaf(uint32_t subleaf)
{
	struct cpuid r = { 0 };

	if (!xcr0_supported)
		return r;
	if (subleaf == 0) {
		r.a = (uint32_t)xcr0_supported;
		r.b = xsave_bytes;
		r.c = xsave_bytes;
		r.d = xcr0_supported >> 32;
	} else if (subleaf == 1) {
		r.a = pv_words[4];
		r.b = cpuid(0xd, 1).b;
	} else if (subleaf < 63 && xcr0_supported >> subleaf & 1) {
		r = cpuid(0xd, subleaf);
	}
	return r;
}

/* What every PV guest may be told; nothing in it changes while a guest runs. */
struct cpuid pv_default_cpuid(uint32_t leaf, uint32_t subleaf)
{
	struct cpuid r = leaf_exists(leaf) ? cpuid(leaf, subleaf) : (struct cpuid){ 0 };

	switch (leaf) {
	case 0:
		r.a = MIN(r.a, 0xdU);
		break;
	case 1:
		r.b &= 0x00ffffff;			/* APIC id: none */
		r.d = pv_words[0];
		r.c = pv_words[1];
		break;
	case 2: case 4:
		break;
	case 6:
		r = (struct cpuid){ 0 };
		break;
	case 7:
		if (subleaf == 0)
			r = (struct cpuid){ MIN(r.a, 2U), pv_words[5], pv_words[6], pv_words[9] };
		else if (subleaf == 1)
			r = (struct cpuid){ pv_words[10], 0, 0, 0 };
		else
			r = (struct cpuid){ 0 };
		break;
	case 0xd:
		return xsave_leaf(subleaf);
	case 0x80000000:
		r.a = MIN(r.a, 0x80000021U);
		break;
	case 0x80000001:
		r.d = pv_words[2] | (is_intel ? 0 : pv_words[0] & 0x0183f3ff);	/* AMD repeats leaf 1 */
		r.c = pv_words[3];
		break;
	case 0x80000002: case 0x80000003: case 0x80000004: case 0x80000005: case 0x80000006:
		break;
	case 0x80000007:
		r = (struct cpuid){ 0, 0, 0, pv_words[7] };
		break;
	case 0x80000008:
		r.b = pv_words[8];
		r.c &= 0xf0ff;				/* cores and APIC id size as they are */
		r.d = 0;
		break;
	case 0x80000021:
		r = (struct cpuid){ pv_words[11], 0, 0, 0 };
		break;
	default:
		r = (struct cpuid){ 0 };
		break;
	}
	return r;
}

/* Bits of features: of what is given, what there is. */
static struct cpuid leaf_and(struct cpuid a, struct cpuid b)
{
	return (struct cpuid){ a.a & b.a, a.b & b.b, a.c & b.c, a.d & b.d };
}

struct cpuid features_limit(uint32_t leaf, uint32_t subleaf, struct cpuid r)
{
	struct cpuid max = pv_default_cpuid(leaf, subleaf), both = leaf_and(r, max);

	switch (leaf) {
	case 1: case 0x80000001:
		return (struct cpuid){ r.a, r.b, both.c, both.d };
	case 7:
		return (struct cpuid){ subleaf ? both.a : MIN(r.a, max.a), both.b, both.c, both.d };
	case 0xd:			/* sizes and offsets are the hardware's */
		return subleaf == 1 ? (struct cpuid){ both.a, max.b, max.c, max.d } : max;
	case 0x80000007: case 0x80000021:
		return both;
	case 0x80000008:
		return (struct cpuid){ r.a, both.b, r.c, r.d };
	default:
		return r;
	}
}

/* By the domain's own list of leaves, where it has one. */
static struct cpuid domain_leaf(const struct cpu_policy *p, uint32_t leaf, uint32_t subleaf)
{
	const struct cpuid *r = policy_find(p, leaf, subleaf);
	uint32_t base = leaf & 0x80000000;

	if (!r || leaf > policy_find(p, base, 0)->a)
		return (struct cpuid){ 0 };
	return *r;
}

struct cpuid pv_cpuid(const struct vcpu *v, uint32_t leaf, uint32_t subleaf)
{
	const struct cpu_policy *p = v->domain->arch.policy;
	struct cpuid r;

	if (leaf >> 8 == 0x400000)
		return hypervisor_leaf(v, leaf, subleaf);
	if (leaf >> 16 == 0x4000)
		return (struct cpuid){ 0 };
	if (!leaf_exists(leaf) && leaf < 0x80000000 && is_intel)
		leaf = MIN(max_leaf, 0xdU);	/* SDM 2A CPUID: beyond the last means the last */
	r = p ? domain_leaf(p, leaf, subleaf) : pv_default_cpuid(leaf, subleaf);
	if (leaf == 1 && r.c >> (F(XSAVE) % 32) & 1)	/* guests look before they set CR4 */
		r.c |= 1U << (F(OSXSAVE) % 32);
	if (leaf == 0xd && subleaf == 0 && r.b)		/* the size for the XCR0 that is loaded, the guest's */
		r.b = cpuid(0xd, 0).b;
	return r;
}
