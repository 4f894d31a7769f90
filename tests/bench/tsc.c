/* tsc: prints this CPU's time stamp counter.  Under QEMU's -icount it counts virtual ns since reset. */
#include <stdio.h>
#include <x86intrin.h>

int main(void)
{
	printf("%llu\n", (unsigned long long)__rdtsc());
	return 0;
}
