#include "desc.h"
#include "asm.h"
#include "domain.h"
#include "errno.h"
#include "heap.h"
#include "layout.h"
#include "mm.h"
#include "abi.h"
#include "string.h"

/*
 * A CPU's block of STACK_SIZE bytes, by pages: 0 the SYSCALL stubs (executed, found relative to the
 * block, so that they reach RSP without a register), 1-3 stacks of the events that must not trust RSP,
 * 4 unmapped, 5-7 the main stack with struct stack_end at its end.
 */
#define STACK_PAGES (STACK_SIZE / PAGE_SIZE)
#define STACK_GUARD_PAGE 4

#define DESC_CODE64	0x00af9a000000ffffULL	/* SDM 3A 3.4.5: present, code, long mode */
#define DESC_DATA	0x00cf92000000ffffULL
#define DESC_CODE32_R3	0x00cffa000000ffffULL
#define DESC_DATA_R3	0x00cff2000000ffffULL
#define DESC_CODE64_R3	0x00affa000000ffffULL

#define GDT_LIMIT 0xefff		/* 15 pages, as the ABI fixes it */

struct gate { uint64_t lo, hi; };
struct table_descriptor { uint16_t limit; uint64_t base; } __attribute__((packed));

_Static_assert((GUEST_FRAME + offsetof(struct cpu_user_regs, es)) % 16 == 0 &&
	       GUEST_FRAME + sizeof(struct cpu_user_regs) <= STACK_SIZE - STACK_END_SIZE, "as layout.h says");

static struct gate idt[256] __attribute__((aligned(4096)));
static uint64_t zero_page[512] __attribute__((aligned(4096)));

extern char trap_stubs[], trap_stub_end[];		/* entry.S: 16 bytes a vector */
extern char syscall_stub[], syscall_stub_end[];	/* entry.S: SYSCALL, then its compat twin */
extern char syscall_stub_compat[];
extern char sysenter_entry[];

static void gate_set(unsigned int vector, const void *handler, unsigned int dpl, enum ist ist)
{
	uint64_t h = (uint64_t)handler;

	idt[vector].lo = (h & 0xffff) | (uint64_t)SEL_HV_CS << 16 | (uint64_t)ist << 32 |
		(0x8e00ULL | dpl << 13) << 32 | (h >> 16 & 0xffff) << 48;
	idt[vector].hi = h >> 32;
}

static void idt_init(void)
{
	for (unsigned int v = 0; v < 256; v++)
		gate_set(v, trap_stubs + v * 16, 0, IST_NONE);
	gate_set(1, trap_stubs + 1 * 16, 0, IST_DB);
	gate_set(2, trap_stubs + 2 * 16, 0, IST_NMI);
	gate_set(3, trap_stubs + 3 * 16, 3, IST_NONE);
	gate_set(4, trap_stubs + 4 * 16, 3, IST_NONE);
	gate_set(8, trap_stubs + 8 * 16, 0, IST_DF);
	gate_set(18, trap_stubs + 18 * 16, 0, IST_MCE);
	gate_set(0x80, trap_stubs + 0x80 * 16, 3, IST_NONE);
}

static void system_descriptor(uint64_t *at, const void *base, uint32_t limit, unsigned int type)
{
	uint64_t b = (uint64_t)base;

	at[0] = (limit & 0xffff) | (b & 0xffffff) << 16 | (uint64_t)(0x80 | type) << 40 |
		(uint64_t)(limit >> 16 & 0xf) << 48 | (b >> 24 & 0xff) << 56;
	at[1] = b >> 32;
}

static int stack_init(struct cpu *c)
{
	uint64_t *ptes;
	char *va = NULL;

	/* STACK_SIZE is both the block's size and its alignment */
	for (unsigned int tries = 0; tries < 16; tries++) {
		va = vmap_reserve(STACK_PAGES, &ptes);
		if (!va || !((uint64_t)va & (STACK_SIZE - 1)))
			break;
	}
	if (!va || (uint64_t)va & (STACK_SIZE - 1))
		return -ENOMEM;
	for (unsigned int i = 0; i < STACK_PAGES; i++) {
		void *page;

		if (i == STACK_GUARD_PAGE)
			continue;
		page = page_alloc_zeroed();
		if (!page)
			return -ENOMEM;
		ptes[i] = pte_make(virt_to_mfn(page), i ? PTE_HV | pte_nx : PTE_P | PTE_A);
		if (i == 0)
			memcpy(page, syscall_stub, syscall_stub_end - syscall_stub);
	}
	c->arch.stack = (uint8_t *)va;
	return 0;
}

static int windows_init(struct cpu *c)
{
	uint64_t *hv_page = page_alloc_zeroed(), *ptes;
	const unsigned int first = (GDT_HV_FIRST & (PAGE_SIZE - 1)) / 8;

	c->arch.gdt = vmap_reserve(GDT_WINDOW_PAGES + LDT_PAGES, &ptes);
	if (!hv_page || !c->arch.gdt)
		return -ENOMEM;
	c->arch.gdt_ptes = ptes;
	c->arch.ldt_ptes = ptes + GDT_WINDOW_PAGES;
	for (unsigned int i = 0; i < GUEST_GDT_PAGES; i++)
		ptes[i] = zero_page_paddr() | PTE_P | PTE_A | pte_nx;
	ptes[GUEST_GDT_PAGES] = pte_make(virt_to_mfn(hv_page), PTE_HV | pte_nx);
	hv_page[first + 1] = DESC_CODE64;
	hv_page[first + 2] = DESC_DATA;
	hv_page[first + 4] = DESC_CODE32_R3;
	hv_page[first + 5] = DESC_DATA_R3;
	hv_page[first + 6] = DESC_CODE64_R3;
	c->arch.gdt_hv = hv_page + first;
	return 0;
}

paddr_t zero_page_paddr(void) { return (uint64_t)zero_page - IMAGE_START; }

static void tss_init(struct cpu *c)
{
	struct tss *t = &c->arch.tss->tss;
	uint8_t *stack = c->arch.stack;

	t->rsp[0] = (uint64_t)&cpu_guest_frame(c)->es;
	t->ist[IST_NMI - 1] = (uint64_t)stack + 2 * PAGE_SIZE - IST_RESERVE;
	t->ist[IST_DF - 1] = (uint64_t)stack + 3 * PAGE_SIZE - IST_RESERVE;
	t->ist[IST_MCE - 1] = t->ist[IST_DF - 1];
	t->ist[IST_DB - 1] = (uint64_t)stack + 4 * PAGE_SIZE - IST_RESERVE;
	t->iobitmap_offset = offsetof(struct tss_block, iobitmap);
	memset(c->arch.tss->iobitmap, 0xff, sizeof(c->arch.tss->iobitmap));
	system_descriptor(&c->arch.gdt_hv[(SEL_TSS - GDT_HV_FIRST) / 8], t,
			  sizeof(struct tss_block) - 1, 9);	/* available 64-bit TSS */
}

struct cpu_user_regs *cpu_guest_frame(struct cpu *c)
{
	return (struct cpu_user_regs *)(c->arch.stack + GUEST_FRAME);
}

int desc_cpu_init(struct cpu *c)
{
	int rc = stack_init(c);

	if (!idt[0].lo)
		idt_init();
	c->arch.tss = pages_alloc_zeroed(2);
	if (!rc && c->arch.tss)
		rc = windows_init(c);
	if (rc || !c->arch.tss)
		return -ENOMEM;
	tss_init(c);
	return 0;
}

/* SYSCALL enters through the block's first page; RFLAGS bits that must not follow the guest in. */
static void syscall_init(struct cpu *c)
{
	uint64_t stub = (uint64_t)c->arch.stack;

	wrmsr(MSR_STAR, (uint64_t)SEL_RING3_CS32 << 48 | (uint64_t)SEL_HV_CS << 32);
	wrmsr(MSR_LSTAR, stub);
	wrmsr(MSR_CSTAR, stub + (syscall_stub_compat - syscall_stub));
	wrmsr(MSR_SFMASK, 0x47700);		/* TF IF DF IOPL NT AC */
	if (cpuid(0, 0).b == 0x756e6547) {	/* "Genu…": SYSENTER works in 64-bit mode on Intel only */
		wrmsr(MSR_SYSENTER_CS, SEL_HV_CS);
		wrmsr(MSR_SYSENTER_ESP, c->arch.tss->tss.rsp[0]);
		wrmsr(MSR_SYSENTER_EIP, (uint64_t)sysenter_entry);
	}
}

void desc_load_ldt(uint64_t base, unsigned int entries)
{
	struct arch_cpu *c = &this_cpu()->arch;

	system_descriptor(&c->gdt_hv[(SEL_LDT - GDT_HV_FIRST) / 8], (void *)base, entries * 8 - 1, 2);
	__asm__ volatile("lldt %w0" :: "r"(entries ? SEL_LDT : 0));
}

void cpu_load_descriptors(struct cpu *c)
{
	struct table_descriptor gdtr = { GDT_LIMIT, (uint64_t)c->arch.gdt };
	struct table_descriptor idtr = { sizeof(idt) - 1, (uint64_t)idt };

	__asm__ volatile("lgdt %0" :: "m"(gdtr));
	__asm__ volatile("lidt %0" :: "m"(idtr));
	__asm__ volatile("pushq %0; leaq 1f(%%rip), %%rax; pushq %%rax; lretq; 1:"
			 :: "i"(SEL_HV_CS) : "rax", "memory");
	__asm__ volatile("mov %0, %%ss" :: "r"(SEL_HV_DS));
	__asm__ volatile("mov %0, %%ds; mov %0, %%es; mov %0, %%fs; mov %0, %%gs" :: "r"(0));
	__asm__ volatile("lldt %w0" :: "r"(0));
	__asm__ volatile("ltr %w0" :: "r"(SEL_TSS));
	syscall_init(c);
}
