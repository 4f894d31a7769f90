/* Who answers which hypercall; the table is in hypercall.c, the bodies where their subject is. */
#ifndef HV_HYPERCALLS_H
#define HV_HYPERCALLS_H

#include "hypercall.h"

/* hypercall.c */
hypercall_fn hcall_console_io, hcall_event_channel_op, hcall_sched_op, hcall_vcpu_op, hcall_set_timer_op;
hypercall_fn hcall_vm_assist;
/* memory.c, version.c, gnttab.c, domctl.c, sysctl.c */
hypercall_fn hcall_memory_op, hcall_xen_version, hcall_grant_table_op, hcall_domctl, hcall_sysctl;
/* x86/pv_mmu.c */
hypercall_fn hcall_mmu_update, hcall_mmuext_op, hcall_update_va_mapping, hcall_update_va_mapping_otherdomain;
/* x86/pv_hypercalls.c */
hypercall_fn hcall_set_trap_table, hcall_set_gdt, hcall_stack_switch, hcall_set_callbacks, hcall_callback_op;
hypercall_fn hcall_fpu_taskswitch, hcall_set_debugreg, hcall_get_debugreg, hcall_update_descriptor;
hypercall_fn hcall_set_segment_base, hcall_nmi_op;
/* x86/physdev.c, x86/platform.c, x86/mca.c */
hypercall_fn hcall_physdev_op, hcall_platform_op, hcall_mca;

#endif
