#include "xend/sandbox.h"

#include <errno.h>
#include <grp.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#define SANDBOX_UID 65534	/* nobody and nogroup: base-passwd */
#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* What malloc(), read(), write(), select() and _exit() need; sigaltstack() is a sanitized build's
 * way to _exit(). */
static const uint16_t sandbox_calls[] = {
	SYS_read, SYS_pread64, SYS_write, SYS_pwrite64, SYS_ftruncate, SYS_brk, SYS_munmap,
	SYS_mremap, SYS_madvise, SYS_futex, SYS_getpid, SYS_gettid, SYS_clock_gettime,
	SYS_pselect6, SYS_getrandom, SYS_rt_sigreturn, SYS_restart_syscall, SYS_sched_yield,
	SYS_sigaltstack, SYS_exit, SYS_exit_group,
};

static int sandbox_close(const int *keep, size_t n)
{
	unsigned int from = 0;

	/* Close the gaps between the kept ones, lowest first; 2 is stderr. */
	for (;;) {
		unsigned int next = ~0U;

		for (size_t i = 0; i < n; i++)
			if ((unsigned int)keep[i] >= from && (unsigned int)keep[i] < next)
				next = (unsigned int)keep[i];
		if (from <= 2 && next > 2)
			next = 2;
		if (next > from && close_range(from, next - 1, 0) < 0)
			return -errno;
		if (next == ~0U)
			return 0;
		from = next + 1;
	}
}

/* Size of our address space in bytes: under a sanitizer it is terabytes to begin with. */
static uint64_t sandbox_size(void)
{
	unsigned long pages = 0;
	FILE *f = fopen("/proc/self/statm", "re");

	if (f) {
		if (fscanf(f, "%lu", &pages) != 1)
			pages = 0;
		fclose(f);
	}
	return pages * 4096;
}

static int sandbox_limit(const struct sandbox_limits *l)
{
	const struct {
		int what;
		rlim_t value;
	} limits[] = {
		{ RLIMIT_AS, sandbox_size() + l->memory },
		{ RLIMIT_FSIZE, l->file },
		{ RLIMIT_CPU, l->cpu_s },
		{ RLIMIT_CORE, 0 },
		{ RLIMIT_NOFILE, 0 },
		{ RLIMIT_NPROC, 0 },
	};

	for (size_t i = 0; i < COUNT(limits); i++) {
		struct rlimit r = { limits[i].value, limits[i].value };

		if (setrlimit((__rlimit_resource_t)limits[i].what, &r) < 0 && errno != EPERM)
			return -errno;	/* EPERM: the limit was lower still */
	}
	return 0;
}

static int sandbox_drop(void)
{
	if (geteuid() == 0 && (setgroups(0, NULL) < 0 ||
			       setresgid(SANDBOX_UID, SANDBOX_UID, SANDBOX_UID) < 0 ||
			       setresuid(SANDBOX_UID, SANDBOX_UID, SANDBOX_UID) < 0))
		return -errno;
	/* After setresuid(), which clears it: die with the parent. */
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return -errno;
	return 0;
}

static int sandbox_seccomp(void)
{
	struct sock_filter code[COUNT(sandbox_calls) * 2 + 16];
	struct sock_fprog prog = { .filter = code };
	unsigned short n = 0;

#define EMIT(...) (code[n++] = (struct sock_filter)__VA_ARGS__)
	EMIT(BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch)));
	EMIT(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AUDIT_ARCH_X86_64, 1, 0));
	EMIT(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS));
	EMIT(BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)));
	for (size_t i = 0; i < COUNT(sandbox_calls); i++) {
		EMIT(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, sandbox_calls[i], 0, 1));
		EMIT(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW));
	}
	/* mmap(), but nothing executable: its third argument holds the protection. */
	EMIT(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_mmap, 0, 3));
	EMIT(BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[2])));
	EMIT(BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, PROT_EXEC, 1, 0));
	EMIT(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW));
	EMIT(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS));
#undef EMIT
	prog.len = n;
	return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog) < 0 ? -errno : 0;
}

int sandbox_enter(const int *keep, size_t n, const struct sandbox_limits *limits)
{
	int rc = sandbox_limit(limits);

	if (!rc)
		rc = sandbox_close(keep, n);
	if (!rc)
		rc = sandbox_drop();
	if (!rc)
		rc = sandbox_seccomp();
	return rc;
}
