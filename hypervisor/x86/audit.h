/* The frame table held against what it stands for. */
#ifndef HV_X86_AUDIT_H
#define HV_X86_AUDIT_H

/*
 * Debug key A: recomputes every frame's references and type references from the page tables, pins, vcpus and
 * whatever else holds some, and compares: says what differs, and how many frames do.  All vcpus are stopped
 * meanwhile; if one doesn't stop, nothing is looked at.  With little memory left it takes longer.  From a
 * softirq, no lock held.
 */
void audit_key(void);

#endif
