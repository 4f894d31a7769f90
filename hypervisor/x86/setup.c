/* Control registers and feature switches of a CPU. */
#include "arch.h"
#include "asm.h"
#include "cpu_features.h"
#include "options.h"
#include "pv_io.h"
#include "smp.h"

#define CR4_PAE 0x20UL			/* SDM 3A 2.5 */
#define CR4_MCE 0x40UL
#define CR4_OSFXSR 0x200UL
#define CR4_OSXMMEXCPT 0x400UL
#define CR4_OSXSAVE 0x40000UL
#define CR4_SMEP 0x100000UL

void cpu_init(struct cpu *c)
{
	uint64_t cr4 = CR4_PAE | CR4_OSFXSR | CR4_OSXMMEXCPT;

	if (cpu_has(XEN_X86_FEATURE_MCE))
		cr4 |= CR4_MCE;
	if (xcr0_supported)
		cr4 |= CR4_OSXSAVE;
	if (cpu_has(XEN_X86_FEATURE_SMEP) && options.smep)
		cr4 |= CR4_SMEP;
	c->arch.cr4_base = c->arch.cr4 = cr4;
	__asm__ volatile("mov %0, %%cr4" :: "r"(cr4) : "memory");
	if (xcr0_supported) {
		c->arch.xcr0 = xcr0_supported;
		__asm__ volatile("xsetbv" :: "c"(0), "a"((uint32_t)xcr0_supported),
				 "d"((uint32_t)(xcr0_supported >> 32)));
	}
	wrmsr(MSR_PAT, PAT_VALUE);
	__asm__ volatile("mov %0, %%dr7" :: "r"(0x400UL));
	pv_io_bitmap_init(c->arch.tss->iobitmap);
}
