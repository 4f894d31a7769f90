/* Privileged instructions that the hypervisor carries out for a PV kernel. */
#include "claim.h"

#include <xen/arch-x86/cpuid.h>
#include <xen/errno.h>
#include <xen/physdev.h>

struct leaf {
	uint32_t a, b, c, d;
};

/* The sequence that asks the hypervisor instead of the CPU (xen/arch-x86/xen.h). */
static struct leaf cpuid(uint32_t number, uint32_t sub)
{
	struct leaf l = { number, 0, sub, 0 };

	__asm__ volatile(XEN_EMULATE_PREFIX "cpuid" : "+a"(l.a), "=b"(l.b), "+c"(l.c), "=d"(l.d));
	return l;
}

static void the_signature_is_xens(void)
{
	struct leaf l = cpuid(0x40000000, 0);

	CHECK_EQ(l.b, XEN_CPUID_SIGNATURE_EBX);
	CHECK_EQ(l.c, XEN_CPUID_SIGNATURE_ECX);
	CHECK_EQ(l.d, XEN_CPUID_SIGNATURE_EDX);
	CHECK(l.a >= 0x40000002 && l.a < 0x40000100);
	CHECK_EQ(cpuid(0x40000001, 0).a, 4 << 16 | 17);
	CHECK_EQ(cpuid(0x40000002, 0).a, 1);
	CHECK_EQ(cpuid(0x40000100, 0).b, 0);
}

static void features_that_pv_guests_lack_are_hidden(void)
{
	struct leaf one = cpuid(1, 0), seven = cpuid(7, 0), extended = cpuid(0x80000001, 0);

	CHECK(one.d & 1u << 0);			/* FPU */
	CHECK(one.c & 1u << 31);		/* HYPERVISOR */
	CHECK_EQ(one.d & (1u << 1 | 1u << 3 | 1u << 13 | 1u << 17), 0);
						/* VME PSE PGE PSE36 */
	CHECK_EQ(one.c & (1u << 3 | 1u << 5 | 1u << 17), 0);	/* MONITOR VMX PCID */
	CHECK_EQ(seven.b & (1u << 7 | 1u << 10 | 1u << 20), 0);	/* SMEP INVPCID SMAP */
	CHECK_EQ(seven.c & (1u << 3 | 1u << 16), 0);		/* PKU LA57 */
	CHECK(extended.d & 1u << 29);		/* LM */
	CHECK(extended.d & 1u << 11);		/* SYSCALL */
	CHECK_EQ(extended.d & 1u << 26, 0);	/* PAGE1GB */
	CHECK_EQ(extended.c & 1u << 2, 0);	/* SVM */
}

static void read_cr0(uint64_t to) { __asm__ volatile("mov %%cr0, %0" : "=r"(*(uint64_t *)to)); }
static void read_cr2(uint64_t to) { __asm__ volatile("mov %%cr2, %0" : "=r"(*(uint64_t *)to)); }
static void read_cr3(uint64_t to) { __asm__ volatile("mov %%cr3, %0" : "=r"(*(uint64_t *)to)); }
static void read_cr4(uint64_t to) { __asm__ volatile("mov %%cr4, %0" : "=r"(*(uint64_t *)to)); }
static void write_cr4(uint64_t v) { __asm__ volatile("mov %0, %%cr4" : : "r"(v)); }
static void read_cr8(uint64_t to) { __asm__ volatile("mov %%cr8, %0" : "=r"(*(uint64_t *)to)); }

static void control_registers_can_be_read(void)
{
	uint64_t value = 0;

	CHECK_TRAP(read_cr0, &value, -1);
	CHECK_EQ(value & 0x80000001, 0x80000001);
	CHECK_TRAP(touch_read, 0x123000, 14);
	CHECK_TRAP(read_cr2, &value, -1);
	CHECK_EQ(value, 0x123000);
	CHECK_TRAP(read_cr3, &value, -1);
	CHECK_EQ(value & PAGE_MASK, mfn_of((void *)start_info->pt_base) << 12);
	CHECK_TRAP(read_cr4, &value, -1);
	CHECK_EQ(value & 0x20, 0x20);			/* PAE */
	CHECK_TRAP(write_cr4, value | 1ul << 7, -1);	/* PGE is dropped, without a fault */
	CHECK_TRAP(read_cr8, &value, 13);
}

static void rdmsr(uint64_t msr)
{
	__asm__ volatile("rdmsr" : : "c"((uint32_t)msr) : "rax", "rdx");
}

static uint64_t msr_get(uint32_t msr)
{
	uint32_t low, high;

	__asm__ volatile("rdmsr" : "=a"(low), "=d"(high) : "c"(msr));
	return (uint64_t)high << 32 | low;
}

static void msr_set(uint32_t msr, uint64_t value)
{
	__asm__ volatile("wrmsr" : : "c"(msr), "a"((uint32_t)value), "d"((uint32_t)(value >> 32)));
}

static void wrmsr(uint64_t msr) { msr_set((uint32_t)msr, 0); }

static void model_specific_registers(void)
{
	uint64_t base = (uintptr_t)&shared_info;

	CHECK_EQ(msr_get(0x277), 0x050100070406ul);	/* PAT: the hypervisor's fixed one */
	msr_set(0xc0000100, base);			/* FS base */
	CHECK_EQ(msr_get(0xc0000100), base);
	msr_set(0xc0000100, 0);
	msr_set(0xc0000102, base);			/* the user's GS base */
	CHECK_EQ(msr_get(0xc0000102), base);
	msr_set(0xc0000102, 0);
	CHECK_EQ(msr_get(0xc0000080) & 0x500, 0x500);	/* EFER: LME LMA */
	CHECK_TRAP(rdmsr, 0x12345678, 13);
	CHECK_TRAP(wrmsr, 0x12345678, 13);
	CHECK_TRAP(wrmsr, 0x277, 13);
}

static void cli_sti(uint64_t arg) { __asm__ volatile("cli; sti"); }
static void wbinvd(uint64_t arg) { __asm__ volatile("wbinvd"); }
static void clts(uint64_t arg) { __asm__ volatile("clts"); }
static void xsetbv(uint64_t v) { __asm__ volatile("xsetbv" : : "a"((uint32_t)v), "d"(0), "c"(0)); }

static void small_instructions(void)
{
	struct physdev_set_iopl op = { .iopl = 1 };

	CHECK_EQ(hcall(physdev_op, PHYSDEVOP_set_iopl, &op), 0);
	CHECK_TRAP(cli_sti, 0, -1);
	CHECK_TRAP(wbinvd, 0, -1);
	CHECK_EQ(hcall(fpu_taskswitch, 1), 0);
	CHECK_TRAP(clts, 0, -1);
}

static void xsetbv_is_checked(void)
{
	if (!(cpuid(1, 0).c & 1u << 26))
		return;
	write_cr4(1ul << 18 | 0x20);		/* OSXSAVE */
	CHECK_TRAP(xsetbv, 3, -1);
	CHECK_TRAP(xsetbv, 2, 13);		/* without x87 */
	CHECK_TRAP(xsetbv, 1ul << 30 | 3, 13);
}

static void inb(uint64_t port) { __asm__ volatile("inb %w0, %%al" : : "d"(port) : "rax"); }

static uint32_t pci_read(uint32_t address)
{
	uint32_t value;

	__asm__ volatile("outl %0, %w1" : : "a"(address), "d"(0xcf8));
	__asm__ volatile("inl %w1, %0" : "=a"(value) : "d"(0xcfc));
	return value;
}

static void ports_need_iopl(void)
{
	struct physdev_set_iopl op = { .iopl = 0 };

	CHECK_EQ(hcall(physdev_op, PHYSDEVOP_set_iopl, &op), 0);
	CHECK_TRAP(inb, 0x3da, 13);
	op.iopl = 1;
	CHECK_EQ(hcall(physdev_op, PHYSDEVOP_set_iopl, &op), 0);
	CHECK_TRAP(inb, 0x3da, -1);
	op.iopl = 4;
	CHECK_EQ(hcall(physdev_op, PHYSDEVOP_set_iopl, &op), -XEN_EINVAL);
}

static void pci_configuration_is_seen(void)
{
	CHECK_EQ(pci_read(0x80000000) & 0xffff, 0x8086);	/* QEMU's host bridges are Intel's */
	CHECK_EQ(pci_read(0x8000f800 | 7 << 8) == 0, 0);
}

static void debug_registers_are_checked(void)
{
	static uint64_t watched;

	CHECK_EQ(hcall(set_debugreg, 0, &watched), 0);
	CHECK_EQ(hcall(get_debugreg, 0), (uintptr_t)&watched);
	CHECK(hcall(set_debugreg, 0, HYPERVISOR_VIRT_START) != 0);
	CHECK_EQ(hcall(set_debugreg, 8, 0), -XEN_ENODEV);
	CHECK_EQ(hcall(set_debugreg, 7, 1 << 0 | 1 << 16 | 3 << 18), 0);	/* 4 bytes, on write */
	CHECK_TRAP(touch_write, &watched, 1);
	CHECK_EQ(hcall(get_debugreg, 6) & 1, 1);
	CHECK_EQ(hcall(set_debugreg, 7, 0), 0);
	CHECK(hcall(set_debugreg, 7, 1 << 0 | 2 << 16) != 0);			/* on I/O */
	CHECK_EQ(hcall(set_debugreg, 7, 0), 0);
	CHECK_EQ(hcall(set_debugreg, 0, 0), 0);
}

const struct claim emulate_claims[] = {
	{ "the forced cpuid gives Xen's leaves", the_signature_is_xens },
	{ "the forced cpuid hides what a PV guest lacks", features_that_pv_guests_lack_are_hidden },
	{ "control registers can be read, cr4 written", control_registers_can_be_read },
	{ "the MSRs of a PV kernel work, others are faults", model_specific_registers },
	{ "cli, sti, wbinvd and clts are carried out", small_instructions },
	{ "xsetbv is carried out and checked", xsetbv_is_checked },
	{ "ports need the I/O privilege level", ports_need_iopl },
	{ "domain 0 sees the PCI configuration", pci_configuration_is_seen },
	{ "debug registers are checked, and work", debug_registers_are_checked },
	{ NULL, NULL },
};
