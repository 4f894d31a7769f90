/* Where a guest prints: the hypervisor's console as domain 0, its own console ring as any other. */
#ifndef GUEST_CONSOLE_H
#define GUEST_CONSOLE_H

#include "guest.h"

bool is_dom0(void);
void console_write(const char *text, size_t length);	/* waits for room */
char console_read(void);	/* of a guest's ring; waits */

#endif
