#include "bootmem.h"
#include "heap.h"
#include "machine.h"
#include "string.h"

static struct { paddr_t start, end; } range[128];	/* none crosses BOOT_MAPPED */
static unsigned int range_count;

static void range_add(paddr_t start, paddr_t end)
{
	if (start < end && range_count < ARRAY_SIZE(range)) {
		range[range_count].start = start;
		range[range_count++].end = end;
	}
}

void bootmem_add(paddr_t start, paddr_t end)
{
	start = ROUND_UP(start, PAGE_SIZE);
	end &= PAGE_MASK;
	range_add(start, MIN(end, BOOT_MAPPED));
	range_add(MAX(start, BOOT_MAPPED), end);
}

void bootmem_exclude(paddr_t start, paddr_t end)
{
	start &= PAGE_MASK;
	end = ROUND_UP(end, PAGE_SIZE);
	for (unsigned int i = 0, n = range_count; i < n; i++) {
		paddr_t old_end = range[i].end;

		if (end <= range[i].start || start >= old_end)
			continue;
		range[i].end = MAX(start, range[i].start);
		range_add(end, old_end);
	}
}

paddr_t bootmem_alloc(uint64_t bytes, uint64_t align)
{
	for (unsigned int i = range_count; i-- > 0;) {
		paddr_t old_end = range[i].end, at;

		if (old_end > BOOT_MAPPED || old_end - range[i].start < bytes)
			continue;
		at = (old_end - bytes) & ~(align - 1);
		if (at < range[i].start)
			continue;
		range[i].end = at;
		range_add(at + bytes, old_end);
		memset(paddr_to_virt(at), 0, bytes);
		return at;
	}
	return 0;
}

void bootmem_to_heap(void)
{
	for (unsigned int i = 0; i < range_count; i++)
		heap_add_range(range[i].start, range[i].end);
	range_count = 0;
}
