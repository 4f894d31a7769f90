/* Error numbers of the ABI: Linux' values under their usual names (xen/errno.h); functions return -Exxx. */
#ifndef HV_ERRNO_H
#define HV_ERRNO_H

#define XEN_ERRNO(name, value) name = value,
enum hv_errno {
#include <xen/errno.h>

	ERESTART = 85,		/* between us only, a guest never sees it (xen/errno.h) */
};

#endif
