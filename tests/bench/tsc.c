/*
 * tsc [MARK]: executes a mark, and prints this CPU's time stamp counter.  Under QEMU's -icount it counts
 * virtual ns since reset.
 */
#include <stdio.h>
#include <stdlib.h>
#include <x86intrin.h>
#include "marks.h"

#define TEXT(x) #x
#define VALUE(x) TEXT(x)

__asm__(".pushsection .marks, \"ax\", @progbits\n"
	".rept " VALUE(MARKS) "\n"
	"ret\n"
	".balign " VALUE(MARK_SIZE) "\n"
	".endr\n"
	".popsection");

int main(int argc, char **argv)
{
	unsigned long mark = argc > 1 ? strtoul(argv[1], NULL, 10) : MARKS;

	if (mark < MARKS)
		((void (*)(void))(MARKS_AT + mark * MARK_SIZE))();
	printf("%llu\n", (unsigned long long)__rdtsc());
	return 0;
}
