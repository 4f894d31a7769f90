/*
 * Paravirtualised page tables: which entries a guest may have, and every way to change one.
 *
 * A table's type changes, and its entries are written, only under the mm_lock of the domain that owns it.
 * An entry of a validated table holds references on what it maps: levels 2-4 a type reference of the level
 * below, level 1 a reference, and a PAGE_WRITABLE type reference if it allows writing.
 */
#ifndef HV_X86_PV_MM_H
#define HV_X86_PV_MM_H

#include "domain.h"
#include "layout.h"
#include "mm.h"

/*
 * Sets an entry of a validated table of `d` at `level`; level 1 may map frames of `owner`.  mm_lock of d
 * held; above level 1 with no unfinished tree (pv_tree_settle()).  -EINVAL, -EPERM, -ERESTART (above level 1),
 * and nothing has changed.
 */
int pv_entry_set(unsigned int level, uint64_t *entry, uint64_t value, struct domain *d,
		 struct domain *owner, bool preserve_ad);
/* The level-1 entry that maps `va` in `root`, or NULL; mm_lock held. */
uint64_t *pv_walk(const struct page *root, uint64_t va);
/* Switches to a new kernel root: -EINVAL if the frame can't be one, -ERESTART.  mm_lock not held. */
int pv_new_root(struct vcpu *v, mfn_t mfn);
int pv_new_user_root(struct vcpu *v, mfn_t mfn);	/* frame 0: none */
void pv_load_root(struct vcpu *v);		/* current: CR3 as its mode wants it */
/* Descriptors as a guest may have them, adjusted in place; -EINVAL. */
int pv_descriptor_check(uint64_t *descriptor);
/* Installs the hypervisor's slots in a level-4 table. */
void pv_root_fill(uint64_t *table);

/* Where a guest may have code or data: canonical, and not ours. */
static inline bool is_guest_address(uint64_t va)
{
	return va_is_canonical(va) && (va < HV_VIRT_START || va >= HV_VIRT_END);
}

void pv_hypercall_page_fill(uint8_t *page);	/* an entry of 32 bytes for each hypercall */
/* Lets go of what it holds of its domain's frames; it's off, its state comes to memory. */
void pv_vcpu_relinquish(struct vcpu *v);
int pv_set_gdt(struct vcpu *v, const uint64_t *mfns, unsigned int entries);	/* -EINVAL */
void pv_drop_gdt(struct vcpu *v);
int pv_set_ldt(struct vcpu *v, uint64_t base, unsigned int entries);
void pv_drop_ldt(struct vcpu *v);
void pv_load_gdt(struct vcpu *v);		/* into this CPU's window; v's state is being loaded */
void pv_load_ldt(struct vcpu *v);

#endif
