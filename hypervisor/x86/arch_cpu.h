/* What x86 keeps for each physical CPU. */
#ifndef HV_X86_ARCH_CPU_H
#define HV_X86_ARCH_CPU_H

#include "types.h"

struct vcpu;
struct domain;

struct tss {				/* SDM 3A 8.7 */
	uint32_t reserved0;
	uint64_t rsp[3];
	uint64_t reserved1;
	uint64_t ist[7];
	uint64_t reserved2;
	uint16_t reserved3, iobitmap_offset;
} __attribute__((packed));

/* The I/O bitmap follows the TSS: 8192 bytes and a final 0xff (SDM 1 19.5.2). */
struct tss_block {
	struct tss tss;
	uint8_t iobitmap[8192 + 1];
} __attribute__((aligned(4096)));

struct arch_cpu {
	uint32_t apic_id, acpi_id;
	uint8_t *stack;			/* STACK_SIZE bytes, aligned to it */
	struct tss_block *tss;
	uint64_t *gdt;			/* the window: 16 pages; guest frames are mapped into its first 14 */
	uint64_t *gdt_ptes;		/* level-1 entries of that window */
	uint64_t *ldt_ptes;		/* … and of the LDT window behind it */
	uint64_t *gdt_hv;		/* our descriptors, from selector GDT_HV_FIRST on */
	unsigned int gdt_mapped, ldt_mapped;	/* guest frames there now */
	struct vcpu *loaded;		/* whose registers (FPU, segments, debug, CR3) this CPU holds */
	uint64_t cr4_base;		/* what of CR4 is ours, whatever guest runs */
	uint64_t cr4;			/* as loaded */
	uint64_t xcr0;
	uint32_t flush_stamp;		/* TLB clock at the last full flush here */
	uint64_t irq_count, nmi_count;
	bool is_parked;			/* stopped for shutdown or a crash */
};

#endif
