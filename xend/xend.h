/*
 * xend.h - the daemon as a whole: what its parts share.
 *
 * xend keeps nothing that it can't read back.  The hypervisor knows what runs; XenStore holds
 * jobs, names and each domain's configuration; the disk holds what is managed.  The parts:
 *	jobs.c		jobs as they arrive, wait for each other, and end
 *	methods.c	what each command does, one row per command
 *	worker.c	children in which the long and the dangerous work happens
 *	launch.c	a worker's work: from a configuration to a running domain
 *	reap.c		the way back, from any half-way house too
 *	life.c		domains that shut down by themselves, and what is to happen then
 *	names_keep.c	who is called what, told in one place for those who list many
 *	device*.c	disks and network interfaces: nodes, coming, going, jobs about them
 *	hotplug.c	the scripts of /etc/xen/scripts
 */
#ifndef XEND_XEND_H
#define XEND_XEND_H

#include <stdbool.h>

struct hyp;
struct loop;
struct xs;

struct xend {
	struct loop *loop;
	struct hyp *hyp;
	struct xs *xs;
	bool is_stopping;
};

/* The marker that says: this domain is complete, and ours.  Below /vm/<uuid>, where the guest
 * can't write. */
#define XEND_MARK "xend/domid"
/* And this one beside it: its devices are connected too, it may run. */
#define XEND_READY "xend/ready"

#endif
