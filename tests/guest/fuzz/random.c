/* Random values that are likely to matter. */
#include "fuzz.h"

static uint64_t own_frames[(1u << 20) / 64];	/* below 4 GiB: those that the fuzzer itself is made of */

void random_seed(uint64_t seed)
{
	self()->random = seed * 0x9e3779b97f4a7c15ul + 1;
}

/* xorshift64* (Marsaglia 2003; Vigna 2016) */
uint64_t random_bits(void)
{
	uint64_t *state = &self()->random;

	*state ^= *state >> 12;
	*state ^= *state << 25;
	*state ^= *state >> 27;
	return *state * 0x2545f4914f6cdd1dul;
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

unsigned int random_toy(void)
{
	return random_below(one_in(2) ? HOT_TOYS : TOYS);
}

uint64_t random_toy_va(void)
{
	uint64_t va = (uintptr_t)toy[random_toy()];

	switch (random_below(4)) {
	case 0:	return va + random_below(PAGE_SIZE);
	case 1:	return va + random_below(512) * 8;
	case 2:	return va + PAGE_SIZE - 1 - random_below(80);	/* across the edge */
	default: return va;
	}
}

/* Tables of toys have most of their entries among the first four. */
uint64_t random_low_va(void)
{
	uint64_t va = 0;

	for (int level = 4; level; level--)
		va = va << 9 | random_below(one_in(16) ? 512 : 4);
	va = (uint64_t)((int64_t)(va << 28) >> 16);
	return va >= VIRT_BASE ? 0 : va + (one_in(4) ? random_below(PAGE_SIZE) : random_below(512) * 8);
}

uint64_t random_va(void)
{
	switch (random_below(10)) {
	case 0:	return random_number();
	case 1:	return HYPERVISOR_VIRT_START + (random_bits() >> 21);
	case 2:	return 0x0000800000000000 - random_below(64);
	case 3:	return random_bits() >> 1;	/* never ours */
	case 4:	return HYPERVISOR_VIRT_END - random_below(64);
	case 5: return random_low_va();
	default: return random_toy_va();
	}
}

void own_frames_note(void)
{
	const uint64_t *p2m = (const uint64_t *)start_info->mfn_list;
	uint64_t end = (entry_state.rsp + 0x480000 - VIRT_BASE) / PAGE_SIZE;

	for (uint64_t pfn = 0x100; pfn < end && pfn < start_info->nr_pages; pfn++)
		if (p2m[pfn] < 1u << 20)
			own_frames[p2m[pfn] / 64] |= 1ul << p2m[pfn] % 64;
}

/* A frame of the machine that is not part of the fuzzer itself. */
static uint64_t random_foreign_mfn(void)
{
	uint64_t mfn = random_below(1u << 20);

	return own_frames[mfn / 64] >> mfn % 64 & 1 ? toy_mfn[0] : mfn;
}

uint64_t random_mfn(void)
{
	switch (random_below(14)) {
	case 0:	return random_bits() & ((1ul << 40) - 1);
	case 1:	return random_foreign_mfn();
	case 2:	return mfn_of((void *)start_info->pt_base);	/* our root */
	case 3:	return events_mfn();
	case 4:	return 0xa0 + random_below(0x60);	/* VGA and BIOS */
	case 5:	return one_in(2) ? 0xfec00 : 0xfee00;	/* IO-APIC, local APIC */
	case 6: return other_mfn();
	default: return toy_mfn[random_toy()];
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

domid_t random_domid(void)
{
	static const domid_t known[] = { 0, 1, 2, 3, DOMID_SELF, DOMID_IO, DOMID_XEN, DOMID_COW, DOMID_INVALID,
		DOMID_IDLE, 0xffff };

	return one_in(2) ? DOMID_SELF : known[random_below(ARRAY_SIZE(known))];
}

void buffers_reset(void)
{
	self()->arena_used = 0;
}

void *random_buffer(size_t size)
{
	struct worker *w = self();
	uint8_t *p = w->arena + w->arena_used;

	size = (size + 7) & ~7ul;
	if (w->arena_used + size > sizeof(w->arena))
		guest_panic("no room for arguments");
	w->arena_used += size;
	for (size_t i = 0; i < size; i += 8)
		*(uint64_t *)(p + i) = one_in(4) ? random_bits() >> 1 : random_number();
	return p;
}

/* Never in a toy, whose contents could be requests that nobody meant. */
uint64_t random_pointer(void *good)
{
	static const uint64_t bad[] = { 0x0000800000000000, HYPERVISOR_VIRT_START + (1ul << 40),
		HYPERVISOR_VIRT_END - 4, 0xffffffffffffffff,
		0, 8, 0x1000, 0x7ffffffff000, 0x7ffffffffffc };	/* these may be toys, in a root of toys */

	return one_in(16) ? bad[random_below(self()->is_in_toys ? 4 : ARRAY_SIZE(bad))] : (uintptr_t)good;
}

uint64_t random_out(void)
{
	return one_in(3) ? 0 : random_va();
}

/* QEMU 7.2 refuses watchpoints that reach beyond the end of the address space, and then mixes them up. */
uint64_t random_breakpoint(void)
{
	uint64_t va = one_in(2) ? random_toy_va() : random_va();

	return va > -PAGE_SIZE ? 0x7ffffffff000 : va;
}
