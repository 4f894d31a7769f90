#include "insn.h"
#include "guest.h"

uint8_t insn_byte(struct insn *i)
{
	if (i->length >= i->available) {
		i->is_truncated = true;
		return 0;
	}
	return i->bytes[i->length++];
}

/* One prefix, SDM 2A 2.1.1; false: it isn't one. */
static bool insn_prefix(struct insn *i, uint8_t byte)
{
	switch (byte) {
	case 0x66: i->has_66 = true; return true;
	case 0x67: i->has_addr32 = true; return true;
	case 0xf0: i->has_lock = true; return true;
	case 0xf2: i->has_f2 = true; i->has_f3 = false; return true;
	case 0xf3: i->has_f3 = true; i->has_f2 = false; return true;
	case 0x26: case 0x2e: case 0x36: case 0x3e: case 0x64: case 0x65:
		i->segment = byte;
		return true;
	default:
		return false;
	}
}

static void insn_read_bytes(struct insn *i, uint64_t rip)
{
	unsigned int in_page = PAGE_SIZE - (rip & (PAGE_SIZE - 1));

	i->available = INSN_MAX;
	if (!copy_from_guest(i->bytes, rip, INSN_MAX))
		return;
	/* the next page may not be there */
	i->available = MIN(in_page, INSN_MAX);
	if (in_page >= INSN_MAX || copy_from_guest(i->bytes, rip, in_page))
		i->available = 0;
}

void insn_fetch(struct insn *i, uint64_t rip)
{
	uint8_t byte;

	*i = (struct insn){ 0 };
	insn_read_bytes(i, rip);
	do
		byte = insn_byte(i);
	while (!i->is_truncated && insn_prefix(i, byte));
	if ((byte & 0xf0) == 0x40) {
		i->rex = byte;
		byte = insn_byte(i);
	}
	if (byte == 0x0f) {
		i->is_0f = true;
		byte = insn_byte(i);
	}
	i->opcode = byte;
}

void insn_modrm(struct insn *i)
{
	unsigned int mod, rm, displacement = 0;

	i->modrm = insn_byte(i);
	mod = i->modrm >> 6;
	rm = i->modrm & 7;
	if (mod == 3)
		return;
	if (rm == 4) {				/* SIB, SDM 2A 2.1.5 */
		uint8_t sib = insn_byte(i);

		if (mod == 0 && (sib & 7) == 5)
			displacement = 4;
	} else if (mod == 0 && rm == 5) {
		displacement = 4;		/* RIP-relative */
	}
	if (mod == 1)
		displacement = 1;
	else if (mod == 2)
		displacement = 4;
	while (displacement--)
		insn_byte(i);
}

unsigned int insn_reg(const struct insn *i) { return (i->modrm >> 3 & 7) | (i->rex & REX_R ? 8 : 0); }
unsigned int insn_rm(const struct insn *i) { return (i->modrm & 7) | (i->rex & REX_B ? 8 : 0); }

unsigned int insn_operand_bytes(const struct insn *i)
{
	return i->rex & REX_W ? 8 : i->has_66 ? 2 : 4;
}

uint64_t *insn_register(struct cpu_user_regs *regs, unsigned int number)
{
	uint64_t *const where[16] = {
		&regs->rax, &regs->rcx, &regs->rdx, &regs->rbx, &regs->rsp, &regs->rbp, &regs->rsi, &regs->rdi,
		&regs->r8, &regs->r9, &regs->r10, &regs->r11, &regs->r12, &regs->r13, &regs->r14, &regs->r15,
	};

	return where[number & 15];
}

static uint64_t mask_of(unsigned int bytes) { return bytes == 8 ? ~0UL : (1UL << bytes * 8) - 1; }

static bool is_high_byte(const struct insn *i, unsigned int number, unsigned int bytes)
{
	return bytes == 1 && !i->rex && number >= 4 && number < 8;
}

uint64_t insn_read_register(const struct insn *i, struct cpu_user_regs *regs, unsigned int number,
			    unsigned int bytes)
{
	if (is_high_byte(i, number, bytes))
		return *insn_register(regs, number - 4) >> 8 & 0xff;
	return *insn_register(regs, number) & mask_of(bytes);
}

void insn_write_register(const struct insn *i, struct cpu_user_regs *regs, unsigned int number,
			 unsigned int bytes, uint64_t value)
{
	bool is_high = is_high_byte(i, number, bytes);
	uint64_t *r = insn_register(regs, is_high ? number - 4 : number), mask = mask_of(bytes);

	if (bytes >= 4)			/* 32-bit results clear the upper half: SDM 1 3.4.1.1 */
		*r = value & mask;
	else if (is_high)
		*r = (*r & ~0xff00UL) | (value & 0xff) << 8;
	else
		*r = (*r & ~mask) | (value & mask);
}
