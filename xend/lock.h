/*
 * lock.h - one daemon of a kind at a time: a pid file that its owner keeps locked.
 *
 * The lock (flock) belongs to the open file, so children that inherit it hold it too: a new xend
 * gets it only when the last worker of the old one is gone.
 */
#ifndef XEND_LOCK_H
#define XEND_LOCK_H

#include <sys/types.h>

#define XEND_PID_FILE "/var/run/xend.pid"
#define XENCONSOLED_PID_FILE "/var/run/xenconsoled.pid"

/* Takes the lock, waiting for at most wait_ms, and writes our pid.  Gives the descriptor, which
 * stays open for life; -EBUSY: another one holds it; -errno. */
int lock_take(const char *path, int wait_ms);
/* 1: somebody holds it, *pid (may be NULL) is what the file says; 0: nobody; -ENOENT: no file. */
int lock_is_held(const char *path, pid_t *pid);

#endif
