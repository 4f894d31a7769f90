/* HYPERVISOR_xen_version: what we are, for guests and tools. */
#include "arch.h"
#include "errno.h"
#include "guest.h"
#include "hypercalls.h"
#include "layout.h"
#include "options.h"
#include "string.h"
#include "version.h"

#define XEN_MAJOR 4			/* the release whose ABI this is */
#define XEN_MINOR 17

static long version_copy(uint64_t to, const void *from, size_t bytes)
{
	return copy_to_guest(to, from, bytes);
}

/* A field of that many bytes, zeroes behind the text. */
static long version_text(uint64_t to, const char *from, size_t bytes)
{
	char text[1024] = "";

	strlcpy(text, from, bytes);
	return version_copy(to, text, bytes);
}

static long version_compile_info(uint64_t to)
{
	xen_compile_info_t info = { 0 };

	strlcpy(info.compiler, build_compiler, sizeof(info.compiler));
	strlcpy(info.compile_by, "xylem", sizeof(info.compile_by));
	strlcpy(info.compile_domain, "localdomain", sizeof(info.compile_domain));
	strlcpy(info.compile_date, build_date, sizeof(info.compile_date));
	return version_copy(to, &info, sizeof(info));
}

static long version_features(uint64_t to)
{
	xen_feature_info_t info;
	const struct domain *d = current_vcpu()->domain;

	if (copy_from_guest(&info, to, sizeof(info)))
		return -EFAULT;
	if (info.submap_idx >= XENFEAT_NR_SUBMAPS)
		return -EINVAL;
	info.submap = 1U << XENFEAT_mmu_pt_update_preserve_ad | 1U << XENFEAT_highmem_assist |
		1U << XENFEAT_gnttab_map_avail_bits | 1U << XENFEAT_memory_op_vnode_supported |
		1U << XENFEAT_direct_mapped;
	if (d->vm_assist >> VMASST_TYPE_pae_extended_cr3 & 1)
		info.submap |= 1U << XENFEAT_pae_pgdir_above_4gb;
	if (d->is_privileged)
		info.submap |= 1U << XENFEAT_dom0;
	return version_copy(to, &info, sizeof(info));
}

/* arg: what, where to */
long hcall_xen_version(const uint64_t arg[6])
{
	xen_platform_parameters_t params = { .virt_start = HV_VIRT_START };

	switch (arg[0]) {
	case XENVER_version:
		return XEN_MAJOR << 16 | XEN_MINOR;
	case XENVER_extraversion:
		return version_text(arg[1], build_extraversion, sizeof(xen_extraversion_t));
	case XENVER_compile_info:
		return version_compile_info(arg[1]);
	case XENVER_capabilities:
		return version_text(arg[1], "xen-3.0-x86_64 ", sizeof(xen_capabilities_info_t));
	case XENVER_changeset:
		return version_text(arg[1], build_changeset, sizeof(xen_changeset_info_t));
	case XENVER_platform_parameters:
		return version_copy(arg[1], &params, sizeof(params));
	case XENVER_get_features:
		return version_features(arg[1]);
	case XENVER_pagesize:
		return PAGE_SIZE;
	case XENVER_guest_handle:
		return version_copy(arg[1], current_vcpu()->domain->handle, sizeof(xen_domain_handle_t));
	case XENVER_commandline:
		return version_text(arg[1], options_line(), sizeof(xen_commandline_t));
	case XENVER_build_id:
		return -ENODATA;
	default:
		return -ENOSYS;
	}
}
