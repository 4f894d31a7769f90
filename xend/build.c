/*
 * The steps of building a PV domain, in order: create it, limit it, populate it, write its
 * memory, and set its first vcpu going.  Each step is a function that says in a fault what it
 * could not do; build_domain() runs them and undoes all by destroying the domain.
 */
#include "xend/build.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "xend/build_frames.h"
#include "xend/domctl.h"
#include "xend/memop.h"
#include "xend/sysctl.h"

#include <xen/elfnote.h>
#include <xen/grant_table.h>

#define PAGE 4096UL
#define BUILD_SLACK_KIB 1024		/* over maxmem: what xl allows a guest too */
#define BUILD_OVERHEAD_KIB 1024		/* hypervisor's: structures, grant tables */
#define BUILD_VCPU_KIB 64		/* and for each vcpu */
#define E820_RAM 1
#define GUEST_IF (1UL << 9)		/* RFLAGS.IF: SDM 3A 2.3 */

void build_config_init(struct build_config *c)
{
	*c = (struct build_config){
		.vcpus = 1,
		.max_evtchn_port = 1023,	/* xl's default */
		.max_grant_frames = -1,
		.max_maptrack_frames = -1,
		.claim = true,
	};
}

uint64_t build_memory_kib(const struct build_config *c)
{
	return c->mem_kib + BUILD_OVERHEAD_KIB + (uint64_t)c->vcpus * BUILD_VCPU_KIB;
}

static uint64_t build_maxmem(const struct build_config *c)
{
	return c->maxmem_kib ? c->maxmem_kib : c->mem_kib;
}

int build_check(const struct build_config *c, struct fault *f)
{
	if (c->vcpus < 1 || c->vcpus > BUILD_VCPUS_MAX)
		return fault_set(f, EINVAL, "a PV domain has 1 to %u vcpus, not %u",
				 BUILD_VCPUS_MAX, c->vcpus);
	if (c->mem_kib < BUILD_MEM_MIN_KIB)
		return fault_set(f, EINVAL, "%lu KiB are too little memory; the least is %u MiB",
				 c->mem_kib, BUILD_MEM_MIN_KIB / 1024);
	if (c->mem_kib % 4 || c->mem_kib > UINT64_MAX / 4096)
		return fault_set(f, EINVAL, "%lu KiB are no whole number of pages", c->mem_kib);
	if (build_maxmem(c) < c->mem_kib)
		return fault_set(f, EINVAL, "maxmem (%lu MiB) is less than memory (%lu MiB)",
				 c->maxmem_kib / 1024, c->mem_kib / 1024);
	if (c->cmdline && strlen(c->cmdline) > BUILD_CMDLINE_MAX)
		return fault_set(f, E2BIG, "the kernel's command line has %zu characters; at most "
				 "%u are possible", strlen(c->cmdline), BUILD_CMDLINE_MAX);
	if (c->weight > UINT16_MAX || c->cap > UINT16_MAX)
		return fault_set(f, EINVAL, "weight and cap are at most %u", UINT16_MAX);
	return 0;
}

/* ------------------------------------------------------------------ create */

static int step_initrd_open(struct build *b)
{
	const char *path = b->c->initrd_path;
	struct stat st;

	if (!path)
		return 0;
	b->initrd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (b->initrd < 0 && errno == ENOENT)	/* in xm's words of old */
		return fault_set(b->f, ENOENT, "Kernel ramdisk does not exist: %s", path);
	if (b->initrd < 0 || fstat(b->initrd, &st) < 0)
		return fault_errno(b->f, errno, "cannot open the ramdisk %s", path);
	if (!S_ISREG(st.st_mode))
		return fault_set(b->f, EINVAL, "the ramdisk %s is no regular file", path);
	b->initrd_bytes = (uint64_t)st.st_size;
	return 0;
}

static int step_layout(struct build *b)
{
	return layout_compute(&b->l, b->img, b->initrd_bytes, b->c->mem_kib / 4, b->f);
}

/* Before anything exists: most failures for want of memory are seen here. */
int build_step_memory_check(struct build *b)
{
	struct xen_domctl_getdomaininfo dom0;
	struct xen_sysctl_physinfo host;
	uint64_t need = build_memory_kib(b->c), free_kib;
	int rc = sysctl_physinfo(b->h, &host);

	if (!rc)
		rc = domctl_info(b->h, 0, &dom0);
	if (rc)
		return fault_errno(b->f, -rc, "cannot ask the hypervisor about this host");
	free_kib = (host.free_pages - host.outstanding_pages) * 4;
	if (host.outstanding_pages > host.free_pages)
		free_kib = 0;
	if (need <= free_kib)
		return 0;
	fault_set(b->f, ENOMEM, "the host has not enough free memory: the domain takes %lu KiB, "
		  "but only %lu KiB are free", need, free_kib);
	fault_hint(b->f, "%lu MiB are missing. Shut down another domain, or shrink domain 0, "
		   "which has %lu MiB: xm mem-set Domain-0 %ld", (need - free_kib + 1023) / 1024,
		   dom0.tot_pages / 256,
		   (long)(dom0.tot_pages / 256) - (long)((need - free_kib + 1023) / 1024));
	return -ENOMEM;
}

int build_step_create(struct build *b)
{
	const struct build_config *c = b->c;
	struct xen_domctl_createdomain op = {
		.ssidref = c->ssidref,
		.max_vcpus = c->vcpus,
		.max_evtchn_port = c->max_evtchn_port,
		.max_grant_frames = c->max_grant_frames,
		.max_maptrack_frames = c->max_maptrack_frames,
		.cpupool_id = c->cpupool,
	};
	struct xen_sysctl_physinfo host;
	int rc = sysctl_physinfo(b->h, &host);

	if (rc)
		return fault_errno(b->f, -rc, "cannot ask the hypervisor about this host");
	if (!(host.capabilities & XEN_SYSCTL_PHYSCAP_pv))
		return fault_set(b->f, EOPNOTSUPP, "this hypervisor runs no PV guests");
	op.grant_opts = XEN_DOMCTL_GRANT_version(
		host.capabilities & XEN_SYSCTL_PHYSCAP_gnttab_v2 ? 2 : 1);
	memcpy(op.handle, c->uuid, sizeof(op.handle));
	rc = domctl_create(b->h, &op, c->domid, &b->res->domid);
	if (rc == -EEXIST)
		return fault_set(b->f, EEXIST, "there is a domain %u already", c->domid);
	if (rc == -ENOMEM)
		return fault_set(b->f, ENOMEM, "the hypervisor has no memory left for another "
				 "domain");
	return rc ? fault_errno(b->f, -rc, "cannot create the domain") : 0;
}

/* ------------------------------------------------------------------ limits */

int build_step_vcpus(struct build *b)
{
	int rc = domctl_max_vcpus(b->h, b->res->domid, b->c->vcpus);

	return rc ? fault_errno(b->f, -rc, "cannot give the domain %u vcpus", b->c->vcpus) : 0;
}

static bool cpumap_any(const struct build_cpumap *m)
{
	static const struct build_cpumap none;

	return !memcmp(m, &none, sizeof(none));
}

int build_step_affinity(struct build *b)
{
	int rc;

	for (unsigned int v = 0; b->c->affinity && v < b->c->vcpus; v++) {
		struct build_cpumap map = b->c->affinity[v];	/* comes back changed */

		if (cpumap_any(&map))
			continue;
		rc = domctl_affinity_set(b->h, b->res->domid, v, map.bits, NULL,
					 sizeof(map.bits));
		if (rc == -EINVAL) {
			fault_set(b->f, EINVAL, "vcpu %u cannot run: none of the physical cpus that "
				  "it is bound to is there", v);
			fault_hint(b->f, "xm info says how many cpus the host has (nr_cpus), counted "
				   "from 0.");
			return rc;
		}
		if (rc)
			return fault_errno(b->f, -rc, "cannot bind vcpu %u to its cpus", v);
	}
	return 0;
}

int build_step_limits(struct build *b)
{
	struct memop_e820 map = { 0, build_maxmem(b->c) * 1024, E820_RAM };
	struct xen_domctl_tsc_info tsc = { .tsc_mode = b->c->tsc_mode };
	domid_t d = b->res->domid;
	int rc = domctl_max_mem(b->h, d, build_maxmem(b->c) + BUILD_SLACK_KIB);

	if (rc)
		return fault_errno(b->f, -rc, "cannot limit the domain's memory");
	rc = memop_evtchn_open(b->h, d, b->c->store_domid, &b->res->store_port);
	if (!rc)
		rc = memop_evtchn_open(b->h, d, b->c->console_domid, &b->res->console_port);
	if (rc)
		return fault_errno(b->f, -rc, "cannot open the domain's event channels");
	rc = memop_map_set(b->h, d, &map, 1);
	if (rc)
		return fault_errno(b->f, -rc, "cannot set the domain's memory map");
	rc = domctl_tsc_set(b->h, d, &tsc);
	if (rc)
		return fault_errno(b->f, -rc, "cannot set the domain's TSC mode to %u",
				   b->c->tsc_mode);
	rc = domctl_address_size(b->h, d, 64);
	return rc ? fault_errno(b->f, -rc, "cannot make it a 64-bit domain") : 0;
}

/* ------------------------------------------------------------------ memory */

static int step_memory(struct build *b)
{
	domid_t d = b->res->domid;
	int rc = b->c->claim ? memop_claim(b->h, d, b->l.nr_pages) : 0;

	if (rc == -ENOMEM)
		return fault_set(b->f, ENOMEM, "the host has not enough free memory: the domain's "
				 "%lu MiB cannot be reserved", b->l.nr_pages / 256);
	if (rc && rc != -ENOSYS && rc != -EOPNOTSUPP)
		return fault_errno(b->f, -rc, "cannot reserve the domain's memory");
	rc = build_populate(b);
	if (b->c->claim)
		memop_claim(b->h, d, 0);
	return rc;
}

static int fill_image(struct build *b, void *to, uint64_t offset, uint64_t count)
{
	int rc = image_read(b->img, offset * PAGE, to, count * PAGE);

	return rc ? fault_errno(b->f, -rc, "cannot read the unpacked kernel") : 0;
}

static int fill_initrd(struct build *b, void *to, uint64_t offset, uint64_t count)
{
	uint64_t pos = offset * PAGE, end = pos + count * PAGE;
	uint8_t *p = to;

	if (end > b->initrd_bytes) {
		memset(p + (b->initrd_bytes - pos), 0, end - b->initrd_bytes);
		end = b->initrd_bytes;
	}
	while (pos < end) {
		ssize_t n = pread(b->initrd, p, end - pos, (off_t)pos);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return fault_errno(b->f, errno, "cannot read the ramdisk %s",
					   b->c->initrd_path);
		if (n == 0)
			return fault_set(b->f, EIO, "the ramdisk %s became shorter while it was "
					 "read", b->c->initrd_path);
		p += n;
		pos += (uint64_t)n;
	}
	return 0;
}

static int fill_p2m(struct build *b, void *to, uint64_t offset, uint64_t count)
{
	uint64_t per_page = PAGE / sizeof(*b->mfn);
	uint64_t first = offset * per_page, n = count * per_page;
	uint64_t have = b->l.nr_pages - first < n ? b->l.nr_pages - first : n;

	memcpy(to, b->mfn + first, have * sizeof(*b->mfn));
	memset((uint64_t *)to + have, 0xff, (n - have) * sizeof(*b->mfn));
	return 0;
}

static int fill_zero(struct build *b, void *to, uint64_t offset, uint64_t count)
{
	memset(to, 0, count * PAGE);
	return 0;
}

/* ------------------------------------------------------------- page tables */

/* All tables are made here in memory of ours first, then copied: while the guest's frames are
 * mapped writable they cannot become page tables. */
struct tables_copy {
	struct layout_run main, p2m;
	uint8_t *mem;			/* main's frames, then p2m's */
};

static uint64_t *tables_page(void *ctx, uint64_t pfn)
{
	struct tables_copy *t = ctx;
	uint64_t i = pfn - t->main.pfn;

	if (i >= t->main.count) {
		i = pfn - t->p2m.pfn;
		if (i >= t->p2m.count)
			return NULL;
		i += t->main.count;
	}
	return (uint64_t *)(void *)(t->mem + i * PAGE);
}

static int tables_write(struct build *b, const struct layout_run *run, const uint8_t *from)
{
	void *to;
	int rc;

	if (!run->count)
		return 0;
	rc = hyp_map(b->h, b->res->domid, PROT_READ | PROT_WRITE, run->count, b->mfn + run->pfn,
		     NULL, &to);
	if (rc)
		return fault_errno(b->f, -rc, "cannot map the domain's page tables");
	memcpy(to, from, run->count * PAGE);
	hyp_unmap(b->h, to, run->count);
	return 0;
}

static struct layout_run p2m_tables(const struct layout *l)
{
	struct layout_run run = { l->p2m.pfn + l->p2m.count, 0 };

	if (!l->p2m_mapped)
		for (int level = 1; level <= 3; level++)
			run.count += l->p2m_map.level[level].count;
	return run;
}

static int step_tables(struct build *b)
{
	struct tables_copy t = { .main = b->l.tables, .p2m = p2m_tables(&b->l) };
	struct layout_frames frames = { b->mfn, tables_page, &t };
	int rc;

	t.mem = calloc(t.main.count + t.p2m.count, PAGE);
	if (!t.mem)
		return fault_set(b->f, ENOMEM, "not enough memory in domain 0");
	rc = layout_fill_tables(&b->l, &frames);
	if (rc)
		fault_errno(b->f, -rc, "the domain's page tables do not fit together");
	if (!rc)
		rc = tables_write(b, &t.main, t.mem);
	if (!rc)
		rc = tables_write(b, &t.p2m, t.mem + t.main.count * PAGE);
	free(t.mem);
	return rc;
}

static int step_write(struct build *b)
{
	const struct layout *l = &b->l;
	int rc = build_write(b, "kernel", &l->image, fill_image);

	if (!rc)
		rc = build_write(b, "ramdisk", &l->initrd, fill_initrd);
	if (!rc)
		rc = build_write(b, "tables", &l->p2m, fill_p2m);
	if (!rc)
		rc = build_write(b, "tables", &l->store, fill_zero);
	if (!rc)
		rc = build_write(b, "tables", &l->console, fill_zero);
	return rc ? rc : step_tables(b);
}

/* ---------------------------------------------------- start_info and rings */

static void start_info_fill(const struct build *b, struct start_info *si)
{
	const struct layout *l = &b->l;

	snprintf(si->magic, sizeof(si->magic), "xen-3.0-x86_64");
	si->nr_pages = l->nr_pages;
	si->shared_info = b->res->shared_info_frame << 12;
	si->store_mfn = b->res->store_frame;
	si->store_evtchn = b->res->store_port;
	si->console.domU.mfn = b->res->console_frame;
	si->console.domU.evtchn = b->res->console_port;
	si->pt_base = layout_virt(l, l->tables.pfn);
	si->nr_pt_frames = l->tables.count;
	si->mfn_list = l->p2m_virt;
	if (l->initrd.count) {
		si->mod_start = l->initrd_mapped ? layout_virt(l, l->initrd.pfn) : l->initrd.pfn;
		si->mod_len = b->initrd_bytes;
		si->flags |= l->initrd_mapped ? 0 : SIF_MOD_START_PFN;
	}
	if (!l->p2m_mapped) {
		si->first_p2m_pfn = l->p2m.pfn;
		si->nr_p2m_frames = l->p2m.count + p2m_tables(l).count;
	}
	if (b->c->cmdline)
		snprintf((char *)si->cmd_line, sizeof(si->cmd_line), "%s", b->c->cmdline);
}

static int step_start_info(struct build *b)
{
	struct start_info *si;
	int rc;

	b->res->store_frame = b->mfn[b->l.store.pfn];
	b->res->console_frame = b->mfn[b->l.console.pfn];
	b->res->start_info_frame = b->mfn[b->l.start_info.pfn];
	si = build_map_frame(b, b->res->start_info_frame, "start information", &rc);
	if (rc)
		return rc;
	memset(si, 0, PAGE);
	start_info_fill(b, si);
	hyp_unmap(b->h, si, 1);
	return 0;
}

/* No vcpu wants events before its kernel has said where to. */
static int step_shared_info(struct build *b)
{
	struct xen_domctl_getdomaininfo info;
	struct shared_info *s;
	int rc = domctl_info(b->h, b->res->domid, &info);

	if (rc)
		return fault_errno(b->f, -rc, "cannot ask about the new domain");
	b->res->shared_info_frame = info.shared_info_frame;
	s = build_map_frame(b, info.shared_info_frame, "shared information", &rc);
	if (rc)
		return rc;
	for (unsigned int v = 0; v < XEN_LEGACY_MAX_VCPUS; v++)
		s->vcpu_info[v].evtchn_upcall_mask = 1;
	hyp_unmap(b->h, s, 1);
	return 0;
}

/* ------------------------------------------------------------------- start */

static int step_hypercall_page(struct build *b)
{
	const struct image_notes *n = &b->img->notes;
	uint64_t pfn;
	int rc;

	if (!IMAGE_HAS(n, XEN_ELFNOTE_HYPERCALL_PAGE))
		return 0;
	pfn = (n->hypercall_page - b->l.virt_base) / PAGE;
	rc = domctl_hypercall_page(b->h, b->res->domid, b->mfn[pfn]);
	return rc ? fault_errno(b->f, -rc, "cannot set up the kernel's hypercall page") : 0;
}

static int step_vcpu(struct build *b)
{
	const struct layout *l = &b->l;
	uint64_t l4 = b->mfn[l->tables.pfn];
	vcpu_guest_context_t *ctx;
	int rc = memop_pin(b->h, b->res->domid, MMUEXT_PIN_L4_TABLE, l4);

	if (rc)
		return fault_errno(b->f, -rc, "the hypervisor refuses the domain's page tables");
	ctx = calloc(1, sizeof(*ctx));
	if (!ctx)
		return fault_set(b->f, ENOMEM, "not enough memory in domain 0");
	ctx->flags = VGCF_in_kernel | VGCF_online;
	ctx->user_regs.rip = b->img->notes.entry;
	ctx->user_regs.rsp = layout_virt(l, l->stack.pfn + 1);
	ctx->user_regs.rsi = layout_virt(l, l->start_info.pfn);
	ctx->user_regs.rflags = GUEST_IF;
	ctx->user_regs.cs = FLAT_KERNEL_CS64;
	ctx->user_regs.ss = FLAT_KERNEL_SS64;
	ctx->kernel_ss = FLAT_KERNEL_SS64;
	ctx->kernel_sp = ctx->user_regs.rsp;
	ctx->ctrlreg[3] = xen_pfn_to_cr3(l4);
	rc = domctl_vcpu_context_set(b->h, b->res->domid, 0, ctx);
	free(ctx);
	return rc ? fault_errno(b->f, -rc, "cannot start the domain's first vcpu") : 0;
}

/* The rings' grants, so that their servers need not be privileged. */
int build_step_grants(struct build *b)
{
	struct hyp_resource table = { 0 };
	grant_entry_v1_t *entry;
	int rc;

	if (b->res->console_frame > UINT32_MAX || b->res->store_frame > UINT32_MAX)
		return fault_set(b->f, ERANGE, "the domain's rings lie too high for its grant "
				 "table");
	rc = hyp_resource_map(b->h, b->res->domid, XENMEM_resource_grant_table,
			      XENMEM_resource_grant_table_id_shared, 0, 1,
			      PROT_READ | PROT_WRITE, &table);
	if (rc)
		return fault_errno(b->f, -rc, "cannot map the domain's grant table");
	entry = table.addr;
	entry[GNTTAB_RESERVED_CONSOLE] = (grant_entry_v1_t){
		GTF_permit_access, b->c->console_domid, (uint32_t)b->res->console_frame };
	entry[GNTTAB_RESERVED_XENSTORE] = (grant_entry_v1_t){
		GTF_permit_access, b->c->store_domid, (uint32_t)b->res->store_frame };
	hyp_resource_unmap(b->h, &table);
	return 0;
}

int build_step_sched(struct build *b)
{
	struct xen_domctl_scheduler_op op = { .cmd = XEN_DOMCTL_SCHEDOP_getinfo };
	struct sysctl_pool pool;
	int rc;

	if (!b->c->weight && !b->c->cap)
		return 0;
	rc = sysctl_pool_info(b->h, b->c->cpupool, &pool, NULL, 0);
	if (rc)
		return fault_errno(b->f, -rc, "cannot ask which scheduler runs the domain");
	op.sched_id = pool.sched_id;
	if (op.sched_id != XEN_SCHEDULER_CREDIT && op.sched_id != XEN_SCHEDULER_CREDIT2)
		return fault_set(b->f, EOPNOTSUPP, "the scheduler (number %u) knows no weight "
				 "and cap", op.sched_id);
	rc = domctl_sched(b->h, b->res->domid, &op);
	if (!rc) {
		/* credit and credit2 share their layout, as domctl.h has it */
		if (b->c->weight)
			op.u.credit.weight = (uint16_t)b->c->weight;
		op.u.credit.cap = (uint16_t)b->c->cap;
		op.cmd = XEN_DOMCTL_SCHEDOP_putinfo;
		rc = domctl_sched(b->h, b->res->domid, &op);
	}
	return rc ? fault_errno(b->f, -rc, "the scheduler refuses weight %u, cap %u",
				b->c->weight, b->c->cap) : 0;
}

/* --------------------------------------------------------------- the order */

/* Up to and including build_step_create() there is no domain to undo. */
static int (*const build_before[])(struct build *b) = {
	step_initrd_open, step_layout, build_step_memory_check, build_step_create,
};

static int (*const build_after[])(struct build *b) = {
	build_step_vcpus, build_step_affinity, build_step_limits, step_memory, step_write,
	step_shared_info, step_start_info, step_hypercall_page, step_vcpu, build_step_grants,
	build_step_sched,
};

static int build_run(struct build *b)
{
	int rc = 0;

	for (size_t i = 0; i < sizeof(build_before) / sizeof(build_before[0]) && !rc; i++)
		rc = build_before[i](b);
	if (rc)
		return rc;
	for (size_t i = 0; i < sizeof(build_after) / sizeof(build_after[0]) && !rc; i++)
		rc = build_after[i](b);
	if (rc)
		domctl_destroy(b->h, b->res->domid);
	return rc;
}

int build_domain(struct hyp *h, const struct build_config *c, const struct image *img,
		 struct build_result *res, struct fault *f)
{
	struct build b = { .h = h, .c = c, .img = img, .res = res, .f = f, .initrd = -1 };
	int rc = build_check(c, f);

	*res = (struct build_result){ .nr_pages = c->mem_kib / 4 };
	if (!rc)
		rc = build_run(&b);
	free(b.mfn);
	if (b.initrd >= 0)
		close(b.initrd);
	return rc;
}
