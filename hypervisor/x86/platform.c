/* HYPERVISOR_platform_op: what only dom0 may ask of the machine (xen/platform.h). */
#include "abi.h"
#include "acpi.h"
#include "arch.h"
#include "asm.h"
#include "bootinfo.h"
#include "errno.h"
#include "guest.h"
#include "hypercall.h"
#include "hypercalls.h"
#include "sched.h"
#include "shutdown.h"
#include "smp.h"
#include "string.h"
#include "symbols.h"
#include "wallclock.h"

#define MSR_MTRR_CAP		0xfe
#define MSR_MTRR_BASE(n)	(0x200 + 2 * (n))
#define MSR_MTRR_MASK(n)	(0x201 + 2 * (n))
#define MTRR_VALID		0x800
#define BIOS_KEYBOARD_FLAGS	0x417

static long settime(uint64_t seconds, uint32_t ns, uint64_t system_time)
{
	if (ns >= NS_PER_S || seconds > UINT64_MAX / NS_PER_S / 2 || system_time > now_ns() + NS_PER_S)
		return -EINVAL;
	wallclock_set(seconds, ns, system_time);
	return 0;
}

static long platform_settime32(struct xen_platform_op *op)
{
	return settime(op->u.settime32.secs, op->u.settime32.nsecs, op->u.settime32.system_time);
}

static long platform_settime64(struct xen_platform_op *op)
{
	if (op->u.settime64.mbz)
		return -EINVAL;
	return settime(op->u.settime64.secs, op->u.settime64.nsecs, op->u.settime64.system_time);
}

/* Variable MTRR `reg`: SDM 3A 11.11.2.3. */
static long platform_read_memtype(struct xen_platform_op *op)
{
	struct xenpf_read_memtype *r = &op->u.read_memtype;
	uint64_t cap, base, mask, size;

	if (!rdmsr_safe(MSR_MTRR_CAP, &cap) || r->reg >= (cap & 0xff) ||
	    !rdmsr_safe(MSR_MTRR_BASE(r->reg), &base) || !rdmsr_safe(MSR_MTRR_MASK(r->reg), &mask))
		return -EINVAL;
	r->mfn = r->nr_mfns = r->type = 0;
	if (!(mask & MTRR_VALID))
		return 0;
	size = mask & PAGE_MASK;
	r->mfn = base >> PAGE_SHIFT;
	r->nr_mfns = size ? (size & -size) >> PAGE_SHIFT : 0;
	r->type = base & 0xff;
	return 0;
}

/* We never move dom0's interrupts by ourselves, and always select an I/O APIC's register anew. */
static long platform_quirk(struct xen_platform_op *op)
{
	uint32_t id = op->u.platform_quirk.quirk_id;

	return id >= QUIRK_NOIRQBALANCING && id <= QUIRK_IOAPIC_GOOD_REGSEL ? 0 : -EINVAL;
}

/* The BIOS was asked nothing at boot (disks, monitor); its keyboard flags are still in memory. */
static long platform_firmware_info(struct xen_platform_op *op)
{
	struct xenpf_firmware_info *f = &op->u.firmware_info;

	switch (f->type) {
	case XEN_FW_KBD_SHIFT_FLAGS:
		if (boot_info.is_efi)
			return -ENODEV;
		f->u.kbd_shift_flags = *(volatile uint8_t *)paddr_to_virt(BIOS_KEYBOARD_FLAGS);
		return 0;
	case XEN_FW_DISK_INFO:
	case XEN_FW_DISK_MBR_SIGNATURE:
		return -ENOENT;
	case XEN_FW_VBEDDC_INFO:
		return -ESRCH;
	case XEN_FW_EFI_INFO:
		return -ENODEV;
	default:
		return -EINVAL;
	}
}

static long platform_enter_acpi_sleep(struct xen_platform_op *op)
{
	struct xenpf_enter_acpi_sleep *s = &op->u.enter_acpi_sleep;

	if (s->flags & ~XENPF_ACPI_SLEEP_EXTENDED)
		return -EINVAL;
	if (s->sleep_state != 5)
		return -EOPNOTSUPP;
	return shutdown_enter_s5(s->val_a, s->val_b, s->flags & XENPF_ACPI_SLEEP_EXTENDED);
}

static int idletime_of(const struct xenpf_getidletime *g, uint32_t cpu, uint8_t *byte)
{
	uint64_t ns = 0;

	if (cpu < MAX_CPUS && cpumask_test(&cpu_online, cpu))
		ns = vcpu_cpu_time_ns(cpus[cpu]->idle);
	else
		*byte &= ~(1U << cpu % 8);
	return copy_to_guest((uint64_t)g->idletime.p + cpu * sizeof(ns), &ns, sizeof(ns));
}

static long platform_getidletime(struct xen_platform_op *op)
{
	struct xenpf_getidletime *g = &op->u.getidletime;
	uint64_t bitmap = (uint64_t)g->cpumap_bitmap.p;

	if (g->cpumap_nr_cpus > 65536)
		return -EINVAL;
	for (uint32_t at = 0; at < g->cpumap_nr_cpus; at += 8) {
		uint8_t byte;

		if (copy_from_guest(&byte, bitmap + at / 8, 1))
			return -EFAULT;
		for (uint32_t cpu = at; cpu < MIN(at + 8, g->cpumap_nr_cpus); cpu++)
			if (byte >> cpu % 8 & 1 && idletime_of(g, cpu, &byte))
				return -EFAULT;
		if (copy_to_guest(bitmap + at / 8, &byte, 1))
			return -EFAULT;
	}
	g->now = now_ns();
	return 0;
}

static long platform_get_cpuinfo(struct xen_platform_op *op)
{
	struct xenpf_pcpuinfo *p = &op->u.pcpu_info;

	p->max_present = cpu_count - 1;
	if (p->xen_cpuid >= cpu_count || !cpus[p->xen_cpuid]) {
		p->flags = XEN_PCPU_FLAGS_INVALID;
		return 0;
	}
	p->apic_id = cpus[p->xen_cpuid]->arch.apic_id;
	p->acpi_id = cpus[p->xen_cpuid]->arch.acpi_id;
	p->flags = cpumask_test(&cpu_online, p->xen_cpuid) ? XEN_PCPU_FLAGS_ONLINE : 0;
	return 0;
}

/* SDM 2A CPUID leaf 1: family and model with their extensions. */
static void cpu_version_here(void *data)
{
	struct xenpf_pcpu_version *p = data;
	struct cpuid id = cpuid(0, 0), v = cpuid(1, 0);

	memcpy(p->vendor_id, &id.b, 4);
	memcpy(p->vendor_id + 4, &id.d, 4);
	memcpy(p->vendor_id + 8, &id.c, 4);
	p->family = v.a >> 8 & 15;
	p->model = v.a >> 4 & 15;
	if (p->family == 6 || p->family == 15)
		p->model |= v.a >> 12 & 0xf0;
	if (p->family == 15)
		p->family += v.a >> 20 & 0xff;
	p->stepping = v.a & 15;
}

static long platform_get_cpu_version(struct xen_platform_op *op)
{
	struct xenpf_pcpu_version *p = &op->u.pcpu_version;
	struct cpumask one = { { 0 } };

	p->max_present = cpu_count - 1;
	memset(p->vendor_id, 0, sizeof(p->vendor_id));
	p->family = p->model = p->stepping = 0;
	if (p->xen_cpuid >= cpu_count || !cpumask_test(&cpu_online, p->xen_cpuid))
		return 0;
	cpumask_set(&one, p->xen_cpuid);
	if (p->xen_cpuid == cpu_id())
		cpu_version_here(p);
	else
		smp_call(&one, cpu_version_here, p);
	return 0;
}

static long platform_cpu_online(struct xen_platform_op *op)
{
	uint32_t id = op->u.cpu_ol.cpuid;

	if (id >= cpu_count || !cpus[id])
		return -EINVAL;
	return smp_start_cpu(cpus[id]);
}

static long platform_cpu_offline(struct xen_platform_op *op)
{
	uint32_t id = op->u.cpu_ol.cpuid;

	if (id >= cpu_count || !cpus[id])
		return -EINVAL;
	if (!cpumask_test(&cpu_online, id))
		return 0;
	return smp_stop_cpu(cpus[id]);
}

static long platform_get_symbol(struct xen_platform_op *op)
{
	struct xenpf_symdata *s = &op->u.symdata;
	const char *name;
	uint64_t address;
	uint32_t length;

	if (!symbol_nth(s->symnum, &name, &address)) {
		s->namelen = 0;			/* the end: symnum stays */
		return 0;
	}
	length = strlen(name);
	if (copy_to_guest((uint64_t)s->name.p, name, MIN(length + 1, s->namelen)))
		return -EFAULT;
	s->namelen = length;
	s->address = address;
	s->type = 't';
	s->symnum++;
	return 0;
}

static const struct {
	uint32_t cmd;
	long (*handler)(struct xen_platform_op *op);
} platform_ops[] = {
	{ XENPF_settime32, platform_settime32 },
	{ XENPF_settime64, platform_settime64 },
	{ XENPF_read_memtype, platform_read_memtype },
	{ XENPF_platform_quirk, platform_quirk },
	{ XENPF_firmware_info, platform_firmware_info },
	{ XENPF_enter_acpi_sleep, platform_enter_acpi_sleep },
	{ XENPF_getidletime, platform_getidletime },
	{ XENPF_get_cpuinfo, platform_get_cpuinfo },
	{ XENPF_get_cpu_version, platform_get_cpu_version },
	{ XENPF_cpu_online, platform_cpu_online },
	{ XENPF_cpu_offline, platform_cpu_offline },
	{ XENPF_get_symbol, platform_get_symbol },
};

/*
 * Not here, and so -ENOSYS: add_memtype and del_memtype (MTRRs are the firmware's), microcode_update,
 * efi_runtime_call, change_freq, set_processor_pminfo (we do no power management), hot-plug, resource_op.
 */
long hcall_platform_op(const uint64_t arg[6])
{
	struct xen_platform_op op;
	long rc = -ENOSYS;

	if (copy_from_guest(&op, arg[0], sizeof(op)))
		return -EFAULT;
	if (op.interface_version != XENPF_INTERFACE_VERSION)
		return -EACCES;
	for (unsigned int i = 0; i < ARRAY_SIZE(platform_ops); i++)
		if (platform_ops[i].cmd == op.cmd)
			rc = platform_ops[i].handler(&op);
	if (rc >= 0 && copy_to_guest(arg[0], &op, sizeof(op)))
		return -EFAULT;
	return rc;
}
