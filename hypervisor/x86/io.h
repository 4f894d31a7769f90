/* I/O ports, and device registers in memory. */
#ifndef HV_X86_IO_H
#define HV_X86_IO_H

#include <stdint.h>

static inline uint8_t in8(uint16_t port)
{
	uint8_t v;

	__asm__ volatile("inb %1, %0" : "=a"(v) : "Nd"(port));
	return v;
}

static inline uint16_t in16(uint16_t port)
{
	uint16_t v;

	__asm__ volatile("inw %1, %0" : "=a"(v) : "Nd"(port));
	return v;
}

static inline uint32_t in32(uint16_t port)
{
	uint32_t v;

	__asm__ volatile("inl %1, %0" : "=a"(v) : "Nd"(port));
	return v;
}

static inline void out8(uint16_t port, uint8_t v) { __asm__ volatile("outb %0, %1" :: "a"(v), "Nd"(port)); }
static inline void out16(uint16_t port, uint16_t v) { __asm__ volatile("outw %0, %1" :: "a"(v), "Nd"(port)); }
static inline void out32(uint16_t port, uint32_t v) { __asm__ volatile("outl %0, %1" :: "a"(v), "Nd"(port)); }

/* One access each, in program order with other volatile ones. */
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

static inline void mmio_write64(volatile void *base, uint32_t offset, uint64_t v)
{
	*(volatile uint64_t *)((volatile char *)base + offset) = v;
}

#endif
