/* Pieces of user mode; user.c copies this page into a user address space. */
	.section .rodata
	.balign	4096
	.globl	user_code
user_code:
.macro piece name
	.globl	user_\name
user_\name:
.endm
	piece	syscall
	syscall
	piece	ud2
	ud2
	piece	read
	mov	(%rdi), %rax
	ud2
	piece	write
	mov	%rax, (%rdi)
	ud2
	piece	int80
	int	$0x80
	piece	int3
	int3
	piece	in
	in	$0x71, %al
	ud2
	piece	cli
	cli
	ud2
	piece	cpuid
	ud2
	.ascii	"xen"
	cpuid
	ud2
	piece	gs
	mov	%gs:0, %rax
	ud2
	piece	sysenter
	sysenter
	piece	int13
	int	$13
	.balign	4096
	.section .note.GNU-stack, "", @progbits
