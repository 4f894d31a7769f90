/*
 * Writes of a guest kernel to its level-1 page tables, which it sees read-only: decoded, checked like any
 * other update, and done.  The address is the fault's, so only operation and operand are read here.
 */
#include "arch.h"
#include "errno.h"
#include "insn.h"
#include "pv_mm.h"
#include "pv_traps.h"
#include "trace.h"

struct ptwr {
	struct vcpu *v;
	struct cpu_user_regs *regs;
	struct insn i;
	unsigned int bytes;
	uint64_t old, new;		/* the operand in memory, before and after */
};

#define FLAG_CF 1UL
#define FLAG_ZF 0x40UL
#define ARITHMETIC_FLAGS 0x8d5UL	/* CF PF AF ZF SF OF */

/* Logic operations: CF and OF clear, ZF SF PF by the result (SDM 1 3.4.3.1). */
static void set_logic_flags(struct ptwr *w)
{
	uint64_t result = w->new, flags = w->regs->rflags & ~ARITHMETIC_FLAGS;

	if (w->bytes < 8)
		result &= (1UL << w->bytes * 8) - 1;
	if (!result)
		flags |= FLAG_ZF;
	if (result >> (w->bytes * 8 - 1) & 1)
		flags |= 0x80;
	if (!__builtin_parity(result & 0xff))
		flags |= 4;
	w->regs->rflags = flags;
}

static int64_t immediate(struct insn *i, unsigned int bytes)
{
	int64_t value = 0;

	for (unsigned int n = 0; n < bytes; n++)
		value |= (int64_t)insn_byte(i) << n * 8;
	return value << (64 - bytes * 8) >> (64 - bytes * 8);
}

/* OR and AND with `operand`; the other operations of the group aren't used on page tables. */
static bool do_logic(struct ptwr *w, unsigned int operation, uint64_t operand)
{
	if (operation == 1)
		w->new = w->old | operand;
	else if (operation == 4)
		w->new = w->old & operand;
	else
		return false;
	set_logic_flags(w);
	return true;
}

static bool do_cmpxchg(struct ptwr *w)
{
	uint64_t expected = insn_read_register(&w->i, w->regs, 0, w->bytes);

	if (w->old == expected) {
		w->new = insn_read_register(&w->i, w->regs, insn_reg(&w->i), w->bytes);
		w->regs->rflags |= FLAG_ZF;
	} else {
		w->new = w->old;
		insn_write_register(&w->i, w->regs, 0, w->bytes, w->old);
		w->regs->rflags &= ~FLAG_ZF;
	}
	return true;
}

/* BTS 1, BTR 2, BTC 3 by an immediate; by a register the operand may lie elsewhere, so only if it doesn't. */
static bool do_bit(struct ptwr *w, unsigned int operation, uint64_t bit)
{
	if (bit >= w->bytes * 8)
		return false;
	w->regs->rflags = (w->regs->rflags & ~FLAG_CF) | (w->old >> bit & 1);
	if (operation == 1)
		w->new = w->old | 1UL << bit;
	else if (operation == 2)
		w->new = w->old & ~(1UL << bit);
	else
		w->new = w->old ^ 1UL << bit;
	return true;
}

static bool ptwr_0f(struct ptwr *w)
{
	struct insn *i = &w->i;

	switch (i->opcode) {
	case 0xb0: case 0xb1:
		return do_cmpxchg(w);
	case 0xab: case 0xb3: case 0xbb:
		return do_bit(w, i->opcode == 0xab ? 1 : i->opcode == 0xb3 ? 2 : 3,
			      insn_read_register(i, w->regs, insn_reg(i), w->bytes));
	case 0xba:
		if ((i->modrm >> 3 & 7) < 5)
			return false;
		return do_bit(w, (i->modrm >> 3 & 7) - 4, insn_byte(i));
	default:
		return false;
	}
}

static bool ptwr_plain(struct ptwr *w)
{
	struct insn *i = &w->i;
	uint64_t reg = insn_read_register(i, w->regs, insn_reg(i), w->bytes);

	switch (i->opcode) {
	case 0x88: case 0x89:			/* MOV r → r/m */
		w->new = reg;
		return true;
	case 0xc6: case 0xc7:			/* MOV imm → r/m */
		w->new = immediate(i, MIN(w->bytes, 4U));
		return !(i->modrm >> 3 & 7);
	case 0x86: case 0x87:			/* XCHG */
		w->new = reg;
		insn_write_register(i, w->regs, insn_reg(i), w->bytes, w->old);
		return true;
	case 0x08: case 0x09:
		return do_logic(w, 1, reg);
	case 0x20: case 0x21:
		return do_logic(w, 4, reg);
	case 0x80:
		return do_logic(w, i->modrm >> 3 & 7, immediate(i, 1));
	case 0x81:
		return do_logic(w, i->modrm >> 3 & 7, immediate(i, MIN(w->bytes, 4U)));
	case 0x83:
		return do_logic(w, i->modrm >> 3 & 7, immediate(i, 1));
	default:
		return false;
	}
}

/* Byte forms have even opcodes in all the groups above; 0F BA and 0F AB/B3/BB are never bytes. */
static unsigned int ptwr_bytes(const struct insn *i)
{
	if (i->is_0f && i->opcode != 0xb0 && i->opcode != 0xb1)
		return insn_operand_bytes(i);
	if (i->opcode == 0x83 || i->opcode & 1)
		return insn_operand_bytes(i);
	return 1;
}

/* Carries the instruction out on the copy `old`; its effects on registers go to w->regs. */
static bool ptwr_execute(struct ptwr *w)
{
	insn_modrm(&w->i);
	if (insn_rm_is_register(&w->i))
		return false;
	if (!(w->i.is_0f ? ptwr_0f(w) : ptwr_plain(w)))
		return false;
	return !w->i.is_truncated;
}

/* The operand inside the entry: bits [shift, shift + bytes * 8). */
static uint64_t merge(uint64_t entry, unsigned int shift, unsigned int bytes, uint64_t value)
{
	uint64_t mask = bytes == 8 ? ~0UL : ((1UL << bytes * 8) - 1) << shift;

	return (entry & ~mask) | (value << shift & mask);
}

static bool ptwr_locked(struct ptwr *w, uint64_t cr2)
{
	struct domain *d = w->v->domain;
	uint64_t *map = pv_walk(w->v->arch.pv.root_kernel, cr2), *entry, old;
	unsigned int shift = (cr2 & 7) * 8;
	struct page *pg;

	if (!map || !(*map & PTE_P) || *map & PTE_RW || !mfn_is_ram(pte_mfn(*map)))
		return false;
	pg = mfn_to_page(pte_mfn(*map));
	if (!page_is_owned_by(pg, d->id) || page_type(pg) != PAGE_L1 || !page_type_count(pg))
		return false;
	entry = (uint64_t *)((char *)mfn_to_virt(pte_mfn(*map)) + (cr2 & 0xff8));
	if ((cr2 & 7) + w->bytes > 8)
		return false;
	old = READ_ONCE(*entry);
	w->old = old >> shift;
	if (w->bytes < 8)
		w->old &= (1UL << w->bytes * 8) - 1;
	if (!ptwr_execute(w))
		return false;
	if (pv_entry_set(1, entry, merge(old, shift, w->bytes, w->new), d, d, false))
		return false;
	w->regs->rip += w->i.length;
	w->regs->rflags &= ~RFLAGS_RF;
	return true;
}

bool pv_ptwr_fault(struct vcpu *v, struct cpu_user_regs *regs, uint64_t cr2)
{
	/* a copy: nothing of the guest changes until all is known to be right */
	struct cpu_user_regs after = *regs;
	struct ptwr w = { .v = v, .regs = &after };
	bool done;

	if (!(v->domain->vm_assist >> VMASST_TYPE_writable_pagetables & 1))
		return false;
	insn_fetch(&w.i, regs->rip);
	if (w.i.is_truncated)
		return false;
	w.bytes = ptwr_bytes(&w.i);
	spin_lock(&v->domain->arch.mm_lock);
	done = ptwr_locked(&w, cr2);
	if (done) {
		perf_inc(ptwr_emulations);
		trace(TRC_PV_PTWR_EMULATION | TRC_64_FLAG, TRACE_64(w.new), TRACE_64(cr2), TRACE_64(regs->rip));
		*regs = after;
	}
	spin_unlock(&v->domain->arch.mm_lock);
	return done;
}
