/* Who uses which interrupt vector.  The APIC's priority is a vector's upper half: our own come first. */
#ifndef HV_X86_VECTORS_H
#define HV_X86_VECTORS_H

#define VECTOR_PIC	0x20	/* 16 for the 8259s: used with noapic, else they are masked */
#define VECTOR_FIRST	0x30	/* devices', allocated by irq.c, 0x80 left out: guests' int 0x80 */
#define VECTOR_LAST	0xef
#define VECTOR_OWN	0xf0	/* from here on the table in irq.c */
#define VECTOR_STOP	0xf9
#define VECTOR_FLUSH	0xfa
#define VECTOR_CALL	0xfb
#define VECTOR_KICK	0xfc
#define VECTOR_TIMER	0xfd
#define VECTOR_ERROR	0xfe
#define VECTOR_SPURIOUS	0xff

#endif
