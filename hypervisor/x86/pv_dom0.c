#include "pv_dom0.h"
#include "arch.h"
#include "bootinfo.h"
#include "bzimage.h"
#include "console.h"
#include "elf.h"
#include "errno.h"
#include "heap.h"
#include "memory.h"
#include "mm.h"
#include "options.h"
#include "printk.h"
#include "pv_mm.h"
#include "pv_tree.h"
#include "sched.h"
#include "string.h"

#define MIB (1UL << 20)
#define PAGES(bytes) DIV_UP(bytes, PAGE_SIZE)

/*
 * The domain's first mapping, from VIRT_BASE up (offsets from there, in bytes; pfn k is at k * PAGE_SIZE):
 * kernel, [initrd], [p2m], start_info, page tables, boot stack.  What the kernel's notes allow to stay
 * unmapped (initrd), or to be mapped elsewhere (p2m), has the pfns behind the end.
 */
struct layout {
	uint64_t base;			/* VIRT_BASE */
	uint64_t start_info, tables, stack, end;
	uint64_t table_count;
	uint64_t initrd;		/* offset where it's mapped, or 0 */
	uint64_t initrd_pfn;		/* first pfn, mapped or not */
	uint64_t p2m;			/* virtual address */
	uint64_t p2m_pfn;		/* first pfn of the array, and behind it of its own tables */
	uint64_t p2m_pages, p2m_tables;
	uint64_t pages;			/* all that are in use from the start */
};

struct dom0_build {
	struct domain *d;
	struct elf_image elf;
	void *image;			/* the unpacked ELF file, or NULL: the module itself is one */
	size_t image_bytes;
	const struct boot_module *kernel, *initrd;
	struct layout l;
	uint64_t nr_pages;
	mfn_t *p2m_frames;		/* frames of the p2m array: pfn k's entry is in frame k / 512 */
};

static struct dom0_build build;

__attribute__((format(printf, 1, 2), noreturn)) static void refuse(const char *format, ...)
{
	char text[256];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	fatal("Domain 0 can't be built: %s", text);
}

/* ---- The kernel image ---- */

static const void *module_data(const struct boot_module *m)
{
	return paddr_to_virt(m->start);
}

static void kernel_unpack(struct dom0_build *b, const struct bzimage *bz)
{
	struct unpack u = { .in = bz->payload, .in_len = bz->payload_len };
	uint64_t start = now_ns();

	if (!bz->size)
		refuse("the kernel's %s payload doesn't say how large it is", bz->format->name);
	b->image_bytes = ROUND_UP(bz->size, PAGE_SIZE);
	b->image = heap_map_large(b->image_bytes);
	u.work = pages_alloc_zeroed(6);
	if (!b->image || !u.work)
		refuse("too little memory to unpack the kernel: it needs %lu MiB, %lu MiB are free",
		       DIV_UP(bz->size, MIB), heap_free_pages() * PAGE_SIZE / MIB);
	u.work_len = PAGE_SIZE << 6;
	u.out = b->image;
	u.out_len = bz->size;
	if (unpack(&u))
		refuse("the kernel is damaged: %s", u.reason);
	pages_free(u.work, 6);
	b->image_bytes = u.produced;
	printk(LOG_INFO "Domain 0 kernel: %s, %lu KiB unpacked to %lu KiB in %lu ms\n", bz->format->name,
	       bz->payload_len / 1024, u.produced / 1024, (uint64_t)((now_ns() - start) / NS_PER_MS));
}

static void kernel_read(struct dom0_build *b)
{
	const char *reason = NULL;
	struct bzimage bz;
	const void *elf;
	size_t bytes;

	if (bzimage_parse(module_data(b->kernel), b->kernel->bytes, &bz, &reason))
		refuse("%s", reason);
	elf = bz.payload;
	bytes = bz.payload_len;
	if (bz.format) {
		kernel_unpack(b, &bz);
		elf = b->image;
		bytes = b->image_bytes;
	}
	if (elf_parse(elf, bytes, &b->elf, &reason) || elf_check_pv(&b->elf, true, &reason))
		refuse("%s", reason);
	printk(LOG_INFO "Domain 0 kernel: %s %s, entry %#lx, %#lx-%#lx\n", b->elf.notes.guest_os,
	       b->elf.notes.guest_version, b->elf.notes.entry, b->elf.vstart, b->elf.vend);
}

/* ---- Sizes and places ---- */

/* Tables of `level` that a range needs. */
static uint64_t tables_for(uint64_t start, uint64_t end, unsigned int level)
{
	unsigned int shift = PAGE_SHIFT + 9 * level;

	return ((end - 1) >> shift) - (start >> shift) + 1;
}

static uint64_t all_tables_for(uint64_t start, uint64_t end)
{
	return tables_for(start, end, 1) + tables_for(start, end, 2) + tables_for(start, end, 3);
}

/* The tables' number depends on the end, which depends on it: grow until both fit. */
static void layout_tables(struct layout *l, uint64_t at)
{
	l->start_info = at;
	l->tables = at + PAGE_SIZE;
	for (l->table_count = 4;; l->table_count++) {
		l->stack = l->tables + l->table_count * PAGE_SIZE;
		l->end = ROUND_UP(l->stack + PAGE_SIZE + 512 * 1024, 4 * MIB);
		if (all_tables_for(l->base, l->base + l->end) + 1 <= l->table_count)
			return;
	}
}

static void layout_make(struct dom0_build *b)
{
	const struct elf_notes *n = &b->elf.notes;
	uint64_t initrd_bytes = b->initrd ? b->initrd->bytes : 0, at = ROUND_UP(b->elf.pend, PAGE_SIZE), pfn;
	struct layout *l = &b->l;

	l->base = n->virt_base;
	l->p2m_pages = PAGES(b->nr_pages * sizeof(uint64_t));
	if (initrd_bytes && !n->mod_start_pfn) {
		l->initrd = at;
		l->initrd_pfn = at / PAGE_SIZE;
		at += ROUND_UP(initrd_bytes, PAGE_SIZE);
	}
	if (!n->init_p2m) {
		l->p2m = l->base + at;
		l->p2m_pfn = at / PAGE_SIZE;
		at += l->p2m_pages * PAGE_SIZE;
	}
	layout_tables(l, at);
	pfn = l->end / PAGE_SIZE;
	if (initrd_bytes && !l->initrd) {
		l->initrd_pfn = pfn;
		pfn += PAGES(initrd_bytes);
	}
	if (n->init_p2m) {
		l->p2m = n->init_p2m;
		l->p2m_pfn = pfn;
		l->p2m_tables = all_tables_for(l->p2m, l->p2m + l->p2m_pages * PAGE_SIZE);
		pfn += l->p2m_pages + l->p2m_tables;
	}
	l->pages = pfn;
}

/* What is kept for other domains and for us when nothing is said: a sixteenth, 128 MiB at most. */
static uint64_t memory_kept_back(uint64_t available)
{
	return MIN(available / 16, 128 * MIB);
}

static uint64_t mem_limit(const struct mem_amount *m, uint64_t total, uint64_t otherwise)
{
	return m->is_given ? mem_amount_bytes(m, total) : otherwise;
}

static void memory_size(struct dom0_build *b)
{
	/* what the modules and the unpacked image take now is free again soon */
	uint64_t available = heap_free_pages() * PAGE_SIZE + ROUND_UP(b->image_bytes, PAGE_SIZE), bytes;

	available += b->kernel->bytes + (b->initrd ? b->initrd->bytes : 0);
	available -= MIN(available, memory_kept_back(available));
	bytes = mem_limit(&options.dom0_mem, available, available);
	bytes = MAX(bytes, mem_limit(&options.dom0_mem_min, available, 0));
	bytes = MIN(bytes, mem_limit(&options.dom0_mem_max, available, ~0UL));
	if (bytes > available) {
		printk(LOG_WARN "dom0_mem: %lu MiB are not there; domain 0 gets %lu MiB\n", bytes / MIB,
		       available / MIB);
		bytes = available;
	}
	b->nr_pages = bytes / PAGE_SIZE;
}

/* ---- Memory ---- */

static uint64_t *p2m_entry(struct dom0_build *b, uint64_t pfn)
{
	uint64_t *frame = mfn_to_virt(b->p2m_frames[pfn / 512]);

	return &frame[pfn % 512];
}

static mfn_t p2m_get(struct dom0_build *b, uint64_t pfn) { return MFN(*p2m_entry(b, pfn)); }
static void *pfn_to_virt(struct dom0_build *b, uint64_t pfn) { return mfn_to_virt(p2m_get(b, pfn)); }

/* Frames for pfns [from, to) that have none yet, in blocks as large as there are, up to 2 MiB. */
static void memory_fill(struct dom0_build *b, uint64_t from, uint64_t to)
{
	unsigned int order = 9;

	while (from < to) {
		struct page *pg;

		while (order && from + (1UL << order) > to)
			order--;
		pg = memory_populate(b->d, order, 0, PFN(from));
		if (!pg && !order)
			refuse("out of memory at page %lu of %lu", from, b->nr_pages);
		if (!pg) {
			order--;
			continue;
		}
		for (uint64_t i = 0; i < 1UL << order; i++)
			*p2m_entry(b, from + i) = page_to_mfn(pg + i).n;
		from += 1UL << order;
	}
}

/* The array's own frames come first: the rest is entered into them. */
static void p2m_init(struct dom0_build *b)
{
	const struct layout *l = &b->l;

	b->p2m_frames = mem_alloc(l->p2m_pages * sizeof(mfn_t));
	if (!b->p2m_frames)
		refuse("no memory for its p2m");
	for (uint64_t i = 0; i < l->p2m_pages; i++) {
		struct page *pg = memory_populate(b->d, 0, 0, PFN(l->p2m_pfn + i));

		if (!pg)
			refuse("no memory for its p2m");
		b->p2m_frames[i] = page_to_mfn(pg);
		memset(mfn_to_virt(page_to_mfn(pg)), 0xff, PAGE_SIZE);
	}
	for (uint64_t i = 0; i < l->p2m_pages; i++)
		*p2m_entry(b, l->p2m_pfn + i) = b->p2m_frames[i].n;
}

/* Copies into consecutive pfns. */
static void copy_to_pfns(struct dom0_build *b, uint64_t pfn, const char *from, uint64_t bytes)
{
	for (uint64_t n; bytes; pfn++, from += n, bytes -= n) {
		n = MIN(bytes, PAGE_SIZE);
		memcpy(pfn_to_virt(b, pfn), from, n);
	}
}

static void kernel_load(struct dom0_build *b)
{
	uint64_t start = b->elf.pstart, bytes = b->elf.pend - start;

	for (uint64_t at = 0, n; at < bytes; at += n) {
		uint64_t in_page = (start + at) % PAGE_SIZE;

		n = MIN(bytes - at, PAGE_SIZE - in_page);
		elf_load(&b->elf, at, (char *)pfn_to_virt(b, (start + at) / PAGE_SIZE) + in_page, n);
	}
}

static void module_free(const struct boot_module *m)
{
	if (m)
		heap_add_range(m->start, m->start + m->bytes);
}

/* ---- Page tables ---- */

/* Hands out table frames from a run of pfns. */
struct table_run { uint64_t next_pfn, end_pfn; };

static uint64_t *table_take(struct dom0_build *b, struct table_run *run)
{
	if (run->next_pfn == run->end_pfn)
		panic("BUG: domain 0's page tables were counted wrong");
	return pfn_to_virt(b, run->next_pfn++);
}

static bool is_table_pfn(const struct layout *l, uint64_t pfn)
{
	return pfn >= l->tables / PAGE_SIZE && pfn < l->tables / PAGE_SIZE + l->table_count;
}

static void map_page(struct dom0_build *b, uint64_t *root, struct table_run *run, uint64_t va, uint64_t pfn)
{
	uint64_t *table = root, flags = PTE_P | PTE_A | PTE_D | PTE_U;

	for (unsigned int level = 4; level > 1; level--) {
		uint64_t *e = &table[pt_index(va, level)];

		if (!(*e & PTE_P))
			*e = pte_make(virt_to_mfn(table_take(b, run)), PTE_P | PTE_RW | PTE_A | PTE_U);
		table = mfn_to_virt(pte_mfn(*e));
	}
	if (!is_table_pfn(&b->l, pfn))		/* the tables themselves are seen read-only */
		flags |= PTE_RW;
	table[pt_index(va, 1)] = pte_make(p2m_get(b, pfn), flags);
}

static mfn_t tables_build(struct dom0_build *b)
{
	const struct layout *l = &b->l;
	struct table_run run = { l->tables / PAGE_SIZE, l->tables / PAGE_SIZE + l->table_count };
	struct table_run p2m_run = { l->p2m_pfn + l->p2m_pages, l->p2m_pfn + l->p2m_pages + l->p2m_tables };
	uint64_t *root = table_take(b, &run);

	for (uint64_t pfn = 0; pfn < l->end / PAGE_SIZE; pfn++)
		map_page(b, root, &run, l->base + pfn * PAGE_SIZE, pfn);
	for (uint64_t i = 0; l->p2m_tables && i < l->p2m_pages; i++)
		map_page(b, root, &p2m_run, l->p2m + i * PAGE_SIZE, l->p2m_pfn + i);
	return virt_to_mfn(root);
}

/* The tables become tables: checked like a guest's own, and pinned, as kernels expect. */
static void tables_pin(struct dom0_build *b, mfn_t root)
{
	struct page *pg = page_get_mfn(root, b->d);
	int rc;

	do {
		rc = pv_tree_lock(b->d);
		if (rc)
			continue;
		rc = pv_tree_get_type(b->d, pg, 4);
		spin_unlock(&b->d->arch.mm_lock);
	} while (rc == -ERESTART);
	if (rc)
		panic("BUG: domain 0's first page tables don't validate: %d", rc);
	__atomic_fetch_or(&pg->type, TYPE_PINNED, __ATOMIC_SEQ_CST);
}

/* ---- What it is told ---- */

static void start_info_fill(struct dom0_build *b)
{
	const struct layout *l = &b->l;
	struct start_info *si = pfn_to_virt(b, l->start_info / PAGE_SIZE);

	strlcpy(si->magic, "xen-3.0-x86_64p", sizeof(si->magic));
	si->nr_pages = b->nr_pages;
	si->shared_info = mfn_to_paddr(virt_to_mfn(b->d->shared));
	si->flags = SIF_PRIVILEGED | SIF_INITDOMAIN;
	si->pt_base = l->base + l->tables;
	si->nr_pt_frames = l->table_count;
	si->mfn_list = l->p2m;
	if (l->p2m_tables) {
		si->first_p2m_pfn = l->p2m_pfn;
		si->nr_p2m_frames = l->p2m_pages + l->p2m_tables;
	}
	if (b->initrd) {
		si->mod_start = l->initrd ? l->base + l->initrd : l->initrd_pfn;
		si->mod_len = b->initrd->bytes;
		si->flags |= l->initrd ? 0 : SIF_MOD_START_PFN;
	}
	strlcpy((char *)si->cmd_line, b->kernel->cmdline, sizeof(si->cmd_line));
	if (strlen(b->kernel->cmdline) >= sizeof(si->cmd_line))
		printk(LOG_WARN "Domain 0's command line is cut to %lu characters\n", sizeof(si->cmd_line) - 1);
}

/* Stubs by which kernels without SYSCALL of their own make hypercalls: 32 bytes each. */
static void hypercall_page_init(struct dom0_build *b)
{
	uint64_t va = b->elf.notes.hypercall_page;

	if (elf_has_note(&b->elf, XEN_ELFNOTE_HYPERCALL_PAGE))
		pv_hypercall_page_fill(pfn_to_virt(b, (va - b->l.base) / PAGE_SIZE));
}

static void vcpu_start(struct dom0_build *b, mfn_t root)
{
	struct vcpu_guest_context *c = mem_alloc(sizeof(*c));
	struct vcpu *v = b->d->vcpu[0];
	int rc;

	if (!c)
		refuse("no memory for its vcpu");
	c->flags = VGCF_in_kernel;
	c->user_regs.rip = b->elf.notes.entry;
	c->user_regs.rsp = b->l.base + b->l.stack + PAGE_SIZE;
	c->user_regs.rsi = b->l.base + b->l.start_info;
	c->user_regs.rflags = 0x202;
	c->user_regs.cs = SEL_RING3_CS64;
	c->user_regs.ss = SEL_RING3_DS;
	c->ctrlreg[3] = xen_pfn_to_cr3(root.n);
	c->debugreg[7] = 0x400;
	rc = arch_vcpu_set_context(v, c);
	if (rc)
		panic("BUG: domain 0's first vcpu: %d", rc);
	mem_free(c);
	v->is_initialised = true;
	vcpu_stop_clear(v, VCPU_DOWN);
}

/* ---- Making it ---- */

static unsigned int vcpu_count_wanted(void)
{
	unsigned int n = cpumask_count(&cpu_online);

	if (options.dom0_max_vcpus_min)
		n = MAX(n, options.dom0_max_vcpus_min);
	if (options.dom0_max_vcpus_max)
		n = MIN(n, options.dom0_max_vcpus_max);
	return MIN(MAX(n, 1U), (unsigned int)MAX_VCPUS);
}

static void domain_make(struct dom0_build *b)
{
	struct xen_domctl_createdomain config = { .max_evtchn_port = ~0U, .max_grant_frames = -1,
						  .max_maptrack_frames = -1, .grant_opts = 2 };
	unsigned int vcpus = vcpu_count_wanted();
	int rc;

	config.max_vcpus = vcpus;
	rc = domain_create(0, &config, true, &b->d);
	if (!rc)
		rc = domain_add_vcpus(b->d, vcpus);
	if (rc)
		refuse("error %d", rc);
	dom0 = b->d;
	b->d->max_pages = ~0U;		/* as good as none, and positive in every width */
	for (unsigned int i = 0; options.dom0_vcpus_pin && i < vcpus; i++) {
		struct cpumask one = { { 0 } };

		cpumask_set(&one, i % cpumask_count(&cpu_online));
		(void)vcpu_set_affinity(b->d->vcpu[i], &one, NULL);
	}
}

static void modules_find(struct dom0_build *b)
{
	if (!boot_info.module_count)
		refuse("no kernel was given as a boot module");
	b->kernel = &boot_info.module[0];
	if (boot_info.module_count > 1)
		b->initrd = &boot_info.module[1];
	for (unsigned int i = 2; i < boot_info.module_count; i++)
		printk(LOG_WARN "Boot module %u is not used: a kernel and an initrd are all there can be\n", i);
}

static void check_size(const struct dom0_build *b)
{
	if (b->l.pages + 64 > b->nr_pages)
		refuse("too little memory: it would have %lu MiB, its kernel and initrd need %lu MiB",
		       b->nr_pages * PAGE_SIZE / MIB, DIV_UP((b->l.pages + 64) * PAGE_SIZE, MIB));
}

void pv_dom0_create(void)
{
	struct dom0_build *b = &build;
	mfn_t root;

	modules_find(b);
	kernel_read(b);
	memory_size(b);
	layout_make(b);
	check_size(b);
	domain_make(b);
	p2m_init(b);
	memory_fill(b, 0, b->l.p2m_pfn);
	memory_fill(b, b->l.p2m_pfn + b->l.p2m_pages, MAX(b->l.pages, b->l.p2m_pfn + b->l.p2m_pages));
	kernel_load(b);
	if (b->initrd)
		copy_to_pfns(b, b->l.initrd_pfn, module_data(b->initrd), b->initrd->bytes);
	hypercall_page_init(b);
	start_info_fill(b);
	if (b->image)
		heap_unmap_large(b->image, ROUND_UP(b->image_bytes, PAGE_SIZE));
	module_free(b->kernel);
	module_free(b->initrd);
	memory_fill(b, MAX(b->l.pages, b->l.p2m_pfn + b->l.p2m_pages), b->nr_pages);
	root = tables_build(b);
	tables_pin(b, root);
	if (options.dom0_mem_max.is_given)
		b->d->max_pages = MAX(b->nr_pages, mem_amount_bytes(&options.dom0_mem_max,
								      heap_total_pages() * PAGE_SIZE) / PAGE_SIZE);
	vcpu_start(b, root);
	mem_free(b->p2m_frames);
	printk(LOG_INFO "Domain 0: %lu MiB, %u vcpus, start info %#lx, page tables %#lx (%lu), stack %#lx, end %#lx\n",
	       b->nr_pages * PAGE_SIZE / MIB, b->d->max_vcpus, b->l.base + b->l.start_info,
	       b->l.base + b->l.tables, b->l.table_count, b->l.base + b->l.stack, b->l.base + b->l.end);
}
