/*
 * console.h - one guest's console in xenconsoled: its ring, its record, its terminal, and those
 * who look at it.
 */
#ifndef XEND_CONSOLE_H
#define XEND_CONSOLE_H

#include <stdbool.h>
#include <stdint.h>
#include "xenstore/loop.h"
#include "xend/conlog.h"

struct hyp;
struct hyp_events;
struct xs;
struct xencons_interface;
struct viewer;

/* What all consoles share; belongs to xenconsoled.c. */
struct consoles {
	struct loop *loop;
	struct hyp *hyp;
	struct hyp_events *events;
	struct xs *xs;
	const char *log_dir;		/* NULL: guests are not recorded */
	bool has_timestamps;
	bool keeps_overflow;
	struct console *first;
};

struct console {
	struct console *next;
	struct consoles *all;
	uint32_t domid;
	uint8_t uuid[16];
	struct xencons_interface *ring;
	bool is_granted;		/* how it was mapped */
	uint32_t port;			/* ours; 0: none */
	struct conlog log;
	struct loop_fd pty;		/* the terminal's master; fd -1: none */
	int slave;
	struct buf input;		/* for the guest, not yet in the ring */
	struct viewer *viewers;
	unsigned events;		/* in this window; see console_event() */
	struct loop_timer window;
};

/* Maps and binds.  resume: the guest was there before us.  0, -EAGAIN: XenStore has not all of
 * it yet, or -errno. */
int console_open(struct consoles *all, uint32_t domid, const uint8_t uuid[16], bool resume);
/* Takes what is left in the ring, then lets go of everything. */
void console_close(struct console *c);
struct console *console_find(struct consoles *all, uint32_t domid);
struct console *console_find_port(struct consoles *all, uint32_t port);
/* The guest has signalled. */
void console_event(struct console *c);
/* Bytes for the guest, from a terminal or a viewer. */
void console_input(struct console *c, const char *data, size_t n);

/* viewer.c: the socket. */
int viewers_listen(struct consoles *all);
/* Shows data to all who look at this console. */
void viewers_show(struct console *c, const char *data, size_t n);
void viewers_close(struct console *c);

#endif
