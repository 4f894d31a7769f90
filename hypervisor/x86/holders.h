/* Debug key Z: what holds domains that are dead and not gone. */
#ifndef HV_X86_HOLDERS_H
#define HV_X86_HOLDERS_H

void holders_dump(void);	/* all other vcpus stand still meanwhile */

#endif
