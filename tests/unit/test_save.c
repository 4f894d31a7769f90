/*
 * A made-up guest is saved, and restored on a made-up host that gives it other frames: what it finds
 * there must be what it left.  And hostile guests, failing hosts.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "check.h"
#include "xend/domctl.h"
#include "xend/layout.h"
#include "xend/memop.h"
#include "xend/restore.h"
#include "xend/save.h"
#include "xend/stream.h"
#include "xend/sysctl.h"

#include <xen/sched.h>

#define PAGE 4096UL
#define FRAMES 8192UL
#define BASE 0x9000UL
#define OLD 3
#define NEW 4
#define PFNS 4096UL			/* 16 MiB */
#define HOLE 700UL			/* a pfn that is not there */
#define IDENTITY 701UL			/* one that Linux marks */
#define P2M 100UL			/* pfns: the p2m's frames */
#define P2M_FRAMES (PFNS / 512)
#define L4 200UL
#define L3 201UL
#define L2 202UL
#define L1 203UL			/* maps the p2m at 0x8000000000 */
#define USER_L4 204UL
#define GDT 205UL
#define START 206UL
#define STORE 207UL
#define CONSOLE 208UL
#define P2M_VIRT 0x8000000000UL
#define SHARED (FRAMES - 1)
#define GRANTS (FRAMES - 2)

static struct {
	uint64_t mem[FRAMES][512];
	uint8_t type[FRAMES];		/* PFINFO of each */
	uint64_t next;			/* frame to be given; from above down */
	unsigned int calls, fail_at, maps, domains, pins, vcpus_set, resumed;
	struct xen_domctl_getdomaininfo info;
	vcpu_guest_context_t ctx[2];	/* the old one's, then the new one's */
	uint8_t xsave[64];
	struct xen_domctl_tsc_info tsc;
} host;

static struct fault fault;
static char path[] = "/tmp/test_save.XXXXXX";

static int host_call(void)
{
	return ++host.calls == host.fail_at ? -EIO : 0;
}

/* The old guest's frames: not in order. */
static uint64_t frame_of(uint64_t pfn)
{
	return pfn ^ 5;
}

static uint64_t mfn_of(uint64_t pfn)
{
	return BASE + frame_of(pfn);
}

static uint64_t *page_of(uint64_t pfn)
{
	return host.mem[frame_of(pfn)];
}

static void guest_tables(void)
{
	page_of(L4)[P2M_VIRT >> 39] = mfn_of(L3) << 12 | 7;
	page_of(L4)[256] = 0xdead << 12 | 1;	/* the hypervisor's */
	page_of(USER_L4)[0] = mfn_of(L3) << 12 | 7;
	page_of(L3)[0] = mfn_of(L2) << 12 | 7;
	page_of(L2)[0] = mfn_of(L1) << 12 | 7;
	for (uint64_t i = 0; i < P2M_FRAMES; i++)
		page_of(L1)[i] = mfn_of(P2M + i) << 12 | 3;
	host.type[frame_of(L4)] = host.type[frame_of(USER_L4)] = STREAM_PINNED | 4;
	host.type[frame_of(L3)] = 3;
	host.type[frame_of(L2)] = 2;
	host.type[frame_of(L1)] = STREAM_PINNED | 1;
}

static void guest_p2m(void)
{
	for (uint64_t pfn = 0; pfn < PFNS; pfn++)
		page_of(P2M + pfn / 512)[pfn % 512] = mfn_of(pfn);
	page_of(P2M + HOLE / 512)[HOLE % 512] = ~0UL;
	page_of(P2M + IDENTITY / 512)[IDENTITY % 512] = 1UL << 62 | IDENTITY;
}

static void guest_new(void)
{
	struct shared_info *s = (void *)host.mem[SHARED];
	struct start_info *si;

	memset(&host, 0, sizeof(host));
	memset(&fault, 0, sizeof(fault));
	for (uint64_t pfn = 0; pfn < PFNS; pfn++)
		page_of(pfn)[17] = pfn * 77;
	for (uint64_t i = 0; i < 6; i++)
		memset(page_of(L4 + i), 0, PAGE);
	guest_p2m();
	guest_tables();
	si = (void *)page_of(START);
	si->store_mfn = STORE;
	si->console.domU.mfn = CONSOLE;
	s->arch.max_pfn = PFNS;
	s->arch.p2m_cr3 = mfn_of(L4) << 12;
	s->arch.p2m_vaddr = P2M_VIRT;
	s->vcpu_info[0].evtchn_upcall_mask = 1;
	host.info = (struct xen_domctl_getdomaininfo){
		.domain = OLD, .max_pages = PFNS, .tot_pages = PFNS - 2, .max_vcpu_id = 1,
		.flags = XEN_DOMINF_shutdown | SHUTDOWN_suspend << XEN_DOMINF_shutdownshift,
		.shared_info_frame = BASE + SHARED,
	};
	host.ctx[0].user_regs.rip = 0x1234;
	host.ctx[0].user_regs.rdx = mfn_of(START);
	host.ctx[0].ctrlreg[3] = mfn_of(L4) << 12;
	host.ctx[0].ctrlreg[1] = mfn_of(USER_L4) << 12;
	host.ctx[0].gdt_ents = 512;
	host.ctx[0].gdt_frames[0] = mfn_of(GDT);
	memset(host.xsave, 0x5c, sizeof(host.xsave));
	host.tsc = (struct xen_domctl_tsc_info){ .tsc_mode = 2, .gtsc_khz = 1000, .elapsed_nsec = 5 };
	host.next = GRANTS - 1;
}

/* ------------------------------------------------------------ the fake host */

/* A copy; hyp_unmap() writes it back where that was allowed. */
struct map {
	size_t n;
	int prot;
	xen_pfn_t gfn[1024];
	uint8_t data[];
};

int hyp_map(struct hyp *h, uint32_t domid, int prot, size_t n, const xen_pfn_t *gfn, int *err,
	    void **out)
{
	int rc = host_call();
	struct map *m;

	CHECK(domid == OLD || domid == NEW);
	CHECK(n <= 1024);
	if (rc)
		return rc;
	m = calloc(1, sizeof(*m) + n * PAGE);
	m->n = n;
	m->prot = prot;
	for (size_t i = 0; i < n; i++) {
		bool there = gfn[i] >= BASE && gfn[i] < BASE + FRAMES;

		CHECK(there || err);
		m->gfn[i] = gfn[i];
		if (err)
			err[i] = there ? 0 : -EINVAL;
		if (there)
			memcpy(m->data + i * PAGE, host.mem[gfn[i] - BASE], PAGE);
	}
	host.maps++;
	*out = m->data;
	return 0;
}

void hyp_unmap(struct hyp *h, void *p, size_t n)
{
	struct map *m = (void *)((uint8_t *)p - offsetof(struct map, data));

	CHECK_EQ(m->n, n);
	for (size_t i = 0; i < n && m->prot & 2; i++)
		memcpy(host.mem[m->gfn[i] - BASE], m->data + i * PAGE, PAGE);
	host.maps--;
	free(m);
}

int hyp_resource_map(struct hyp *h, uint32_t domid, unsigned int type, unsigned int id,
		     uint64_t frame, size_t n, int prot, struct hyp_resource *out)
{
	int rc = host_call();

	if (!rc)
		out->addr = host.mem[GRANTS];
	return rc;
}

void hyp_resource_unmap(struct hyp *h, struct hyp_resource *r)
{
}

int image_read(const struct image *img, uint64_t offset, void *buf, size_t len)
{
	return -ENOSYS;
}

int layout_compute(struct layout *l, const struct image *img, uint64_t initrd_bytes,
		   uint64_t nr_pages, struct fault *f)
{
	return -ENOSYS;
}

int layout_fill_tables(const struct layout *l, const struct layout_frames *frames)
{
	return -ENOSYS;
}

int sysctl_version(struct hyp *h, struct sysctl_version *v)
{
	v->major = 4;
	v->minor = 17;
	return host_call();
}

int sysctl_physinfo(struct hyp *h, struct xen_sysctl_physinfo *info)
{
	*info = (struct xen_sysctl_physinfo){ .capabilities = XEN_SYSCTL_PHYSCAP_pv,
					      .free_pages = FRAMES };
	return host_call();
}

int sysctl_pool_info(struct hyp *h, uint32_t id, struct sysctl_pool *pool, uint8_t *cpus,
		     size_t bytes)
{
	return host_call();
}

int domctl_info(struct hyp *h, domid_t domid, struct xen_domctl_getdomaininfo *info)
{
	*info = host.info;
	return host_call();
}

int domctl_create(struct hyp *h, const struct xen_domctl_createdomain *create, domid_t want,
		  domid_t *domid)
{
	int rc = host_call();

	if (!rc)
		host.domains++;
	*domid = NEW;
	return rc;
}

int domctl_destroy(struct hyp *h, domid_t domid)
{
	CHECK_EQ(domid, NEW);
	CHECK_EQ(host.maps, 0);
	host.domains--;
	return 0;
}

int domctl_resume(struct hyp *h, domid_t domid)
{
	host.resumed++;
	return host_call();
}

#define PLAIN(name, ...) int name(struct hyp *h, domid_t domid, __VA_ARGS__) { return host_call(); }

PLAIN(domctl_max_vcpus, uint32_t vcpus)
PLAIN(domctl_max_mem, uint64_t kib)
PLAIN(domctl_affinity_set, uint32_t vcpu, uint8_t *hard, uint8_t *soft, size_t bytes)
PLAIN(domctl_address_size, uint32_t bits)
PLAIN(domctl_hypercall_page, uint64_t mfn)
PLAIN(domctl_sched, struct xen_domctl_scheduler_op *op)
PLAIN(memop_claim, uint64_t frames)
PLAIN(memop_map_set, const struct memop_e820 *map, uint32_t count)

int domctl_tsc_set(struct hyp *h, domid_t domid, const struct xen_domctl_tsc_info *tsc)
{
	host.tsc = *tsc;
	return host_call();
}

int domctl_tsc_get(struct hyp *h, domid_t domid, struct xen_domctl_tsc_info *tsc)
{
	*tsc = host.tsc;
	return host_call();
}

int domctl_vcpu_info(struct hyp *h, domid_t domid, uint32_t vcpu,
		     struct xen_domctl_getvcpuinfo *info)
{
	info->online = vcpu == 0;
	return host_call();
}

int domctl_vcpu_context_get(struct hyp *h, domid_t domid, uint32_t vcpu, vcpu_guest_context_t *ctx)
{
	CHECK_EQ(vcpu, 0);
	*ctx = host.ctx[0];
	return host_call();
}

int domctl_vcpu_context_set(struct hyp *h, domid_t domid, uint32_t vcpu,
			    const vcpu_guest_context_t *ctx)
{
	CHECK_EQ(vcpu, 0);
	host.vcpus_set++;
	host.ctx[1] = *ctx;
	return host_call();
}

int domctl_vcpu_ext_context_get(struct hyp *h, domid_t domid, uint32_t vcpu,
				struct xen_domctl_ext_vcpucontext *ctx)
{
	*ctx = (struct xen_domctl_ext_vcpucontext){ .sysenter_callback_eip = 99 };
	return host_call();
}

int domctl_vcpu_ext_context_set(struct hyp *h, domid_t domid, uint32_t vcpu,
				const struct xen_domctl_ext_vcpucontext *ctx)
{
	CHECK_EQ(ctx->sysenter_callback_eip, 99);
	return host_call();
}

int domctl_vcpu_xstate_get(struct hyp *h, domid_t domid, uint32_t vcpu, void *state, size_t *len)
{
	*len = sizeof(host.xsave);
	memcpy(state, host.xsave, *len);
	return host_call();
}

int domctl_vcpu_xstate_set(struct hyp *h, domid_t domid, uint32_t vcpu, const void *state, size_t len)
{
	CHECK_EQ(len, sizeof(host.xsave));
	CHECK_MEM(state, host.xsave, len);
	return host_call();
}

int domctl_vcpu_msrs_get(struct hyp *h, domid_t domid, uint32_t vcpu, void *msrs, size_t *len)
{
	*len = 0;
	return host_call();
}

int domctl_vcpu_msrs_set(struct hyp *h, domid_t domid, uint32_t vcpu, const void *msrs, size_t len)
{
	return host_call();
}

int domctl_frame_types(struct hyp *h, domid_t domid, xen_pfn_t *types, size_t count)
{
	for (size_t i = 0; i < count; i++)
		types[i] = (xen_pfn_t)(types[i] < BASE || types[i] >= BASE + PFNS ? STREAM_INVALID
				       : host.type[types[i] - BASE]) << 28;
	return host_call();
}

int memop_evtchn_open(struct hyp *h, domid_t domid, domid_t remote, evtchn_port_t *port)
{
	*port = 11;
	return host_call();
}

long memop_populate(struct hyp *h, domid_t domid, xen_pfn_t *extents, size_t count,
		    unsigned int order, unsigned int flags)
{
	int rc = host_call();

	for (size_t i = 0; i < count && !rc; i++)
		extents[i] = BASE + host.next--;
	return rc ? rc : (long)count;
}

int memop_pin(struct hyp *h, domid_t domid, unsigned int cmd, uint64_t mfn)
{
	CHECK_EQ(host.maps, 0);
	CHECK(cmd == MMUEXT_PIN_L4_TABLE || cmd == MMUEXT_PIN_L1_TABLE);
	host.pins++;
	return host_call();
}

/* ------------------------------------------------------------------- tests */

static int save(void)
{
	struct save s = { .domid = OLD, .fd = open(path, O_WRONLY | O_TRUNC) };
	int rc = save_domain(NULL, &s, &fault);

	close(s.fd);
	CHECK_EQ(host.maps, 0);
	CHECK_EQ(rc, -fault.err);
	return rc;
}

static int restore(struct build_result *res, unsigned int vcpus)
{
	struct build_config c;
	int rc, fd = open(path, O_RDONLY);

	build_config_init(&c);
	c.mem_kib = PFNS * 4;
	c.vcpus = vcpus;
	rc = restore_domain(NULL, &c, fd, res, &fault);
	close(fd);
	CHECK_EQ(host.maps, 0);
	CHECK_EQ(host.domains, rc ? 0 : 1);
	CHECK_EQ(rc, -fault.err);
	return rc;
}

/* What the new guest sees through its own page tables. */
static uint64_t *new_page(uint64_t root, uint64_t virt)
{
	uint64_t mfn = root >> 12;

	for (int level = 4; level >= 1; level--) {
		uint64_t e;

		CHECK(mfn > BASE && mfn < BASE + FRAMES);
		e = host.mem[mfn - BASE][virt >> (3 + 9 * level) & 511];
		CHECK(e & 1);
		mfn = e >> 12 & 0xffffffffffUL;
	}
	return host.mem[mfn - BASE];
}

static uint64_t new_mfn(uint64_t pfn)
{
	return new_page(host.ctx[1].ctrlreg[3], P2M_VIRT + pfn / 512 * PAGE)[pfn % 512];
}

static void a_guest_is_restored_as_it_was_saved(void)
{
	struct build_result res;
	const struct start_info *si;
	const struct shared_info *s = (void *)host.mem[SHARED];

	guest_new();
	CHECK_EQ(save(), 0);
	memset(host.mem, 0xee, PFNS * PAGE);	/* the old one is gone */
	memset(host.mem[SHARED], 0, PAGE);
	CHECK_EQ(restore(&res, 2), 0);
	CHECK_EQ(res.nr_pages, PFNS - 2);
	CHECK_EQ(host.ctx[1].user_regs.rip, 0x1234);
	for (uint64_t pfn = 0; pfn < PFNS; pfn++) {
		if (pfn == HOLE || pfn == IDENTITY || (pfn >= P2M && pfn < P2M + P2M_FRAMES) ||
		    (pfn >= L4 && pfn <= GDT))
			continue;
		CHECK_EQ(host.mem[new_mfn(pfn) - BASE][17], pfn * 77);
	}
	CHECK_EQ(new_mfn(HOLE), ~0UL);
	CHECK_EQ(new_mfn(IDENTITY), 1UL << 62 | IDENTITY);
	CHECK_EQ(host.ctx[1].user_regs.rdx, new_mfn(START));
	CHECK_EQ(host.ctx[1].gdt_frames[0], new_mfn(GDT));
	CHECK_EQ(host.ctx[1].ctrlreg[1], new_mfn(USER_L4) << 12);
	CHECK_EQ(host.mem[new_mfn(L4) - BASE][256], 0);
	CHECK_EQ(host.pins, 3);
	CHECK_EQ(host.tsc.gtsc_khz, 1000);
	si = (void *)host.mem[new_mfn(START) - BASE];
	CHECK_EQ(si->store_mfn, new_mfn(STORE));
	CHECK_EQ(si->store_mfn, res.store_frame);
	CHECK_EQ(si->console.domU.mfn, new_mfn(CONSOLE));
	CHECK_EQ(si->store_evtchn, 11);
	CHECK_EQ(si->shared_info, (BASE + SHARED) << 12);
	CHECK_EQ(s->arch.p2m_cr3, 0);
	CHECK_EQ(s->arch.max_pfn, PFNS);
	CHECK_EQ(s->vcpu_info[0].evtchn_upcall_mask, 1);
	CHECK_EQ(s->evtchn_mask[3], ~0UL);
}

static void only_a_suspended_guest_is_saved(void)
{
	guest_new();
	host.info.flags = XEN_DOMINF_running;
	CHECK_EQ(save(), -EINVAL);
	guest_new();
	host.info.flags = XEN_DOMINF_shutdown | SHUTDOWN_poweroff << XEN_DOMINF_shutdownshift;
	CHECK_EQ(save(), -EINVAL);
	guest_new();
	host.info.flags |= XEN_DOMINF_hvm_guest;
	CHECK_EQ(save(), -EOPNOTSUPP);
}

static void a_guest_that_maps_others_memory_is_not_saved(void)
{
	guest_new();
	page_of(L1)[500] = 0x77777UL << 12 | 3;
	CHECK_EQ(save(), -EBUSY);
	CHECK(strstr(fault.text, "0x77777"));
}

static void a_guest_that_lies_about_its_memory_gains_nothing(void)
{
	guest_new();
	page_of(P2M)[3] = 0x123;	/* not its own: a hole */
	CHECK_EQ(save(), 0);
	guest_new();
	host.ctx[0].user_regs.rdx = 0x123;
	CHECK_EQ(save(), -EINVAL);
	guest_new();
	host.ctx[0].ctrlreg[3] = 0x123 << 12;
	CHECK_EQ(save(), -EINVAL);
	guest_new();
	host.ctx[0].gdt_ents = 0xffffffff;
	CHECK_EQ(save(), -EINVAL);
	guest_new();
	page_of(L1)[2] = (BASE + SHARED) << 12 | 3;	/* the p2m lies outside of it */
	CHECK(save() < 0);
}

static void a_domain_that_does_not_fit_its_configuration_is_not_restored(void)
{
	struct build_result res;
	struct stream_vcpu *v;
	static uint8_t file[32 << 20];
	ssize_t len;
	int fd;

	guest_new();
	CHECK_EQ(save(), 0);
	/* vcpu 0 becomes vcpu 1, which the configuration doesn't have */
	fd = open(path, O_RDWR);
	len = read(fd, file, sizeof(file));
	for (ssize_t i = 0; i < len - 16; i += 8) {
		const struct stream_record *r = (void *)(file + i);

		v = (void *)(r + 1);
		if (r->type == STREAM_VCPU_BASIC && r->length == 8 + sizeof(vcpu_guest_context_t)) {
			v->vcpu = 1;
			CHECK_EQ(pwrite(fd, file, (size_t)len, 0), len);
			break;
		}
	}
	close(fd);
	CHECK_EQ(restore(&res, 1), -E2BIG);
}

static void a_changed_state_is_restored_or_refused_but_harms_nothing(void)
{
	struct build_result res;
	static uint8_t file[32 << 20];
	ssize_t len;
	int fd;

	srand(1);
	guest_new();
	CHECK_EQ(save(), 0);
	fd = open(path, O_RDONLY);
	len = read(fd, file, sizeof(file));
	close(fd);
	for (int i = 0; i < 24; i++) {
		/* most of it is plain memory: rather where records, tables and registers are */
		size_t at = (size_t)rand() % (i % 2 ? 8000 : (size_t)len);
		uint8_t was = file[at];

		file[at] = (uint8_t)rand();
		fd = open(path, O_WRONLY | O_TRUNC);
		CHECK_EQ(write(fd, file, (size_t)len), len);
		close(fd);
		file[at] = was;
		guest_new();
		restore(&res, 2);
	}
}

/* Whichever call to the host fails, nothing is left and it is said why. */
static void whatever_fails_leaves_nothing(void)
{
	struct build_result res;
	unsigned int n;

	for (n = 1;; n++) {
		guest_new();
		host.fail_at = n;
		if (save() == 0 && host.calls < n)
			break;
	}
	CHECK(n > 10);
	for (n = 1;; n++) {
		guest_new();
		host.fail_at = n;
		if (restore(&res, 2) == 0 && host.calls < n)
			break;
	}
	CHECK(n > 20);
}

static void a_guest_is_let_go_with_a_one(void)
{
	guest_new();
	CHECK_EQ(save_let_go(NULL, OLD), 0);
	CHECK_EQ(host.ctx[1].user_regs.rax, 1);
	CHECK_EQ(host.resumed, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_guest_is_restored_as_it_was_saved),
		TEST(only_a_suspended_guest_is_saved),
		TEST(a_guest_that_maps_others_memory_is_not_saved),
		TEST(a_guest_that_lies_about_its_memory_gains_nothing),
		TEST(a_domain_that_does_not_fit_its_configuration_is_not_restored),
		TEST(a_changed_state_is_restored_or_refused_but_harms_nothing),
		TEST(whatever_fails_leaves_nothing),
		TEST(a_guest_is_let_go_with_a_one),
	};
	int rc, fd = mkstemp(path);

	if (fd < 0)
		return 1;
	close(fd);
	rc = cmocka_run_group_tests(tests, NULL, NULL);
	unlink(path);
	return rc;
}
