/*
 * The hypervisor's part of every address space: level-4 slots 256-271, which the PV ABI reserves
 * (xen/arch-x86/xen-x86_64.h).  Assembly includes this too.
 *
 *   slot 256   machine-to-phys table, readable by guests
 *   slot 257   devices and other special mappings, stacks, the GDT/LDT windows
 *   slot 261   hypervisor text and data
 *   slot 262-  all of RAM ("direct map"), up to slot 269: 4 TiB
 *   slot 270   frame table
 *
 * The level-3 tables below these slots exist from boot on and are shared by all roots, so a mapping
 * made once is seen everywhere.
 */
#ifndef HV_X86_LAYOUT_H
#define HV_X86_LAYOUT_H

#define HV_FIRST_SLOT		256
#define HV_LAST_SLOT		271
#define HV_SLOTS		(HV_LAST_SLOT - HV_FIRST_SLOT + 1)
#define HV_VIRT_START		0xffff800000000000
#define HV_VIRT_END		0xffff880000000000

#define M2P_START		0xffff800000000000	/* slot 256 */
#define VMAP_START		0xffff808000000000	/* slot 257 */
#define VMAP_END		0xffff810000000000
#define IMAGE_START		0xffff82d040000000	/* slot 261 */
#define DIRECTMAP_START		0xffff830000000000	/* slot 262 */
#define DIRECTMAP_END		0xffff870000000000	/* slot 270 */
#define FRAMETABLE_START	0xffff870000000000	/* slot 270 */

#define IMAGE_PADDR		0x200000		/* where the loader puts the image */

/* Our selectors, in the last page of the GDT (the first 14 are the guest's). */
#define GDT_HV_FIRST		0xe000
#define SEL_RING3_CS32		0xe023
#define SEL_RING3_DS		0xe02b
#define SEL_RING3_CS64		0xe033
#define SEL_HV_CS		0xe008
#define SEL_HV_DS		0xe010
#define SEL_TSS			0xe040
#define SEL_LDT			0xe050

#define STACK_SIZE		0x8000
#define STACK_END_SIZE		32	/* struct stack_end */
#define IST_RESERVE		16	/* the event stacks begin this far below their page ends */

/*
 * The guest frame in a stack block: struct cpu_user_regs (200 bytes) below struct stack_end, placed so
 * that its `es` lies on 16, to which hardware aligns RSP0 before it pushes (SDM 3A 6.14.2).
 */
#define GUEST_FRAME		32520

#endif
