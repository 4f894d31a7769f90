#include "x86/tsc_scale.h"

#define NS_PER_S 1000000000ULL

/* A multiplier with its top bit set has the most precision that 32 bits give. */
struct tsc_scale tsc_scale_for(uint64_t hz)
{
	struct tsc_scale s = { 0, 0 };
	uint64_t mul;

	while (hz > 2 * NS_PER_S) {
		hz >>= 1;
		s.shift--;
	}
	while (hz <= NS_PER_S) {
		hz <<= 1;
		s.shift++;
	}
	/* hz is in (10^9, 2*10^9]: the quotient is in [2^31, 2^32) */
	mul = (NS_PER_S << 32) / hz;
	s.mul = mul > UINT32_MAX ? UINT32_MAX : mul;
	return s;
}

/* high < by */
static uint64_t divide_128(uint64_t high, uint64_t low, uint64_t by)
{
	uint64_t quotient, rest;

	__asm__("divq %4" : "=a"(quotient), "=d"(rest) : "a"(low), "d"(high), "r"(by) : "cc");
	return quotient;
}

uint64_t tsc_scale_invert(struct tsc_scale s, uint64_t ns)
{
	unsigned __int128 v = ((unsigned __int128)ns << 32) + s.mul - 1;
	uint64_t ticks;

	if ((uint64_t)(v >> 64) >= s.mul)
		return UINT64_MAX;
	ticks = divide_128(v >> 64, (uint64_t)v, s.mul);
	if (s.shift < 0)
		return ticks > UINT64_MAX >> -s.shift ? UINT64_MAX : ticks << -s.shift;
	return (ticks + (1ULL << s.shift) - 1) >> s.shift;
}
