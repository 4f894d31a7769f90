/*
 * int trap_try(void (*fn)(uint64_t arg), uint64_t arg): calls fn(arg); a trap that it meets, in the kernel
 * or in user mode, ends it (guest.c), and its number is the result.  -1: there was none.
 */
	.text
	.globl	trap_try
trap_try:
	push	%rbx
	push	%rbp
	push	%r12
	push	%r13
	push	%r14
	push	%r15
	mov	%rdi, %rbx
	mov	%rsi, %rdi
	mov	%rsp, %rbp		/* the stack's number: vcpu_self(), guest.c */
	sub	$guest_stacks, %rbp
	shr	$16, %rbp
	cmp	$8, %rbp		/* GUEST_VCPUS */
	jb	1f
	xor	%ebp, %ebp
1:	lea	trap_try_rsp(,%rbp,8), %rbp
	mov	%rsp, (%rbp)
	sub	$8, %rsp
	call	*%rbx
	add	$8, %rsp
	movq	$0, (%rbp)
	mov	$-1, %eax
	.globl	trap_try_landing
trap_try_landing:		/* RSP is as it was stored, EAX the trap's number */
	pop	%r15
	pop	%r14
	pop	%r13
	pop	%r12
	pop	%rbp
	pop	%rbx
	ret

/* void user_enter(const struct regs *r): goes on as *r says, for good. */
	.globl	user_enter
user_enter:
	mov	%rdi, %rsp
	jmp	trap_return

	.section .note.GNU-stack, "", @progbits
