/*
 * A PV domain's memory and registers as an ELF core file with the .xen_* sections that crash(8)
 * and gdb understand.  The domain should be paused or shut down; otherwise the picture is
 * blurred, which is what `xm dump-core --live` asks for.
 */
#ifndef XEND_DUMP_H
#define XEND_DUMP_H

#include <stdint.h>

#include "xend/fault.h"

struct hyp;

/* Write the core of `domid` to `path`, which appears only when complete (mode 0600). */
int dump_core(struct hyp *h, uint16_t domid, const char *path, struct fault *f);

#endif
