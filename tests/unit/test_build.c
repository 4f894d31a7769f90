/* The builder against a made-up hypervisor that counts, remembers, and fails when it is told to. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "check.h"
#include "xend/build.h"
#include "xend/domctl.h"
#include "xend/memop.h"
#include "xend/sysctl.h"

#include <xen/elfnote.h>
#include <xen/grant_table.h>

#define PAGE 4096UL
#define FRAMES 8192UL			/* of the host, all for guests */
#define BASE 0x5000UL			/* the first one's mfn */
#define DOMID 7
#define GRANT_FRAME (FRAMES - 1)
#define SHARED_FRAME (FRAMES - 2)

static struct {
	uint8_t (*mem)[4096];
	unsigned int calls, fail_at;	/* the fail_at-th call fails */
	int fail_with;
	unsigned int big;		/* extents of 2 MiB that can be had */
	uint64_t next_low, next_high;	/* the next frame: singles from above */
	uint64_t room;			/* frames that can be had in all */
	unsigned int maps, vcpus, ports, domains;
	bool pinned, ready, claimed, mapped_at_pin;
	uint64_t max_kib, hypercall_mfn, e820_bytes;
	struct xen_domctl_scheduler_op sched;
	vcpu_guest_context_t ctx;
	uint8_t affinity;
} host;

static struct fault fault;

static int host_call(void)
{
	return ++host.calls == host.fail_at ? -host.fail_with : 0;
}

static void host_reset(unsigned int fail_at, int fail_with)
{
	uint8_t (*mem)[4096] = host.mem ? host.mem : malloc(FRAMES * PAGE);

	memset(&host, 0, sizeof(host));
	memset(mem, 0xa5, FRAMES * PAGE);	/* the last owner's */
	memset(mem[GRANT_FRAME], 0, PAGE);
	memset(mem[SHARED_FRAME], 0, PAGE);
	host.mem = mem;
	host.fail_at = fail_at;
	host.fail_with = fail_with;
	host.big = 3;
	host.next_high = GRANT_FRAME - 2;
	host.room = FRAMES - 2;
	memset(&fault, 0, sizeof(fault));
}

/* ------------------------------------------------------------ the fake host */

int hyp_map(struct hyp *h, uint32_t domid, int prot, size_t n, const xen_pfn_t *gfn, int *err,
	    void **out)
{
	int rc = host_call();

	CHECK_EQ(domid, DOMID);
	if (rc)
		return rc;
	/* a copy that hyp_unmap() writes back, with the list of frames before it */
	uint8_t *p = malloc(PAGE + n * (PAGE + sizeof(xen_pfn_t)));

	memcpy(p + PAGE + n * PAGE, gfn, n * sizeof(*gfn));
	for (size_t i = 0; i < n; i++) {
		CHECK(gfn[i] >= BASE && gfn[i] < BASE + FRAMES);
		memcpy(p + PAGE + i * PAGE, host.mem[gfn[i] - BASE], PAGE);
	}
	host.maps++;
	*out = p + PAGE;
	return 0;
}

void hyp_unmap(struct hyp *h, void *at, size_t n)
{
	uint8_t *p = at;
	xen_pfn_t gfn;

	for (size_t i = 0; i < n; i++) {
		memcpy(&gfn, p + n * PAGE + i * sizeof(gfn), sizeof(gfn));
		memcpy(host.mem[gfn - BASE], p + i * PAGE, PAGE);
	}
	host.maps--;
	free(p - PAGE);
}

int hyp_resource_map(struct hyp *h, uint32_t domid, unsigned int type, unsigned int id,
		     uint64_t frame, size_t n, int prot, struct hyp_resource *out)
{
	int rc = host_call();

	CHECK_EQ(type, XENMEM_resource_grant_table);
	if (!rc) {
		out->addr = host.mem[GRANT_FRAME];
		host.maps++;
	}
	return rc;
}

void hyp_resource_unmap(struct hyp *h, struct hyp_resource *r)
{
	host.maps--;
}

int image_read(const struct image *img, uint64_t offset, void *buf, size_t len)
{
	int rc = host_call();

	for (size_t i = 0; i < len; i += PAGE)
		memset((uint8_t *)buf + i, (int)((offset + i) / PAGE + 1), PAGE);
	return rc;
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
	*pool = (struct sysctl_pool){ id, XEN_SCHEDULER_CREDIT2, 1 };
	return host_call();
}

int domctl_info(struct hyp *h, domid_t domid, struct xen_domctl_getdomaininfo *info)
{
	*info = (struct xen_domctl_getdomaininfo){ .domain = domid, .tot_pages = 1000 * 256,
						   .shared_info_frame = BASE + SHARED_FRAME };
	return host_call();
}

int domctl_create(struct hyp *h, const struct xen_domctl_createdomain *create, domid_t want,
		  domid_t *domid)
{
	int rc = host_call();

	CHECK_EQ(create->flags, 0);
	CHECK_EQ(create->grant_opts, 1);	/* the host offers no version 2 */
	host.vcpus = create->max_vcpus;
	if (!rc) {
		*domid = DOMID;
		host.domains++;
	}
	return rc;
}

int domctl_destroy(struct hyp *h, domid_t domid)
{
	CHECK_EQ(domid, DOMID);
	CHECK_EQ(host.maps, 0);		/* or it would stay as a zombie */
	host.domains--;
	return 0;
}

int domctl_max_vcpus(struct hyp *h, domid_t domid, uint32_t vcpus)
{
	CHECK_EQ(vcpus, host.vcpus);
	return host_call();
}

int domctl_max_mem(struct hyp *h, domid_t domid, uint64_t kib)
{
	host.max_kib = kib;
	return host_call();
}

int domctl_affinity_set(struct hyp *h, domid_t domid, uint32_t vcpu, uint8_t *hard,
			uint8_t *soft, size_t bytes)
{
	host.affinity |= hard[0];
	memset(hard, 0xff, bytes);	/* as the interface says, it comes back changed */
	return host_call();
}

int domctl_tsc_set(struct hyp *h, domid_t domid, const struct xen_domctl_tsc_info *tsc)
{
	return host_call();
}

int domctl_address_size(struct hyp *h, domid_t domid, uint32_t bits)
{
	CHECK_EQ(bits, 64);
	return host_call();
}

int domctl_hypercall_page(struct hyp *h, domid_t domid, uint64_t mfn)
{
	host.hypercall_mfn = mfn;
	return host_call();
}

int domctl_vcpu_context_set(struct hyp *h, domid_t domid, uint32_t vcpu,
			    const vcpu_guest_context_t *ctx)
{
	CHECK(host.pinned);
	CHECK_EQ(vcpu, 0);
	host.ctx = *ctx;
	return host_call();
}

int domctl_sched(struct hyp *h, domid_t domid, struct xen_domctl_scheduler_op *op)
{
	if (op->cmd == XEN_DOMCTL_SCHEDOP_getinfo)
		op->u.credit2 = (struct xen_domctl_sched_credit2){ 256, 0 };
	host.sched = *op;
	return host_call();
}

int memop_claim(struct hyp *h, domid_t domid, uint64_t frames)
{
	int rc = host_call();

	if (!frames)
		host.claimed = false;
	else if (!rc)
		host.claimed = true;
	return frames ? rc : 0;
}

/* 2 MiB pieces while there are any, from below; then single frames, from above. */
long memop_populate(struct hyp *h, domid_t domid, xen_pfn_t *extents, size_t count,
		    unsigned int order, unsigned int flags)
{
	uint64_t size = 1UL << order;
	int rc = host_call();
	long n = 0;

	for (; !rc && (size_t)n < count && host.room >= size; n++) {
		if (order && !host.big)
			break;
		host.big -= !!order;
		host.room -= size;
		extents[n] = BASE + (order ? host.next_low : host.next_high);
		if (order)
			host.next_low += size;
		else
			host.next_high--;
	}
	return rc ? rc : n;
}

int memop_map_set(struct hyp *h, domid_t domid, const struct memop_e820 *map, uint32_t count)
{
	CHECK_EQ(count, 1);
	host.e820_bytes = map->size;
	return host_call();
}

int memop_pin(struct hyp *h, domid_t domid, unsigned int cmd, uint64_t mfn)
{
	CHECK_EQ(cmd, MMUEXT_PIN_L4_TABLE);
	CHECK_EQ(host.maps, 0);		/* writable mappings would forbid it */
	host.pinned = true;
	return host_call();
}

int memop_evtchn_open(struct hyp *h, domid_t domid, domid_t remote, evtchn_port_t *port)
{
	*port = ++host.ports;
	return host_call();
}

/* ------------------------------------------------------------------- tests */

static struct image kernel(bool modern)
{
	struct image img = IMAGE_NONE;

	img.start = 0x100000;
	img.size = 0x20000;
	img.notes.virt_base = 0xffffffff80000000;
	img.notes.entry = img.notes.virt_base + img.start + 0x123;
	img.notes.hypercall_page = img.notes.virt_base + img.start + 0x2000;
	img.notes.has = 1 << XEN_ELFNOTE_ENTRY | 1 << XEN_ELFNOTE_HYPERCALL_PAGE;
	if (modern) {
		img.notes.init_p2m = 0x8000000000;
		img.notes.mod_start_pfn = 1;
		img.notes.has |= 1 << XEN_ELFNOTE_INIT_P2M | 1 << XEN_ELFNOTE_MOD_START_PFN;
	}
	return img;
}

static char initrd[] = "/tmp/test_build.XXXXXX";

static struct build_config config(void)
{
	static struct build_cpumap maps[2];
	struct build_config c;

	build_config_init(&c);
	c.mem_kib = 16 * 1024;
	c.maxmem_kib = 32 * 1024;
	c.vcpus = 2;
	c.weight = 512;
	c.cmdline = "console=hvc0";
	c.initrd_path = initrd;
	maps[1].bits[0] = 2;		/* vcpu 0 anywhere, vcpu 1 on cpu 1 */
	c.affinity = maps;
	return c;
}

static int build(const struct build_config *c, bool modern, struct build_result *r)
{
	struct image img = kernel(modern);

	return build_domain(NULL, c, &img, r, &fault);
}

/* What the guest sees at an address, through the tables that it was given. */
static uint8_t *guest(uint64_t virt)
{
	uint64_t mfn = host.ctx.ctrlreg[3] >> 12;

	for (int level = 4; level >= 1; level--) {
		uint64_t entry;

		CHECK(mfn >= BASE && mfn < BASE + FRAMES);
		memcpy(&entry, host.mem[mfn - BASE] + (virt >> (3 + 9 * level) & 511) * 8, 8);
		CHECK(entry & 1);
		mfn = entry >> 12 & 0xffffffff;
	}
	return host.mem[mfn - BASE] + virt % PAGE;
}

static void check_start_info(const struct build_result *r, bool modern)
{
	const struct start_info *si = (void *)guest(host.ctx.user_regs.rsi);
	uint64_t mfn;

	CHECK_STR(si->magic, "xen-3.0-x86_64");
	CHECK_EQ(si->nr_pages, 4096);
	CHECK_EQ(si->shared_info, (BASE + SHARED_FRAME) * PAGE);
	CHECK_EQ(si->store_mfn, r->store_frame);
	CHECK_EQ(si->store_evtchn, 1);
	CHECK_EQ(si->console.domU.evtchn, 2);
	CHECK_STR((const char *)si->cmd_line, "console=hvc0");
	CHECK_EQ(si->flags, modern ? SIF_MOD_START_PFN : 0);
	CHECK_EQ(si->mod_len, 5000);
	/* the p2m array knows the frame that start_info itself is in */
	memcpy(&mfn, guest(si->mfn_list + (host.ctx.user_regs.rsi & 0x7fffffff) / PAGE * 8), 8);
	CHECK_EQ(mfn, r->start_info_frame);
	if (!modern) {
		CHECK_EQ(*guest(si->mod_start + 4999), 'r');
		CHECK_EQ(*guest(si->mod_start + 5000), 0);
		return;
	}
	memcpy(&mfn, guest(si->mfn_list + si->mod_start * 8), 8);
	CHECK_EQ(host.mem[mfn - BASE][0], 'r');
	memcpy(&mfn, guest(si->mfn_list + (si->mod_start + 1) * 8), 8);
	CHECK_EQ(host.mem[mfn - BASE][5000 - PAGE - 1], 'r');
	CHECK_EQ(host.mem[mfn - BASE][5000 - PAGE], 0);
	CHECK_EQ(si->first_p2m_pfn, si->mod_start + 2);
	CHECK_EQ(si->nr_p2m_frames, 8 + 3);
}

static void a_guest_finds_everything_where_it_is_promised(void)
{
	struct build_config c = config();

	for (int modern = 0; modern < 2; modern++) {
		struct build_result r;
		const grant_entry_v1_t *grant;
		const struct shared_info *s;

		host_reset(0, 0);
		CHECK_EQ(build(&c, modern, &r), 0);
		CHECK_EQ(host.domains, 1);
		CHECK_EQ(host.maps, 0);
		CHECK(!host.claimed);
		CHECK_EQ(r.domid, DOMID);
		CHECK_EQ(host.ctx.user_regs.rip, 0xffffffff80100123);
		CHECK_EQ(host.ctx.user_regs.rsp % PAGE, 0);
		CHECK_EQ(*guest(host.ctx.user_regs.rip), 1);		/* image_read()'s page 0 */
		CHECK_EQ(*guest(host.ctx.user_regs.rip + 0x1f000), 32);
		CHECK_EQ(host.mem[host.hypercall_mfn - BASE][0], 3);
		check_start_info(&r, modern);
		grant = (void *)host.mem[GRANT_FRAME];
		CHECK_EQ(grant[GNTTAB_RESERVED_CONSOLE].frame, r.console_frame);
		CHECK_EQ(grant[GNTTAB_RESERVED_XENSTORE].frame, r.store_frame);
		CHECK_EQ(grant[GNTTAB_RESERVED_XENSTORE].flags, GTF_permit_access);
		s = (void *)host.mem[SHARED_FRAME];
		CHECK_EQ(s->vcpu_info[0].evtchn_upcall_mask, 1);
		CHECK_EQ(s->vcpu_info[31].evtchn_upcall_mask, 1);
		/* nothing of the last owner's is in the rings */
		CHECK_EQ(host.mem[r.store_frame - BASE][17], 0);
		CHECK_EQ(host.mem[r.console_frame - BASE][4095], 0);
		CHECK_EQ(host.max_kib, 33 * 1024);
		CHECK_EQ(host.e820_bytes, 32 << 20);
		CHECK_EQ(host.affinity, 2);
		CHECK_EQ(host.sched.u.credit2.weight, 512);
		CHECK_EQ(host.sched.cmd, XEN_DOMCTL_SCHEDOP_putinfo);
	}
}

/* Let every single call fail, one after the other, each in several ways. */
static void after_any_failure_nothing_is_left(void)
{
	static const int errors[] = { EIO, ENOMEM, EINVAL, ENOSYS };
	struct build_config c = config();

	for (size_t e = 0; e < sizeof(errors) / sizeof(errors[0]); e++) {
		unsigned int failed = 0;

		for (unsigned int n = 1;; n++) {
			struct build_result r;
			int fd = dup(0), rc;

			close(fd);
			host_reset(n, errors[e]);
			rc = build(&c, true, &r);
			CHECK_EQ(host.maps, 0);
			CHECK(!host.claimed);
			CHECK_EQ(host.domains, rc == 0);
			CHECK_EQ(dup(0), fd);		/* no descriptor leaked */
			close(fd);
			if (host.calls < n)
				break;
			failed += rc != 0;
			CHECK(rc == 0 || (fault.err == -rc && fault.text[0]));
		}
		CHECK(failed > 25);
	}
}

static void too_little_memory_is_explained_before_anything_is_made(void)
{
	struct build_config c = config();
	struct build_result r;

	host_reset(0, 0);
	c.mem_kib = 64 * 1024;
	c.maxmem_kib = 0;
	CHECK_EQ(build(&c, true, &r), -ENOMEM);
	CHECK_STR(fault.text, "the host has not enough free memory: the domain takes 66688 KiB, "
		  "but only 32768 KiB are free");
	CHECK(strstr(fault.hint, "34 MiB are missing"));
	CHECK(strstr(fault.hint, "xm mem-set Domain-0 966"));
	CHECK_EQ(host.domains, 0);
}

/* Somebody else was faster, and the claim was not to be had either. */
static void memory_that_runs_out_half_way_is_given_back(void)
{
	struct build_config c = config();
	struct build_result r;

	host_reset(0, 0);
	host.room = 1000;
	c.claim = false;
	CHECK_EQ(build(&c, true, &r), -ENOMEM);
	CHECK(strstr(fault.text, "of the domain's 16 MiB only 3 could be had"));
	CHECK_EQ(host.domains, 0);
}

static void what_cannot_be_is_refused(void)
{
	struct build_config c;
	char longline[BUILD_CMDLINE_MAX + 2];

	memset(longline, 'a', sizeof(longline) - 1);
	longline[sizeof(longline) - 1] = '\0';
#define REFUSED(rc, change) do {					\
	c = config();							\
	change;								\
	memset(&fault, 0, sizeof(fault));				\
	CHECK_EQ(build_check(&c, &fault), rc);				\
	CHECK(!rc == !fault.text[0]);					\
} while (0)
	REFUSED(0, (void)0);
	REFUSED(-EINVAL, c.vcpus = 0);
	REFUSED(-EINVAL, c.vcpus = 33);
	REFUSED(0, c.vcpus = 32);
	REFUSED(-EINVAL, c.mem_kib = 16 * 1024 - 4);
	REFUSED(-EINVAL, c.mem_kib = 20001);
	REFUSED(-EINVAL, c.mem_kib = UINT64_MAX & ~3UL);
	REFUSED(-EINVAL, c.maxmem_kib = 8 * 1024);
	REFUSED(-EINVAL, c.weight = 65536);
	REFUSED(-E2BIG, c.cmdline = longline);
	longline[BUILD_CMDLINE_MAX] = '\0';
	REFUSED(0, c.cmdline = longline);
}

static void a_missing_ramdisk_is_named_as_ever(void)
{
	struct build_config c = config();
	struct build_result r;

	host_reset(0, 0);
	c.initrd_path = "/nonexistent";
	CHECK_EQ(build(&c, true, &r), -ENOENT);
	CHECK_STR(fault.text, "Kernel ramdisk does not exist: /nonexistent");
	host_reset(0, 0);
	c.initrd_path = "/dev/zero";
	CHECK_EQ(build(&c, true, &r), -EINVAL);
	CHECK_EQ(host.domains, 0);
}

static int cancel(void *ctx, const char *phase, uint64_t done, uint64_t total)
{
	CHECK(done <= total);
	return !strcmp(phase, ctx);
}

static void a_cancelled_build_leaves_nothing(void)
{
	static const char *const phases[] = { "memory", "kernel", "ramdisk", "tables" };

	for (size_t i = 0; i < sizeof(phases) / sizeof(phases[0]); i++) {
		struct build_config c = config();
		struct build_result r;

		host_reset(0, 0);
		c.progress = cancel;
		c.progress_ctx = (void *)(uintptr_t)phases[i];
		CHECK_EQ(build(&c, true, &r), -ECANCELED);
		CHECK_EQ(host.domains, 0);
		CHECK(!host.claimed);
	}
}

static int make_initrd(void)
{
	char data[5000];
	int fd = mkstemp(initrd);

	memset(data, 'r', sizeof(data));
	if (fd < 0 || write(fd, data, sizeof(data)) != sizeof(data))
		return -1;
	return close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_guest_finds_everything_where_it_is_promised),
		TEST(after_any_failure_nothing_is_left),
		TEST(too_little_memory_is_explained_before_anything_is_made),
		TEST(memory_that_runs_out_half_way_is_given_back),
		TEST(what_cannot_be_is_refused),
		TEST(a_missing_ramdisk_is_named_as_ever),
		TEST(a_cancelled_build_leaves_nothing),
	};
	int rc;

	if (make_initrd())
		return 1;
	rc = cmocka_run_group_tests(tests, NULL, NULL);
	unlink(initrd);
	free(host.mem);
	return rc;
}
