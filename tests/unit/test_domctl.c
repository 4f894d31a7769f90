/* DOMCTL_*, SYSCTL_* and XENMEM_claim_pages as a toolstack in domain 0 calls them. */
#include "fake.h"
#include "console.h"
#include "ctl.h"
#include "hypercalls.h"
#include "keys.h"
#include "memory.h"
#include <string.h>

static struct domain *d;
static struct xen_domctl op;
static struct xen_sysctl sys;
static char keys_seen[8];
static char ring[64];
static uint32_t ring_start;

/* ---- What domctl.c and sysctl.c need besides ---- */

static long arch_answers(struct domain *of, struct xen_domctl *o)
{
	CHECK(of->pauses > 0);
	o->u.address_size.size = 64;
	return 0;
}

const struct domctl_op arch_domctl_ops[] = {
	{ XEN_DOMCTL_get_address_size, arch_answers, DOMCTL_PAUSED | DOMCTL_COPY_BACK },
	{ 0 },
};
const struct sysctl_op arch_sysctl_ops[] = { { 0 } };

void arch_physinfo(struct xen_sysctl_physinfo *info) { info->cpu_khz = 7; }
uint64_t heap_total_pages(void) { return FAKE_FRAMES; }
uint64_t heap_free_between(uint64_t from, uint64_t to) { return to - from < 100 ? to - from : 100; }

bool key_run(char key)
{
	if (key != 'h')
		return false;
	keys_seen[strlen(keys_seen)] = key;
	return true;
}

size_t console_read_ring(char *to, size_t bytes, uint32_t *index)
{
	size_t n = MIN(bytes, strlen(ring) - *index);

	memcpy(to, ring + *index, n);
	*index += n;
	return n;
}

uint32_t console_ring_start(void) { return ring_start; }
void console_clear_ring(void) { ring_start = strlen(ring); }

/* ---- Calls ---- */

static long call(uint32_t cmd, domid_t id)
{
	const uint64_t arg[6] = { (uint64_t)&op };
	long rc;

	op.cmd = cmd;
	op.interface_version = XEN_DOMCTL_INTERFACE_VERSION;
	op.domain = id;
	fake_be(dom0->vcpu[0]);
	rc = hcall_domctl(arg);
	fake_be_cpu(0);
	return rc;
}

static long syscall_(uint32_t cmd)
{
	const uint64_t arg[6] = { (uint64_t)&sys };
	long rc;

	sys.cmd = cmd;
	sys.interface_version = XEN_SYSCTL_INTERFACE_VERSION;
	fake_be(dom0->vcpu[0]);
	rc = hcall_sysctl(arg);
	fake_be_cpu(0);
	return rc;
}

static long claim(struct domain *as, domid_t id, uint64_t pages)
{
	struct xen_memory_reservation r = { .nr_extents = pages, .domid = id };
	const uint64_t arg[6] = { XENMEM_claim_pages, (uint64_t)&r };
	long rc;

	fake_be(as->vcpu[0]);
	rc = hcall_memory_op(arg);
	fake_be_cpu(0);
	return rc;
}

static void domains(void)
{
	memset(&op, 0, sizeof(op));
	memset(&sys, 0, sizeof(sys));
	fake_domain(0, 1);
	d = fake_domain(5, 2);
}

/* ---- domctl ---- */

static void another_interface_version_is_refused(void)
{
	uint64_t arg[6] = { (uint64_t)&op };

	domains();
	op.cmd = XEN_DOMCTL_pausedomain;
	op.interface_version = XEN_DOMCTL_INTERFACE_VERSION + 1;
	op.domain = 5;
	fake_be(dom0->vcpu[0]);
	CHECK_EQ(hcall_domctl(arg), -EACCES);
	arg[0] = 8;
	CHECK_EQ(hcall_domctl(arg), -EFAULT);
	sys.cmd = XEN_SYSCTL_physinfo;
	arg[0] = (uint64_t)&sys;
	CHECK_EQ(hcall_sysctl(arg), -EACCES);
	fake_be_cpu(0);
}

static void what_does_not_exist_is_named_by_its_errno(void)
{
	domains();
	CHECK_EQ(call(XEN_DOMCTL_pausedomain, 77), -ESRCH);
	CHECK_EQ(call(999, 5), -ENOSYS);
	CHECK_EQ(call(~0U, 5), -ENOSYS);
	CHECK_EQ(call(XEN_DOMCTL_gethvmcontext, 5), -ENOSYS);
	CHECK_EQ(syscall_(999), -ENOSYS);
	op.u.getvcpuinfo.vcpu = 2;
	CHECK_EQ(call(XEN_DOMCTL_getvcpuinfo, 5), -ESRCH);
	op.u.getvcpuinfo.vcpu = ~0U;
	CHECK_EQ(call(XEN_DOMCTL_getvcpuinfo, 5), -ESRCH);
	CHECK_EQ(call(XEN_DOMCTL_getdomaininfo, 6), -ESRCH);
}

static void a_domain_is_made_with_the_number_asked_for_or_the_next_free(void)
{
	domains();
	op.u.createdomain = (struct xen_domctl_createdomain){ .max_vcpus = 1, .max_evtchn_port = 1023,
		.max_grant_frames = 4, .max_maptrack_frames = 2, .grant_opts = 2 };
	CHECK_EQ(call(XEN_DOMCTL_createdomain, 9), 0);
	CHECK_EQ(op.domain, 9);
	CHECK_EQ(call(XEN_DOMCTL_createdomain, 9), -EEXIST);
	CHECK_EQ(call(XEN_DOMCTL_createdomain, 0xffff), 0);
	CHECK(op.domain > 0 && op.domain < DOMID_FIRST_RESERVED && op.domain != 9);
	CHECK_EQ(call(XEN_DOMCTL_getdomaininfo, 9), 0);
	CHECK_EQ(op.u.getdomaininfo.flags, XEN_DOMINF_paused | XEN_DOMINF_blocked);
	CHECK_EQ(op.u.getdomaininfo.max_vcpu_id, XEN_INVALID_MAX_VCPU_ID);
}

/* The first domain of each 512 numbers makes a page of the table, which is kept: the second costs nothing. */
static void only_the_table_of_numbers_outlives_a_bare_domain(void)
{
	domains();
	for (unsigned int round = 0; round < 2; round++)
		for (domid_t id = 512; id < 4 * 512; id += 512) {
			uint64_t live;

			fake_softirqs();
			live = fake_memory_live();
			op.u.createdomain = (struct xen_domctl_createdomain){ .max_vcpus = 1,
				.max_evtchn_port = 1, .grant_opts = 1 };
			CHECK_EQ(call(XEN_DOMCTL_createdomain, id), 0);
			CHECK_EQ(op.domain, id);
			CHECK_EQ(call(XEN_DOMCTL_destroydomain, id), 0);
			fake_softirqs();
			CHECK(!domain_owner(id));
			CHECK_EQ(fake_memory_live() - live, round == 0);
		}
	fake_memory_kept(3);
}

static void promises_that_can_not_be_kept_are_refused(void)
{
	const struct xen_domctl_createdomain good = { .max_vcpus = 1, .max_evtchn_port = 1023,
		.max_grant_frames = 4, .max_maptrack_frames = 2, .grant_opts = 2 };

	domains();
	for (unsigned int bit = 0; bit < 32; bit++) {
		op.u.createdomain = good;
		op.u.createdomain.flags = 1U << bit;
		if (1U << bit != XEN_DOMCTL_CDF_xs_domain)
			CHECK_EQ(call(XEN_DOMCTL_createdomain, 9), -EINVAL);
	}
	op.u.createdomain = good;
	op.u.createdomain.max_vcpus = 0;
	CHECK_EQ(call(XEN_DOMCTL_createdomain, 9), -EINVAL);
	op.u.createdomain = good;
	op.u.createdomain.grant_opts = 0x12;
	CHECK_EQ(call(XEN_DOMCTL_createdomain, 9), -EINVAL);
	op.u.createdomain = good;
	op.u.createdomain.arch.emulation_flags = 1;
	CHECK_EQ(call(XEN_DOMCTL_createdomain, 9), -EINVAL);
	op.u.createdomain = good;
	op.u.createdomain.vmtrace_size = 4096;
	CHECK_EQ(call(XEN_DOMCTL_createdomain, 9), -EINVAL);
	op.u.createdomain = good;
	op.u.createdomain.cpupool_id = 1;
	CHECK_EQ(call(XEN_DOMCTL_createdomain, 9), -ENOENT);
}

static void oneself_is_neither_paused_nor_rewritten(void)
{
	domains();
	op.u.vcpucontext.vcpu = 0;
	CHECK_EQ(call(XEN_DOMCTL_pausedomain, 0), -EINVAL);
	CHECK_EQ(call(XEN_DOMCTL_pausedomain, DOMID_SELF), -EINVAL);
	CHECK_EQ(call(XEN_DOMCTL_setvcpucontext, 0), -EINVAL);
	CHECK_EQ(call(XEN_DOMCTL_getvcpucontext, 0), -EINVAL);
	CHECK_EQ(call(XEN_DOMCTL_resumedomain, 0), -EINVAL);
	CHECK_EQ(call(XEN_DOMCTL_destroydomain, 0), -EINVAL);
	CHECK_EQ(call(XEN_DOMCTL_get_address_size, 0), -EINVAL);
}

static void pauses_count_and_are_told(void)
{
	domains();
	CHECK_EQ(call(XEN_DOMCTL_unpausedomain, 5), -EINVAL);
	CHECK_EQ(call(XEN_DOMCTL_pausedomain, 5), 0);
	CHECK_EQ(call(XEN_DOMCTL_pausedomain, 5), 0);
	CHECK_EQ(call(XEN_DOMCTL_unpausedomain, 5), 0);
	CHECK_EQ(call(XEN_DOMCTL_getdomaininfo, 5), 0);
	CHECK(op.u.getdomaininfo.flags & XEN_DOMINF_paused);
	CHECK_EQ(call(XEN_DOMCTL_unpausedomain, 5), 0);
	CHECK_EQ(call(XEN_DOMCTL_getdomaininfo, 5), 0);
	CHECK(!(op.u.getdomaininfo.flags & XEN_DOMINF_paused));
}

static void the_machines_rows_are_found_and_pause_where_they_say_so(void)
{
	domains();
	CHECK_EQ(call(XEN_DOMCTL_get_address_size, 5), 0);
	CHECK_EQ(op.u.address_size.size, 64);
	CHECK_EQ(d->pauses, 0);
}

static void information_is_that_of_the_next_domain_there_is(void)
{
	domains();
	d->is_shut_down = true;
	d->shutdown_reason = SHUTDOWN_suspend;
	CHECK_EQ(call(XEN_DOMCTL_getdomaininfo, 1), 0);
	CHECK_EQ(op.domain, 5);
	CHECK_EQ(op.u.getdomaininfo.domain, 5);
	CHECK(op.u.getdomaininfo.flags & XEN_DOMINF_shutdown);
	CHECK_EQ(op.u.getdomaininfo.flags >> XEN_DOMINF_shutdownshift & 0xff, SHUTDOWN_suspend);
	CHECK_EQ(op.u.getdomaininfo.nr_online_vcpus, 2);
	CHECK_EQ(op.u.getdomaininfo.max_vcpu_id, 1);
	CHECK_EQ(op.u.getdomaininfo.shared_info_frame, virt_to_mfn(d->shared).n);
	CHECK_EQ(op.u.getdomaininfo.gpaddr_bits, 40);
	d->is_shut_down = false;
}

static void a_maximum_below_what_there_is_stops_growth_only(void)
{
	domains();
	(void)fake_frame(d);
	(void)fake_frame(d);
	op.u.max_mem.max_memkb = 4;
	CHECK_EQ(call(XEN_DOMCTL_max_mem, 5), 0);
	CHECK_EQ(d->max_pages, 1);
	CHECK(!memory_populate(d, 0, 0, PFN(~0UL)));
	op.u.max_mem.max_memkb = ~0UL;
	CHECK_EQ(call(XEN_DOMCTL_max_mem, 5), 0);
	CHECK(memory_populate(d, 0, 0, PFN(~0UL)));
}

static void affinity_is_cut_to_the_machine_and_told_back(void)
{
	uint8_t hard[2] = { 0xfe, 0xff }, soft[2] = { 0xff, 0xff };

	domains();
	op.u.vcpuaffinity.vcpu = 1;
	op.u.vcpuaffinity.flags = XEN_VCPUAFFINITY_HARD | XEN_VCPUAFFINITY_SOFT;
	op.u.vcpuaffinity.cpumap_hard.bitmap.p = hard;
	op.u.vcpuaffinity.cpumap_hard.nr_bits = 16;
	op.u.vcpuaffinity.cpumap_soft.bitmap.p = soft;
	op.u.vcpuaffinity.cpumap_soft.nr_bits = 16;
	CHECK_EQ(call(XEN_DOMCTL_setvcpuaffinity, 5), 0);
	CHECK_EQ(hard[0], 2);
	CHECK_EQ(hard[1], 0);
	CHECK_EQ(soft[0], 2);
	hard[0] = 0xf0;
	CHECK_EQ(call(XEN_DOMCTL_setvcpuaffinity, 5), -EINVAL);
	soft[1] = 0xaa;
	CHECK_EQ(call(XEN_DOMCTL_getvcpuaffinity, 5), 0);
	CHECK_EQ(hard[0], 2);
	CHECK_EQ(soft[0], 3);
	CHECK_EQ(soft[1], 0);
	op.u.vcpuaffinity.flags = 0;
	CHECK_EQ(call(XEN_DOMCTL_setvcpuaffinity, 5), -EINVAL);
	op.u.vcpuaffinity.flags = 64 | XEN_VCPUAFFINITY_HARD;
	CHECK_EQ(call(XEN_DOMCTL_setvcpuaffinity, 5), -EINVAL);
	op.u.vcpuaffinity.flags = XEN_VCPUAFFINITY_HARD;
	op.u.vcpuaffinity.cpumap_hard.nr_bits = ~0U;
	CHECK_EQ(call(XEN_DOMCTL_setvcpuaffinity, 5), -E2BIG);
	CHECK_EQ(call(XEN_DOMCTL_getvcpuaffinity, 5), -E2BIG);
}

static void a_context_is_installed_whole_or_its_vcpu_does_not_run(void)
{
	static struct vcpu_guest_context c;
	struct vcpu *v;

	domains();
	v = d->vcpu[1];
	c.flags = VGCF_online;
	op.u.vcpucontext.vcpu = 1;
	op.u.vcpucontext.ctxt.p = &c;
	fake_context_rc = -EINVAL;
	CHECK_EQ(call(XEN_DOMCTL_setvcpucontext, 5), -EINVAL);
	CHECK(!v->is_initialised && v->stop & VCPU_DOWN);
	CHECK_EQ(call(XEN_DOMCTL_getvcpucontext, 5), -ENODATA);
	fake_context_rc = 0;
	CHECK_EQ(call(XEN_DOMCTL_setvcpucontext, 5), 0);
	CHECK(v->is_initialised && !(v->stop & VCPU_DOWN));
	CHECK_EQ(call(XEN_DOMCTL_getvcpucontext, 5), 0);
	CHECK_EQ(c.flags, 1001);
	c.flags = 0;
	CHECK_EQ(call(XEN_DOMCTL_setvcpucontext, 5), 0);
	CHECK(v->is_initialised && v->stop & VCPU_DOWN);
	op.u.vcpucontext.ctxt.p = NULL;
	CHECK_EQ(call(XEN_DOMCTL_setvcpucontext, 5), 0);
	CHECK(!v->is_initialised);
	op.u.vcpucontext.ctxt.p = (void *)64;
	CHECK_EQ(call(XEN_DOMCTL_setvcpucontext, 5), -EFAULT);
	op.u.vcpucontext.ctxt.p = &c;
	fake_mem_left = 0;
	CHECK_EQ(call(XEN_DOMCTL_setvcpucontext, 5), -ENOMEM);
	fake_mem_left = -1;
}

static void a_scheduler_that_is_not_this_one_has_no_parameters(void)
{
	domains();
	op.u.scheduler_op.sched_id = XEN_SCHEDULER_CREDIT2;
	op.u.scheduler_op.cmd = XEN_DOMCTL_SCHEDOP_getinfo;
	CHECK_EQ(call(XEN_DOMCTL_scheduler_op, 5), -EINVAL);
	op.u.scheduler_op.sched_id = XEN_SCHEDULER_CREDIT;
	CHECK_EQ(call(XEN_DOMCTL_scheduler_op, 5), 0);
	CHECK_EQ(op.u.scheduler_op.u.credit.weight, 256);
}

static void the_only_node_is_where_domains_are(void)
{
	uint8_t nodes[2] = { 2, 0 };

	domains();
	op.u.nodeaffinity.nodemap.bitmap.p = nodes;
	op.u.nodeaffinity.nodemap.nr_bits = 9;
	CHECK_EQ(call(XEN_DOMCTL_setnodeaffinity, 5), -EINVAL);
	nodes[0] = 3;
	CHECK_EQ(call(XEN_DOMCTL_setnodeaffinity, 5), 0);
	nodes[1] = 0xff;
	CHECK_EQ(call(XEN_DOMCTL_getnodeaffinity, 5), 0);
	CHECK_EQ(nodes[0], 1);
	CHECK_EQ(nodes[1], 0);
}

static void a_destruction_that_takes_long_is_continued(void)
{
	struct evtchn_alloc_unbound port = { .dom = 5 };

	domains();
	fake_be(dom0->vcpu[0]);
	for (unsigned int i = 0; i < 50; i++)
		CHECK_EQ(evtchn_op(EVTCHNOP_alloc_unbound, (uint64_t)&port), 0);
	fake_be_cpu(0);
	for (unsigned int i = 0; i < d->max_vcpus; i++)		/* off their CPU */
		vcpu_stop_set(d->vcpu[i], VCPU_DOWN);
	fake_softirqs();
	fake_yield_after = 0;
	CHECK_EQ(call(XEN_DOMCTL_destroydomain, 5), FAKE_CONTINUED);
	fake_yield_after = -1;
	CHECK_EQ(call(XEN_DOMCTL_getdomaininfo, 5), 0);
	CHECK(op.u.getdomaininfo.flags & XEN_DOMINF_dying);
	CHECK_EQ(call(XEN_DOMCTL_destroydomain, 5), 0);
	fake_softirqs();
	CHECK_EQ(call(XEN_DOMCTL_getdomaininfo, 5), -ESRCH);
}

/* ---- Claims ---- */

static void claimed_memory_is_kept_from_others(void)
{
	struct domain *other;
	uint64_t free;

	domains();
	other = fake_domain(6, 1);
	d->max_pages = other->max_pages = FAKE_FRAMES;
	free = heap_free_pages();
	CHECK_EQ(claim(d, 5, 10), -EPERM);
	CHECK_EQ(claim(dom0, 5, free + 1), -ENOMEM);
	CHECK_EQ(claim(dom0, 5, free - 1), 0);
	CHECK_EQ(claim(dom0, 5, free - 1), -EINVAL);
	CHECK_EQ(memory_claimed_pages(), free - 1);
	CHECK(memory_populate(other, 0, 0, PFN(~0UL)));
	CHECK(!memory_populate(other, 0, 0, PFN(~0UL)));
	CHECK(memory_populate(d, 3, 0, PFN(~0UL)));
	CHECK_EQ(memory_claimed_pages(), free - 1 - 8);
	CHECK_EQ(claim(dom0, 5, 0), 0);
	CHECK_EQ(memory_claimed_pages(), 0);
	CHECK(memory_populate(other, 0, 0, PFN(~0UL)));
}

static void a_claim_dies_with_its_domain(void)
{
	domains();
	d->max_pages = 100;
	CHECK_EQ(claim(dom0, 5, 101), -EINVAL);
	CHECK_EQ(claim(dom0, 5, 100), 0);
	fake_destroy(d);
	CHECK_EQ(memory_claimed_pages(), 0);
}

/* ---- sysctl ---- */

static void the_list_of_domains_has_as_many_as_fit(void)
{
	struct xen_domctl_getdomaininfo list[4];

	domains();
	sys.u.getdomaininfolist.max_domains = 4;
	sys.u.getdomaininfolist.buffer.p = list;
	CHECK_EQ(syscall_(XEN_SYSCTL_getdomaininfolist), 0);
	CHECK_EQ(sys.u.getdomaininfolist.num_domains, 2);
	CHECK_EQ(list[1].domain, 5);
	sys.u.getdomaininfolist.first_domain = 1;
	sys.u.getdomaininfolist.max_domains = 1;
	CHECK_EQ(syscall_(XEN_SYSCTL_getdomaininfolist), 0);
	CHECK_EQ(sys.u.getdomaininfolist.num_domains, 1);
	CHECK_EQ(list[0].domain, 5);
	sys.u.getdomaininfolist.first_domain = 0xffff;
	CHECK_EQ(syscall_(XEN_SYSCTL_getdomaininfolist), 0);
	CHECK_EQ(sys.u.getdomaininfolist.num_domains, 0);
}

static void the_log_is_read_in_pieces_and_not_shown_again_once_cleared(void)
{
	char text[16];

	domains();
	ring_start = 0;
	strcpy(ring, "one two three");
	sys.u.readconsole.buffer.p = text;
	sys.u.readconsole.count = 8;
	CHECK_EQ(syscall_(XEN_SYSCTL_readconsole), 0);
	CHECK_EQ(sys.u.readconsole.count, 8);
	CHECK_MEM(text, "one two ", 8);
	sys.u.readconsole.incremental = 1;
	sys.u.readconsole.clear = 1;
	sys.u.readconsole.count = sizeof(text);
	CHECK_EQ(syscall_(XEN_SYSCTL_readconsole), 0);
	CHECK_EQ(sys.u.readconsole.count, 5);
	CHECK_MEM(text, "three", 5);
	sys.u.readconsole.index = 0;
	sys.u.readconsole.count = sizeof(text);
	CHECK_EQ(syscall_(XEN_SYSCTL_readconsole), 0);
	CHECK_EQ(sys.u.readconsole.count, 0);
}

static void keys_are_pressed_and_unknown_ones_ignored(void)
{
	domains();
	memset(keys_seen, 0, sizeof(keys_seen));
	sys.u.debug_keys.keys.p = "h?h";
	sys.u.debug_keys.nr_keys = 3;
	CHECK_EQ(syscall_(XEN_SYSCTL_debug_keys), 0);
	CHECK_STR(keys_seen, "hh");
	sys.u.debug_keys.nr_keys = ~0U;
	CHECK_EQ(syscall_(XEN_SYSCTL_debug_keys), -E2BIG);
}

static void the_machine_is_described(void)
{
	domains();
	CHECK_EQ(syscall_(XEN_SYSCTL_physinfo), 0);
	CHECK_EQ(sys.u.physinfo.nr_cpus, 2);
	CHECK_EQ(sys.u.physinfo.cpu_khz, 7);
	CHECK_EQ(sys.u.physinfo.free_pages, heap_free_pages());
	CHECK(sys.u.physinfo.capabilities & XEN_SYSCTL_PHYSCAP_pv);
	CHECK(!(sys.u.physinfo.capabilities & XEN_SYSCTL_PHYSCAP_hvm));
	memset(&sys, 0, sizeof(sys));
	CHECK_EQ(syscall_(XEN_SYSCTL_numainfo), 0);
	CHECK_EQ(sys.u.numainfo.num_nodes, 1);
	memset(&sys, 0, sizeof(sys));
	sys.u.availheap.max_bitwidth = 16;
	sys.u.availheap.node = -1;
	CHECK_EQ(syscall_(XEN_SYSCTL_availheap), 0);
	CHECK_EQ(sys.u.availheap.avail_bytes, 16 * PAGE_SIZE);
	sys.u.availheap.node = 1;
	CHECK_EQ(syscall_(XEN_SYSCTL_availheap), -EINVAL);
}

static void there_is_one_pool_of_all_cpus(void)
{
	uint8_t map = 0xff;

	domains();
	sys.u.cpupool_op.op = XEN_SYSCTL_CPUPOOL_OP_INFO;
	sys.u.cpupool_op.cpumap.bitmap.p = &map;
	sys.u.cpupool_op.cpumap.nr_bits = 8;
	CHECK_EQ(syscall_(XEN_SYSCTL_cpupool_op), 0);
	CHECK_EQ(map, 3);
	CHECK_EQ(sys.u.cpupool_op.n_dom, 2);
	CHECK_EQ(sys.u.cpupool_op.sched_id, XEN_SCHEDULER_CREDIT);
	sys.u.cpupool_op.op = XEN_SYSCTL_CPUPOOL_OP_FREEINFO;
	CHECK_EQ(syscall_(XEN_SYSCTL_cpupool_op), 0);
	CHECK_EQ(map, 0);
	sys.u.cpupool_op.op = XEN_SYSCTL_CPUPOOL_OP_INFO;
	sys.u.cpupool_op.cpupool_id = 1;
	CHECK_EQ(syscall_(XEN_SYSCTL_cpupool_op), -ENOENT);
	sys.u.cpupool_op.op = XEN_SYSCTL_CPUPOOL_OP_CREATE;
	CHECK_EQ(syscall_(XEN_SYSCTL_cpupool_op), -EOPNOTSUPP);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		FAKE_TEST_CPUS(another_interface_version_is_refused, 2),
		FAKE_TEST_CPUS(what_does_not_exist_is_named_by_its_errno, 2),
		FAKE_TEST_CPUS(a_domain_is_made_with_the_number_asked_for_or_the_next_free, 2),
		FAKE_TEST_CPUS(only_the_table_of_numbers_outlives_a_bare_domain, 2),
		FAKE_TEST_CPUS(promises_that_can_not_be_kept_are_refused, 2),
		FAKE_TEST_CPUS(oneself_is_neither_paused_nor_rewritten, 2),
		FAKE_TEST_CPUS(pauses_count_and_are_told, 2),
		FAKE_TEST_CPUS(the_machines_rows_are_found_and_pause_where_they_say_so, 2),
		FAKE_TEST_CPUS(information_is_that_of_the_next_domain_there_is, 2),
		FAKE_TEST_CPUS(a_maximum_below_what_there_is_stops_growth_only, 2),
		FAKE_TEST_CPUS(affinity_is_cut_to_the_machine_and_told_back, 2),
		FAKE_TEST_CPUS(a_context_is_installed_whole_or_its_vcpu_does_not_run, 2),
		FAKE_TEST_CPUS(a_scheduler_that_is_not_this_one_has_no_parameters, 2),
		FAKE_TEST_CPUS(the_only_node_is_where_domains_are, 2),
		FAKE_TEST_CPUS(a_destruction_that_takes_long_is_continued, 2),
		FAKE_TEST_CPUS(claimed_memory_is_kept_from_others, 2),
		FAKE_TEST_CPUS(a_claim_dies_with_its_domain, 2),
		FAKE_TEST_CPUS(the_list_of_domains_has_as_many_as_fit, 2),
		FAKE_TEST_CPUS(the_log_is_read_in_pieces_and_not_shown_again_once_cleared, 2),
		FAKE_TEST_CPUS(keys_are_pressed_and_unknown_ones_ignored, 2),
		FAKE_TEST_CPUS(the_machine_is_described, 2),
		FAKE_TEST_CPUS(there_is_one_pool_of_all_cpus, 2),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
