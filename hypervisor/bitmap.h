/* Bit strings in 64-bit words, and the set of physical CPUs. */
#ifndef HV_BITMAP_H
#define HV_BITMAP_H

#include "types.h"

#define BITS_TO_WORDS(n) DIV_UP(n, 64)

static inline bool bit_test(const uint64_t *map, unsigned int n)
{
	return (READ_ONCE(map[n / 64]) >> (n % 64)) & 1;
}

static inline void bit_set(uint64_t *map, unsigned int n) { map[n / 64] |= 1ULL << (n % 64); }
static inline void bit_clear(uint64_t *map, unsigned int n) { map[n / 64] &= ~(1ULL << (n % 64)); }

/* The atomic forms say whether the bit was set before; full barriers. */
static inline bool bit_test_set_atomic(uint64_t *map, unsigned int n)
{
	uint64_t bit = 1ULL << (n % 64);

	return __atomic_fetch_or(&map[n / 64], bit, __ATOMIC_SEQ_CST) & bit;
}

static inline bool bit_test_clear_atomic(uint64_t *map, unsigned int n)
{
	uint64_t bit = 1ULL << (n % 64);

	return __atomic_fetch_and(&map[n / 64], ~bit, __ATOMIC_SEQ_CST) & bit;
}

/* First set bit at or after `from`, or `size`. */
static inline unsigned int bit_find_next(const uint64_t *map, unsigned int size, unsigned int from)
{
	while (from < size) {
		uint64_t word = READ_ONCE(map[from / 64]) >> (from % 64);

		if (word) {
			from += __builtin_ctzll(word);
			return MIN(from, size);
		}
		from = (from / 64 + 1) * 64;
	}
	return size;
}

struct cpumask { uint64_t bits[BITS_TO_WORDS(MAX_CPUS)]; };

static inline bool cpumask_test(const struct cpumask *m, unsigned int cpu) { return bit_test(m->bits, cpu); }
static inline void cpumask_set(struct cpumask *m, unsigned int cpu) { bit_test_set_atomic(m->bits, cpu); }
static inline void cpumask_clear(struct cpumask *m, unsigned int cpu) { bit_test_clear_atomic(m->bits, cpu); }

static inline unsigned int cpumask_next(const struct cpumask *m, unsigned int from)
{
	return bit_find_next(m->bits, MAX_CPUS, from);
}

#define cpumask_for_each(cpu, m)						\
	for (cpu = cpumask_next(m, 0); cpu < MAX_CPUS; cpu = cpumask_next(m, cpu + 1))

static inline bool cpumask_empty(const struct cpumask *m) { return cpumask_next(m, 0) == MAX_CPUS; }

static inline void cpumask_and(struct cpumask *d, const struct cpumask *a, const struct cpumask *b)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(d->bits); i++)
		d->bits[i] = READ_ONCE(a->bits[i]) & READ_ONCE(b->bits[i]);
}

static inline unsigned int cpumask_count(const struct cpumask *m)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < ARRAY_SIZE(m->bits); i++)
		for (uint64_t word = READ_ONCE(m->bits[i]); word; word &= word - 1)
			n++;
	return n;
}

#endif
