/* guest_xen.c - guest.h through the hypervisor and dom0's kernel. */
#include "xenstore/guest.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <xen/io/xs_wire.h>
#include <xen/sys/xenbus_dev.h>

#include "xenstore/hyp.h"
#include "xenstore/log.h"
#include "xenstore/loop.h"

#include <xen/grant_table.h>

#define BACKEND "/dev/xen/xenbus_backend"
#define PAGE 4096u

static struct {
	struct hyp *hyp;
	struct hyp_events *events;
	struct loop_fd ready;
	int dom_exc;		/* local port of VIRQ_DOM_EXC */
	void (*on_event)(uint32_t port);
	void (*on_change)(void);
	unsigned char granted[DOMID_FIRST_RESERVED / 8 + 1];	/* how a page was mapped */
} guest;

/* Unmask before looking at the ring: what comes in meanwhile signals again. */
static void events_ready(struct loop_fd *w, uint32_t events)
{
	for (int i = 0; i < 1024; i++) {
		int port = hyp_events_next(guest.events);

		if (port < 0)
			return;
		hyp_events_unmask(guest.events, (uint32_t)port);
		if (port == guest.dom_exc)
			guest.on_change();
		else
			guest.on_event((uint32_t)port);
	}
}

static void guest_close(void)
{
	hyp_events_close(guest.events);
	hyp_close(guest.hyp);
	guest.events = NULL;
	guest.hyp = NULL;
}

int guest_open(struct loop *l, void (*on_event)(uint32_t port), void (*on_change)(void))
{
	int rc = hyp_open(&guest.hyp);

	if (!rc)
		rc = hyp_events_open(&guest.events);
	if (rc) {
		guest_close();
		return rc;
	}
	guest.on_event = on_event;
	guest.on_change = on_change;
	guest.dom_exc = hyp_events_bind_virq(guest.events, VIRQ_DOM_EXC);
	if (guest.dom_exc < 0)
		log_rc(guest.dom_exc, "bind VIRQ_DOM_EXC: deaths of domains go unnoticed");
	rc = loop_fd_add(l, &guest.ready, hyp_events_fd(guest.events), EPOLLIN, events_ready, NULL);
	if (rc)
		guest_close();
	return rc;
}

/* A toolstack reserves a grant of the page for us; the frame itself is the older way. */
int guest_map(uint32_t domid, uint64_t gfn, struct xenstore_domain_interface **page)
{
	xen_pfn_t frame = gfn;
	unsigned char bit = (unsigned char)(1u << domid % 8);
	void *p;
	int rc;

	if (!guest.hyp)
		return -ENODEV;
	rc = hyp_grant_map(guest.hyp, domid, GNTTAB_RESERVED_XENSTORE, PROT_READ | PROT_WRITE, &p);
	if (!rc) {
		guest.granted[domid / 8] |= bit;
	} else {
		guest.granted[domid / 8] &= (unsigned char)~bit;
		rc = hyp_map(guest.hyp, domid, PROT_READ | PROT_WRITE, 1, &frame, NULL, &p);
	}
	if (rc)
		return rc;
	*page = p;
	return 0;
}

void guest_unmap(uint32_t domid, struct xenstore_domain_interface *page)
{
	if (domid == 0)
		munmap(page, PAGE);
	else if (guest.granted[domid / 8] >> domid % 8 & 1)
		hyp_grant_unmap(guest.hyp, page);
	else
		hyp_unmap(guest.hyp, page, 1);
}

/* The kernel tells its port by an ioctl, or (xenfs) in a file. */
static int own_port(int fd)
{
	char text[16] = "";
	FILE *f;
	int port = ioctl(fd, IOCTL_XENBUS_BACKEND_EVTCHN, 0);

	if (port > 0)
		return port;
	f = fopen("/proc/xen/xsd_port", "re");
	if (f) {
		port = fgets(text, sizeof(text), f) ? atoi(text) : 0;
		fclose(f);
	}
	return port > 0 ? port : -ENODEV;
}

int guest_map_own(struct xenstore_domain_interface **page, uint32_t *port)
{
	int fd = open(BACKEND, O_RDWR | O_CLOEXEC), rc;
	void *p;

	if (fd < 0)
		return -errno;
	rc = own_port(fd);
	if (rc < 0) {
		close(fd);
		return rc;
	}
	*port = (uint32_t)rc;
	p = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	rc = p == MAP_FAILED ? -errno : 0;
	close(fd);
	if (!rc)
		*page = p;
	return rc;
}

int guest_bind(uint32_t domid, uint32_t remote_port)
{
	return guest.events ? hyp_events_bind(guest.events, domid, remote_port) : -ENODEV;
}

void guest_unbind(uint32_t port)
{
	hyp_events_unbind(guest.events, port);
}

void guest_notify(uint32_t port)
{
	hyp_events_notify(guest.events, port);
}

static void state_fill(struct guest_state *out, const struct xen_domctl_getdomaininfo *info)
{
	*out = (struct guest_state){
		.domid = info->domain,
		.exists = true,
		.dying = info->flags & XEN_DOMINF_dying,
		.shutdown = info->flags & XEN_DOMINF_shutdown,
	};
	memcpy(out->handle, info->handle, sizeof(out->handle));
}

int guest_state(uint32_t domid, struct guest_state *out)
{
	struct xen_domctl_getdomaininfo info;
	int rc;

	if (!guest.hyp)
		return -ENODEV;
	*out = (struct guest_state){ .domid = domid };
	rc = hyp_domain_info(guest.hyp, domid, &info);
	if (rc == -ESRCH)
		return 0;
	if (rc < 0)
		return rc;
	state_fill(out, &info);
	return 0;
}

int guest_list(uint32_t first, unsigned int max, struct guest_state *out)
{
	struct xen_domctl_getdomaininfo info[64];
	int n;

	if (!guest.hyp)
		return -ENODEV;
	n = hyp_domain_list(guest.hyp, first, max < 64 ? max : 64, info);
	for (int i = 0; i < n; i++)
		state_fill(&out[i], &info[i]);
	return n;
}
