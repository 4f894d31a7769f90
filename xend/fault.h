/*
 * What went wrong, told to a person: one sentence that names the thing and the reason, and
 * one that says what to try.  Functions that fill a fault also return -errno for programs.
 * Owns nothing; a struct fault may live on the stack and is zeroed by the caller.
 */
#ifndef XEND_FAULT_H
#define XEND_FAULT_H

struct fault {
	int err;		/* errno, positive; 0: nothing is wrong */
	char text[512];		/* what failed, on what, and why; no newline */
	char hint[512];		/* what to try; empty if we know nothing better */
};

/* Record the first fault (later ones are consequences and are dropped); returns -err.  A
 * null `f` only returns -err.  `err` is positive. */
int fault_set(struct fault *f, int err, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* As fault_set(), with ": <strerror(err)>" appended. */
int fault_errno(struct fault *f, int err, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* A fault that came from a process which parsed hostile bytes: cut to shape, nothing in it but
 * printable text. */
void fault_clean(struct fault *f);

/* Say what to try.  Kept only if the fault has no hint yet. */
void fault_hint(struct fault *f, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif
