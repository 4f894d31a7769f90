/*
 * A vcpu's registers as structures of the ABI: a context that the guest (for a second vcpu) or the
 * toolstack gives, or the toolstack reads; and what has come since: extended state, more callbacks, MSRs.
 */
#include "arch.h"
#include "asm.h"
#include "cpu_features.h"
#include "desc.h"
#include "errno.h"
#include "guest.h"
#include "heap.h"
#include "hypercall.h"
#include "pv_context.h"
#include "pv_mm.h"
#include "pv_traps.h"
#include "string.h"

#define CR0_TS 8UL
#define CR0_GUEST 0x80050033UL		/* PG AM WP NE ET MP PE: SDM 3A 2.5 */

static int context_check(const struct vcpu_guest_context *c)
{
	if (!is_guest_address(c->user_regs.rip) || !is_guest_address(c->event_callback_eip) ||
	    !is_guest_address(c->syscall_callback_eip) || !is_guest_address(c->failsafe_callback_eip))
		return -EINVAL;
	for (unsigned int i = 0; i < ARRAY_SIZE(c->trap_ctxt); i++)
		if (!is_guest_address(c->trap_ctxt[i].address))
			return -EINVAL;
	if (!va_is_canonical(c->fs_base) || !va_is_canonical(c->gs_base_kernel) ||
	    !va_is_canonical(c->gs_base_user))
		return -EINVAL;
	return c->gdt_ents > GUEST_GDT_PAGES * 512 || c->ldt_ents > 8192 ? -EINVAL : 0;
}

static void context_set_registers(struct vcpu *v, const struct vcpu_guest_context *c)
{
	struct cpu_user_regs *r = &v->arch.regs;
	struct pv_vcpu *pv = &v->arch.pv;

	*r = c->user_regs;
	r->cs |= 3;
	r->ss |= 3;
	r->rflags = (r->rflags & ~(RFLAGS_IOPL | RFLAGS_VM | RFLAGS_NT)) | RFLAGS_IF | 2;
	r->entry_vector = VECTOR_BOUNCE;
	pv->iopl = c->user_regs.rflags >> 12 & 3;
	pv->in_kernel = c->flags & VGCF_in_kernel;
	v->arch.fs_base = c->fs_base;
	v->arch.gs_base_kernel = c->gs_base_kernel;
	v->arch.gs_base_user = c->gs_base_user;
	if (c->flags & VGCF_i387_valid) {
		memcpy(v->arch.fpu, &c->fpu_ctxt, sizeof(c->fpu_ctxt));
		if (xcr0_supported) {	/* x87 and SSE are there; the header beyond is ours */
			memset((char *)v->arch.fpu + 512, 0, 64);
			*(uint64_t *)((char *)v->arch.fpu + 512) = 3;
		}
	} else {
		pv_fpu_reset(v);
	}
}

static void context_set_callbacks(struct vcpu *v, const struct vcpu_guest_context *c)
{
	struct pv_vcpu *pv = &v->arch.pv;

	memcpy(pv->traps, c->trap_ctxt, sizeof(pv->traps));
	for (unsigned int i = 0; i < ARRAY_SIZE(pv->traps); i++)
		if (pv->traps[i].address)
			pv->traps[i].cs |= 3;
	pv->event = (struct pv_callback){ c->event_callback_eip, true };
	pv->failsafe = (struct pv_callback){ c->failsafe_callback_eip, c->flags & VGCF_failsafe_disables_events };
	pv->syscall = (struct pv_callback){ c->syscall_callback_eip, c->flags & VGCF_syscall_disables_events };
	pv->kernel_sp = c->kernel_sp;
	pv->kernel_ss = c->kernel_ss;
	pv->cr0_ts = c->ctrlreg[0] & 8;
	pv->cr4 = c->ctrlreg[4] & pv_cr4_guest_bits();
	for (unsigned int i = 0; i < 8; i++)
		if (i < 4 || i > 5)
			(void)pv_set_debugreg(v, i, c->debugreg[i]);	/* one it may not set stays clear */
}

/* -ERESTART: its tables aren't all validated, and a softirq waits. */
static int context_set_root(struct vcpu *v, int (*set)(struct vcpu *v, mfn_t mfn), uint64_t cr3)
{
	int rc;

	do
		rc = set(v, MFN(cr3 ? xen_cr3_to_pfn(cr3) : 0));
	while (rc == -ERESTART && !hypercall_should_yield());
	return rc;
}

/* Frames first: they are what can be refused. */
static int context_set_frames(struct vcpu *v, const struct vcpu_guest_context *c)
{
	int rc = pv_set_gdt(v, (const uint64_t *)c->gdt_frames, c->gdt_ents);

	if (!rc)
		rc = context_set_root(v, pv_new_root, c->ctrlreg[3]);
	if (!rc)
		rc = context_set_root(v, pv_new_user_root, c->ctrlreg[1]);
	if (!rc && c->ldt_ents)
		rc = pv_set_ldt(v, c->ldt_base, c->ldt_ents);
	if (!rc && !(c->flags & VGCF_in_kernel) && !v->arch.pv.root_user)
		rc = -EINVAL;
	return rc;
}

int arch_vcpu_set_context(struct vcpu *v, const struct vcpu_guest_context *c)
{
	int rc = context_check(c);

	if (rc)
		return rc;
	arch_vcpu_sync(v);
	rc = context_set_frames(v, c);
	if (rc) {
		pv_vcpu_relinquish(v);
		return rc;
	}
	context_set_registers(v, c);
	context_set_callbacks(v, c);
	if (v->id == 0)
		v->domain->vm_assist = c->vm_assist & VM_ASSIST_VALID;
	return 0;
}

void arch_vcpu_reset(struct vcpu *v)
{
	pv_vcpu_relinquish(v);
	pv_vcpu_reset(v);
}

/* ---- … and as the toolstack reads it ---- */

static uint64_t root_cr3(const struct page *root)
{
	return root ? xen_pfn_to_cr3(page_to_mfn(root).n) : 0;
}

static void context_get_registers(const struct vcpu *v, struct vcpu_guest_context *c)
{
	const struct pv_vcpu *pv = &v->arch.pv;

	memcpy(&c->fpu_ctxt, v->arch.fpu, sizeof(c->fpu_ctxt));
	c->flags = VGCF_i387_valid | (pv->in_kernel ? VGCF_in_kernel : 0) |
		(v->stop & VCPU_DOWN ? 0 : VGCF_online) |
		(pv->failsafe.mask_events ? VGCF_failsafe_disables_events : 0) |
		(pv->syscall.mask_events ? VGCF_syscall_disables_events : 0);
	c->user_regs = v->arch.regs;
	c->user_regs.rflags = (c->user_regs.rflags & ~RFLAGS_IOPL) | (uint64_t)pv->iopl << 12;
	c->user_regs.entry_vector = 0;
	c->fs_base = v->arch.fs_base;
	c->gs_base_kernel = v->arch.gs_base_kernel;
	c->gs_base_user = v->arch.gs_base_user;
}

static void context_get_tables(const struct vcpu *v, struct vcpu_guest_context *c)
{
	const struct pv_vcpu *pv = &v->arch.pv;

	memcpy(c->trap_ctxt, pv->traps, sizeof(c->trap_ctxt));
	c->ldt_base = pv->ldt_base;
	c->ldt_ents = pv->ldt_entries;
	c->gdt_ents = pv->gdt_entries;
	for (unsigned int i = 0; i < DIV_UP(pv->gdt_entries, 512); i++)
		c->gdt_frames[i] = page_to_mfn(pv->gdt_frames[i]).n;
	c->ctrlreg[0] = CR0_GUEST | (pv->cr0_ts ? CR0_TS : 0);
	c->ctrlreg[1] = root_cr3(pv->root_user);
	c->ctrlreg[2] = pv->cr2;
	c->ctrlreg[3] = root_cr3(pv->root_kernel);
	c->ctrlreg[4] = pv->cr4;
	for (unsigned int i = 0; i < 8; i++)
		c->debugreg[i] = pv->dr[i];
}

void arch_vcpu_get_context(struct vcpu *v, struct vcpu_guest_context *c)
{
	const struct pv_vcpu *pv = &v->arch.pv;

	arch_vcpu_sync(v);
	memset(c, 0, sizeof(*c));
	context_get_registers(v, c);
	context_get_tables(v, c);
	c->kernel_ss = pv->kernel_ss;
	c->kernel_sp = pv->kernel_sp;
	c->event_callback_eip = pv->event.address;
	c->failsafe_callback_eip = pv->failsafe.address;
	c->syscall_callback_eip = pv->syscall.address;
	c->vm_assist = v->domain->vm_assist;
}

/* ---- Extended state: XCR0, all of it that was ever on, then the XSAVE area in its standard format ---- */

#define EXTSTATE_HEADER (2 * sizeof(uint64_t))
#define XSTATE_BV_AT 512		/* SDM 1 13.4.2: XSTATE_BV, XCOMP_BV, reserved */
#define XSAVE_MIN (512 + 64)

static uint64_t *xsave_header(void *area) { return (uint64_t *)((char *)area + XSTATE_BV_AT); }

static bool xcr0_is_valid(uint64_t xcr0)
{
	return xcr0 & 1 && !(xcr0 & ~xcr0_supported) && (!(xcr0 & ~3UL) || xcr0 & 2);
}

long pv_get_extstate(struct vcpu *v, struct xen_domctl_vcpuextstate *e)
{
	uint64_t to = (uint64_t)e->buffer.p, size = EXTSTATE_HEADER + xsave_bytes, header[2];

	e->xfeature_mask = xcr0_supported;
	if (!xcr0_supported || !e->size) {
		e->size = xcr0_supported ? size : 0;
		return 0;
	}
	if (e->size < size)
		return -EINVAL;
	e->size = size;
	header[0] = v->arch.xcr0;
	header[1] = v->arch.xcr0 | *xsave_header(v->arch.fpu);
	if (copy_to_guest(to, header, sizeof(header)))
		return -EFAULT;
	return copy_to_guest(to + sizeof(header), v->arch.fpu, xsave_bytes);
}

/* Judged on a page of our own, which then takes the place of the old one. */
static long extstate_install(struct vcpu *v, const uint64_t header[2], void *area)
{
	const uint64_t *h = xsave_header(area);
	void *old = v->arch.fpu;

	if (!xcr0_is_valid(header[0]) || header[1] & ~xcr0_supported || h[0] & ~(header[0] | header[1]))
		return -EINVAL;
	for (unsigned int i = 1; i < 8; i++)
		if (h[i])
			return -EINVAL;
	v->arch.fpu = area;
	v->arch.xcr0 = header[0];
	pages_free(old, 0);
	return 0;
}

long pv_set_extstate(struct vcpu *v, const struct xen_domctl_vcpuextstate *e)
{
	uint64_t from = (uint64_t)e->buffer.p, header[2];
	void *area;
	long rc;

	if (!xcr0_supported)
		return -EOPNOTSUPP;
	if (e->size < EXTSTATE_HEADER + XSAVE_MIN || e->size > EXTSTATE_HEADER + PAGE_SIZE)
		return -EINVAL;
	if (e->size > EXTSTATE_HEADER + xsave_bytes)
		return -EOPNOTSUPP;	/* a processor with more state than this one */
	area = page_alloc_zeroed();
	if (!area)
		return -ENOMEM;
	rc = copy_from_guest(header, from, sizeof(header));
	if (!rc)
		rc = copy_from_guest(area, from + EXTSTATE_HEADER, e->size - EXTSTATE_HEADER);
	if (!rc)
		rc = extstate_install(v, header, area);
	if (rc)
		pages_free(area, 0);
	return rc;
}

/* ---- More callbacks ---- */

void pv_get_ext_context(const struct vcpu *v, struct xen_domctl_ext_vcpucontext *e)
{
	const struct pv_vcpu *pv = &v->arch.pv;

	e->size = sizeof(*e);
	e->sysenter_callback_eip = pv->sysenter.address;
	e->sysenter_disables_events = pv->sysenter.mask_events;
	e->syscall32_callback_eip = pv->syscall32.address;
	e->syscall32_disables_events = pv->syscall32.mask_events;
	e->sysenter_callback_cs = e->syscall32_callback_cs = 0;	/* the flat one, in a 64-bit guest */
	memset(&e->vmce, 0, sizeof(e->vmce));
}

long pv_set_ext_context(struct vcpu *v, const struct xen_domctl_ext_vcpucontext *e)
{
	struct pv_vcpu *pv = &v->arch.pv;

	if (e->size < offsetof(struct xen_domctl_ext_vcpucontext, mcg_cap) ||
	    !is_guest_address(e->sysenter_callback_eip) || !is_guest_address(e->syscall32_callback_eip))
		return -EINVAL;
	pv->sysenter = (struct pv_callback){ e->sysenter_callback_eip, e->sysenter_disables_events };
	pv->syscall32 = (struct pv_callback){ e->syscall32_callback_eip, e->syscall32_disables_events };
	return 0;
}

/* ---- MSRs that a guest may have set and that aren't in its context: TSC_AUX ---- */

#define MSRS 1

long pv_get_msrs(const struct vcpu *v, struct xen_domctl_vcpu_msrs *m)
{
	const struct xen_domctl_vcpu_msr aux = { .index = MSR_TSC_AUX, .value = v->arch.tsc_aux };
	uint64_t to = (uint64_t)m->msrs.p;

	if (!to) {
		m->msr_count = MSRS;
		return 0;
	}
	if (!aux.value) {		/* zeroes go without saying */
		m->msr_count = 0;
		return 0;
	}
	if (m->msr_count < MSRS)
		return -ENOBUFS;
	m->msr_count = MSRS;
	return copy_to_guest(to, &aux, sizeof(aux));
}

long pv_set_msrs(struct vcpu *v, const struct xen_domctl_vcpu_msrs *m)
{
	struct xen_domctl_vcpu_msr msr;

	if (m->msr_count > MSRS)
		return -EINVAL;
	if (!m->msr_count)
		return 0;
	if (copy_from_guest(&msr, (uint64_t)m->msrs.p, sizeof(msr)))
		return -EFAULT;
	if (msr.index != MSR_TSC_AUX || msr.reserved || msr.value >> 32 || !cpu_has(XEN_X86_FEATURE_RDTSCP))
		return -EINVAL;
	v->arch.tsc_aux = msr.value;
	return 0;
}
