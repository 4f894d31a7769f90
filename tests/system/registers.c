/*
 * registers SECONDS PROCESSES: each process keeps a pattern of its own in all vector registers, and looks whether
 * they still hold it: whoever else runs on the CPU in between must not be seen.  Says "REGISTERS: N rounds, N
 * wrong"; the exit status is 1 if any was.  As a guest's /init it does so for 30 seconds in three processes, and
 * then sleeps.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { REGISTERS = 16, SPIN = 300000 };

struct registers { uint64_t half[2 * REGISTERS]; };

#define EACH(op) \
	op(0) op(1) op(2) op(3) op(4) op(5) op(6) op(7) op(8) op(9) op(10) op(11) op(12) op(13) op(14) op(15)
#define LOAD(n)  "movdqu 16*" #n "(%1), %%xmm" #n "\n\t"
#define STORE(n) "movdqu %%xmm" #n ", 16*" #n "(%2)\n\t"

/* Fills the registers, lets time pass without touching them, and tells what is in them then. */
static void keep(const struct registers *in, struct registers *out)
{
	long n = SPIN;

	__asm__ volatile(EACH(LOAD) "1: dec %0\n\tjnz 1b\n\t" EACH(STORE)
			 : "+r"(n) : "r"(in), "r"(out)
			 : "memory", "cc", "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7",
			   "xmm8", "xmm9", "xmm10", "xmm11", "xmm12", "xmm13", "xmm14", "xmm15");
}

static int watch(int seconds)
{
	time_t end = time(NULL) + seconds;
	unsigned long rounds = 0, wrong = 0;
	struct registers in, out;

	for (; time(NULL) < end; rounds++) {
		for (unsigned int i = 0; i < 2 * REGISTERS; i++)
			in.half[i] = (uint64_t)getpid() << 40 | (rounds & 0xffffff) << 8 | i;
		keep(&in, &out);
		wrong += memcmp(&in, &out, sizeof in) != 0;
	}
	printf("REGISTERS: %lu rounds, %lu wrong\n", rounds, wrong);
	return wrong || !rounds;
}

int main(int argc, char **argv)
{
	int is_init = getpid() == 1, seconds = 30, processes = 3;
	int status, bad = 0;

	if (!is_init) {
		if (argc != 3)
			return 2;
		seconds = atoi(argv[1]);
		processes = atoi(argv[2]);
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	puts("REGISTERS begin");
	for (int i = 0; i < processes; i++)
		if (fork() == 0)
			exit(watch(seconds));
	while (wait(&status) > 0)
		bad |= status != 0;
	puts(bad ? "REGISTERS mixed up" : "REGISTERS kept");
	while (is_init)
		pause();
	return bad;
}
