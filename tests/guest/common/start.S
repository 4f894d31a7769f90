/*
 * How a PV test guest starts: the Xen ELF notes (xen/elfnote.h), the hypercall page, the entry point,
 * and the stubs that every trap, event and system call bounces to.
 */
#include <xen/elfnote.h>
#include <xen/xen.h>

#define VIRT_BASE	0xffffffff80000000
#define GUEST_STACK	65536		/* guest.h */
#define GUEST_VCPUS	8

.macro note type, value:vararg
	.pushsection .note.Xen, "a", @note
	.balign	4
	.long	2f - 1f, 4f - 3f, \type
1:	.asciz	"Xen"
2:	.balign	4
3:	\value
4:	.balign	4
	.popsection
.endm

	note	XEN_ELFNOTE_GUEST_OS, .asciz "xylem-test"
	note	XEN_ELFNOTE_XEN_VERSION, .asciz "xen-3.0"
	note	XEN_ELFNOTE_LOADER, .asciz "generic"
	note	XEN_ELFNOTE_FEATURES, .asciz "writable_page_tables|gnttab_map_avail_bits|pae_pgdir_above_4gb"
	note	XEN_ELFNOTE_PAE_MODE, .asciz "yes"
	note	XEN_ELFNOTE_VIRT_BASE, .quad VIRT_BASE
	note	XEN_ELFNOTE_PADDR_OFFSET, .quad 0
	note	XEN_ELFNOTE_ENTRY, .quad guest_start
	note	XEN_ELFNOTE_HYPERCALL_PAGE, .quad hypercall_page

	.section .bss, "aw", @nobits
	.balign	4096
	.globl	guest_stacks
guest_stacks:			/* one for each vcpu: guest.h */
	.skip	GUEST_STACK
guest_stack_top:
	.skip	GUEST_STACK * (GUEST_VCPUS - 1)

	.globl	shared_info
shared_info:			/* guest_init() maps the hypervisor's page here */
	.skip	4096

	.data
	.globl	entry_state
	.balign	8
entry_state:			/* struct entry_state (guest.h) */
	.skip	32

	.data
	.balign	4096
	.globl	hypercall_page
hypercall_page:			/* the hypervisor writes the calls here before we start */
	.skip	4096

	.section .text.start, "ax"
	.globl	guest_start
guest_start:			/* RSI holds the address of start_info (xen/xen.h) */
	mov	%rsp, entry_state+0(%rip)
	pushf
	pop	entry_state+8(%rip)
	mov	%cs, entry_state+16(%rip)
	mov	%ss, entry_state+18(%rip)
	mov	%ds, entry_state+20(%rip)
	mov	%es, entry_state+22(%rip)
	mov	%fs, entry_state+24(%rip)
	mov	%gs, entry_state+26(%rip)
	cld
	lea	guest_stack_top(%rip), %rsp
	xor	%ebp, %ebp
	mov	%rsi, %rdi
	call	guest_init
	ud2			/* guest_init never returns */

	.text
/*
 * A bounce pushes ss, rsp, rflags, cs, rip, (error code), r11, rcx.  A stub makes it a struct regs
 * (guest.h): number and error code, and all the general registers.
 */
.macro stub vector, has_error
	.balign	32
	pop	%rcx
	pop	%r11
	.if	\vector == 33		/* the failsafe frame: ds, es, fs and gs come first */
	lea	32(%rsp), %rsp
	.endif
	.if	!\has_error
	push	$0
	.endif
	push	$\vector
	jmp	trap_common
.endm

	.balign	32
	.globl	trap_stubs
trap_stubs:			/* 32 bytes each: vectors 0-31, then what guest.h names */
	.set	v, 0
	.rept	40
	.if	v == 8 || (v >= 10 && v <= 14) || v == 17 || v == 21
	stub	v, 1
	.else
	stub	v, 0
	.endif
	.set	v, v + 1
	.endr

	.balign	16
trap_common:
	push	%rax
	push	%rcx
	push	%rdx
	push	%rbx
	push	%rbp
	push	%rsi
	push	%rdi
	push	%r8
	push	%r9
	push	%r10
	push	%r11
	push	%r12
	push	%r13
	push	%r14
	push	%r15
	mov	%rsp, %rdi
	mov	%rsp, %rbx
	and	$-16, %rsp
	cld
	call	trap_handle
	mov	%rbx, %rsp
	.globl	trap_return
trap_return:			/* RSP points to a struct regs */
	pop	%r15
	pop	%r14
	pop	%r13
	pop	%r12
	pop	%r11
	pop	%r10
	pop	%r9
	pop	%r8
	pop	%rdi
	pop	%rsi
	pop	%rbp
	pop	%rbx
	pop	%rdx
	pop	%rcx
	pop	%rax
	movl	$0, 8+8+12(%rsp)	/* the upper half of cs held the saved event mask */
	add	$8, %rsp		/* vector; the error code's place takes iret's flags */
	movq	$0, (%rsp)
	jmp	hypercall_page + __HYPERVISOR_iret * 32

	.section .note.GNU-stack, "", @progbits
