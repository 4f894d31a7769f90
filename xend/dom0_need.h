/* dom0_need.h - how small Domain-0 can become without losing what it uses. */
#ifndef XEND_DOM0_NEED_H
#define XEND_DOM0_NEED_H

#include <stdint.h>

/*
 * Of the KiB that Domain-0 has now, those that it can't give: what its kernel doesn't call available
 * (MemAvailable, proc_meminfo(5)), and some air.  Linux' balloon driver gives whatever it is told to,
 * and what is then missing costs the host's daemons their lives.  0 where it can't be told.
 */
uint64_t dom0_need(uint64_t held_kib);

/* The same, of such a file's text. */
uint64_t dom0_need_of(const char *meminfo, uint64_t held_kib);

#endif
