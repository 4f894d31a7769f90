/* The smallest guest: says what it was given, and powers off. */
#include "guest.h"

#include <xen/version.h>

void test_main(void)
{
	long version = hcall(xen_version, XENVER_version);

	print("Hello from a PV guest on Xen ABI %lu.%lu\n", version >> 16, version & 0xffff);
	print("magic '%s' flags 0x%x nr_pages %lu pt_base 0x%lx nr_pt_frames %lu\n", start_info->magic,
		start_info->flags, start_info->nr_pages, start_info->pt_base, start_info->nr_pt_frames);
	print("mfn_list 0x%lx mod_start 0x%lx mod_len %lu cmd_line '%s'\n", start_info->mfn_list,
		start_info->mod_start, start_info->mod_len, (const char *)start_info->cmd_line);
	print("TEST ok hello\nALL TESTS RAN\n");
}
