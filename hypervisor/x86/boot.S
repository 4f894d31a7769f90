/*
 * From the loader's 32-bit protected mode to hv_main() in long mode, on the boot CPU.
 * Multiboot 0.6.96 section 3; Multiboot 2.0 section 3.  The flat image is loaded by the addresses in the
 * headers, whatever file format holds it.
 */
#include "layout.h"

#define MB1_FLAGS	0x00010003	/* page-align modules, memory map, addresses given here */
#define PHYS(sym)	((sym) - IMAGE_START)

	.section .multiboot, "ax"
	.align 8
mb1_header:
	.long 0x1BADB002, MB1_FLAGS, -(0x1BADB002 + MB1_FLAGS)
	.long PHYS(mb1_header), PHYS(_image_start), PHYS(_load_end), PHYS(_image_end), PHYS(boot_entry)

	.align 8
mb2_header:
	.long 0xE85250D6, 0, mb2_end - mb2_header, -(0xE85250D6 + (mb2_end - mb2_header))
	.align 8
	.short 2, 0			/* addresses */
	.long 24, PHYS(mb2_header), PHYS(_image_start), PHYS(_load_end), PHYS(_image_end)
	.align 8
	.short 3, 0			/* entry */
	.long 12, PHYS(boot_entry)
	.align 8
	.short 4, 1			/* console: EGA text where there is one; optional */
	.long 12, 2
	.align 8
	.short 6, 0			/* modules page-aligned */
	.long 8
	.align 8
	.short 0, 0
	.long 8
mb2_end:

	.section .boot, "ax"
	.code32
	.globl boot_entry
boot_entry:
	cli
	cld
	mov	%eax, %esi			/* magic */
	mov	%ebx, %edi			/* info */
	lgdt	PHYS(boot_gdt_descriptor)
	mov	$0x10, %eax
	mov	%eax, %ds
	mov	%eax, %es
	mov	%eax, %ss
	mov	$PHYS(boot_stack_end), %esp

	mov	$0x80000000, %eax		/* long mode there? */
	cpuid
	cmp	$0x80000001, %eax
	jb	no_long_mode
	mov	$0x80000001, %eax
	cpuid
	bt	$29, %edx
	jnc	no_long_mode
	xor	%ebx, %ebx
	bt	$20, %edx			/* NX */
	adc	$0, %ebx

	/* 4 GiB by 2 MiB pages, at 0, at DIRECTMAP_START; the image at IMAGE_START by the first of them */
	mov	$PHYS(boot_l2), %ecx
	mov	$0x83, %eax
1:	mov	%eax, (%ecx)
	movl	$0, 4(%ecx)
	add	$0x200000, %eax
	add	$8, %ecx
	cmp	$PHYS(boot_l2) + 4 * 4096, %ecx
	jne	1b
	mov	$PHYS(boot_l2) + 3, %eax
	mov	$PHYS(boot_l3_low), %ecx
	mov	$PHYS(boot_l3_directmap), %edx
	mov	$4, %ebp
2:	mov	%eax, (%ecx)
	mov	%eax, (%edx)
	add	$4096, %eax
	add	$8, %ecx
	add	$8, %edx
	dec	%ebp
	jnz	2b
	movl	$PHYS(boot_l2) + 3, PHYS(boot_l3_image) + ((IMAGE_START >> 30) & 511) * 8
	movl	$PHYS(boot_l3_low) + 3, PHYS(hv_root)
	movl	$PHYS(boot_l3_image) + 3, PHYS(hv_root) + ((IMAGE_START >> 39) & 511) * 8
	movl	$PHYS(boot_l3_directmap) + 3, PHYS(hv_root) + ((DIRECTMAP_START >> 39) & 511) * 8

	.globl boot_enter_long_mode
boot_enter_long_mode:
	mov	$0x620, %eax			/* PAE, OSFXSR, OSXMMEXCPT */
	mov	%eax, %cr4
	mov	$PHYS(hv_root), %eax
	mov	%eax, %cr3
	mov	$0xc0000080, %ecx		/* EFER: SCE, LME, NXE if there */
	mov	%ebx, %eax
	shl	$11, %eax
	or	$0x101, %eax
	xor	%edx, %edx
	wrmsr
	mov	$0x80010033, %eax		/* PG, WP, NE, ET, MP, PE */
	mov	%eax, %cr0
	ljmp	$0x08, $PHYS(boot64_low)

no_long_mode:
	mov	$0x3f8, %edx			/* the one message before there is a console */
	mov	$PHYS(no_long_mode_text), %ecx
3:	mov	(%ecx), %al
	test	%al, %al
	jz	4f
	out	%al, %dx
	inc	%ecx
	jmp	3b
4:	hlt
	jmp	4b
no_long_mode_text:
	.asciz "Xylem: this CPU has no 64-bit mode.\r\n"

	.code64
boot64_low:
	movabs	$boot64, %rax
	jmp	*%rax
boot64:
	lgdt	boot_gdt_descriptor64(%rip)
	xor	%eax, %eax
	mov	%eax, %ds
	mov	%eax, %es
	mov	%eax, %fs
	mov	%eax, %gs
	mov	%eax, %ss
	lea	boot_stack_end - STACK_END_SIZE(%rip), %rsp
	mov	%esi, %esi
	mov	%edi, %eax
	mov	%esi, %edi			/* hv_main(magic, info) */
	mov	%eax, %esi
	xor	%ebp, %ebp
	call	hv_main
	ud2

	.section .rodata
	.align 8
boot_gdt:
	.quad 0
	.quad 0x00af9a000000ffff		/* 0x08: 64-bit code, ring 0 */
	.quad 0x00cf92000000ffff		/* 0x10: flat data */
	.quad 0x00cf9a000000ffff		/* 0x18: 32-bit code, for the trampoline */
boot_gdt_end:
boot_gdt_descriptor:
	.short boot_gdt_end - boot_gdt - 1
	.long PHYS(boot_gdt)
	.align 8
boot_gdt_descriptor64:
	.short boot_gdt_end - boot_gdt - 1
	.quad boot_gdt

	.section .bss.stack, "aw", @nobits
	.align STACK_SIZE
	.globl boot_stack, boot_stack_end
boot_stack:
	.skip STACK_SIZE
boot_stack_end:
	.globl hv_root
hv_root:		.skip 4096
boot_l3_low:		.skip 4096
	.globl boot_l3_image, boot_l3_directmap
boot_l3_image:		.skip 4096
boot_l3_directmap:	.skip 4096
	.globl boot_l2
boot_l2:		.skip 4 * 4096
