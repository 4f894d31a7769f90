/*
 * update.h - live update: another program takes over under the same process id.
 *
 * The store, the domains and their rings are in the heap anyway (heap.h).  What remains are the
 * sockets: their descriptors stay open over exec(), and what is known of their clients goes
 * through a memory file.  Open transactions end with EAGAIN.
 */
#ifndef XENSTORE_UPDATE_H
#define XENSTORE_UPDATE_H

#include <stddef.h>

struct buf;
struct conn;

/* How this program was started, for the next one; the listening sockets. */
void update_init(char **argv, int listen_fd, int listen_ro_fd);

/*
 * CONTROL live-update: -f FILE (what to run), -c CMDLINE (its options), -a (never mind),
 * -s [-t SECONDS] [-F] (now; "BUSY" while transactions are open, unless -F).  The answer to -s
 * comes from the new program.
 */
int update_command(struct conn *c, const char *const *arg, size_t n, struct buf *out);

/* In the new program: take up what the memory file says.  0 or -errno. */
int update_resume(int fd, int *listen_fd, int *listen_ro_fd);

#endif
