/*
 * Where another CPU begins: real mode at the page that the startup IPI names (SDM 3A 8.4.4).  Copied to
 * TRAMPOLINE_PADDR; smp.c fills in the words at its end.  The boot page tables map that page one to one.
 */
#include "layout.h"
#include "trampoline.h"

#define LOW(sym) (TRAMPOLINE_PADDR + (sym) - trampoline_start)

	.section .rodata
	.align 16
	.globl trampoline_start, trampoline_end, trampoline_words
	.code16
trampoline_start:
	cli
	cld
	mov	%cs, %ax
	mov	%ax, %ds
	lgdtl	gdt_descriptor - trampoline_start
	mov	$0x11, %eax			/* ET, PE */
	mov	%eax, %cr0
	ljmpl	$0x18, $LOW(protected)
	.code32
protected:
	mov	$0x10, %eax
	mov	%eax, %ds
	mov	%eax, %es
	mov	%eax, %ss
	mov	$0x620, %eax			/* PAE, OSFXSR, OSXMMEXCPT */
	mov	%eax, %cr4
	mov	LOW(words_root), %eax
	mov	%eax, %cr3
	mov	$0xc0000080, %ecx		/* EFER: what the boot CPU has of SCE, LME, NXE */
	mov	LOW(words_efer), %eax
	xor	%edx, %edx
	wrmsr
	mov	$0x80010033, %eax		/* PG, WP, NE, ET, MP, PE */
	mov	%eax, %cr0
	ljmp	$0x08, $LOW(long_mode)
	.code64
long_mode:
	mov	words_stack(%rip), %rsp
	xor	%ebp, %ebp
	mov	words_entry(%rip), %rax
	push	$0
	jmp	*%rax

	.align 8
gdt:
	.quad	0
	.quad	0x00af9a000000ffff		/* 0x08: 64-bit code */
	.quad	0x00cf92000000ffff		/* 0x10: flat data */
	.quad	0x00cf9a000000ffff		/* 0x18: 32-bit code */
gdt_descriptor:
	.short	gdt_descriptor - gdt - 1
	.long	LOW(gdt)
	.align 8
trampoline_words:				/* struct trampoline_words */
words_root:	.quad 0
words_efer:	.quad 0
words_stack:	.quad 0
words_entry:	.quad 0
trampoline_end:

	.section .note.GNU-stack, "", @progbits
