/*
 * The trace buffers that xentrace reads: one for each CPU, records and event numbers of xen/trace.h, allocated
 * and switched on by XEN_SYSCTL_tbuf_op.  Until then, and for events that nobody asked for, a trace point
 * costs a load and a branch.
 */
#ifndef HV_TRACE_H
#define HV_TRACE_H

#include "abi.h"
#include "types.h"
#include <xen/trace.h>

struct vcpu;

extern uint32_t trace_events;	/* classes and subclasses that are recorded; 0: none are */

/* Records an event with up to TRACE_EXTRA_MAX words of data; any context. */
void trace_record(uint32_t event, const uint32_t *data, unsigned int words);

#define trace(event, ...) do { \
	if (__builtin_expect(READ_ONCE(trace_events) != 0, 0)) { \
		const uint32_t trace_data[] = { __VA_ARGS__ }; \
		_Static_assert(ARRAY_SIZE(trace_data) <= TRACE_EXTRA_MAX, "a record has no more room"); \
		trace_record(event, trace_data, ARRAY_SIZE(trace_data)); \
	} \
} while (0)

/* How a 64-bit value and a vcpu look in one. */
#define TRACE_64(x) (uint32_t)(x), (uint32_t)((uint64_t)(x) >> 32)
#define TRACE_DOMID(v) ((v)->domain ? (v)->domain->id : DOMID_IDLE)
#define TRACE_VCPU(v) ((uint32_t)TRACE_DOMID(v) << 16 | (v)->id)

long trace_op(struct xen_sysctl_tbuf_op *op);	/* -EINVAL, -ENOMEM, -EFAULT … */
void trace_init(uint32_t pages, uint32_t events);	/* tbuf_size=, tevt_mask= of the boot line; 0 pages: later */

#endif
