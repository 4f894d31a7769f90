/* Random hypercalls with arguments that have the right shape, mostly. */
#include "fuzz.h"

#include <xen/callback.h>
#include <xen/event_channel.h>
#include <xen/grant_table.h>
#include <xen/memory.h>
#include <xen/nmi.h>
#include <xen/physdev.h>
#include <xen/platform.h>
#include <xen/vcpu.h>
#include <xen/version.h>

/* Where the arguments are; at times where nothing can be read, but never in a toy, whose contents could be
 * requests that nobody meant. */
static uint64_t pointer(void *good)
{
	static const uint64_t bad[] = { 0, 8, 0x1000, 0x7ffffffff000, 0x7ffffffffffc, 0x0000800000000000,
		HYPERVISOR_VIRT_START + (1ul << 40), HYPERVISOR_VIRT_END - 4, 0xffffffffffffffff };

	return one_in(16) ? bad[random_below(ARRAY_SIZE(bad))] : (uintptr_t)good;
}

/* Where an answer may go: never over the fuzzer's own memory. */
static uint64_t out_pointer(void)
{
	return one_in(3) ? 0 : random_va();
}

static domid_t random_domid(void)
{
	static const domid_t known[] = { 0, 1, DOMID_SELF, DOMID_IO, DOMID_XEN, DOMID_COW, DOMID_INVALID,
		DOMID_IDLE, 0xffff };

	return one_in(2) ? DOMID_SELF : known[random_below(ARRAY_SIZE(known))];
}

/* An entry to change: in a toy, or the one that maps a toy; never what keeps the fuzzer alive. */
static uint64_t random_entry(void)
{
	uint64_t *pte;

	if (one_in(3)) {
		pte = pte_of((uintptr_t)toy[random_below(TOYS)], 1);
		return maddr_of(pte);
	}
	return toy_mfn[random_below(TOYS)] << 12 | random_below(511) << 3;
}

static void make_mmu_update(struct call *c)
{
	unsigned int n = one_in(4) ? random_below(40) : 1 + random_below(3);
	struct mmu_update *r = random_buffer((n + 1) * sizeof(*r));

	for (unsigned int i = 0; i < n; i++) {
		r[i].ptr = random_entry() | (one_in(4) ? MMU_PT_UPDATE_PRESERVE_AD : 0);
		r[i].val = random_pte();
		if (one_in(20))
			r[i].ptr = toy_mfn[random_below(TOYS)] << 12 | MMU_MACHPHYS_UPDATE;
		else if (one_in(40))
			r[i].ptr = (1ul << 44) | random_bits();
	}
	c->args[0] = pointer(r);
	c->args[1] = one_in(30) ? 1u << 31 | n : n;
	c->args[2] = out_pointer();
	c->args[3] = one_in(8) ? random_domid() : DOMID_SELF;
	if (one_in(40))
		c->args[3] |= random_bits() << 16;
}

static uint64_t mask_pointer(void)
{
	uint64_t *mask = random_buffer(64);

	return pointer(mask);
}

static void make_mmuext_op(struct call *c)
{
	unsigned int n = 1 + random_below(3);
	struct mmuext_op *ops = random_buffer(n * sizeof(*ops));

	for (unsigned int i = 0; i < n; i++) {
		ops[i].cmd = random_below(22);
		ops[i].arg1.mfn = random_mfn();
		ops[i].arg2.src_mfn = random_mfn();
		switch (ops[i].cmd) {
		case MMUEXT_NEW_BASEPTR:	/* actions.c tries these two where they can't take us along */
		case MMUEXT_NEW_USER_BASEPTR:
			ops[i].cmd = MMUEXT_PIN_L4_TABLE;
			break;
		case MMUEXT_UNPIN_TABLE:
		case MMUEXT_CLEAR_PAGE:
		case MMUEXT_COPY_PAGE:
			if (one_in(2))
				ops[i].arg1.mfn = toy_mfn[random_below(TOYS)];
			else
				ops[i].arg1.mfn = (1ul << 40) - 1 - random_below(1000);
			break;
		case MMUEXT_INVLPG_LOCAL:
		case MMUEXT_INVLPG_ALL:
			ops[i].arg1.linear_addr = random_va();
			break;
		case MMUEXT_TLB_FLUSH_MULTI:
		case MMUEXT_INVLPG_MULTI:
			ops[i].arg1.linear_addr = random_va();
			set_xen_guest_handle(ops[i].arg2.vcpumask, (const void *)mask_pointer());
			break;
		case MMUEXT_SET_LDT:
			ops[i].arg1.linear_addr = random_toy_va() & (one_in(8) ? ~0ul : PAGE_MASK);
			ops[i].arg2.nr_ents = one_in(3) ? 0 : random_below(600);
			break;
		default:
			break;
		}
		if (one_in(40))
			ops[i].cmd = 22 + random_below(1000);
	}
	c->args[0] = pointer(ops);
	c->args[1] = n;
	c->args[2] = out_pointer();
	c->args[3] = one_in(10) ? random_domid() : DOMID_SELF;
}

static void make_update_va_mapping(struct call *c)
{
	c->args[0] = one_in(8) ? random_va() : random_toy_va();
	c->args[1] = random_pte();
	c->args[2] = one_in(8) ? mask_pointer() | random_below(3) : random_below(8);
}

static void make_update_va_otherdomain(struct call *c)
{
	make_update_va_mapping(c);
	c->args[3] = random_domid();
}

static void make_update_descriptor(struct call *c)
{
	c->args[0] = toy_mfn[random_below(TOYS)] << 12 | random_below(512) << 3;
	if (one_in(20))
		c->args[0] = random_bits() | 1ul << 46;
	c->args[1] = random_bits();
	if (one_in(2))
		c->args[1] |= 3ul << 44;
}

static void make_set_gdt(struct call *c)
{
	unsigned long *frames = random_buffer(16 * sizeof(*frames));

	for (int i = 0; i < 16; i++)
		frames[i] = random_mfn();
	c->args[0] = pointer(frames);
	c->args[1] = one_in(3) ? 0 : one_in(8) ? random_number() : random_below(1024);
}

static void make_set_trap_table(struct call *c)
{
	struct trap_info *t = random_buffer(4 * sizeof(*t));

	for (int i = 0; i < 3; i++) {		/* vectors that nothing raises */
		t[i].vector = (uint8_t)(0xa0 + random_below(64));
		t[i].address = random_va() | 1;
	}
	t[3].address = 0;
	c->args[0] = (uintptr_t)t;
	if (one_in(16))
		c->args[0] = HYPERVISOR_VIRT_START + (random_bits() >> 20);
}

static void make_memory_op(struct call *c)
{
	static const unsigned int harmless[] = { XENMEM_maximum_ram_page, XENMEM_current_reservation,
		XENMEM_maximum_reservation, XENMEM_machphys_mfn_list, XENMEM_machphys_mapping,
		XENMEM_memory_map, XENMEM_machine_memory_map, XENMEM_maximum_gpfn,
		18, 19, 63 };
	uint64_t *words = random_buffer(128);
	struct xen_memory_reservation *r = (void *)words;
	xen_pfn_t *frames = random_buffer(8 * sizeof(*frames));

	c->args[0] = harmless[random_below(ARRAY_SIZE(harmless))];
	c->args[1] = pointer(words);
	words[1] = random_va();			/* where lists go */
	if (one_in(2))
		return;
	/* reservations of frames that are not the fuzzer's own */
	for (int i = 0; i < 8; i++)
		frames[i] = (1ul << 40) - 1 - random_below(4096);
	set_xen_guest_handle(r->extent_start, frames);
	r->nr_extents = one_in(8) ? random_number() : random_below(9);
	r->extent_order = one_in(4) ? (unsigned int)random_number() : 0;
	r->mem_flags = (unsigned int)random_bits() & 0xff;
	r->domid = one_in(4) ? random_domid() : DOMID_SELF;
	c->args[0] = XENMEM_decrease_reservation;
	if (one_in(6))				/* a continuation that nobody asked for */
		c->args[0] |= random_bits() << 6;
}

static void make_event_channel_op(struct call *c)
{
	uint32_t *words = random_buffer(64);
	unsigned int cmd = random_below(14);

	if (cmd == EVTCHNOP_reset || cmd == EVTCHNOP_init_control || cmd == EVTCHNOP_expand_array)
		cmd = EVTCHNOP_status;
	for (int i = 0; i < 4; i++) {
		if (one_in(2))
			words[i] = random_below(40);
		if (words[i] == timer_port)
			words[i]++;
	}
	if (cmd == EVTCHNOP_bind_virq && words[0] == VIRQ_TIMER && words[1] == 0)
		words[1] = 1;
	if (one_in(3))
		words[0] = words[1] = DOMID_SELF;	/* domids come first in most of them */
	if (cmd == EVTCHNOP_alloc_unbound)
		*words = DOMID_SELF | (uint32_t)random_domid() << 16;
	c->args[0] = one_in(50) ? random_number() + 14 : cmd;
	c->args[1] = pointer(words);
}

static void make_vcpu_op(struct call *c)
{
	static const unsigned int cmds[] = { VCPUOP_is_up, VCPUOP_get_runstate_info,
		VCPUOP_register_runstate_memory_area, VCPUOP_set_singleshot_timer,
		VCPUOP_stop_singleshot_timer, VCPUOP_get_physid, VCPUOP_register_vcpu_info,
		VCPUOP_register_vcpu_time_memory_area, VCPUOP_initialise, VCPUOP_down, 77 };
	uint64_t *words = random_buffer(sizeof(struct vcpu_guest_context));

	c->args[0] = cmds[random_below(ARRAY_SIZE(cmds))];
	c->args[1] = random_below(4);
	if (one_in(8))
		c->args[1] = random_number();
	words[0] = one_in(2) ? random_mfn() : random_va();
	if (c->args[0] == VCPUOP_register_runstate_memory_area ||
	    c->args[0] == VCPUOP_register_vcpu_time_memory_area)
		words[0] = one_in(4) ? 0 : random_toy_va();
	if (c->args[0] == VCPUOP_register_vcpu_info || c->args[0] == VCPUOP_down ||
	    c->args[0] == VCPUOP_initialise)
		c->args[1] |= 1;			/* never the vcpu we run on */
	c->args[2] = pointer(words);
	if (c->args[0] == VCPUOP_get_runstate_info)
		c->args[2] = random_va();
}

static void make_physdev_op(struct call *c)
{
	static const unsigned int cmds[] = { PHYSDEVOP_irq_status_query, PHYSDEVOP_apic_read,
		PHYSDEVOP_eoi, PHYSDEVOP_map_pirq, PHYSDEVOP_unmap_pirq, PHYSDEVOP_alloc_irq_vector,
		PHYSDEVOP_get_free_pirq, PHYSDEVOP_set_iobitmap, 99 };
	uint32_t *words = random_buffer(64);

	c->args[0] = cmds[random_below(ARRAY_SIZE(cmds))];
	if (one_in(2))
		words[0] = random_below(32);
	if (c->args[0] == PHYSDEVOP_map_pirq || c->args[0] == PHYSDEVOP_unmap_pirq) {
		words[0] = one_in(3) ? random_domid() : DOMID_SELF;
		words[1] = one_in(2) ? MAP_PIRQ_TYPE_GSI : random_below(8);
		words[2] = 16 + random_below(16);
		words[3] = one_in(2) ? words[2] : (uint32_t)random_number();
	}
	c->args[1] = pointer(words);
}

/* Never one that ends or stops the domain or the machine. */
static void make_sched_op(struct call *c)
{
	struct sched_poll *poll = random_buffer(sizeof(*poll));
	evtchn_port_t *ports = random_buffer(16 * sizeof(*ports));

	c->args[0] = one_in(3) ? SCHEDOP_yield : one_in(2) ? SCHEDOP_poll : 8 + random_number() % 1000;
	set_xen_guest_handle(poll->ports, ports);
	if (one_in(4))
		set_xen_guest_handle(poll->ports, (evtchn_port_t *)random_va());
	poll->nr_ports = one_in(8) ? (unsigned int)random_number() : random_below(17);
	poll->timeout = 1;			/* long past: it never waits */
	c->args[1] = pointer(poll);
}

static void make_grant_table_op(struct call *c)
{
	uint64_t *words = random_buffer(4 * 64);
	unsigned int n = 1 + random_below(3);

	c->args[0] = one_in(8) ? random_number() : random_below(13);
	switch (c->args[0]) {
	case GNTTABOP_map_grant_ref: {
		struct gnttab_map_grant_ref *op = (void *)words;

		for (unsigned int i = 0; i < n; i++) {
			op[i].host_addr = random_toy_va();
			op[i].flags = random_below(64) & ~(unsigned int)GNTMAP_contains_pte;
			op[i].ref = random_below(600);
			op[i].dom = one_in(2) ? 0 : random_domid();
		}
		break;
	}
	case GNTTABOP_unmap_grant_ref:
	case GNTTABOP_unmap_and_replace: {
		struct gnttab_unmap_grant_ref *op = (void *)words;

		op->host_addr = random_toy_va();
		op->dev_bus_addr = one_in(2) ? 0 : random_mfn() << 12;
		n = 1;
		break;
	}
	case GNTTABOP_copy: {
		struct gnttab_copy *op = (void *)words;

		for (unsigned int i = 0; i < n; i++) {
			op[i].source.domid = random_domid();
			op[i].source.u.gmfn = random_mfn();
			op[i].source.offset = (uint16_t)random_below(5000);
			op[i].dest.domid = DOMID_SELF;
			op[i].dest.u.gmfn = toy_mfn[random_below(TOYS)];
			op[i].dest.offset = (uint16_t)random_below(5000);
			op[i].len = (uint16_t)random_below(5000);
			op[i].flags = (uint16_t)random_below(2);
		}
		break;
	}
	case GNTTABOP_transfer:			/* would take pages away */
	case GNTTABOP_setup_table:
	case GNTTABOP_get_status_frames: {
		struct gnttab_setup_table *op = (void *)words;

		c->args[0] = GNTTABOP_setup_table;
		op->dom = random_domid();
		op->nr_frames = one_in(4) ? (uint32_t)random_number() : random_below(4);
		set_xen_guest_handle(op->frame_list, (xen_pfn_t *)random_toy_va());
		n = 1;
		break;
	}
	default:
		break;
	}
	c->args[1] = pointer(words);
	c->args[2] = one_in(30) ? random_number() % 1000 : n;
}

static void make_version(struct call *c)
{
	c->args[0] = random_below(13);
	c->args[1] = random_va();
}

static void make_console_io(struct call *c)
{
	c->args[0] = 1 + random_below(5);	/* reads and what does not exist; writes only garbage addresses */
	c->args[1] = random_number();
	c->args[2] = random_va();
	if (one_in(8)) {
		c->args[0] = CONSOLEIO_write;
		c->args[2] = HYPERVISOR_VIRT_START + (random_bits() >> 20);
	}
}

static void make_platform_op(struct call *c)
{
	struct xen_platform_op *op = random_buffer(sizeof(*op));

	op->cmd = one_in(2) ? XENPF_get_cpuinfo : 1000 + random_below(1000);
	op->interface_version = one_in(4) ? (uint32_t)random_bits() : XENPF_INTERFACE_VERSION;
	c->args[0] = pointer(op);
}

static void make_callback_op(struct call *c)
{
	struct callback_register *op = random_buffer(sizeof(*op));

	c->args[0] = one_in(2) ? CALLBACKOP_register : 2 + random_number();
	op->type = (uint16_t)(one_in(2) ? CALLBACKTYPE_sysenter : 9 + random_below(100));
	c->args[1] = pointer(op);
}

static void make_segment_base(struct call *c)
{
	c->args[0] = random_below(5);
	c->args[1] = random_va();
}

static void make_debugreg(struct call *c)
{
	c->args[0] = one_in(4) ? 6 : random_below(4);	/* 7, and 5 which is 7, are actions.c's */
	c->args[1] = random_breakpoint();
}

static void make_numbers(struct call *c)
{
	for (int i = 0; i < 5; i++)
		c->args[i] = one_in(2) ? random_number() : random_va();
}

static void make_flag(struct call *c) { c->args[0] = random_below(3); }
static void make_timer(struct call *c) { c->args[0] = random_number(); }

static void make_vm_assist(struct call *c)
{
	c->args[0] = random_below(3);
	c->args[1] = one_in(2) ? random_below(6) : random_number();
	if (c->args[1] == VMASST_TYPE_architectural_iopl)
		c->args[1] = 0;
}

static void make_nmi_op(struct call *c)
{
	struct xennmi_callback *op = random_buffer(sizeof(*op));

	op->handler_address = (uintptr_t)trap_stubs[2];
	c->args[0] = random_below(3);
	c->args[1] = random_below(3);
	c->args[2] = pointer(op);
}

static void make_unknown(struct call *c)
{
	static const unsigned int numbers[] = { 11, 38, 43, 44, 45, 46, 47, 50, 55, 63, 100, 127 };

	c->number = numbers[random_below(ARRAY_SIZE(numbers))];
	make_numbers(c);
}

static const struct {
	unsigned int number, weight;
	void (*make)(struct call *c);
} makers[] = {
	{ __HYPERVISOR_mmu_update, 30, make_mmu_update },
	{ __HYPERVISOR_mmuext_op, 25, make_mmuext_op },
	{ __HYPERVISOR_update_va_mapping, 20, make_update_va_mapping },
	{ __HYPERVISOR_update_va_mapping_otherdomain, 4, make_update_va_otherdomain },
	{ __HYPERVISOR_update_descriptor, 5, make_update_descriptor },
	{ __HYPERVISOR_set_gdt, 4, make_set_gdt },
	{ __HYPERVISOR_set_trap_table, 2, make_set_trap_table },
	{ __HYPERVISOR_memory_op, 6, make_memory_op },
	{ __HYPERVISOR_event_channel_op, 8, make_event_channel_op },
	{ __HYPERVISOR_vcpu_op, 6, make_vcpu_op },
	{ __HYPERVISOR_physdev_op, 4, make_physdev_op },
	{ __HYPERVISOR_sched_op, 3, make_sched_op },
	{ __HYPERVISOR_grant_table_op, 6, make_grant_table_op },
	{ __HYPERVISOR_xen_version, 3, make_version },
	{ __HYPERVISOR_console_io, 2, make_console_io },
	{ __HYPERVISOR_platform_op, 1, make_platform_op },
	{ __HYPERVISOR_callback_op, 1, make_callback_op },
	{ __HYPERVISOR_set_segment_base, 2, make_segment_base },
	{ __HYPERVISOR_set_debugreg, 1, make_debugreg },
	{ __HYPERVISOR_get_debugreg, 1, make_flag },
	{ __HYPERVISOR_fpu_taskswitch, 1, make_flag },
	{ __HYPERVISOR_set_timer_op, 1, make_timer },
	{ __HYPERVISOR_vm_assist, 1, make_vm_assist },
	{ __HYPERVISOR_nmi_op, 1, make_nmi_op },
	{ __HYPERVISOR_xsm_op, 1, make_numbers },
	{ __HYPERVISOR_xenpmu_op, 1, make_numbers },
	{ 0, 2, make_unknown },
};

struct call call_make(void)
{
	struct call c = { 0 };
	unsigned int total = 0, at;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(makers); i++)
		total += makers[i].weight;
	at = random_below(total);
	for (i = 0; at >= makers[i].weight; i++)
		at -= makers[i].weight;
	c.number = makers[i].number;
	makers[i].make(&c);
	return c;
}

long call_run(const struct call *c)
{
	return hypercall(c->number, c->args[0], c->args[1], c->args[2], c->args[3], c->args[4]);
}
