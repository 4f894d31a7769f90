/* Frame numbers that do not mix, page arithmetic, and the few macros that everything uses. */
#ifndef HV_TYPES_H
#define HV_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Machine frame, guest frame (what a guest calls its physical page), pseudo-physical frame of a PV guest. */
typedef struct { uint64_t n; } mfn_t;
typedef struct { uint64_t n; } gfn_t;
typedef struct { uint64_t n; } pfn_t;
typedef uint64_t paddr_t;		/* machine address, bytes */

#define MFN(x) ((mfn_t){ x })
#define GFN(x) ((gfn_t){ x })
#define PFN(x) ((pfn_t){ x })
#define INVALID_MFN MFN(~0UL)

static inline bool mfn_eq(mfn_t a, mfn_t b) { return a.n == b.n; }
static inline mfn_t mfn_add(mfn_t m, uint64_t frames) { return MFN(m.n + frames); }

#define PAGE_SHIFT 12
#define PAGE_SIZE 4096UL
#define PAGE_MASK (~(PAGE_SIZE - 1))

static inline mfn_t paddr_to_mfn(paddr_t p) { return MFN(p >> PAGE_SHIFT); }
static inline paddr_t mfn_to_paddr(mfn_t m) { return m.n << PAGE_SHIFT; }

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define ROUND_UP(x, to) (((x) + (to) - 1) / (to) * (to))
#define DIV_UP(x, by) (((x) + (by) - 1) / (by))
#define MIN(a, b) ((a) < (b) ? (a) : (b))
#define MAX(a, b) ((a) > (b) ? (a) : (b))
#define container_of(ptr, type, member) ((type *)((char *)(ptr) - offsetof(type, member)))
#define likely(x) __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)
#define READ_ONCE(x) (*(const volatile __typeof__(x) *)&(x))
#define WRITE_ONCE(x, v) (*(volatile __typeof__(x) *)&(x) = (v))

#define NS_PER_S 1000000000ULL
#define NS_PER_MS 1000000ULL
#define NS_PER_US 1000ULL

/* Limits of this build; guests and tools see them through the ABI. */
#define MAX_CPUS 256		/* physical CPUs */
#define MAX_VCPUS 128		/* virtual CPUs of a domain */

#endif
