#include "symbols.h"

/* The generated table: sorted offsets from _image_start, and offsets of the names. */
extern const char _image_start[];
extern const uint32_t symbol_count, symbol_offsets[], symbol_names[];
extern const char symbol_text[];

bool symbol_nth(uint32_t n, const char **name, uint64_t *address)
{
	if (n >= symbol_count)
		return false;
	*name = symbol_text + symbol_names[n];
	*address = (uint64_t)_image_start + symbol_offsets[n];
	return true;
}

const char *symbol_find(uint64_t address, uint64_t *offset)
{
	uint64_t at = address - (uint64_t)_image_start;
	uint32_t low = 0, high = symbol_count;

	if (!high || address < (uint64_t)_image_start || at < symbol_offsets[0])
		return NULL;
	while (high - low > 1) {
		uint32_t middle = low + (high - low) / 2;

		if (symbol_offsets[middle] <= at)
			low = middle;
		else
			high = middle;
	}
	*offset = at - symbol_offsets[low];
	return symbol_text + symbol_names[low];
}
