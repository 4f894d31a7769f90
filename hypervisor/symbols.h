/* Function names by address, from a table made at link time (hypervisor/symbols.mk). */
#ifndef HV_SYMBOLS_H
#define HV_SYMBOLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The function that `address` is in, and how far behind its start; NULL: none. */
const char *symbol_find(uint64_t address, uint64_t *offset);
bool symbol_nth(uint32_t n, const char **name, uint64_t *address);	/* in order of address; false: no more */

#endif
