/* Port I/O of PV guests: who may reach which port, and what those ports give that we keep for ourselves. */
#ifndef HV_X86_PV_IO_H
#define HV_X86_PV_IO_H

#include "domain.h"

/* The guest's own protection: its kernel by virtual IOPL, its user mode by IOPL 3 or the port bitmap. */
bool pv_io_permitted(struct vcpu *v, uint16_t port, unsigned int bytes);
uint32_t pv_io_read(struct vcpu *v, uint16_t port, unsigned int bytes);
void pv_io_write(struct vcpu *v, uint16_t port, unsigned int bytes, uint32_t value);

/* Ports that the hardware domain's kernel may use without our help: prepares a CPU's TSS, once. */
void pv_io_bitmap_init(uint8_t *bitmap);
/* After a change of mode, IOPL or vcpu: whether that bitmap counts now.  v is (becoming) current. */
void pv_io_bitmap_switch(struct vcpu *v);

#endif
