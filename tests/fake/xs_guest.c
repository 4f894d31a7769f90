#include "xs_guest.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "xenstore/guest.h"

struct fake_guest fake_guest[FAKE_GUESTS];
void (*fake_on_event)(uint32_t port);
void (*fake_on_change)(void);
void (*fake_on_notify)(unsigned int domid);

static uint32_t next_port = 1;

void fake_guests_new(void)
{
	for (unsigned int i = 0; i < FAKE_GUESTS; i++) {
		struct fake_guest *g = &fake_guest[i];
		void *page = g->page;

		if (!page)
			page = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
				    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
		memset(page, 0, 4096);
		*g = (struct fake_guest){ .page = page, .alive = true };
	}
}

int guest_open(struct loop *l, void (*on_event)(uint32_t port), void (*on_change)(void))
{
	fake_on_event = on_event;
	fake_on_change = on_change;
	return 0;
}

int guest_map(uint32_t domid, uint64_t gfn, struct xenstore_domain_interface **page)
{
	if (domid >= FAKE_GUESTS || !fake_guest[domid].alive)
		return -ESRCH;
	fake_guest[domid].mapped = true;
	*page = fake_guest[domid].page;
	return 0;
}

void guest_unmap(uint32_t domid, struct xenstore_domain_interface *page)
{
	fake_guest[domid].mapped = false;
}

int guest_map_own(struct xenstore_domain_interface **page, uint32_t *port)
{
	*port = 1;
	return guest_map(0, 0, page);
}

int guest_bind(uint32_t domid, uint32_t remote_port)
{
	if (domid >= FAKE_GUESTS || !remote_port)
		return -EINVAL;
	return (int)(fake_guest[domid].port = next_port++);
}

void guest_unbind(uint32_t port)
{
	for (unsigned int i = 0; i < FAKE_GUESTS; i++)
		if (fake_guest[i].port == port)
			fake_guest[i].port = 0;
}

void guest_notify(uint32_t port)
{
	for (unsigned int i = 0; i < FAKE_GUESTS; i++) {
		if (!port || fake_guest[i].port != port)
			continue;
		fake_guest[i].notified++;
		if (fake_on_notify)
			fake_on_notify(i);
	}
}

int guest_state(uint32_t domid, struct guest_state *out)
{
	const struct fake_guest *g = domid < FAKE_GUESTS ? &fake_guest[domid] : NULL;

	*out = (struct guest_state){ .domid = domid };
	if (!g || !g->alive)
		return 0;
	out->exists = true;
	out->dying = g->dying;
	out->shutdown = g->shutdown;
	memcpy(out->handle, &g->generation, sizeof(g->generation));
	return 0;
}

int guest_list(uint32_t first, unsigned int max, struct guest_state *out)
{
	unsigned int n = 0;

	for (uint32_t i = first; i < FAKE_GUESTS && n < max; i++) {
		guest_state(i, &out[n]);
		n += out[n].exists;
	}
	return (int)n;
}

size_t fake_send(unsigned int domid, const void *data, size_t len)
{
	struct xenstore_domain_interface *page = fake_guest[domid].page;
	size_t room = XENSTORE_RING_SIZE - (page->req_prod - page->req_cons), n;

	for (n = 0; n < len && n < room; n++)
		page->req[MASK_XENSTORE_IDX(page->req_prod + n)] = ((const char *)data)[n];
	page->req_prod += (uint32_t)n;
	return n;
}

size_t fake_take(unsigned int domid, void *data, size_t max)
{
	struct xenstore_domain_interface *page = fake_guest[domid].page;
	size_t have = page->rsp_prod - page->rsp_cons, n;

	for (n = 0; n < have && n < max; n++)
		((char *)data)[n] = page->rsp[MASK_XENSTORE_IDX(page->rsp_cons + n)];
	page->rsp_cons += (uint32_t)n;
	return n;
}
