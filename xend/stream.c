/* Reading the stream: one record after the other, each checked before it is passed on. */
#include "xend/stream.h"

#include <endian.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "xenstore/hyp.h"

#define BODY_MAX (sizeof(struct stream_pages) + STREAM_BATCH * (8 + STREAM_PAGE))

struct parse {
	const struct stream_source *src;
	const struct stream_limits *limits;
	const struct stream_sink *sink;
	struct fault *f;
	uint8_t *body;			/* of the record at hand; room for BODY_MAX */
	size_t room;			/* or more, for the one that lists the p2m */
	uint64_t pfns;			/* 0: not known yet */
	uint32_t seen;			/* types that come once, a bit each */
	uint32_t vcpus[16];		/* by type: which vcpus' came, a bit each */
};

static int damaged(struct parse *p, const char *what)
{
	fault_set(p->f, EINVAL, "the saved state is damaged: %s", what);
	fault_hint(p->f, "The file was cut short, changed, or never was a domain's state.");
	return -EINVAL;
}

static int take(struct parse *p, void *to, size_t len)
{
	int rc = p->src->read(p->src->ctx, to, len);

	if (rc == -EIO)
		return damaged(p, "it ends too early");
	return rc < 0 ? fault_errno(p->f, -rc, "cannot read the saved state") : 0;
}

/* ----------------------------------------------------------------- headers */

static int take_image(struct parse *p)
{
	struct stream_image h;
	int rc = take(p, &h, sizeof(h));

	if (rc)
		return rc;
	if (h.marker != STREAM_MARKER || be32toh(h.id) != STREAM_ID)
		return damaged(p, "it does not begin like one");
	if (be32toh(h.version) != STREAM_VERSION)
		return fault_set(p->f, EPROTONOSUPPORT, "the saved state has format %u; only %u "
				 "can be read", be32toh(h.version), STREAM_VERSION);
	if (be16toh(h.options) & STREAM_BIG_ENDIAN)
		return fault_set(p->f, EPROTONOSUPPORT, "the saved state is a big-endian "
				 "machine's");
	return 0;
}

static int take_domain(struct parse *p)
{
	struct stream_domain h;
	int rc = take(p, &h, sizeof(h));

	if (rc)
		return rc;
	if (h.type != STREAM_TYPE_PV)
		return fault_set(p->f, EOPNOTSUPP, "the saved state is not a PV domain's (type "
				 "%u)", h.type);
	if (h.page_shift != STREAM_PAGE_SHIFT)
		return damaged(p, "its pages have an impossible size");
	return 0;
}

/* ----------------------------------------------------------------- records */

static int record_pv_info(struct parse *p, const struct stream_record *r)
{
	const struct stream_pv_info *i = (const void *)p->body;

	if (i->width != 8 || i->levels != 4)
		return fault_set(p->f, EOPNOTSUPP, "the saved state is not a 64-bit domain's");
	return 0;
}

static int record_p2m(struct parse *p, const struct stream_record *r)
{
	const struct stream_p2m *m = (const void *)p->body;
	const uint64_t *frame = (const void *)(m + 1);
	size_t frames = (size_t)(m->end_pfn / STREAM_PER_FRAME + 1);

	if (m->start_pfn != 0)
		return damaged(p, "its list of frames does not begin with the first");
	if (m->end_pfn >= p->limits->pfns)
		return fault_set(p->f, E2BIG, "the saved state has %lu MiB of memory, but the "
				 "domain's configuration allows %lu", (m->end_pfn + 1UL) / 256,
				 p->limits->pfns / 256);
	if (r->length != sizeof(*m) + frames * sizeof(*frame))
		return damaged(p, "its list of frames has a wrong length");
	for (size_t i = 0; i < frames; i++)
		if (frame[i] > m->end_pfn)
			return damaged(p, "its list of frames names one that is not there");
	p->pfns = m->end_pfn + 1UL;
	return p->sink->p2m(p->sink->ctx, p->pfns, frame, frames);
}

static int record_pages(struct parse *p, const struct stream_record *r)
{
	const struct stream_pages *h = (const void *)p->body;
	const uint64_t *entry = (const void *)(h + 1);
	size_t head, pages = 0;

	if (!h->count || h->count > STREAM_BATCH)
		return damaged(p, "a record has an impossible number of pages");
	head = sizeof(*h) + h->count * sizeof(*entry);
	if (r->length < head)
		return damaged(p, "a record is shorter than its list of pages");
	for (uint32_t i = 0; i < h->count; i++) {
		if (!stream_pfinfo_is_known(STREAM_PFINFO(entry[i])))
			return damaged(p, "a page has an unknown type");
		if (STREAM_PFN(entry[i]) >= p->pfns)
			return damaged(p, "a page lies beyond the domain's memory");
		pages += (size_t)stream_has_data(STREAM_PFINFO(entry[i]));
	}
	if (r->length != head + pages * STREAM_PAGE)
		return damaged(p, "a record of pages has a wrong length");
	return p->sink->pages(p->sink->ctx, entry, h->count, p->body + head, pages);
}

static int record_shared_info(struct parse *p, const struct stream_record *r)
{
	return p->sink->shared_info(p->sink->ctx, p->body);
}

static int record_tsc(struct parse *p, const struct stream_record *r)
{
	return p->sink->tsc(p->sink->ctx, (const void *)p->body);
}

static int record_vcpu(struct parse *p, const struct stream_record *r)
{
	const struct stream_vcpu *h = (const void *)p->body;
	size_t len = r->length - sizeof(*h);

	if (h->vcpu >= p->limits->vcpus || h->vcpu >= STREAM_VCPUS)
		return fault_set(p->f, E2BIG, "the saved state has a vcpu %u, but the domain's "
				 "configuration only %u vcpus", h->vcpu, p->limits->vcpus);
	if (p->vcpus[r->type] & 1U << h->vcpu)
		return damaged(p, "a vcpu comes twice");
	if (r->type == STREAM_VCPU_MSRS && len % sizeof(struct xen_domctl_vcpu_msr))
		return damaged(p, "a vcpu's registers have a wrong length");
	p->vcpus[r->type] |= 1U << h->vcpu;
	return p->sink->vcpu(p->sink->ctx, r->type, h->vcpu, h + 1, len);
}

/* What is known: how long its body may be, how often it comes, what must have come before. */
#define ONCE	1U
#define LATE	2U			/* not before the p2m */

static const struct {
	uint32_t least, most;		/* bytes; most 0: no such type */
	unsigned int flags;
	int (*read)(struct parse *p, const struct stream_record *r);
} records[] = {
	[STREAM_PAGE_DATA] = { sizeof(struct stream_pages), BODY_MAX, LATE, record_pages },
	[STREAM_PV_INFO] = { sizeof(struct stream_pv_info), sizeof(struct stream_pv_info), ONCE,
		record_pv_info },
	[STREAM_PV_P2M_FRAMES] = { sizeof(struct stream_p2m), UINT32_MAX, ONCE, record_p2m },
	[STREAM_VCPU_BASIC] = { 8 + sizeof(vcpu_guest_context_t),
		8 + sizeof(vcpu_guest_context_t), LATE, record_vcpu },
	[STREAM_VCPU_EXTENDED] = { 8, 8 + STREAM_EXTENDED_MAX, LATE, record_vcpu },
	[STREAM_VCPU_XSAVE] = { 8, 8 + STREAM_XSAVE_MAX, LATE, record_vcpu },
	[STREAM_SHARED_INFO] = { STREAM_PAGE, STREAM_PAGE, ONCE, record_shared_info },
	[STREAM_TSC_INFO] = { sizeof(struct stream_tsc), sizeof(struct stream_tsc), ONCE,
		record_tsc },
	[STREAM_VCPU_MSRS] = { 8, 8 + STREAM_MSRS_MAX, LATE, record_vcpu },
};

#define RECORDS (sizeof(records) / sizeof(records[0]))

/* Only the list of the p2m's frames may be longer than a batch, and not before it is known that
 * the domain may be so large. */
static int body_room(struct parse *p, const struct stream_record *r)
{
	uint64_t most = sizeof(struct stream_p2m) + (p->limits->pfns / STREAM_PER_FRAME + 1) * 8;
	uint8_t *grown;

	if (r->length <= p->room)
		return 0;
	if (r->length > most)
		return fault_set(p->f, E2BIG, "the saved state has more memory than the domain's "
				 "configuration allows");
	grown = realloc(p->body, r->length + 8UL);
	if (!grown)
		return fault_set(p->f, ENOMEM, "not enough memory in domain 0");
	p->body = grown;
	p->room = r->length;
	return 0;
}

static int take_body(struct parse *p, const struct stream_record *r)
{
	int rc = body_room(p, r);

	return rc ? rc : take(p, p->body, (r->length + 7UL) & ~7UL);
}

static int skip(struct parse *p, uint64_t len)
{
	int rc = 0;

	for (len = (len + 7) & ~7UL; len && !rc;) {
		size_t n = len < BODY_MAX ? len : BODY_MAX;

		rc = take(p, p->body, n);
		len -= n;
	}
	return rc;
}

static int check_order(struct parse *p, const struct stream_record *r)
{
	if (records[r->type].flags & ONCE && p->seen & 1U << r->type)
		return damaged(p, "a record comes twice");
	if (r->type == STREAM_PV_P2M_FRAMES && !(p->seen & 1U << STREAM_PV_INFO))
		return damaged(p, "its records are out of order");
	if (records[r->type].flags & LATE && !p->pfns)
		return damaged(p, "its records are out of order");
	return 0;
}

static int take_record(struct parse *p, const struct stream_record *r)
{
	int rc;

	if (r->type & STREAM_OPTIONAL)
		return skip(p, r->length);
	if (r->type >= RECORDS || !records[r->type].most)
		return fault_set(p->f, EPROTONOSUPPORT, "the saved state has a record of type "
				 "%#x, which is not known here", r->type);
	if (r->length < records[r->type].least || r->length > records[r->type].most)
		return damaged(p, "a record has an impossible length");
	rc = check_order(p, r);
	if (!rc)
		rc = take_body(p, r);
	if (!rc)
		rc = records[r->type].read(p, r);
	p->seen |= 1U << r->type;
	return rc;
}

/* END has come. */
static int check_whole(struct parse *p, const struct stream_record *r)
{
	if (r->length)
		return damaged(p, "its end is not one");
	if (!p->pfns || !(p->seen & 1U << STREAM_SHARED_INFO) ||
	    !(p->vcpus[STREAM_VCPU_BASIC] & 1))
		return damaged(p, "something that every domain has is missing");
	for (size_t type = 0; type < sizeof(p->vcpus) / sizeof(p->vcpus[0]); type++)
		if (p->vcpus[type] & ~p->vcpus[STREAM_VCPU_BASIC])
			return damaged(p, "a vcpu comes without its registers");
	return 0;
}

int stream_parse(const struct stream_source *src, const struct stream_limits *limits,
		 const struct stream_sink *sink, struct fault *f)
{
	struct parse p = { .src = src, .limits = limits, .sink = sink, .f = f, .room = BODY_MAX };
	struct stream_record r;
	int rc;

	p.body = malloc(BODY_MAX + 8);
	if (!p.body)
		return fault_set(f, ENOMEM, "not enough memory in domain 0");
	rc = take_image(&p);
	if (!rc)
		rc = take_domain(&p);
	while (!rc) {
		rc = take(&p, &r, sizeof(r));
		if (!rc && r.type == STREAM_END) {
			rc = check_whole(&p, &r);
			break;
		}
		if (!rc)
			rc = take_record(&p, &r);
	}
	free(p.body);
	return rc;
}
