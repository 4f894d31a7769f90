/* Device registers in memory: one access each, in program order with other volatile ones. */
#ifndef HV_X86_MMIO_H
#define HV_X86_MMIO_H

#include <stdint.h>

static inline uint32_t mmio_read32(const volatile void *base, uint32_t offset)
{
	return *(const volatile uint32_t *)((const volatile char *)base + offset);
}

static inline void mmio_write32(volatile void *base, uint32_t offset, uint32_t v)
{
	*(volatile uint32_t *)((volatile char *)base + offset) = v;
}

static inline uint64_t mmio_read64(const volatile void *base, uint32_t offset)
{
	return *(const volatile uint64_t *)((const volatile char *)base + offset);
}

#endif
