/* The toolstack's calls, and a few domains that come and go while their frames are played with. */
#define __XEN_TOOLS__ 1		/* for what only the toolstack asks */
#include "fuzz.h"

#include <xen/domctl.h>
#include <xen/memory.h>
#include <xen/platform.h>
#include <xen/sysctl.h>
#include <xen/vcpu.h>

enum { DOMAINS = 4, FRAMES = 64 };

static xen_pfn_t frames[FRAMES];	/* got for some domain once */

uint64_t other_mfn(void)
{
	uint64_t mfn = frames[random_below(FRAMES)];

	return mfn ? mfn : toy_mfn[random_toy()];
}

static long domctl_run(struct xen_domctl *op, uint32_t cmd, domid_t domain)
{
	op->cmd = cmd;
	op->domain = domain;
	op->interface_version = XEN_DOMCTL_INTERFACE_VERSION;
	return hcall(domctl, op);
}

static domid_t random_other(void) { return (domid_t)(1 + random_below(DOMAINS)); }

static void other_create(domid_t id)
{
	struct xen_domctl op = { 0 };

	op.u.createdomain.ssidref = 0;
	op.u.createdomain.max_vcpus = one_in(8) ? (uint32_t)random_number() : 1 + random_below(40);
	op.u.createdomain.max_evtchn_port = one_in(4) ? (uint32_t)random_number() : 1023;
	op.u.createdomain.max_grant_frames = one_in(4) ? (int32_t)random_number() : 8;
	op.u.createdomain.max_maptrack_frames = one_in(4) ? (int32_t)random_number() : 8;
	op.u.createdomain.grant_opts = one_in(4) ? (uint32_t)random_number() : 2;
	note(domctl_run(&op, XEN_DOMCTL_createdomain, id));
	op.u.max_vcpus.max = one_in(16) ? random_below(64) : op.u.createdomain.max_vcpus;
	note(domctl_run(&op, XEN_DOMCTL_max_vcpus, id));
	op.u.max_mem.max_memkb = one_in(8) ? random_number() : random_below(4096);
	note(domctl_run(&op, XEN_DOMCTL_max_mem, id));
}

static void other_populate(domid_t id)
{
	struct xen_memory_reservation r = { .nr_extents = 1 + random_below(4), .domid = id };
	unsigned int at = random_below(FRAMES - 4);

	set_xen_guest_handle(r.extent_start, &frames[at]);
	if (one_in(4)) {
		note(hcall(memory_op, XENMEM_decrease_reservation, &r));
		return;
	}
	for (unsigned int i = 0; i < r.nr_extents; i++)
		frames[at + i] = random_below(1000);
	if (hcall(memory_op, XENMEM_populate_physmap, &r) < (long)r.nr_extents)
		memset(&frames[at], 0, r.nr_extents * sizeof(frames[0]));
}

/* Pins, updates and maps in the other's name: what a domain builder does. */
static void other_tables(domid_t id)
{
	struct mmuext_op op = { .cmd = random_below(5), .arg1.mfn = other_mfn() };
	struct mmu_update update = { .ptr = other_mfn() << 12 | random_below(512) << 3, .val = random_pte() };

	if (one_in(2))
		op.cmd = MMUEXT_CLEAR_PAGE;
	note(hcall(mmuext_op, &op, 1, NULL, id));
	if (one_in(2))
		update.val = MFN_PTE(other_mfn(), one_in(2) ? PTE_TABLE : PTE_RO);
	note(hcall(mmu_update, &update, 1, NULL, (uint64_t)(id + 1) << 16 | id));
}

static void other_context(domid_t id)
{
	struct vcpu_guest_context *c = random_buffer(sizeof(*c));
	struct xen_domctl op = { 0 };

	if (one_in(2))
		spare_context(c, 0);
	c->ctrlreg[3] = xen_pfn_to_cr3(other_mfn());
	c->ctrlreg[1] = one_in(2) ? 0 : xen_pfn_to_cr3(other_mfn());
	c->flags = one_in(2) ? VGCF_in_kernel | VGCF_online : random_bits();
	op.u.vcpucontext.vcpu = one_in(2) ? 0 : random_below(40);
	set_xen_guest_handle(op.u.vcpucontext.ctxt, one_in(8) ? NULL : c);
	note(domctl_run(&op, XEN_DOMCTL_setvcpucontext, id));
}

static void other_end(domid_t id)
{
	struct xen_domctl op = { 0 };

	note(domctl_run(&op, XEN_DOMCTL_destroydomain, id));
}

static void other_pause(domid_t id)
{
	static const uint32_t cmds[] = { XEN_DOMCTL_pausedomain, XEN_DOMCTL_unpausedomain,
		XEN_DOMCTL_resumedomain };
	struct xen_domctl op = { 0 };

	note(domctl_run(&op, cmds[random_below(ARRAY_SIZE(cmds))], id));
}

void do_other_domain(void)
{
	static void (*const steps[])(domid_t id) = { other_create, other_populate, other_populate,
		other_populate, other_tables, other_tables, other_context, other_end, other_pause };

	steps[random_below(ARRAY_SIZE(steps))](random_other());
}

/* Any command; those that would stop or starve our own domain go to others. */
void make_domctl(struct call *c)
{
	static const uint32_t ours_too[] = { XEN_DOMCTL_getdomaininfo, XEN_DOMCTL_getvcpuinfo,
		XEN_DOMCTL_getvcpucontext, XEN_DOMCTL_setvcpucontext, XEN_DOMCTL_getvcpuaffinity,
		XEN_DOMCTL_gettscinfo, XEN_DOMCTL_get_cpu_policy, XEN_DOMCTL_set_cpu_policy,
		XEN_DOMCTL_getpageframeinfo3, XEN_DOMCTL_get_ext_vcpucontext,
		XEN_DOMCTL_getvcpuextstate, XEN_DOMCTL_get_vcpu_msrs, XEN_DOMCTL_max_vcpus,
		XEN_DOMCTL_destroydomain, XEN_DOMCTL_pausedomain };
	struct xen_domctl *op = random_buffer(sizeof(*op));

	op->cmd = one_in(16) ? (uint32_t)random_number() : random_below(90);
	op->interface_version = one_in(16) ? (uint32_t)random_bits() : XEN_DOMCTL_INTERFACE_VERSION;
	op->domain = random_other();
	if (op->cmd == XEN_DOMCTL_createdomain)		/* their number stays small */
		op->domain = random_other();
	else if (one_in(4)) {
		op->cmd = ours_too[random_below(ARRAY_SIZE(ours_too))];
		op->domain = one_in(8) ? random_domid() : 0;
	}
	if (one_in(2))				/* a vcpu's number, mostly */
		*(uint32_t *)&op->u = random_below(8);
	for (unsigned int i = 0; i < 3; i++)	/* somewhere there are pointers */
		if (one_in(2))
			((uint64_t *)&op->u)[random_below(8)] = random_out();
	c->args[0] = random_pointer(op);
}

void make_sysctl(struct call *c)
{
	struct xen_sysctl *op = random_buffer(sizeof(*op));

	op->cmd = one_in(16) ? (uint32_t)random_number() : random_below(32);
	op->interface_version = one_in(16) ? (uint32_t)random_bits() : XEN_SYSCTL_INTERFACE_VERSION;
	if (op->cmd == XEN_SYSCTL_debug_keys)	/* some end the machine, others take long to print */
		op->cmd = XEN_SYSCTL_getdomaininfolist;
	for (unsigned int i = 0; i < 3; i++)
		if (one_in(2))
			((uint64_t *)&op->u)[random_below(8)] = random_out();
	if (op->cmd == XEN_SYSCTL_scheduler_op && one_in(2))	/* no setting that makes us crawl */
		op->u.scheduler_op.cmd = XEN_SYSCTL_SCHEDOP_getinfo;
	c->args[0] = random_pointer(op);
}

void make_platform_op(struct call *c)
{
	struct xen_platform_op *op = random_buffer(sizeof(*op));

	op->cmd = one_in(8) ? (uint32_t)random_number() : 17 + random_below(50);
	if (op->cmd == XENPF_enter_acpi_sleep)
		op->cmd = XENPF_get_cpuinfo;
	op->interface_version = one_in(16) ? (uint32_t)random_bits() : XENPF_INTERFACE_VERSION;
	for (unsigned int i = 0; i < 3; i++)
		if (one_in(2))
			((uint64_t *)&op->u)[random_below(8)] = random_out();
	if (one_in(2))
		((uint32_t *)&op->u)[0] = random_below(8);
	c->args[0] = random_pointer(op);
}
