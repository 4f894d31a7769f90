#include "xenstore/hyp.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <xencall.h>
#include <xenevtchn.h>
#include <xenforeignmemory.h>
#include <xengnttab.h>
#include <xen/memory.h>
#include <xen/version.h>

#define COUNT(a) (sizeof(a) / sizeof(*(a)))

struct hyp {
	xencall_handle *call;
	xenforeignmemory_handle *memory;	/* opened when first needed */
	xengnttab_handle *grants;		/* likewise */
	uint32_t domctl_version;		/* 0 until one was accepted */
	uint32_t sysctl_version;
};

struct hyp_events {
	xenevtchn_handle *handle;
};

/* The libraries complain on stderr when the device is missing: look first. */
static int device_check(const char *path, const char *old)
{
	if (access(path, R_OK | W_OK) == 0 || (old && access(old, R_OK | W_OK) == 0))
		return 0;
	return errno == EACCES ? -EACCES : -ENODEV;
}

static int hyp_error(void)
{
	return errno ? -errno : -EIO;
}

int hyp_open(struct hyp **out)
{
	int rc = device_check("/dev/xen/privcmd", "/proc/xen/privcmd");
	struct hyp *h;

	if (rc)
		return rc;
	h = calloc(1, sizeof(*h));
	if (!h)
		return -ENOMEM;
	h->call = xencall_open(NULL, 0);
	if (!h->call) {
		rc = hyp_error();
		free(h);
		return rc;
	}
	*out = h;
	return 0;
}

void hyp_close(struct hyp *h)
{
	if (!h)
		return;
	if (h->grants)
		xengnttab_close(h->grants);
	if (h->memory)
		xenforeignmemory_close(h->memory);
	xencall_close(h->call);
	free(h);
}

/* -------------------------------------------------------------- hypercalls */

void *hyp_buffer_new(struct hyp *h, size_t size)
{
	void *p = xencall_alloc_buffer(h->call, size);

	if (p)
		memset(p, 0, size);
	return p;
}

void hyp_buffer_free(struct hyp *h, void *p)
{
	if (p)
		xencall_free_buffer(h->call, p);
}

long hyp_call(struct hyp *h, unsigned int op, uint64_t a1, uint64_t a2, uint64_t a3,
	      uint64_t a4, uint64_t a5)
{
	int rc = xencall5(h->call, op, a1, a2, a3, a4, a5);

	return rc < 0 ? hyp_error() : rc;
}

long hyp_op(struct hyp *h, unsigned int op, unsigned int cmd, void *arg, size_t size)
{
	void *bounce = hyp_buffer_new(h, size);
	long rc;

	if (!bounce)
		return -ENOMEM;
	memcpy(bounce, arg, size);
	rc = xencall2L(h->call, op, cmd, (uintptr_t)bounce);
	if (rc < 0)
		rc = hyp_error();
	memcpy(arg, bounce, size);
	hyp_buffer_free(h, bounce);
	return rc;
}

long hyp_memory_op(struct hyp *h, unsigned int cmd, void *arg, size_t size)
{
	return hyp_op(h, __HYPERVISOR_memory_op, cmd, arg, size);
}

long hyp_xen_version(struct hyp *h, unsigned int cmd, void *arg, size_t size)
{
	return hyp_op(h, __HYPERVISOR_xen_version, cmd, arg, size);
}

/* domctl and sysctl take one pointer to a struct that begins with the interface version. */
static long ctl_call(struct hyp *h, unsigned int op, void *arg, size_t size)
{
	void *bounce = hyp_buffer_new(h, size);
	long rc;

	if (!bounce)
		return -ENOMEM;
	memcpy(bounce, arg, size);
	rc = hyp_call(h, op, (uintptr_t)bounce, 0, 0, 0, 0);
	memcpy(arg, bounce, size);
	hyp_buffer_free(h, bounce);
	return rc;
}

/*
 * A hypervisor answers another version than its own with EACCES.  The versions of Xen 4.17 to
 * 4.22 lay out what a toolstack needs alike.
 */
static int ctl_versioned(struct hyp *h, unsigned int op, void *arg, size_t size,
			 uint32_t *known, const uint32_t *version, size_t n)
{
	uint32_t *field = arg;		/* interface_version follows the command */
	long rc = -EACCES;

	if (*known) {
		field[1] = *known;
		return (int)ctl_call(h, op, arg, size);
	}
	for (size_t i = 0; i < n && rc == -EACCES; i++) {
		field[1] = version[i];
		rc = ctl_call(h, op, arg, size);
		if (rc >= 0)
			*known = version[i];
	}
	return (int)rc;
}

int hyp_domctl(struct hyp *h, struct xen_domctl *op)
{
	static const uint32_t version[] = { XEN_DOMCTL_INTERFACE_VERSION, 0x16, 0x17, 0x18 };

	_Static_assert(offsetof(struct xen_domctl, interface_version) == 4, "second word");
	return ctl_versioned(h, __HYPERVISOR_domctl, op, sizeof(*op), &h->domctl_version,
			     version, COUNT(version));
}

int hyp_sysctl(struct hyp *h, struct xen_sysctl *op)
{
	static const uint32_t version[] = { XEN_SYSCTL_INTERFACE_VERSION, 0x16 };

	_Static_assert(offsetof(struct xen_sysctl, interface_version) == 4, "second word");
	return ctl_versioned(h, __HYPERVISOR_sysctl, op, sizeof(*op), &h->sysctl_version,
			     version, COUNT(version));
}

int hyp_domain_info(struct hyp *h, uint32_t domid, struct xen_domctl_getdomaininfo *info)
{
	struct xen_domctl op = { .cmd = XEN_DOMCTL_getdomaininfo, .domain = (domid_t)domid };
	int rc;

	if (domid >= DOMID_FIRST_RESERVED)
		return -ESRCH;
	rc = hyp_domctl(h, &op);
	if (rc < 0)
		return rc;
	if (op.u.getdomaininfo.domain != domid)
		return -ESRCH;
	*info = op.u.getdomaininfo;
	return 0;
}

int hyp_domain_list(struct hyp *h, uint32_t first, unsigned int max,
		    struct xen_domctl_getdomaininfo *info)
{
	struct xen_sysctl op = { .cmd = XEN_SYSCTL_getdomaininfolist };
	size_t size = max * sizeof(*info);
	void *bounce;
	int rc;

	if (!max || first >= DOMID_FIRST_RESERVED)
		return 0;
	bounce = hyp_buffer_new(h, size);
	if (!bounce)
		return -ENOMEM;
	op.u.getdomaininfolist.first_domain = (domid_t)first;
	op.u.getdomaininfolist.max_domains = max;
	set_xen_guest_handle(op.u.getdomaininfolist.buffer, bounce);
	rc = hyp_sysctl(h, &op);
	if (rc >= 0) {
		rc = (int)op.u.getdomaininfolist.num_domains;
		memcpy(info, bounce, rc * sizeof(*info));
	}
	hyp_buffer_free(h, bounce);
	return rc;
}

/* ------------------------------------------------------------------ memory */

static bool memory_open(struct hyp *h)
{
	if (!h->memory)
		h->memory = xenforeignmemory_open(NULL, 0);
	return h->memory != NULL;
}

int hyp_map(struct hyp *h, uint32_t domid, int prot, size_t n, const xen_pfn_t *gfn, int *err,
	    void **out)
{
	void *p;

	if (!memory_open(h))
		return hyp_error();
	p = xenforeignmemory_map(h->memory, domid, prot, n, gfn, err);
	if (!p)
		return hyp_error();
	*out = p;
	return 0;
}

void hyp_unmap(struct hyp *h, void *p, size_t n)
{
	if (p)
		xenforeignmemory_unmap(h->memory, p, n);
}

int hyp_resource_map(struct hyp *h, uint32_t domid, unsigned int type, unsigned int id,
		     uint64_t frame, size_t n, int prot, struct hyp_resource *out)
{
	out->addr = NULL;
	if (!memory_open(h))
		return hyp_error();
	out->handle = xenforeignmemory_map_resource(h->memory, (domid_t)domid, type, id, frame, n,
						    &out->addr, prot, 0);
	return out->handle ? 0 : hyp_error();
}

void hyp_resource_unmap(struct hyp *h, struct hyp_resource *r)
{
	if (r->handle)
		xenforeignmemory_unmap_resource(h->memory, r->handle);
	r->handle = r->addr = NULL;
}

int hyp_grant_map(struct hyp *h, uint32_t domid, uint32_t ref, int prot, void **out)
{
	int rc;
	void *p;

	if (!h->grants) {
		rc = device_check("/dev/xen/gntdev", NULL);
		if (rc)
			return rc;
		h->grants = xengnttab_open(NULL, 0);
	}
	if (!h->grants)
		return hyp_error();
	p = xengnttab_map_grant_ref(h->grants, domid, ref, prot);
	if (!p)
		return hyp_error();
	*out = p;
	return 0;
}

void hyp_grant_unmap(struct hyp *h, void *p)
{
	if (p)
		xengnttab_unmap(h->grants, p, 1);
}

/* ---------------------------------------------------------- event channels */

int hyp_events_open(struct hyp_events **out)
{
	int rc = device_check("/dev/xen/evtchn", NULL);
	struct hyp_events *e;

	if (rc)
		return rc;
	e = calloc(1, sizeof(*e));
	if (!e)
		return -ENOMEM;
	e->handle = xenevtchn_open(NULL, 0);
	if (!e->handle) {
		rc = hyp_error();
		free(e);
		return rc;
	}
	*out = e;
	return 0;
}

void hyp_events_close(struct hyp_events *e)
{
	if (!e)
		return;
	xenevtchn_close(e->handle);
	free(e);
}

int hyp_events_fd(const struct hyp_events *e)
{
	return xenevtchn_fd(e->handle);
}

int hyp_events_bind(struct hyp_events *e, uint32_t domid, uint32_t remote_port)
{
	int port = xenevtchn_bind_interdomain(e->handle, domid, remote_port);

	return port < 0 ? hyp_error() : port;
}

int hyp_events_bind_virq(struct hyp_events *e, unsigned int virq)
{
	int port = xenevtchn_bind_virq(e->handle, virq);

	return port < 0 ? hyp_error() : port;
}

int hyp_events_unbind(struct hyp_events *e, uint32_t port)
{
	return xenevtchn_unbind(e->handle, port) < 0 ? hyp_error() : 0;
}

int hyp_events_notify(struct hyp_events *e, uint32_t port)
{
	return xenevtchn_notify(e->handle, port) < 0 ? hyp_error() : 0;
}

/* A read of the device may block in spite of O_NONBLOCK (xenevtchn.h): ask poll() first. */
int hyp_events_next(struct hyp_events *e)
{
	struct pollfd p = { .fd = xenevtchn_fd(e->handle), .events = POLLIN };
	int n = poll(&p, 1, 0), port;

	if (n <= 0)
		return n < 0 && errno != EINTR ? -errno : -EAGAIN;
	port = xenevtchn_pending(e->handle);
	return port < 0 ? hyp_error() : port;
}

int hyp_events_unmask(struct hyp_events *e, uint32_t port)
{
	return xenevtchn_unmask(e->handle, port) < 0 ? hyp_error() : 0;
}
