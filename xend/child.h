/*
 * child.h - the first steps of a forked child.
 */
#ifndef XEND_CHILD_H
#define XEND_CHILD_H

#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <unistd.h>

/* It dies with its parent; one that died before we asked takes it along now. */
static inline void child_die_with(pid_t parent)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(EXIT_FAILURE);
}

/*
 * Before another's program: all signals come, and do what they do by default, whatever we ignore or block,
 * and whatever nohup and its like had us ignore.
 */
static inline void child_signals_default(void)
{
	sigset_t none;

	for (int sig = 1; sig < NSIG; sig++)
		signal(sig, SIG_DFL);	/* SIGKILL and the C library's own refuse */
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

#endif
