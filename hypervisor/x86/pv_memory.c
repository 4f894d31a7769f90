/* XENMEM_* that tell of the machine: its memory map, and the machine-to-phys table. */
#include "arch.h"
#include "bootinfo.h"
#include "errno.h"
#include "guest.h"
#include "heap.h"
#include "mm.h"
#include "acpi.h"

#define CHUNK_FRAMES 512		/* frames whose M2P entries fill 2 MiB … are counted in these by tools */

static long machphys_mapping(uint64_t arg)
{
	struct xen_machphys_mapping m = { .v_start = M2P_START, .v_end = M2P_START + (1UL << 38),
					  .max_mfn = (1UL << 35) - 1 };

	return copy_to_guest(arg, &m, sizeof(m));
}

/* The frames of the table itself, one for each 2 MiB of it: for those who map it. */
static long machphys_mfn_list(uint64_t arg)
{
	struct xen_machphys_mfn_list list;
	uint64_t last = 0, mfn;
	unsigned int n = 0;

	if (copy_from_guest(&list, arg, sizeof(list)))
		return -EFAULT;
	for (; n < list.max_extents && m2p_chunk(n, &mfn); n++) {
		if (mfn == ~0UL)
			mfn = last;		/* a hole shows the frame before it */
		last = mfn;
		if (copy_to_guest((uint64_t)list.extent_start.p + n * sizeof(mfn), &mfn, sizeof(mfn)))
			return -EFAULT;
	}
	list.nr_extents = n;
	return copy_to_guest(arg, &list, sizeof(list));
}

static long map_copy_out(uint64_t arg, const struct e820_map *map)
{
	struct xen_memory_map op;

	if (copy_from_guest(&op, arg, sizeof(op)))
		return -EFAULT;
	op.nr_entries = MIN(op.nr_entries, map->count);
	if (copy_to_guest((uint64_t)op.buffer.p, map->entry, op.nr_entries * sizeof(map->entry[0])))
		return -EFAULT;
	return copy_to_guest(arg, &op, sizeof(op));
}

static void map_reserve(struct e820_map *map, uint64_t start, uint64_t size)
{
	if (map->count < ARRAY_SIZE(map->entry))
		map->entry[map->count++] = (struct e820_entry){ start, size, E820_RESERVED };
}

/* The firmware's map, and the interrupt controllers that it doesn't mention. */
static long machine_memory_map(uint64_t arg)
{
	struct e820_map *map;
	long rc;

	if (!current_vcpu()->domain->is_privileged)
		return -EPERM;
	map = mem_alloc(sizeof(*map));
	if (!map)
		return -ENOMEM;
	*map = boot_info.e820;
	for (unsigned int i = 0; i < acpi.ioapic_count; i++)
		map_reserve(map, acpi.ioapic[i].address, PAGE_SIZE);
	map_reserve(map, 0xfee00000, 0x100000);
	e820_sanitise(map);
	rc = map_copy_out(arg, map);
	mem_free(map);
	return rc;
}

static long memory_map(uint64_t arg)
{
	const struct e820_map *map = __atomic_load_n(&current_vcpu()->domain->arch.e820, __ATOMIC_ACQUIRE);

	return map ? map_copy_out(arg, map) : -ENOSYS;
}

/* Returns the map that isn't needed any more: the new one, if the domain has run and may be reading the old. */
static struct e820_map *map_install(struct domain *d, struct e820_map *map)
{
	struct e820_map *old = d->arch.e820;

	if (d->is_started && old) {
		*old = *map;
		return map;
	}
	__atomic_store_n(&d->arch.e820, map, __ATOMIC_RELEASE);
	return old;
}

/* What memory_map() tells that domain. */
static long set_memory_map(uint64_t arg)
{
	struct xen_foreign_memory_map op;
	struct e820_map *map;
	struct domain *d;
	long rc = -EINVAL;

	if (!current_vcpu()->domain->is_privileged)
		return -EPERM;
	if (copy_from_guest(&op, arg, sizeof(op)))
		return -EFAULT;
	if (op.map.nr_entries > ARRAY_SIZE(map->entry))
		return -E2BIG;
	d = domain_get_for(current_vcpu()->domain, op.domid);
	if (!d)
		return -ESRCH;
	map = mem_alloc(sizeof(*map));
	rc = map ? copy_from_guest(map->entry, (uint64_t)op.map.buffer.p, op.map.nr_entries * sizeof(map->entry[0])) :
		-ENOMEM;
	if (!rc) {
		map->count = op.map.nr_entries;
		spin_lock(&d->lifecycle_lock);
		map = map_install(d, map);
		spin_unlock(&d->lifecycle_lock);
	}
	mem_free(map);
	domain_put(d);
	return rc;
}

long arch_memory_op(unsigned int cmd, uint64_t arg)
{
	switch (cmd) {
	case XENMEM_machphys_mapping: return machphys_mapping(arg);
	case XENMEM_machphys_mfn_list:
	case XENMEM_machphys_compat_mfn_list: return machphys_mfn_list(arg);
	case XENMEM_memory_map: return memory_map(arg);
	case XENMEM_set_memory_map: return set_memory_map(arg);
	case XENMEM_machine_memory_map: return machine_memory_map(arg);
	default: return -ENOSYS;
	}
}
