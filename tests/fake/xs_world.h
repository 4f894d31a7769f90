/*
 * xs_world.h - xenstored within a test: the daemon's parts without its main file, and guests 1 and 2
 * that the test speaks for.  Guest 0 is dom0's kernel.
 */
#ifndef TESTS_FAKE_WORLD_H
#define TESTS_FAKE_WORLD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct loop;
extern struct loop *world_loop;

/* A store that holds nothing but what each start makes, and guests 1 and 2 introduced in it. */
void world(void);
/* A daemon on the store in path (NULL: one in memory). */
void daemon_open(const char *path);
/* Run the loop until nothing is left to do at once. */
void settle(void);
/* The guest signals. */
void signal_daemon(unsigned int domid);

/* INTRODUCE it and give it its home, as a toolstack does: one directory there, data, is its own. */
void introduce(unsigned int domid);
void release(unsigned int domid);

/*
 * Everything that the guest has been told, as text: "READ value", "ERROR ENOENT",
 * "EVENT path token", in turn and joined by "; ".  Good until the next call.
 */
const char *answers(unsigned int domid);
/* Put a whole request into the guest's ring. */
void send_frame(unsigned int domid, uint32_t type, uint32_t tx, const void *data, size_t len);
/* … and what it is told then. */
const char *ask_tx(unsigned int domid, uint32_t type, uint32_t tx, const void *data, size_t len);

#define ASK(domid, type, s) ask_tx(domid, type, 0, s, sizeof(s))
#define ASK_TX(domid, type, tx, s) ask_tx(domid, type, tx, s, sizeof(s))
#define WRITE(domid, path, value) ask_tx(domid, XS_WRITE, 0, path "\0" value, \
					 sizeof(path) + sizeof(value) - 1)
#define WRITE_TX(domid, tx, path, value) ask_tx(domid, XS_WRITE, tx, path "\0" value, \
						sizeof(path) + sizeof(value) - 1)

/* TRANSACTION_START: its id, or 0. */
uint32_t txn_begin(unsigned int domid);
const char *txn_end(unsigned int domid, uint32_t id, bool commit);

/* CONTROL check: every node and every account. */
bool check_ok(void);

#endif
