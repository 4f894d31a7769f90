/* The memory map as the firmware tells it may overlap, wrap and be unsorted; nothing after this sees that. */
#include "bootinfo.h"

/* Where ranges overlap, the use that forbids more wins: RAM only where nothing else is claimed. */
static unsigned int e820_strictness(uint32_t type)
{
	switch (type) {
	case E820_RAM: return 0;
	case E820_ACPI: return 1;
	case E820_NVS: return 2;
	default: return 3;
	}
}

static void e820_append(struct e820_map *map, uint64_t start, uint64_t end, uint32_t type)
{
	struct e820_entry *last = map->count ? &map->entry[map->count - 1] : NULL;

	if (last && last->type == type && last->start + last->size == start)
		last->size = end - last->start;
	else if (map->count < ARRAY_SIZE(map->entry))
		map->entry[map->count++] = (struct e820_entry){ start, end - start, type };
}

/* The strictest type that covers `at` in `map`, 0 for none; *until becomes where that may change. */
static uint32_t e820_type_at(const struct e820_map *map, uint64_t at, uint64_t *until)
{
	uint32_t type = 0;

	*until = ~0UL;
	for (uint32_t i = 0; i < map->count; i++) {
		uint64_t start = map->entry[i].start, end = start + map->entry[i].size;

		if (start > at)
			*until = MIN(*until, start);
		if (start > at || end <= at)
			continue;
		*until = MIN(*until, end);
		if (!type || e820_strictness(map->entry[i].type) > e820_strictness(type))
			type = map->entry[i].type;
	}
	return type;
}

void e820_sanitise(struct e820_map *map)
{
	static struct e820_map in;
	uint64_t at = 0, until;
	uint32_t kept = 0;

	for (uint32_t i = 0; i < map->count; i++) {
		struct e820_entry e = map->entry[i];

		if (e.start + e.size < e.start)
			e.size = ~0UL - e.start;
		if (e.size)
			in.entry[kept++] = e;
	}
	in.count = kept;
	map->count = 0;
	for (;; at = until) {
		uint32_t type = e820_type_at(&in, at, &until);

		if (type)
			e820_append(map, at, until, type);
		if (until == ~0UL)
			return;
	}
}

void e820_limit(struct e820_map *map, uint64_t bytes)
{
	for (uint32_t i = 0; i < map->count; i++) {
		struct e820_entry *e = &map->entry[i];

		if (e->type != E820_RAM)
			continue;
		if (e->size > bytes)
			e->size = bytes;
		bytes -= e->size;
	}
	e820_sanitise(map);
}
