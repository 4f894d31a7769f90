/* Ticks to nanoseconds as pvclock does: (ticks << shift) * mul / 2^32 (xen/xen.h, struct vcpu_time_info). */
#ifndef HV_X86_TSC_SCALE_H
#define HV_X86_TSC_SCALE_H

#include <stdint.h>

struct tsc_scale { uint32_t mul; int8_t shift; };

struct tsc_scale tsc_scale_for(uint64_t hz);	/* hz > 0 */

static inline uint64_t tsc_scale_apply(struct tsc_scale s, uint64_t ticks)
{
	unsigned __int128 v = s.shift < 0 ? ticks >> -s.shift : (unsigned __int128)ticks << s.shift;

	return (uint64_t)(v * s.mul >> 32);
}

/* a * b / by, which must fit: the compiler's 128-bit division would be a library's function. */
static inline uint64_t mul_div(uint64_t a, uint64_t b, uint64_t by)
{
	uint64_t high, low, rest;

	__asm__("mulq %3" : "=a"(low), "=d"(high) : "0"(a), "r"(b) : "cc");
	__asm__("divq %4" : "=a"(low), "=d"(rest) : "0"(low), "1"(high), "r"(by) : "cc");
	return low;
}

/* The smallest number of ticks whose nanoseconds are at least `ns`. */
uint64_t tsc_scale_invert(struct tsc_scale s, uint64_t ns);

#endif
