/* 128-bit division, which the compiler calls by these names; its own library isn't built for our stack. */
#include <stdint.h>

typedef unsigned __int128 u128;

u128 __udivmodti4(u128 n, u128 d, u128 *remainder);
u128 __udivti3(u128 n, u128 d);
u128 __umodti3(u128 n, u128 d);

static uint64_t div_2by1(uint64_t hi, uint64_t lo, uint64_t d, uint64_t *rest)
{
	uint64_t q;

	__asm__("divq %4" : "=a"(q), "=d"(*rest) : "a"(lo), "d"(hi), "r"(d) : "cc");
	return q;
}

u128 __udivmodti4(u128 n, u128 d, u128 *remainder)
{
	uint64_t hi, lo, rest;
	u128 q = 0, r = 0;

	if (d >> 64 == 0) {
		hi = div_2by1(0, n >> 64, d, &rest);
		lo = div_2by1(rest, n, d, &rest);
		if (remainder)
			*remainder = rest;
		return (u128)hi << 64 | lo;
	}
	for (int bit = 127; bit >= 0; bit--) {
		r = r << 1 | (n >> bit & 1);
		if (r >= d) {
			r -= d;
			q |= (u128)1 << bit;
		}
	}
	if (remainder)
		*remainder = r;
	return q;
}

u128 __udivti3(u128 n, u128 d) { return __udivmodti4(n, d, 0); }

u128 __umodti3(u128 n, u128 d)
{
	u128 r;

	__udivmodti4(n, d, &r);
	return r;
}
