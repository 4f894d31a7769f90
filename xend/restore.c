/*
 * The steps of restoring a PV domain: create it as the builder does, take in what the stream holds,
 * then turn the pseudo-physical frame numbers in page tables, lists and registers into those of the
 * frames that it has here.
 */
#include "xend/restore.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "xend/build_frames.h"
#include "xend/domctl.h"
#include "xend/feed.h"
#include "xend/memop.h"
#include "xend/stream.h"
#include "xend/tables.h"

#define PAGE STREAM_PAGE
#define NONE TABLES_NONE
#define WANTED (NONE - 1)		/* in a batch, about to be populated */
#define PFN_SLACK (1UL << 20)		/* as dump_p2m.c has it: holes */
#define MAXMEM_SLACK (256UL)		/* BUILD_SLACK_KIB */
#define P2M_FOREIGN (1UL << 63)		/* Linux: arch/x86/include/asm/xen/page.h */
#define P2M_IDENTITY (1UL << 62)
#define MAP_BATCH 512UL

struct vcpu_state {
	vcpu_guest_context_t *ctx;	/* all owned; null: it is offline */
	struct xen_domctl_ext_vcpucontext *ext;
	void *xsave, *msrs;
	size_t xsave_len, msrs_len;
};

struct restoring {
	struct build b;
	uint64_t pfns, pages;		/* pseudo-physical frames; those that are there */
	uint64_t *mfn;			/* owned; NONE: a hole */
	uint8_t *pfinfo;		/* owned; enum stream_pfinfo */
	uint64_t *p2m_frame;		/* owned; pfns of the guest's own p2m */
	size_t p2m_frames;
	bool has_tsc;
	struct stream_tsc tsc;
	uint8_t shared[PAGE];
	struct vcpu_state vcpu[STREAM_VCPUS];
};

static int damaged(struct restoring *r, const char *what, uint64_t where)
{
	fault_set(r->b.f, EINVAL, "the saved state is damaged: %s (%#lx)", what, where);
	return -EINVAL;
}

static int no_memory(struct restoring *r)
{
	return fault_set(r->b.f, ENOMEM, "not enough memory in domain 0");
}

static uint64_t mfn_of(const void *ctx, uint64_t pfn)
{
	const struct restoring *r = ctx;

	return pfn < r->pfns ? r->mfn[pfn] : NONE;
}

/* A page that is there and no page table. */
static bool is_plain(const struct restoring *r, uint64_t pfn)
{
	return mfn_of(r, pfn) != NONE && !STREAM_LEVEL(r->pfinfo[pfn]);
}

/* --------------------------------------------------------------- taking in */

static int take_p2m(void *ctx, uint64_t pfns, const uint64_t *frame, size_t frames)
{
	struct restoring *r = ctx;

	if (r->mfn)
		return damaged(r, "a second list of frames", pfns);
	r->mfn = malloc(pfns * sizeof(*r->mfn));
	r->pfinfo = calloc(pfns, sizeof(*r->pfinfo));
	r->p2m_frame = malloc(frames * sizeof(*frame));
	if (!r->mfn || !r->pfinfo || !r->p2m_frame)
		return no_memory(r);
	memcpy(r->p2m_frame, frame, frames * sizeof(*frame));
	r->p2m_frames = frames;
	r->pfns = pfns;
	for (uint64_t pfn = 0; pfn < pfns; pfn++)
		r->mfn[pfn] = NONE;
	return 0;
}

static int populate(struct restoring *r, xen_pfn_t *pfn, size_t count)
{
	xen_pfn_t mfn[STREAM_BATCH];
	long rc;

	if (!count)
		return 0;
	memcpy(mfn, pfn, count * sizeof(*pfn));
	rc = memop_populate(r->b.h, r->b.res->domid, mfn, count, 0, 0);
	if (rc < 0 && rc != -ENOMEM)
		return fault_errno(r->b.f, (int)-rc, "cannot give the domain memory");
	if (rc < (long)count) {
		fault_set(r->b.f, ENOMEM, "there is not enough memory for the domain: it had more "
			  "than %lu MiB", r->pages / 256);
		fault_hint(r->b.f, "Either the host has no more (xm info: free_memory), or the "
			   "domain's maxmem was lowered meanwhile.");
		return -ENOMEM;
	}
	for (size_t i = 0; i < count; i++)
		r->mfn[pfn[i]] = mfn[i];
	r->pages += count;
	return 0;
}

/* Frames for those of a batch that have none yet. */
static int make_room(struct restoring *r, const uint64_t *entry, size_t count)
{
	xen_pfn_t wanted[STREAM_BATCH];
	size_t n = 0;

	for (size_t i = 0; i < count; i++) {
		uint64_t pfn = STREAM_PFN(entry[i]);
		unsigned int info = STREAM_PFINFO(entry[i]);

		if (pfn >= r->pfns)
			return damaged(r, "a page lies beyond the domain's memory", pfn);
		if (!stream_has_data(info) && info != STREAM_ALLOC_ONLY) {
			if (r->mfn[pfn] != NONE)
				return damaged(r, "a page is taken back", pfn);
			continue;
		}
		r->pfinfo[pfn] = stream_has_data(info) ? (uint8_t)info : 0;
		if (r->mfn[pfn] == NONE) {
			r->mfn[pfn] = WANTED;
			wanted[n++] = pfn;
		}
	}
	return populate(r, wanted, n);
}

static int take_pages(void *ctx, const uint64_t *entry, size_t count, const uint8_t *data,
		      size_t pages)
{
	struct restoring *r = ctx;
	xen_pfn_t mfn[STREAM_BATCH];
	size_t n = 0;
	void *to;
	int rc = make_room(r, entry, count);

	for (size_t i = 0; i < count && !rc; i++)
		if (stream_has_data(STREAM_PFINFO(entry[i])))
			mfn[n++] = r->mfn[STREAM_PFN(entry[i])];
	if (rc || !n)
		return rc;
	rc = hyp_map(r->b.h, r->b.res->domid, PROT_READ | PROT_WRITE, n, mfn, NULL, &to);
	if (rc)
		return fault_errno(r->b.f, -rc, "cannot map the domain's memory");
	memcpy(to, data, n * PAGE);
	hyp_unmap(r->b.h, to, n);
	return build_progress(&r->b, "restoring memory", STREAM_PFN(entry[count - 1]), r->pfns);
}

static int take_tsc(void *ctx, const struct stream_tsc *tsc)
{
	struct restoring *r = ctx;

	r->tsc = *tsc;
	r->has_tsc = true;
	return 0;
}

static int take_shared(void *ctx, const uint8_t *page)
{
	struct restoring *r = ctx;

	memcpy(r->shared, page, PAGE);
	return 0;
}

static int keep(struct restoring *r, void **to, const void *data, size_t len, size_t room)
{
	if (*to)
		return damaged(r, "a vcpu comes twice", len);
	*to = calloc(1, room ? room : 1);
	if (!*to)
		return no_memory(r);
	memcpy(*to, data, len < room ? len : room);
	return 0;
}

static int take_vcpu(void *ctx, enum stream_type what, uint32_t vcpu, const void *data, size_t len)
{
	struct restoring *r = ctx;
	struct vcpu_state *v = &r->vcpu[vcpu];

	switch (what) {
	case STREAM_VCPU_BASIC:
		return keep(r, (void **)&v->ctx, data, len, sizeof(*v->ctx));
	case STREAM_VCPU_EXTENDED:
		return keep(r, (void **)&v->ext, data, len, sizeof(*v->ext));
	case STREAM_VCPU_XSAVE:
		v->xsave_len = len;
		return keep(r, &v->xsave, data, len, len);
	default:
		v->msrs_len = len;
		return keep(r, &v->msrs, data, len, len);
	}
}

static int step_stream(struct restoring *r, int fd)
{
	const struct build_config *c = r->b.c;
	const uint64_t maxmem = c->maxmem_kib > c->mem_kib ? c->maxmem_kib : c->mem_kib;
	const struct stream_limits limits = {
		.pfns = maxmem / 4 + MAXMEM_SLACK + PFN_SLACK, .vcpus = c->vcpus,
	};
	const struct stream_sink sink = { r, take_p2m, take_pages, take_tsc, take_shared, take_vcpu };
	struct feed feed;
	int rc = feed_open(&feed, fd, &limits, r->b.f);

	if (!rc)
		rc = feed_run(&feed, &sink, r->b.f);
	feed_close(&feed);
	if (!rc && (!r->mfn || !r->vcpu[0].ctx))
		rc = damaged(r, "it holds no domain", 0);
	r->b.res->nr_pages = r->pages;
	return rc;
}

/* ----------------------------------------------------- tables and the p2m */

/* What is to be done with mapped frames; `pfn` names them. */
typedef int (*visit_fn)(struct restoring *r, void *page, uint64_t what);

/* Maps the frames of these pfns, some at a time, and visits each; `what` goes along. */
static int visit_pages(struct restoring *r, const uint64_t *pfn, const uint64_t *what, size_t count,
		       visit_fn visit)
{
	xen_pfn_t mfn[MAP_BATCH] = { 0 };
	void *at;
	int rc;

	for (size_t i = 0; i < count; i++)
		mfn[i] = r->mfn[pfn[i]];
	rc = hyp_map(r->b.h, r->b.res->domid, PROT_READ | PROT_WRITE, count, mfn, NULL, &at);
	if (rc)
		return fault_errno(r->b.f, -rc, "cannot map the domain's memory");
	for (size_t i = 0; i < count && !rc; i++)
		rc = visit(r, (uint8_t *)at + i * PAGE, what[i]);
	hyp_unmap(r->b.h, at, count);
	return rc;
}

static int visit_table(struct restoring *r, void *page, uint64_t pfn)
{
	uint64_t bad;

	if (!tables_translate(page, page, STREAM_LEVEL(r->pfinfo[pfn]), mfn_of, r, &bad))
		return 0;
	return damaged(r, "a page table leads to memory that is not there", bad);
}

static int step_tables(struct restoring *r)
{
	uint64_t pfn[MAP_BATCH];
	size_t n = 0;
	int rc = 0;

	for (uint64_t i = 0; i < r->pfns && !rc; i++) {
		if (r->mfn[i] == NONE || !STREAM_LEVEL(r->pfinfo[i]))
			continue;
		pfn[n++] = i;
		if (n == MAP_BATCH) {
			rc = visit_pages(r, pfn, pfn, n, visit_table);
			n = 0;
		}
	}
	return rc || !n ? rc : visit_pages(r, pfn, pfn, n, visit_table);
}

/* One frame of the guest's list: what is a hole stays one, or what Linux calls an identity. */
static int visit_p2m(struct restoring *r, void *page, uint64_t which)
{
	uint64_t *entry = page, pfn = which * STREAM_PER_FRAME;

	for (size_t i = 0; i < STREAM_PER_FRAME; i++, pfn++) {
		uint64_t mfn = mfn_of(r, pfn);

		if (mfn != NONE)
			entry[i] = mfn;
		else if (!(entry[i] & P2M_IDENTITY) || entry[i] & P2M_FOREIGN)
			entry[i] = NONE;
	}
	return 0;
}

static int step_p2m(struct restoring *r)
{
	uint64_t which[MAP_BATCH];
	int rc = 0;

	for (size_t i = 0; i < r->p2m_frames; i++)
		if (!is_plain(r, r->p2m_frame[i]))
			return damaged(r, "the list of frames lies in memory that is not there",
				       r->p2m_frame[i]);
	for (size_t i = 0; i < r->p2m_frames && !rc; i += MAP_BATCH) {
		size_t n = r->p2m_frames - i < MAP_BATCH ? r->p2m_frames - i : MAP_BATCH;

		for (size_t k = 0; k < n; k++)
			which[k] = i + k;
		rc = visit_pages(r, r->p2m_frame + i, which, n, visit_p2m);
	}
	return rc;
}

/* --------------------------------------------------- start_info and rings */

/* It was the third argument of the hypercall that suspended the guest, which had put the rings'
 * pfns where their mfns stood. */
static int visit_start_info(struct restoring *r, void *page, uint64_t pfn)
{
	struct start_info *si = page;
	struct build_result *res = r->b.res;

	if (!is_plain(r, si->store_mfn) || !is_plain(r, si->console.domU.mfn))
		return damaged(r, "its rings lie in memory that is not there", si->store_mfn);
	res->store_frame = r->mfn[si->store_mfn];
	res->console_frame = r->mfn[si->console.domU.mfn];
	si->nr_pages = r->pfns;
	si->shared_info = res->shared_info_frame << 12;
	si->flags = 0;
	si->store_mfn = res->store_frame;
	si->store_evtchn = res->store_port;
	si->console.domU.mfn = res->console_frame;
	si->console.domU.evtchn = res->console_port;
	return 0;
}

static int step_start_info(struct restoring *r)
{
	uint64_t pfn = r->vcpu[0].ctx->user_regs.rdx;
	struct xen_domctl_getdomaininfo info;
	int rc = domctl_info(r->b.h, r->b.res->domid, &info);

	if (rc)
		return fault_errno(r->b.f, -rc, "cannot ask about the new domain");
	r->b.res->shared_info_frame = info.shared_info_frame;
	if (!is_plain(r, pfn))
		return damaged(r, "its start information lies in memory that is not there", pfn);
	r->b.res->start_info_frame = r->mfn[pfn];
	return visit_pages(r, &pfn, &pfn, 1, visit_start_info);
}

/* What is the guest's; the rest (time, pending events of channels that are gone) is made anew. */
static int step_shared_info(struct restoring *r)
{
	const struct shared_info *was = (const void *)r->shared;
	struct shared_info *s;
	int rc;

	s = build_map_frame(&r->b, r->b.res->shared_info_frame, "shared information", &rc);
	if (rc)
		return rc;
	for (unsigned int v = 0; v < XEN_LEGACY_MAX_VCPUS; v++) {
		s->vcpu_info[v].evtchn_upcall_pending = was->vcpu_info[v].evtchn_upcall_pending;
		s->vcpu_info[v].evtchn_upcall_mask = was->vcpu_info[v].evtchn_upcall_mask;
		s->vcpu_info[v].evtchn_pending_sel = 0;
		s->vcpu_info[v].arch.cr2 = was->vcpu_info[v].arch.cr2;
	}
	memset(s->evtchn_pending, 0, sizeof(s->evtchn_pending));
	memset(s->evtchn_mask, 0xff, sizeof(s->evtchn_mask));
	s->arch.max_pfn = was->arch.max_pfn;
	s->arch.p2m_generation = was->arch.p2m_generation;
	s->arch.p2m_vaddr = was->arch.p2m_vaddr;
	s->arch.p2m_cr3 = 0;		/* both hold mfns of old: the guest says it anew */
	s->arch.pfn_to_mfn_frame_list_list = 0;
	hyp_unmap(r->b.h, s, 1);
	return 0;
}

/* ------------------------------------------------------------------- vcpus */

/* Page tables become what they are only now: before, they were mapped writable. */
static int step_pins(struct restoring *r)
{
	for (uint64_t pfn = 0; pfn < r->pfns; pfn++) {
		int rc, level = STREAM_LEVEL(r->pfinfo[pfn]);

		if (r->mfn[pfn] == NONE || !(r->pfinfo[pfn] & STREAM_PINNED))
			continue;
		rc = memop_pin(r->b.h, r->b.res->domid,
			       (unsigned int)(MMUEXT_PIN_L1_TABLE + level - 1), r->mfn[pfn]);
		if (rc)
			return fault_errno(r->b.f, -rc, "the hypervisor refuses a page table of the "
					   "saved state (level %d, frame %#lx)", level, pfn);
	}
	return 0;
}

static int root_of(struct restoring *r, uint64_t cr3, uint64_t *out)
{
	uint64_t pfn = xen_cr3_to_pfn(cr3);

	if (mfn_of(r, pfn) == NONE || STREAM_LEVEL(r->pfinfo[pfn]) != 4)
		return damaged(r, "a root of its page tables is none", pfn);
	*out = xen_pfn_to_cr3(r->mfn[pfn]);
	return 0;
}

static int translate_vcpu(struct restoring *r, unsigned int v, vcpu_guest_context_t *c)
{
	int rc = 0;

	if (v == 0)
		c->user_regs.rdx = r->b.res->start_info_frame;
	if (c->gdt_ents > 16 * 512)
		return damaged(r, "a descriptor table is too long", c->gdt_ents);
	for (unsigned int i = 0; i * 512 < c->gdt_ents; i++) {
		if (mfn_of(r, c->gdt_frames[i]) == NONE)
			return damaged(r, "a descriptor table lies in memory that is not there",
				       c->gdt_frames[i]);
		c->gdt_frames[i] = r->mfn[c->gdt_frames[i]];
	}
	rc = root_of(r, c->ctrlreg[3], &c->ctrlreg[3]);
	if (!rc && c->ctrlreg[1] & 1)
		rc = root_of(r, c->ctrlreg[1] & ~1UL, &c->ctrlreg[1]);
	else
		c->ctrlreg[1] = 0;
	return rc;
}

static int vcpu_set(struct restoring *r, unsigned int n)
{
	struct vcpu_state *v = &r->vcpu[n];
	domid_t d = r->b.res->domid;
	int rc = translate_vcpu(r, n, v->ctx);

	if (rc)
		return rc;
	rc = domctl_vcpu_context_set(r->b.h, d, n, v->ctx);
	if (!rc && v->ext) {
		v->ext->size = sizeof(*v->ext);
		rc = domctl_vcpu_ext_context_set(r->b.h, d, n, v->ext);
	}
	if (!rc && v->xsave_len)
		rc = domctl_vcpu_xstate_set(r->b.h, d, n, v->xsave, v->xsave_len);
	if (!rc && v->msrs_len)
		rc = domctl_vcpu_msrs_set(r->b.h, d, n, v->msrs, v->msrs_len);
	return rc ? fault_errno(r->b.f, -rc, "the hypervisor refuses the registers of vcpu %u", n)
		  : 0;
}

static int step_vcpus(struct restoring *r)
{
	int rc = 0;

	for (unsigned int v = 0; v < r->b.c->vcpus && !rc; v++)
		if (r->vcpu[v].ctx)
			rc = vcpu_set(r, v);
	return rc;
}

static int step_tsc(struct restoring *r)
{
	const struct xen_domctl_tsc_info tsc = {
		.tsc_mode = r->tsc.mode, .gtsc_khz = r->tsc.khz, .elapsed_nsec = r->tsc.nsec,
		.incarnation = r->tsc.incarnation,
	};
	int rc = r->has_tsc ? domctl_tsc_set(r->b.h, r->b.res->domid, &tsc) : 0;

	return rc ? fault_errno(r->b.f, -rc, "cannot set the domain's clock") : 0;
}

/* --------------------------------------------------------------- the order */

static int (*const steps_before[])(struct build *b) = {
	build_step_vcpus, build_step_affinity, build_step_limits,
};

static int (*const steps_after[])(struct restoring *r) = {
	step_tables, step_p2m, step_start_info, step_shared_info, step_pins, step_vcpus, step_tsc,
};

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static int restore_run(struct restoring *r, int fd)
{
	int rc = 0;

	for (size_t i = 0; i < COUNT(steps_before) && !rc; i++)
		rc = steps_before[i](&r->b);
	if (!rc)
		rc = step_stream(r, fd);
	for (size_t i = 0; i < COUNT(steps_after) && !rc; i++)
		rc = steps_after[i](r);
	if (!rc)
		rc = build_step_grants(&r->b);
	return rc ? rc : build_step_sched(&r->b);
}

static void restoring_free(struct restoring *r)
{
	for (size_t v = 0; v < STREAM_VCPUS; v++) {
		free(r->vcpu[v].ctx);
		free(r->vcpu[v].ext);
		free(r->vcpu[v].xsave);
		free(r->vcpu[v].msrs);
	}
	free(r->mfn);
	free(r->pfinfo);
	free(r->p2m_frame);
	free(r);
}

int restore_domain(struct hyp *h, const struct build_config *c, int fd, struct build_result *res,
		   struct fault *f)
{
	struct restoring *r = calloc(1, sizeof(*r));
	int rc = build_check(c, f);

	if (!rc && !r)
		rc = fault_set(f, ENOMEM, "not enough memory in domain 0");
	*res = (struct build_result){ 0 };
	if (!rc) {
		r->b = (struct build){ .h = h, .c = c, .res = res, .f = f, .initrd = -1 };
		rc = build_step_memory_check(&r->b);
	}
	if (!rc)
		rc = build_step_create(&r->b);
	if (!rc) {
		rc = restore_run(r, fd);
		if (rc)
			domctl_destroy(h, res->domid);
	}
	if (r)
		restoring_free(r);
	return rc;
}
