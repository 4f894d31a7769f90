/*
 * The steps of saving a suspended PV domain.  Machine frame numbers mean nothing on the other side:
 * in page tables, registers and lists they become pseudo-physical ones.
 */
#include "xend/save.h"

#include <endian.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "xend/domctl.h"
#include "xend/dump_p2m.h"
#include "xend/stream.h"
#include "xend/sysctl.h"
#include "xend/tables.h"
#include "xenstore/fdio.h"

#include <xen/sched.h>

#define PAGE STREAM_PAGE
#define PFINFO_SHIFT 28			/* XEN_DOMCTL_PFINFO_LTAB_SHIFT */

struct saving {
	struct hyp *h;
	const struct save *s;
	struct fault *f;
	struct xen_domctl_getdomaininfo info;
	struct shared_info *shared;	/* owned copy of the page */
	struct dump_p2m p2m;
	uint8_t *pfinfo;		/* owned; a page's type, enum stream_pfinfo */
	struct tables_m2p *m2p;
};

static int no_memory(struct saving *s)
{
	return fault_set(s->f, ENOMEM, "not enough memory in domain 0");
}

static int progress(struct saving *s, const char *phase, uint64_t done, uint64_t total)
{
	if (!s->s->progress || !s->s->progress(s->s->ctx, phase, done, total))
		return 0;
	return fault_set(s->f, ECANCELED, "saving the domain was cancelled");
}

/* ----------------------------------------------------------------- writing */

static int put(struct saving *s, const void *data, size_t len)
{
	int rc = fdio_write(s->s->fd, data, len);

	if (rc)
		fault_errno(s->f, -rc, "cannot write the domain's state");
	if (rc == -ENOSPC)
		fault_hint(s->f, "df shows what is free.");
	return rc;
}

/* A record whose body comes in two parts. */
static int put_record(struct saving *s, enum stream_type type, const void *head, size_t head_len,
		      const void *body, size_t body_len)
{
	static const uint8_t zeros[8];
	struct stream_record r = { type, (uint32_t)(head_len + body_len) };
	int rc = put(s, &r, sizeof(r));

	if (!rc)
		rc = put(s, head, head_len);
	if (!rc)
		rc = put(s, body, body_len);
	return rc ? rc : put(s, zeros, -r.length & 7);
}

static int put_headers(struct saving *s)
{
	const struct stream_image image = { .marker = STREAM_MARKER, .id = htobe32(STREAM_ID),
					    .version = htobe32(STREAM_VERSION) };
	struct stream_domain domain = { .type = STREAM_TYPE_PV, .page_shift = STREAM_PAGE_SHIFT };
	const struct stream_pv_info info = { .width = 8, .levels = 4 };
	struct sysctl_version v;
	int rc = sysctl_version(s->h, &v);

	if (rc)
		return fault_errno(s->f, -rc, "cannot ask for the hypervisor's version");
	domain.xen_major = (uint32_t)v.major;
	domain.xen_minor = (uint32_t)v.minor;
	rc = put(s, &image, sizeof(image));
	if (!rc)
		rc = put(s, &domain, sizeof(domain));
	return rc ? rc : put_record(s, STREAM_PV_INFO, &info, sizeof(info), NULL, 0);
}

/* ------------------------------------------------------------------ asking */

static int check_suspended(struct saving *s)
{
	unsigned int reason;
	int rc = domctl_info(s->h, s->s->domid, &s->info);

	if (rc)
		return fault_errno(s->f, -rc, "cannot ask about domain %u", s->s->domid);
	if (s->info.flags & XEN_DOMINF_hvm_guest)
		return fault_set(s->f, EOPNOTSUPP, "domain %u is no PV guest; only those can be "
				 "saved", s->s->domid);
	reason = s->info.flags >> XEN_DOMINF_shutdownshift & XEN_DOMINF_shutdownmask;
	if (!(s->info.flags & XEN_DOMINF_shutdown) || reason != SHUTDOWN_suspend)
		return fault_set(s->f, EINVAL, "domain %u is not suspended", s->s->domid);
	return 0;
}

static int read_shared(struct saving *s)
{
	xen_pfn_t frame = s->info.shared_info_frame;
	void *page;
	int rc;

	s->shared = malloc(PAGE);
	if (!s->shared)
		return no_memory(s);
	rc = hyp_map(s->h, s->s->domid, PROT_READ, 1, &frame, NULL, &page);
	if (rc)
		return fault_errno(s->f, -rc, "cannot map the guest's shared information");
	memcpy(s->shared, page, PAGE);
	hyp_unmap(s->h, page, 1);
	return 0;
}

static int read_p2m(struct saving *s)
{
	int rc = dump_p2m_read(s->h, s->s->domid, s->shared, s->info.max_pages, &s->p2m, s->f);

	if (!rc && s->p2m.count > UINT32_MAX)
		rc = fault_set(s->f, E2BIG, "the domain has too much memory for the format");
	return rc;
}

/* What the hypervisor says of a batch of frames; what is not the guest's own is forgotten. */
static int read_types_of(struct saving *s, uint64_t first, size_t count)
{
	xen_pfn_t ask[STREAM_BATCH];
	uint64_t pfn[STREAM_BATCH];
	size_t n = 0;
	int rc;

	for (size_t i = 0; i < count; i++) {
		s->pfinfo[first + i] = STREAM_INVALID;
		if (s->p2m.mfn[first + i] == DUMP_NO_MFN)
			continue;
		pfn[n] = first + i;
		ask[n++] = s->p2m.mfn[first + i];
	}
	rc = n ? domctl_frame_types(s->h, s->s->domid, ask, n) : 0;
	if (rc)
		return fault_errno(s->f, -rc, "cannot ask for the types of the guest's frames");
	for (size_t i = 0; i < n; i++) {
		uint8_t type = (uint8_t)(ask[i] >> PFINFO_SHIFT & 15);

		s->pfinfo[pfn[i]] = type;
		if (!stream_pfinfo_is_known(type))
			return fault_set(s->f, EPROTO, "the hypervisor gives a frame the unknown "
					 "type %#x", type);
		if (!stream_has_data(type))
			s->p2m.mfn[pfn[i]] = DUMP_NO_MFN;
	}
	return 0;
}

static int read_types(struct saving *s)
{
	int rc = 0;

	s->pfinfo = malloc(s->p2m.count);
	if (!s->pfinfo)
		return no_memory(s);
	for (uint64_t pfn = 0; pfn < s->p2m.count && !rc; pfn += STREAM_BATCH) {
		uint64_t left = s->p2m.count - pfn;

		rc = read_types_of(s, pfn, left < STREAM_BATCH ? left : STREAM_BATCH);
	}
	if (rc)
		return rc;
	s->m2p = tables_m2p_new(s->p2m.mfn, s->p2m.count);
	return s->m2p ? 0 : no_memory(s);
}

/* ------------------------------------------------------------------ memory */

static int put_p2m(struct saving *s)
{
	const struct stream_p2m head = { 0, (uint32_t)(s->p2m.count - 1) };
	uint64_t *pfn = malloc(s->p2m.frames * sizeof(*pfn));
	int rc = 0;

	if (!pfn)
		return no_memory(s);
	for (uint64_t i = 0; i < s->p2m.frames && !rc; i++) {
		pfn[i] = tables_m2p_find(s->m2p, s->p2m.frame[i]);
		if (pfn[i] == TABLES_NONE)
			rc = fault_set(s->f, EINVAL, "the guest's list of its memory does not lie "
				       "in its own memory (part %lu)", i);
	}
	if (!rc)
		rc = put_record(s, STREAM_PV_P2M_FRAMES, &head, sizeof(head), pfn,
				s->p2m.frames * sizeof(*pfn));
	free(pfn);
	return rc;
}

struct batch {
	uint64_t entry[STREAM_BATCH];
	xen_pfn_t mfn[STREAM_BATCH];
	size_t n;
	uint8_t *pages;			/* owned; translated copies */
};

static int copy_page(struct saving *s, const uint8_t *from, uint8_t *to, uint64_t entry)
{
	int level = STREAM_LEVEL(STREAM_PFINFO(entry));
	uint64_t bad;

	if (!level) {
		memcpy(to, from, PAGE);
		return 0;
	}
	if (!tables_translate((const void *)from, (void *)to, level, tables_m2p_find, s->m2p, &bad))
		return 0;
	return fault_set(s->f, EBUSY, "the guest has memory of others mapped (frame %#lx, by the "
			 "page table at %#lx), which can't be saved", bad, STREAM_PFN(entry));
}

static int put_batch(struct saving *s, struct batch *b)
{
	const struct stream_pages head = { (uint32_t)b->n, 0 };
	const struct stream_record r = { STREAM_PAGE_DATA,
		(uint32_t)(sizeof(head) + b->n * (sizeof(b->entry[0]) + PAGE)) };
	uint8_t *from;
	void *at;
	int rc;

	if (!b->n)
		return 0;
	rc = hyp_map(s->h, s->s->domid, PROT_READ, b->n, b->mfn, NULL, &at);
	if (rc)
		return fault_errno(s->f, -rc, "cannot map the guest's memory");
	from = at;
	for (size_t i = 0; i < b->n && !rc; i++)
		rc = copy_page(s, from + i * PAGE, b->pages + i * PAGE, b->entry[i]);
	hyp_unmap(s->h, at, b->n);
	if (!rc)
		rc = put(s, &r, sizeof(r));
	if (!rc)
		rc = put(s, &head, sizeof(head));
	if (!rc)
		rc = put(s, b->entry, b->n * sizeof(b->entry[0]));
	if (!rc)
		rc = put(s, b->pages, b->n * PAGE);
	b->n = 0;
	return rc;
}

static int put_memory(struct saving *s)
{
	struct batch *b = calloc(1, sizeof(*b));
	int rc = 0;

	if (b)
		b->pages = malloc(STREAM_BATCH * PAGE);
	if (!b || !b->pages) {
		free(b);
		return no_memory(s);
	}
	for (uint64_t pfn = 0; pfn < s->p2m.count && !rc; pfn++) {
		if (s->p2m.mfn[pfn] == DUMP_NO_MFN)
			continue;
		b->entry[b->n] = STREAM_ENTRY(s->pfinfo[pfn], pfn);
		b->mfn[b->n++] = s->p2m.mfn[pfn];
		if (b->n == STREAM_BATCH) {
			rc = put_batch(s, b);
			if (!rc)
				rc = progress(s, "saving memory", pfn, s->p2m.count);
		}
	}
	if (!rc)
		rc = put_batch(s, b);
	free(b->pages);
	free(b);
	return rc;
}

/* ------------------------------------------------------------------- vcpus */

static int put_tsc(struct saving *s)
{
	struct xen_domctl_tsc_info tsc;
	struct stream_tsc t;
	int rc = domctl_tsc_get(s->h, s->s->domid, &tsc);

	if (rc)
		return fault_errno(s->f, -rc, "cannot ask for the domain's clock");
	t = (struct stream_tsc){ tsc.tsc_mode, tsc.gtsc_khz, tsc.elapsed_nsec, tsc.incarnation, 0 };
	return put_record(s, STREAM_TSC_INFO, &t, sizeof(t), NULL, 0);
}

static int pfn_of(struct saving *s, uint64_t mfn, uint64_t *pfn, unsigned int vcpu,
		  const char *what)
{
	*pfn = tables_m2p_find(s->m2p, mfn);
	if (*pfn != TABLES_NONE)
		return 0;
	return fault_set(s->f, EINVAL, "vcpu %u: %s is not in the guest's memory (frame %#lx)",
			 vcpu, what, mfn);
}

/* Registers that hold frames.  sched_op's third argument, in rdx, is where start_info lies; bit 0
 * of ctrlreg[1] says that there is a root for user mode. */
static int translate_vcpu(struct saving *s, unsigned int v, vcpu_guest_context_t *c)
{
	uint64_t pfn;
	int rc = 0;

	if (v == 0) {
		rc = pfn_of(s, c->user_regs.rdx, &pfn, v, "the start information");
		c->user_regs.rdx = pfn;
	}
	for (unsigned int i = 0; i * 512 < c->gdt_ents && i < 16 && !rc; i++) {
		rc = pfn_of(s, c->gdt_frames[i], &pfn, v, "a descriptor table");
		c->gdt_frames[i] = pfn;
	}
	if (!rc)
		rc = pfn_of(s, xen_cr3_to_pfn(c->ctrlreg[3]), &pfn, v, "the page table's root");
	c->ctrlreg[3] = xen_pfn_to_cr3(pfn);
	if (!rc && c->ctrlreg[1]) {
		rc = pfn_of(s, xen_cr3_to_pfn(c->ctrlreg[1]), &pfn, v, "the user's root");
		c->ctrlreg[1] = 1 | xen_pfn_to_cr3(pfn);
	}
	return rc;
}

static int put_basic(struct saving *s, const struct stream_vcpu *head)
{
	vcpu_guest_context_t *c = calloc(1, sizeof(*c));
	int rc;

	if (!c)
		return no_memory(s);
	rc = domctl_vcpu_context_get(s->h, s->s->domid, head->vcpu, c);
	if (rc)
		fault_errno(s->f, -rc, "cannot read the registers of vcpu %u", head->vcpu);
	if (!rc)
		rc = translate_vcpu(s, head->vcpu, c);
	if (!rc)
		rc = put_record(s, STREAM_VCPU_BASIC, head, sizeof(*head), c, sizeof(*c));
	free(c);
	return rc;
}

static int put_extended(struct saving *s, const struct stream_vcpu *head)
{
	struct xen_domctl_ext_vcpucontext c;
	int rc = domctl_vcpu_ext_context_get(s->h, s->s->domid, head->vcpu, &c);

	if (rc)
		return fault_errno(s->f, -rc, "cannot read the entry points of vcpu %u",
				   head->vcpu);
	return put_record(s, STREAM_VCPU_EXTENDED, head, sizeof(*head), &c, sizeof(c));
}

static int put_rest(struct saving *s, const struct stream_vcpu *head)
{
	uint8_t buf[STREAM_XSAVE_MAX];
	size_t len = sizeof(buf);
	int rc = domctl_vcpu_xstate_get(s->h, s->s->domid, head->vcpu, buf, &len);

	if (rc)
		return fault_errno(s->f, -rc, "cannot read the extended state of vcpu %u",
				   head->vcpu);
	if (len)
		rc = put_record(s, STREAM_VCPU_XSAVE, head, sizeof(*head), buf, len);
	if (rc)
		return rc;
	len = STREAM_MSRS_MAX;
	rc = domctl_vcpu_msrs_get(s->h, s->s->domid, head->vcpu, buf, &len);
	if (rc)
		return fault_errno(s->f, -rc, "cannot read the MSRs of vcpu %u", head->vcpu);
	return len ? put_record(s, STREAM_VCPU_MSRS, head, sizeof(*head), buf, len) : 0;
}

static int put_vcpu(struct saving *s, unsigned int v)
{
	const struct stream_vcpu head = { v, 0 };
	struct xen_domctl_getvcpuinfo info;
	int rc = domctl_vcpu_info(s->h, s->s->domid, v, &info);

	if (rc)
		return fault_errno(s->f, -rc, "cannot ask about vcpu %u", v);
	if (!info.online)
		return 0;
	rc = put_basic(s, &head);
	if (!rc)
		rc = put_extended(s, &head);
	return rc ? rc : put_rest(s, &head);
}

static int put_vcpus(struct saving *s)
{
	int rc = 0;

	if (s->info.max_vcpu_id >= STREAM_VCPUS)
		return fault_set(s->f, E2BIG, "the domain has more than %u vcpus", STREAM_VCPUS);
	for (unsigned int v = 0; v <= s->info.max_vcpu_id && !rc; v++)
		rc = put_vcpu(s, v);
	return rc;
}

static int put_shared(struct saving *s)
{
	return put_record(s, STREAM_SHARED_INFO, s->shared, PAGE, NULL, 0);
}

static int put_end(struct saving *s)
{
	return put_record(s, STREAM_END, NULL, 0, NULL, 0);
}

static int (*const steps[])(struct saving *s) = {
	check_suspended, read_shared, read_p2m, read_types, put_headers, put_p2m, put_memory,
	put_tsc, put_shared, put_vcpus, put_end,
};

int save_domain(struct hyp *h, const struct save *what, struct fault *f)
{
	struct saving s = { .h = h, .s = what, .f = f };
	int rc = 0;

	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]) && !rc; i++)
		rc = steps[i](&s);
	tables_m2p_free(s.m2p);
	free(s.pfinfo);
	dump_p2m_free(&s.p2m);
	free(s.shared);
	return rc;
}

/* What it sees is that its hypercall gave 1: cancelled (xen/elfnote.h, SUSPEND_CANCEL). */
int save_let_go(struct hyp *h, uint16_t domid)
{
	vcpu_guest_context_t *c = calloc(1, sizeof(*c));
	int rc;

	if (!c)
		return -ENOMEM;
	rc = domctl_vcpu_context_get(h, domid, 0, c);
	if (!rc) {
		c->user_regs.rax = 1;
		rc = domctl_vcpu_context_set(h, domid, 0, c);
	}
	free(c);
	return rc ? rc : domctl_resume(h, domid);
}
