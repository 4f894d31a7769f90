/* Random values that are likely to matter. */
#include "fuzz.h"

static uint64_t state;
static uint8_t arena[65536] __attribute__((aligned(4096)));
static size_t arena_used;

void random_seed(uint64_t seed)
{
	state = seed * 0x9e3779b97f4a7c15ul + 1;
}

/* xorshift64* (Marsaglia 2003; Vigna 2016) */
uint64_t random_bits(void)
{
	state ^= state >> 12;
	state ^= state << 25;
	state ^= state >> 27;
	return state * 0x2545f4914f6cdd1dul;
}

unsigned int random_below(unsigned int n)
{
	return (unsigned int)((random_bits() >> 32) * n >> 32);
}

bool one_in(unsigned int n)
{
	return random_below(n) == 0;
}

uint64_t random_number(void)
{
	switch (random_below(8)) {
	case 0:	return 0;
	case 1:	return random_below(4);
	case 2:	return random_below(64);
	case 3:	return random_below(5000);
	case 4:	return 1ul << random_below(64);
	case 5:	return (1ul << random_below(64)) - 1;
	case 6:	return -(uint64_t)random_below(16);
	default: return random_bits() >> random_below(64);
	}
}

uint64_t random_toy_va(void)
{
	uint64_t va = (uintptr_t)toy[random_below(TOYS)];

	if (one_in(3))
		va += random_below(PAGE_SIZE);
	else if (one_in(2))
		va += random_below(512) * 8;
	return va;
}

uint64_t random_va(void)
{
	switch (random_below(8)) {
	case 0:	return random_number();
	case 1:	return HYPERVISOR_VIRT_START + (random_bits() >> 21);
	case 2:	return 0x0000800000000000 - random_below(4);
	case 3:	return random_bits();
	case 4:	return HYPERVISOR_VIRT_END - random_below(32);
	default: return random_toy_va();
	}
}

/* A frame of the machine that is not part of the fuzzer itself. */
static uint64_t random_foreign_mfn(void)
{
	const uint64_t *p2m = (const uint64_t *)start_info->mfn_list;
	uint64_t mfn = random_below(1u << 20), own = (entry_state.rsp + 0x480000 - VIRT_BASE) / PAGE_SIZE;

	for (uint64_t pfn = 0x100; pfn < own; pfn++) {		/* m2p may have holes, so not by that */
		if (p2m[pfn] == mfn)
			return toy_mfn[0];
	}
	return mfn;
}

uint64_t random_mfn(void)
{
	switch (random_below(12)) {
	case 0:	return random_bits() & ((1ul << 40) - 1);
	case 1:	return random_foreign_mfn();
	case 2:	return mfn_of((void *)start_info->pt_base);	/* our root */
	case 3:	return start_info->shared_info >> 12;
	case 4:	return 0xa0 + random_below(0x60);	/* VGA and BIOS */
	case 5:	return one_in(2) ? 0xfec00 : 0xfee00;	/* IO-APIC, local APIC */
	default: return toy_mfn[random_below(TOYS)];
	}
}

uint64_t random_pte(void)
{
	uint64_t flags;

	switch (random_below(6)) {
	case 0:	return random_bits();
	case 1:	return 0;
	case 2:	flags = PTE_RO; break;
	case 3:	flags = PTE_TABLE; break;
	case 4:	flags = random_bits() & 0xfff; break;
	default: flags = PTE_RW; break;
	}
	if (one_in(6))
		flags |= random_bits() & 0xfff0000000000000;
	return MFN_PTE(random_mfn(), flags);
}

void buffers_reset(void)
{
	arena_used = 0;
}

void *random_buffer(size_t size)
{
	uint8_t *p = arena + arena_used;

	size = (size + 7) & ~7ul;
	if (arena_used + size > sizeof(arena))
		guest_panic("no room for arguments");
	arena_used += size;
	for (size_t i = 0; i < size; i += 8)
		*(uint64_t *)(p + i) = one_in(4) ? random_bits() : random_number();
	return p;
}

/* QEMU 7.2 refuses watchpoints that reach beyond the end of the address space, and then mixes them up. */
uint64_t random_breakpoint(void)
{
	uint64_t va = one_in(2) ? random_toy_va() : random_va();

	return va > -PAGE_SIZE ? 0x7ffffffff000 : va;
}
