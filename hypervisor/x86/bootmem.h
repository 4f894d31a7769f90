/* Memory before there is a heap: free RAM by ranges; allocations come from its upper end below 4 GiB. */
#ifndef HV_X86_BOOTMEM_H
#define HV_X86_BOOTMEM_H

#include "types.h"

#define BOOT_MAPPED (4UL << 30)		/* boot.S maps this much */

void bootmem_add(paddr_t start, paddr_t end);
void bootmem_exclude(paddr_t start, paddr_t end);	/* in use: an image, a module … */
paddr_t bootmem_alloc(uint64_t bytes, uint64_t align);	/* zeroed; 0: none left */
void bootmem_to_heap(void);		/* what is left; no bootmem_alloc() after this */

#endif
