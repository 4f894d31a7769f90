/* Reading a guest's instruction: prefixes, opcode, ModRM.  64-bit mode only. */
#ifndef HV_X86_INSN_H
#define HV_X86_INSN_H

#include "abi.h"
#include "types.h"

#define INSN_MAX 15

struct insn {
	uint8_t bytes[INSN_MAX];
	unsigned int available;		/* bytes that could be read */
	unsigned int length;		/* consumed so far */
	bool has_66, has_f2, has_f3, has_lock, has_addr32;
	uint8_t rex;			/* 0: none */
	uint8_t segment;		/* last override prefix, 0: none */
	bool is_0f;			/* two-byte opcode */
	uint8_t opcode;
	uint8_t modrm;			/* valid after insn_modrm() */
	bool is_truncated;		/* ran past what is readable: nothing else may be believed */
};

#define REX_W 8
#define REX_R 4
#define REX_X 2
#define REX_B 1

void insn_fetch(struct insn *i, uint64_t rip);	/* from the current guest; prefixes and opcode consumed */
uint8_t insn_byte(struct insn *i);		/* the next byte, consumed */
void insn_modrm(struct insn *i);		/* consumes ModRM, SIB and displacement */
unsigned int insn_reg(const struct insn *i);	/* ModRM.reg with REX.R */
unsigned int insn_rm(const struct insn *i);	/* ModRM.rm with REX.B */
static inline bool insn_rm_is_register(const struct insn *i) { return i->modrm >> 6 == 3; }
unsigned int insn_operand_bytes(const struct insn *i);	/* 2, 4 or 8 */

/* A general register by its number in instructions: 0 rax, 1 rcx, 2 rdx, 3 rbx, 4 rsp … 15. */
uint64_t *insn_register(struct cpu_user_regs *regs, unsigned int number);
/* Its value or part: without REX, byte registers 4-7 are AH, CH, DH, BH. */
uint64_t insn_read_register(const struct insn *i, struct cpu_user_regs *regs, unsigned int number,
			    unsigned int bytes);
void insn_write_register(const struct insn *i, struct cpu_user_regs *regs, unsigned int number,
			 unsigned int bytes, uint64_t value);

#endif
