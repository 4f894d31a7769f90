/* Random hypercalls with arguments that have the right shape, mostly. */
#define __XEN_TOOLS__ 1		/* for what only the toolstack asks */
#include "fuzz.h"

#include <xen/callback.h>
#include <xen/event_channel.h>
#include <xen/memory.h>
#include <xen/nmi.h>
#include <xen/physdev.h>
#include <xen/vcpu.h>
#include <xen/version.h>

/* An entry to change: in a toy, or the one that maps a toy; never what keeps the fuzzer alive. */
static uint64_t random_entry(void)
{
	uint64_t *pte;

	if (one_in(3)) {
		pte = pte_of((uintptr_t)toy[random_toy()], 1);
		return maddr_of(pte);
	}
	return toy_mfn[random_toy()] << 12 | random_below(511) << 3;
}

static void make_mmu_update(struct call *c)
{
	unsigned int n = one_in(4) ? random_below(40) : 1 + random_below(3);
	struct mmu_update *r = random_buffer((n + 1) * sizeof(*r));

	for (unsigned int i = 0; i < n; i++) {
		r[i].ptr = random_entry() | (one_in(4) ? MMU_PT_UPDATE_PRESERVE_AD : 0);
		r[i].val = random_pte();
		if (one_in(20))
			r[i].ptr = toy_mfn[random_toy()] << 12 | MMU_MACHPHYS_UPDATE;
		else if (one_in(40))
			r[i].ptr = (1ul << 44) | random_bits();
	}
	c->args[0] = random_pointer(r);
	c->args[1] = one_in(30) ? 1u << 31 | n : n;
	c->args[2] = random_out();
	c->args[3] = one_in(8) ? random_domid() : DOMID_SELF;
	if (one_in(40))
		c->args[3] |= random_bits() << 16;
}

static uint64_t mask_pointer(void)
{
	uint64_t *mask = random_buffer(64);

	return random_pointer(mask);
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
				ops[i].arg1.mfn = toy_mfn[random_toy()];
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
	c->args[0] = random_pointer(ops);
	c->args[1] = n;
	c->args[2] = random_out();
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
	c->args[0] = toy_mfn[random_toy()] << 12 | random_below(512) << 3;
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
	c->args[0] = random_pointer(frames);
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
	static const unsigned int harmless[] = { XENMEM_exchange, XENMEM_add_to_physmap, XENMEM_set_memory_map,
		XENMEM_claim_pages, XENMEM_acquire_resource, XENMEM_get_vnumainfo, XENMEM_populate_physmap,
		XENMEM_increase_reservation, XENMEM_get_pod_target, XENMEM_reserved_device_memory_map,
		XENMEM_add_to_physmap_batch, XENMEM_remove_from_physmap, XENMEM_maximum_ram_page, XENMEM_current_reservation,
		XENMEM_maximum_reservation, XENMEM_machphys_mfn_list, XENMEM_machphys_mapping,
		XENMEM_memory_map, XENMEM_machine_memory_map, XENMEM_maximum_gpfn,
		18, 19, 63 };
	uint64_t *words = random_buffer(128);
	struct xen_memory_reservation *r = (void *)words;
	xen_pfn_t *frames = random_buffer(8 * sizeof(*frames));

	c->args[0] = harmless[random_below(ARRAY_SIZE(harmless))];
	c->args[1] = random_pointer(words);
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

	if (cmd == EVTCHNOP_reset)		/* would take the timers that end user code */
		cmd = EVTCHNOP_status;
	for (int i = 0; i < 4; i++) {
		if (one_in(2))
			words[i] = random_below(40);
		while (is_kept_port(words[i]))
			words[i]++;
	}
	if (one_in(3))
		words[0] = words[1] = DOMID_SELF;	/* domids come first in most of them */
	if (cmd == EVTCHNOP_alloc_unbound)
		*words = DOMID_SELF | (uint32_t)random_domid() << 16;
	if (cmd == EVTCHNOP_init_control) {	/* for spare vcpus: they never need their events */
		((uint64_t *)words)[0] = random_mfn();
		words[3] = spare_first + random_below(4);
		if (!has_fifo || spare_first >= vcpu_count)	/* the first would change it for all */
			cmd = EVTCHNOP_status;
	} else if (cmd == EVTCHNOP_expand_array) {
		((uint64_t *)words)[0] = random_mfn();
	}
	/* What is unknown must not come round to the known ones left out above. */
	c->args[0] = one_in(50) ? 14 + random_number() % (~0u - 14) : cmd;
	c->args[1] = random_pointer(words);
}

static uint64_t random_spare(void)
{
	return spare_first + random_below(vcpu_count - spare_first + 2);	/* or none */
}

/* A context that could run, or one with something wrong in it. */
static void make_context(struct vcpu_guest_context *noise, unsigned int id)
{
	struct vcpu_guest_context *c = random_buffer(sizeof(*c));

	if (one_in(4))
		return;
	spare_context(c, id);
	for (unsigned int n = random_below(4); n; n--) {
		switch (random_below(8)) {
		case 0: c->ctrlreg[1] = xen_pfn_to_cr3(random_mfn()); break;
		case 1:
			for (unsigned int i = 0; i < 16; i++)
				c->gdt_frames[i] = random_mfn();
			c->gdt_ents = random_below(8000);
			break;
		case 2:
			c->ldt_base = random_va();
			c->ldt_ents = random_number();
			break;
		case 3:
			memcpy(&c->fpu_ctxt, &noise->fpu_ctxt, sizeof(c->fpu_ctxt));
			c->flags |= VGCF_i387_valid;
			break;
		case 4: c->debugreg[random_below(8)] = random_breakpoint(); break;
		case 5: c->fs_base = random_va(); break;
		case 6: c->gs_base_user = random_va(); break;
		default: c->ctrlreg[3] = xen_pfn_to_cr3(toy_mfn[random_toy()] | 1ul << 40); break;
		}
	}
	*noise = *c;
}

static void make_vcpu_op(struct call *c)
{
	static const unsigned int cmds[] = { VCPUOP_is_up, VCPUOP_get_runstate_info,
		VCPUOP_register_runstate_memory_area, VCPUOP_set_singleshot_timer,
		VCPUOP_stop_singleshot_timer, VCPUOP_get_physid, VCPUOP_register_vcpu_info,
		VCPUOP_register_vcpu_time_memory_area, VCPUOP_initialise, VCPUOP_down, VCPUOP_up,
		VCPUOP_send_nmi, VCPUOP_set_periodic_timer, 77 };
	uint64_t *words = random_buffer(sizeof(struct vcpu_guest_context));

	c->args[0] = cmds[random_below(ARRAY_SIZE(cmds))];
	c->args[1] = one_in(2) ? vcpu_self() : random_below(vcpu_count);
	words[0] = one_in(2) ? random_mfn() : random_va();
	switch (c->args[0]) {
	case VCPUOP_register_runstate_memory_area:
	case VCPUOP_register_vcpu_time_memory_area:
		words[0] = one_in(4) ? 0 : random_toy_va();
		break;
	case VCPUOP_set_periodic_timer:		/* the workers' must tick */
		words[0] = 1000000 + random_number() % 10000000;
		break;
	case VCPUOP_initialise:			/* never a vcpu that acts */
		c->args[1] = random_spare();
		make_context((void *)words, (unsigned int)c->args[1]);
		break;
	case VCPUOP_register_vcpu_info:
	case VCPUOP_down:
	case VCPUOP_up:
		c->args[1] = random_spare();
		break;
	}
	c->args[2] = random_pointer(words);
	if (c->args[0] == VCPUOP_get_runstate_info)
		c->args[2] = random_va();
}

static void make_physdev_op(struct call *c)
{
	static const unsigned int cmds[] = { PHYSDEVOP_irq_status_query, PHYSDEVOP_apic_read,
		PHYSDEVOP_eoi, PHYSDEVOP_map_pirq, PHYSDEVOP_unmap_pirq, PHYSDEVOP_alloc_irq_vector,
		PHYSDEVOP_get_free_pirq, PHYSDEVOP_set_iobitmap, PHYSDEVOP_apic_write, PHYSDEVOP_irq_status_query,
		PHYSDEVOP_free_irq_vector, PHYSDEVOP_manage_pci_add, PHYSDEVOP_manage_pci_remove,
		PHYSDEVOP_restore_msi, PHYSDEVOP_manage_pci_add_ext, PHYSDEVOP_pirq_eoi_gmfn_v1,
		PHYSDEVOP_pirq_eoi_gmfn_v2, PHYSDEVOP_setup_gsi, 22 /* get_nr_pirqs */,
		PHYSDEVOP_pci_mmcfg_reserved, PHYSDEVOP_pci_device_add, PHYSDEVOP_pci_device_remove,
		PHYSDEVOP_restore_msi_ext, PHYSDEVOP_prepare_msix, PHYSDEVOP_release_msix,
		PHYSDEVOP_dbgp_op, 99 };
	uint32_t *words = random_buffer(64);

	c->args[0] = cmds[random_below(ARRAY_SIZE(cmds))];
	if (one_in(2))
		words[0] = random_below(32);
	if (c->args[0] == PHYSDEVOP_pirq_eoi_gmfn_v1 || c->args[0] == PHYSDEVOP_pirq_eoi_gmfn_v2)
		*(uint64_t *)words = random_mfn();
	if (c->args[0] == PHYSDEVOP_apic_write || c->args[0] == PHYSDEVOP_apic_read) {
		((uint64_t *)words)[0] = one_in(4) ? random_number() : 0xfec00000;
		words[2] = one_in(8) ? (uint32_t)random_number() : random_below(64);
	}
	if (c->args[0] == PHYSDEVOP_map_pirq || c->args[0] == PHYSDEVOP_unmap_pirq) {
		words[0] = one_in(3) ? random_domid() : DOMID_SELF;
		words[1] = one_in(2) ? MAP_PIRQ_TYPE_GSI : random_below(8);
		words[2] = 16 + random_below(16);
		words[3] = one_in(2) ? words[2] : (uint32_t)random_number();
	}
	c->args[1] = random_pointer(words);
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
	c->args[1] = random_pointer(poll);
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

static void make_callback_op(struct call *c)
{
	struct callback_register *op = random_buffer(sizeof(*op));

	c->args[0] = one_in(2) ? CALLBACKOP_register : 2 + random_number();
	op->type = (uint16_t)(one_in(2) ? CALLBACKTYPE_sysenter : 9 + random_below(100));
	c->args[1] = random_pointer(op);
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
	c->args[2] = random_pointer(op);
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
	{ __HYPERVISOR_grant_table_op, 12, make_grant_table_op },
	{ __HYPERVISOR_xen_version, 3, make_version },
	{ __HYPERVISOR_console_io, 2, make_console_io },
	{ __HYPERVISOR_platform_op, 3, make_platform_op },
	{ __HYPERVISOR_domctl, 8, make_domctl },
	{ __HYPERVISOR_sysctl, 4, make_sysctl },
	{ __HYPERVISOR_arch_0, 1, make_numbers },
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
