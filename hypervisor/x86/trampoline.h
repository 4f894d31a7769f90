/* The page below 1 MiB where other CPUs begin; conventional memory that nothing else of ours uses. */
#ifndef HV_X86_TRAMPOLINE_H
#define HV_X86_TRAMPOLINE_H

#define TRAMPOLINE_PADDR 0x8000

#ifndef __ASSEMBLER__
#include <stdint.h>

struct trampoline_words { uint64_t root, efer, stack, entry; };
extern const char trampoline_start[], trampoline_end[], trampoline_words[];
#endif

#endif
