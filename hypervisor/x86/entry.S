/*
 * Every way into the hypervisor and out of it.  A frame is struct cpu_user_regs (xen/arch-x86/xen-x86_64.h);
 * the guest's lies at the top of the CPU's stack block, at GUEST_FRAME, where RSP0 makes the hardware
 * push it; struct stack_end follows it.
 */
#include "layout.h"
#include "offsets.h"

#define VECTOR_SYSCALL	0x100		/* in entry_vector: no hardware vector */
#define VECTOR_SYSCALL32 0x101
#define VECTOR_SYSENTER	0x102

	.macro save_registers		/* RSP at error_code on entry, at r15 after it */
	cld
	push	%rdi
	push	%rsi
	push	%rdx
	push	%rcx
	push	%rax
	push	%r8
	push	%r9
	push	%r10
	push	%r11
	push	%rbx
	push	%rbp
	push	%r12
	push	%r13
	push	%r14
	push	%r15
	.endm

	.macro restore_registers	/* leaves RSP at error_code */
	pop	%r15
	pop	%r14
	pop	%r13
	pop	%r12
	pop	%rbp
	pop	%rbx
	pop	%r11
	pop	%r10
	pop	%r9
	pop	%r8
	pop	%rax
	pop	%rcx
	pop	%rdx
	pop	%rsi
	pop	%rdi
	.endm

	.macro ex_entry at, fixup
	.pushsection .ex_table, "a"
	.quad	\at, \fixup
	.popsection
	.endm

	.text

/* One 16-byte stub a vector: error code where hardware gives none, then the vector beside it. */
	.globl trap_stubs
	.align 16
trap_stubs:
	vector = 0
	.rept 256
	.align 16
	.if !((vector == 8) || (vector >= 10 && vector <= 14) || (vector == 17) || (vector == 21) || (vector == 29) || (vector == 30))
	push	$0
	.endif
	movl	$vector, 4(%rsp)
	jmp	trap_common
	vector = vector + 1
	.endr

	.align 16
trap_common:
	save_registers
	testb	$3, UREGS_cs(%rsp)
	jz	trap_from_hypervisor
	/* NMI, #DF, #MC and #DB have stacks of their own: move the guest's frame to its place. */
	mov	%rsp, %rcx
	and	$-STACK_SIZE, %rcx
	lea	GUEST_FRAME(%rcx), %rdi
	cmp	%rdi, %rsp
	je	1f
	mov	%rsp, %rsi
	mov	%rdi, %rsp
	mov	$UREGS_es / 8, %ecx
	rep movsq
1:	mov	%rsp, %rdi
	call	trap_guest
	jmp	ret_to_guest

trap_from_hypervisor:
	mov	%rsp, %rdi
	mov	%rsp, %rbp		/* the stack may be off by 8: calls want it on 16 */
	and	$-16, %rsp
	call	trap_hypervisor
	mov	%rbp, %rsp
	restore_registers
	add	$8, %rsp
	iretq

/*
 * What a CPU's stack block begins with; copied there, so all it touches is relative to the block.
 * SYSCALL leaves RSP the guest's: it goes straight into the frame, and RSP starts from there.
 */
	.globl syscall_stub, syscall_stub_compat, syscall_stub_end
	.align 16
syscall_stub:
	mov	%rsp, syscall_stub + GUEST_FRAME + UREGS_rsp(%rip)
	lea	syscall_stub + GUEST_FRAME + UREGS_rsp(%rip), %rsp
	jmp	*1f(%rip)
1:	.quad	syscall_entry
	.align 16
syscall_stub_compat:
	mov	%rsp, syscall_stub + GUEST_FRAME + UREGS_rsp(%rip)
	lea	syscall_stub + GUEST_FRAME + UREGS_rsp(%rip), %rsp
	jmp	*1f(%rip)
1:	.quad	syscall_entry_compat
syscall_stub_end:

	.align 16
syscall_entry:
	movq	$SEL_RING3_DS, 8(%rsp)
	push	%r11				/* rflags */
	push	$SEL_RING3_CS64
	push	%rcx				/* rip */
	push	$0
	movl	$VECTOR_SYSCALL, 4(%rsp)
	save_registers
	sti
	mov	%rsp, %rdi
	call	syscall_guest
	jmp	ret_to_guest

syscall_entry_compat:
	movq	$SEL_RING3_DS, 8(%rsp)
	push	%r11
	push	$SEL_RING3_CS32
	push	%rcx
	push	$0
	movl	$VECTOR_SYSCALL32, 4(%rsp)
	save_registers
	sti
	mov	%rsp, %rdi
	call	syscall_guest
	jmp	ret_to_guest

/* RSP is RSP0; hardware told nothing of where the guest was. */
	.globl sysenter_entry
sysenter_entry:
	push	$SEL_RING3_DS
	push	$0
	pushfq
	orl	$0x200, (%rsp)
	push	$3
	push	$0
	push	$0
	movl	$VECTOR_SYSENTER, 4(%rsp)
	push	$2				/* SYSENTER clears IF only: no IRETQ of ours gets on with NT */
	popfq
	save_registers
	sti
	mov	%rsp, %rdi
	call	syscall_guest
	/* fall through */

/*
 * Back to the guest whose frame is at GUEST_FRAME: pending work first, then its events, with interrupts
 * off from the last look on.
 */
	.globl ret_to_guest
	.align 16
ret_to_guest:
	cli
	mov	%rsp, %rbx
	and	$-STACK_SIZE, %rbx
	mov	STACK_END_OFFSET + STACK_END_cpu(%rbx), %rax
	cmpq	$0, CPU_softirq_pending(%rax)
	jne	ret_softirq
	mov	STACK_END_OFFSET + STACK_END_current(%rbx), %rax
	cmpb	$0, VCPU_exit_work(%rax)
	jne	ret_work
	mov	VCPU_info(%rax), %rcx
	cmpw	$1, (%rcx)			/* pending set, mask clear: the usual values are 0 and 1 */
	je	ret_work
	cmpb	$0, (%rcx)
	je	ret_restore
	cmpb	$0, 1(%rcx)
	je	ret_work
ret_restore:
	cmpw	$VECTOR_SYSCALL, UREGS_vector(%rsp)
	jne	ret_iret
	/* SYSRET where it does what IRET would: RIP canonical, outside our range */
	mov	UREGS_rip(%rsp), %rcx
	mov	%rcx, %rax
	shr	$47, %rax
	jnz	ret_high
ret_sysret:
	restore_registers
	add	$8, %rsp
	mov	(%rsp), %rcx
	mov	16(%rsp), %r11
	mov	24(%rsp), %rsp
	sysretq
ret_high:
	mov	%rcx, %rax
	sar	$43, %rax			/* 0xffff88… and up: -15 … -1 */
	cmp	$-15, %rax
	jge	ret_sysret
ret_iret:
	restore_registers
	add	$8, %rsp
ret_iret_insn:
	iretq
	ex_entry ret_iret_insn, ret_iret_fault

/* The guest's own RIP, selectors or flags don't load: tell it. Its registers are live, RSP at rip. */
ret_iret_fault:
	push	$0
	movl	$13, 4(%rsp)
	save_registers
	sti
	mov	%rsp, %rdi
	call	pv_iret_faulted
	jmp	ret_to_guest

ret_softirq:
	sti
	call	softirq_run
	jmp	ret_to_guest

ret_work:
	sti
	mov	%rsp, %rdi
	call	pv_exit_work
	jmp	ret_to_guest

/* arch_context_switch()'s two ways on: with a fresh stack. */
	.globl resume_guest, resume_idle
resume_guest:				/* rdi: the stack block */
	lea	GUEST_FRAME(%rdi), %rsp
	jmp	ret_to_guest
resume_idle:
	lea	GUEST_FRAME - 8(%rdi), %rsp
	xor	%ebp, %ebp
	jmp	idle_loop

/* cpu_call_on_stack(block, function): never returns */
	.globl stack_start
stack_start:
	lea	GUEST_FRAME - 8(%rdi), %rsp
	xor	%ebp, %ebp
	call	*%rsi
	ud2

/* size_t copy_unsafe(void *to, const void *from, size_t bytes): bytes not copied after a fault */
	.globl copy_unsafe
	.align 16
copy_unsafe:
	mov	%rdx, %rcx
	shr	$3, %rcx
	jz	2f
1:	rep movsq
2:	mov	%edx, %ecx
	and	$7, %ecx
	jz	4f
3:	rep movsb
4:	xor	%eax, %eax
	ret
5:	lea	(,%rcx,8), %rax			/* words left, and the tail */
	and	$7, %edx
	add	%rdx, %rax
	ret
6:	mov	%rcx, %rax
	ret
	ex_entry 1b, 5b
	ex_entry 3b, 6b

/* bool rdmsr_safe(uint32_t msr, uint64_t *value) */
	.globl rdmsr_safe
rdmsr_safe:
	mov	%edi, %ecx
1:	rdmsr
	mov	%eax, (%rsi)
	mov	%edx, 4(%rsi)
	mov	$1, %eax
	ret
3:	xor	%eax, %eax
	ret
	ex_entry 1b, 3b

/* bool xrstor_safe(const void *area, uint64_t mask), fxrstor_safe(area); load_segment_safe(ds,es,fs,gs) */
	.globl xrstor_safe, fxrstor_safe
xrstor_safe:
	mov	%esi, %eax
	mov	%rsi, %rdx
	shr	$32, %rdx
4:	xrstor64 (%rdi)
	mov	$1, %eax
	ret
fxrstor_safe:
5:	fxrstor64 (%rdi)
	mov	$1, %eax
	ret
	ex_entry 4b, 3b
	ex_entry 5b, 3b

/* bool load_{ds,es,fs,gs}_safe(selector): false: it doesn't load; the null selector was taken */
	.macro load_segment_safe reg
	.globl load_\reg\()_safe
load_\reg\()_safe:
1:	mov	%edi, %\reg
	mov	$1, %eax
	ret
2:	xor	%eax, %eax
	mov	%eax, %\reg
	ret
	ex_entry 1b, 2b
	.endm
	load_segment_safe ds
	load_segment_safe es
	load_segment_safe fs
	.globl load_gs_inactive_safe
/* loads GS while the other base is active, so that ours stays what it is */
load_gs_inactive_safe:
	swapgs
1:	mov	%edi, %gs
	mfence
	swapgs
	mov	$1, %eax
	ret
2:	xor	%eax, %eax
	mov	%eax, %gs
	swapgs
	ret
	ex_entry 1b, 2b
