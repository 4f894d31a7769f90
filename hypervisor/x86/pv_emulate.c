/*
 * Privileged instructions that PV kernels execute all the same: each is decoded, and done as far as a
 * virtual CPU has what it is about.  What isn't known is the guest's #GP or #UD.
 */
#include "arch.h"
#include "asm.h"
#include "cpu_features.h"
#include "errno.h"
#include "guest.h"
#include "hypercall.h"
#include "insn.h"
#include "pv_context.h"
#include "pv_io.h"
#include "pv_mm.h"
#include "pv_msr.h"
#include "pv_traps.h"
#include "trace.h"

#define CR0_TS 8UL
#define CR4_TSD 4UL
#define CR4_DE 8UL
#define CR4_FSGSBASE (1UL << 16)
#define CR4_OSXSAVE (1UL << 18)

static bool kernel_only(const struct vcpu *v) { return v->arch.pv.in_kernel; }

static void cpuid_to_regs(struct vcpu *v, struct cpu_user_regs *regs)
{
	struct cpuid r = pv_cpuid(v, regs->rax, regs->rcx);

	regs->rax = r.a;
	regs->rbx = r.b;
	regs->rcx = r.c;
	regs->rdx = r.d;
}

/* ud2; "xen"; cpuid: how PV guests ask for our view of CPUID, from user mode too (xen/arch-x86/xen.h). */
bool pv_emulate_forced_cpuid(struct vcpu *v, struct cpu_user_regs *regs)
{
	static const uint8_t signature[7] = { 0x0f, 0x0b, 'x', 'e', 'n', 0x0f, 0xa2 };
	uint8_t bytes[7];

	if (copy_from_guest(bytes, regs->rip, sizeof(bytes)))
		return false;
	for (unsigned int i = 0; i < sizeof(bytes); i++)
		if (bytes[i] != signature[i])
			return false;
	regs->rip += sizeof(bytes);
	regs->rflags &= ~RFLAGS_RF;
	cpuid_to_regs(v, regs);
	return true;
}

static bool emulate_in_out(struct vcpu *v, const struct insn *i, struct cpu_user_regs *regs, uint16_t port)
{
	unsigned int bytes = i->opcode & 1 ? MIN(insn_operand_bytes(i), 4U) : 1;

	if (!pv_io_permitted(v, port, bytes))
		return false;
	if (i->opcode & 2)
		pv_io_write(v, port, bytes, insn_read_register(i, regs, 0, bytes));
	else
		insn_write_register(i, regs, 0, bytes, pv_io_read(v, port, bytes));
	return true;
}

/* INS and OUTS, one element at a time; a fault leaves the registers where they got to. */
static bool emulate_string_io(struct vcpu *v, const struct insn *i, struct cpu_user_regs *regs, bool *again)
{
	unsigned int bytes = i->opcode & 1 ? MIN(insn_operand_bytes(i), 4U) : 1;
	bool is_rep = i->has_f2 || i->has_f3, is_out = i->opcode & 2;
	uint64_t *address = is_out ? &regs->rsi : &regs->rdi;
	uint16_t port = regs->rdx;
	uint32_t value = 0;

	*again = false;
	if (!pv_io_permitted(v, port, bytes) || i->has_addr32 || i->segment == 0x64 || i->segment == 0x65)
		return false;
	if (is_rep && !regs->rcx)
		return true;
	if (is_out) {
		if (copy_from_guest(&value, *address, bytes))
			return false;
		pv_io_write(v, port, bytes, value);
	} else {
		value = pv_io_read(v, port, bytes);
		if (copy_to_guest(*address, &value, bytes))
			return false;
	}
	*address += regs->rflags & RFLAGS_DF ? -(uint64_t)bytes : bytes;
	*again = is_rep && --regs->rcx;
	return true;
}

static uint64_t guest_cr4(const struct vcpu *v)
{
	return this_cpu()->arch.cr4_base | v->arch.pv.cr4;
}

static bool read_cr(struct vcpu *v, unsigned int cr, uint64_t *value)
{
	switch (cr) {
	case 0:
		__asm__ volatile("mov %%cr0, %0" : "=r"(*value));
		*value = (*value & ~CR0_TS) | (v->arch.pv.cr0_ts ? CR0_TS : 0);
		return true;
	case 2:
		*value = v->arch.pv.cr2;
		return true;
	case 3:
		*value = mfn_to_paddr(page_to_mfn(v->arch.pv.root_kernel));
		return true;
	case 4:
		*value = guest_cr4(v);
		return true;
	default:
		return false;
	}
}

/* What a guest owns of CR4; the rest is ours, and a write of it is dropped. */
uint64_t pv_cr4_guest_bits(void)
{
	return CR4_TSD | CR4_DE | (cpu_has(XEN_X86_FEATURE_FSGSBASE) ? CR4_FSGSBASE : 0) |
		(xcr0_supported ? CR4_OSXSAVE : 0);
}

void pv_load_cr4(struct vcpu *v)
{
	struct arch_cpu *c = &this_cpu()->arch;
	uint64_t cr4 = c->cr4_base | v->arch.pv.cr4;

	if (cr4 == c->cr4)
		return;
	c->cr4 = cr4;
	__asm__ volatile("mov %0, %%cr4" :: "r"(cr4) : "memory");
}

static bool write_cr(struct vcpu *v, unsigned int cr, uint64_t value)
{
	switch (cr) {
	case 0:
		pv_set_ts(v, value & CR0_TS);
		return true;
	case 2:
		v->arch.pv.cr2 = v->info->arch.cr2 = value;
		return true;
	case 3:
		return pv_new_root(v, paddr_to_mfn(value & PTE_ADDR)) == 0;
	case 4:
		v->arch.pv.cr4 = value & pv_cr4_guest_bits();
		pv_load_cr4(v);
		return true;
	default:
		return false;
	}
}

static bool emulate_mov_cr(struct vcpu *v, struct insn *i, struct cpu_user_regs *regs)
{
	uint64_t *r;

	insn_modrm(i);
	r = insn_register(regs, insn_rm(i));
	if (!kernel_only(v))
		return false;
	return i->opcode == 0x20 ? read_cr(v, insn_reg(i), r) : write_cr(v, insn_reg(i), *r);
}

static bool emulate_mov_dr(struct vcpu *v, struct insn *i, struct cpu_user_regs *regs)
{
	unsigned int dr;
	uint64_t *r;

	insn_modrm(i);
	dr = insn_reg(i);
	if (dr == 4 || dr == 5)			/* with CR4.DE clear these are 6 and 7: SDM 3B 17.2.2 */
		dr += 2;
	r = insn_register(regs, insn_rm(i));
	if (!kernel_only(v) || dr > 7)
		return false;
	if (i->opcode == 0x23)
		return pv_set_debugreg(v, dr, *r) == 0;
	*r = v->arch.pv.dr[dr];
	return true;
}

static bool emulate_msr(struct vcpu *v, const struct insn *i, struct cpu_user_regs *regs)
{
	uint64_t value = (regs->rdx & 0xffffffff) << 32 | (regs->rax & 0xffffffff);

	if (!kernel_only(v))
		return false;
	if (i->opcode == 0x30)
		return pv_msr_write(v, regs->rcx, value);
	if (!pv_msr_read(v, regs->rcx, &value))
		return false;
	regs->rax = (uint32_t)value;
	regs->rdx = value >> 32;
	return true;
}

static bool set_xcr0(struct vcpu *v, uint32_t index, uint64_t value)
{
	/* x87 always; AVX needs SSE; the parts of AVX-512 come together and need AVX: SDM 2B XSETBV */
	if (index || !(value & 1) || value & ~xcr0_supported || (value & 4 && !(value & 2)))
		return false;
	if (value & 0xe0 && ((value & 0xe0) != 0xe0 || !(value & 4)))
		return false;
	v->arch.xcr0 = value;
	pv_load_xcr0(v);
	return true;
}

void pv_load_xcr0(struct vcpu *v)
{
	struct arch_cpu *c = &this_cpu()->arch;

	if (!xcr0_supported || c->xcr0 == v->arch.xcr0)
		return;
	c->xcr0 = v->arch.xcr0;
	__asm__ volatile("xsetbv" :: "c"(0), "a"((uint32_t)c->xcr0), "d"((uint32_t)(c->xcr0 >> 32)));
}

/* 0F 01: XSETBV, RDTSCP, INVLPG. */
static bool emulate_group7(struct vcpu *v, struct insn *i, struct cpu_user_regs *regs)
{
	insn_modrm(i);
	if (i->modrm == 0xd1)
		return kernel_only(v) && xcr0_supported &&
			set_xcr0(v, regs->rcx, (regs->rdx & 0xffffffff) << 32 | (regs->rax & 0xffffffff));
	if (i->modrm == 0xf9 && kernel_only(v)) {
		uint64_t tsc = arch_tsc();

		regs->rax = (uint32_t)tsc;
		regs->rdx = tsc >> 32;
		regs->rcx = v->arch.tsc_aux;
		return true;
	}
	return false;
}

static bool emulate_rdtsc(struct vcpu *v, struct cpu_user_regs *regs)
{
	uint64_t tsc = arch_tsc();

	if (!kernel_only(v))
		return false;
	regs->rax = (uint32_t)tsc;
	regs->rdx = tsc >> 32;
	return true;
}

static bool emulate_0f(struct vcpu *v, struct insn *i, struct cpu_user_regs *regs)
{
	switch (i->opcode) {
	case 0x01:
		return emulate_group7(v, i, regs);
	case 0x06:				/* CLTS */
		if (!kernel_only(v))
			return false;
		pv_set_ts(v, false);
		return true;
	case 0x08: case 0x09:			/* INVD, WBINVD */
		if (!kernel_only(v))
			return false;
		if (v->domain->is_privileged)
			__asm__ volatile("wbinvd" ::: "memory");
		return true;
	case 0x20: case 0x22:
		return emulate_mov_cr(v, i, regs);
	case 0x21: case 0x23:
		return emulate_mov_dr(v, i, regs);
	case 0x30: case 0x32:
		return emulate_msr(v, i, regs);
	case 0x31:
		return emulate_rdtsc(v, regs);
	case 0xa2:				/* CPUID, where the CPU can be made to fault on it */
		cpuid_to_regs(v, regs);
		return true;
	default:
		return false;
	}
}

/* CLI and STI say nothing to a guest whose events are masked by memory: as no-ops for who may. */
static bool emulate_cli_sti(struct vcpu *v)
{
	return v->arch.pv.iopl >= (v->arch.pv.in_kernel ? pv_kernel_ring(v) : 3);
}

static bool emulate_one(struct vcpu *v, struct insn *i, struct cpu_user_regs *regs, bool *again)
{
	*again = false;
	if (i->is_truncated || i->has_lock)
		return false;
	if (i->is_0f)
		return emulate_0f(v, i, regs);
	switch (i->opcode) {
	case 0x6c: case 0x6d: case 0x6e: case 0x6f:
		return emulate_string_io(v, i, regs, again);
	case 0xe4: case 0xe5: case 0xe6: case 0xe7: {
		uint16_t port = insn_byte(i);

		return !i->is_truncated && emulate_in_out(v, i, regs, port);
	}
	case 0xec: case 0xed: case 0xee: case 0xef:
		return emulate_in_out(v, i, regs, regs->rdx);
	case 0xfa: case 0xfb:
		return emulate_cli_sti(v);
	default:
		return false;
	}
}

bool pv_emulate_gp(struct vcpu *v, struct cpu_user_regs *regs)
{
	struct insn i;
	bool again;

	perf_inc(privop_emulations);
	trace(TRC_PV_EMULATE_PRIVOP | TRC_64_FLAG, TRACE_64(regs->rip));
	insn_fetch(&i, regs->rip);
	do {
		if (!emulate_one(v, &i, regs, &again) || i.is_truncated)
			return false;
	} while (again && !hypercall_should_yield());
	if (!again)			/* else the guest executes it once more, for the rest */
		regs->rip += i.length;
	regs->rflags &= ~RFLAGS_RF;
	return true;
}
