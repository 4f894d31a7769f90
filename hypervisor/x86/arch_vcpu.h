/* What x86 keeps for each virtual CPU: a mode-independent part (none yet but the registers) and the PV part. */
#ifndef HV_X86_ARCH_VCPU_H
#define HV_X86_ARCH_VCPU_H

#include "abi.h"
#include "types.h"

struct page;

#define GUEST_GDT_PAGES 14		/* FIRST_RESERVED_GDT_PAGE, xen/arch-x86/xen.h */
#define LDT_PAGES 16

struct pv_callback {
	uint64_t address;
	bool mask_events;
};

struct pv_vcpu {
	bool in_kernel;			/* guest kernel mode: both run in ring 3 */
	struct page *root_kernel;	/* level-4 tables: a PAGE_L4 type reference each */
	struct page *root_user;		/* NULL: none */
	struct trap_info traps[256];	/* [TRAP_NMI] is the NMI callback as well */
	struct pv_callback event, failsafe, syscall, syscall32, sysenter;
	uint64_t kernel_sp;
	uint64_t kernel_ss;
	struct page *gdt_frames[GUEST_GDT_PAGES];	/* PAGE_SEGDESC references */
	unsigned int gdt_entries;
	uint64_t ldt_base;
	unsigned int ldt_entries;
	struct page *ldt_frames[LDT_PAGES];		/* PAGE_SEGDESC references */
	uint64_t cr0_ts;		/* virtual CR0.TS */
	uint64_t cr2;
	uint64_t cr4;			/* as the guest set it, of what it may */
	uint64_t dr[8];
	uint8_t iopl;			/* virtual */
	uint64_t iobitmap;		/* guest address of the user I/O permission bitmap */
	uint32_t iobitmap_ports;
	uint32_t pci_cf8;		/* latched configuration address */
	bool nmi_pending, nmi_masked;	/* its own business: others set VCPU_WORK_NMI */
};

#define VCPU_WORK_NMI	1		/* an NMI is to be injected */
#define VCPU_WORK_RUNSTATE 2		/* the guest's copy of its run state is out of date */

struct arch_vcpu {
	struct cpu_user_regs regs;	/* while it isn't on a CPU */
	uint64_t fs_base, gs_base_kernel, gs_base_user;
	uint64_t xcr0;
	uint32_t tsc_aux;
	void *fpu;			/* XSAVE area, or FXSAVE where there's no XSAVE */
	bool fpu_is_initialised;
	struct cpu *loaded_on;		/* whose registers still hold our state, or NULL */
	uint8_t exit_work;		/* VCPU_WORK_*: what must be done before it runs guest code again; atomic */
	struct pv_vcpu pv;
};

#endif
