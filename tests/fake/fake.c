#include "fake.h"
#include "hypervisor/guest.h"
#include "hypercall.h"
#include "memory.h"
#include "printk.h"
#include "wallclock.h"
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct cpu *fake_this_cpu;
bool fake_irqs_on;
uint8_t *fake_ram;
uint64_t fake_now;
int fake_mem_left, fake_yield_after, fake_pirq_rc, fake_context_rc;
unsigned int fake_pirqs_bound, fake_upcalls, fake_context_switches;
uint64_t fake_guest_fault, fake_guest_start, fake_guest_end;
uint32_t fake_machine_ended;
const char *fake_scheduler = "credit";
unsigned int fake_flushes;
unsigned int fake_cache_written;
const struct vcpu *fake_nmi_for;
bool fake_frames_may_stay;
domid_t fake_pte_owner;

struct cpu *cpus[MAX_CPUS];
struct cpumask cpu_online;
unsigned int cpu_count;

static struct {
	struct cpu cpu;
	struct vcpu *runs;
	uint64_t deadline_ns;
	jmp_buf *out;			/* where a context switch goes on */
} fakes[FAKE_CPUS_MAX];
static struct fake_load *loads;
static unsigned int mem_live, relaxes;

/* ---- CPUs ---- */

static unsigned int fake_cpu_id(void) { return fake_this_cpu->id; }

struct vcpu *current_vcpu(void) { return fakes[fake_cpu_id()].runs; }
struct vcpu *fake_running(unsigned int cpu) { return fakes[cpu].runs; }
void fake_be_cpu(unsigned int cpu) { fake_this_cpu = &fakes[cpu].cpu; }

void fake_be(struct vcpu *v)
{
	fake_this_cpu = v->cpu;
	fakes[fake_cpu_id()].runs = v;
}

uint64_t now_ns(void) { return fake_now; }
void arch_timer_program(uint64_t deadline_ns) { fakes[fake_cpu_id()].deadline_ns = deadline_ns; }
void arch_kick_cpu(struct cpu *c) { }

void arch_context_switch(struct vcpu *prev, struct vcpu *next)
{
	unsigned int cpu = fake_cpu_id();

	assert_false(fake_irqs_on);
	assert_ptr_equal(next->cpu, fake_this_cpu);
	assert_true(next->is_running);
	fake_context_switches++;
	fakes[cpu].runs = next;
	sched_context_saved(prev);
	longjmp(*fakes[cpu].out, 1);
}

/* Runs what is pending on one CPU; a context switch ends in a new round. */
static void fake_run_cpu(unsigned int cpu)
{
	struct cpu *was = fake_this_cpu;
	jmp_buf *volatile outer = fakes[cpu].out, here;

	if (outer)			/* it is in the middle of that */
		return;
	fake_this_cpu = &fakes[cpu].cpu;
	fakes[cpu].out = &here;
	setjmp(here);
	fake_this_cpu = &fakes[cpu].cpu;
	fake_irqs_on = true;
	softirq_run();
	fakes[cpu].out = NULL;
	fake_this_cpu = was;
}

void fake_softirqs(void)
{
	bool again = true;

	while (again) {
		again = false;
		for (unsigned int i = 0; i < cpu_count; i++) {
			if (!fakes[i].cpu.softirq_pending)
				continue;
			fake_run_cpu(i);
			again = true;
		}
	}
}

void cpu_relax(void)
{
	struct cpu *was = fake_this_cpu;
	bool irqs = fake_irqs_on;

	if (++relaxes > 10000)
		fail_msg("waits for ever");
	for (unsigned int i = 0; i < cpu_count; i++)
		if (&fakes[i].cpu != was && fakes[i].cpu.softirq_pending)
			fake_run_cpu(i);
	fake_this_cpu = was;
	fake_irqs_on = irqs;
}

/* ---- Loads and time ---- */

void fake_load_start(struct fake_load *l, struct vcpu *v, uint64_t run_ns, uint64_t sleep_ns)
{
	*l = (struct fake_load){ .v = v, .run_ns = run_ns, .sleep_ns = sleep_ns, .next = loads,
				 .blocks_at_ns = vcpu_cpu_time_ns(v) + run_ns };
	loads = l;
}

static bool load_is_on_cpu(const struct fake_load *l)
{
	return l->v->is_running && fakes[l->v->cpu->id].runs == l->v;
}

static void load_look(struct fake_load *l)
{
	struct cpu *was = fake_this_cpu;

	if (load_is_on_cpu(l) && l->woken_at_ns) {
		uint64_t latency = fake_now - l->woken_at_ns;

		l->woken_at_ns = 0;
		l->wakes++;
		l->latency_sum_ns += latency;
		l->latency_max_ns = MAX(l->latency_max_ns, latency);
	}
	if (l->blocks_at_ns && load_is_on_cpu(l) && vcpu_cpu_time_ns(l->v) >= l->blocks_at_ns) {
		fake_this_cpu = l->v->cpu;
		vcpu_block();
		l->blocks_at_ns = 0;
		l->wakes_at_ns = fake_now + l->sleep_ns;
	} else if (l->wakes_at_ns && fake_now >= l->wakes_at_ns) {
		l->wakes_at_ns = 0;
		l->woken_at_ns = fake_now;
		l->blocks_at_ns = vcpu_cpu_time_ns(l->v) + l->run_ns;
		fake_be_cpu(0);
		vcpu_unblock(l->v);
	}
	fake_this_cpu = was;
}

static uint64_t load_next_ns(const struct fake_load *l)
{
	if (l->wakes_at_ns)
		return l->wakes_at_ns;
	if (l->blocks_at_ns && load_is_on_cpu(l)) {
		uint64_t ran = vcpu_cpu_time_ns(l->v);

		return fake_now + (l->blocks_at_ns > ran ? l->blocks_at_ns - ran : 0);
	}
	return ~0UL;
}

static void fake_settle(void)
{
	fake_softirqs();
	for (struct fake_load *l = loads; l; l = l->next)
		load_look(l);
	fake_softirqs();
	for (struct fake_load *l = loads; l; l = l->next)
		load_look(l);
	fake_softirqs();
}

static uint64_t fake_next_ns(void)
{
	uint64_t next = ~0UL;

	for (unsigned int i = 0; i < cpu_count; i++)
		if (fakes[i].deadline_ns)
			next = MIN(next, fakes[i].deadline_ns);
	for (struct fake_load *l = loads; l; l = l->next)
		next = MIN(next, load_next_ns(l));
	return MAX(next, fake_now);
}

void fake_run(uint64_t ns)
{
	uint64_t end = fake_now + ns, next;

	relaxes = 0;
	fake_settle();
	while ((next = fake_next_ns()) <= end) {
		struct cpu *was = fake_this_cpu;

		fake_now = next;
		for (unsigned int i = 0; i < cpu_count; i++) {
			if (!fakes[i].deadline_ns || fakes[i].deadline_ns > fake_now)
				continue;
			fakes[i].deadline_ns = 0;
			fake_be_cpu(i);
			softirq_raise(SOFTIRQ_TIMER);
		}
		fake_this_cpu = was;
		fake_settle();
	}
	fake_now = end;
}

/* ---- Memory ---- */

static struct page frames[FAKE_FRAMES];

bool mfn_is_ram(mfn_t mfn) { return mfn.n < FAKE_FRAMES; }
void *fake_frame_data(uint64_t mfn) { return mfn_to_virt(MFN(mfn)); }

/* Contiguous, first fit: a frame that's free has USE_FREE. */
struct page *heap_alloc(unsigned int order, unsigned int address_bits)
{
	unsigned int run = 0;

	if (fake_mem_left == 0)
		return NULL;
	fake_mem_left -= fake_mem_left > 0;
	for (unsigned int i = 1; i < FAKE_FRAMES; i++) {
		run = frames[i].use & USE_FREE ? run + 1 : 0;
		if (run < 1U << order)
			continue;
		for (unsigned int k = 0; k < run; k++)
			frames[i - k] = (struct page){ .use = USE_NOBODY };
		mem_live += run;
		return &frames[i + 1 - run];
	}
	return NULL;
}

void heap_free(struct page *pg, unsigned int order)
{
	for (unsigned int k = 0; k < 1U << order; k++) {
		assert_false(pg[k].use & USE_FREE);
		pg[k].use = USE_NOBODY | USE_FREE;
		memset(mfn_to_virt(page_to_mfn(&pg[k])), 0xdd, PAGE_SIZE);
	}
	mem_live -= 1U << order;
}

void heap_clear(struct page *pg, unsigned int order)
{
	memset(mfn_to_virt(page_to_mfn(pg)), 0, PAGE_SIZE << order);
}

uint64_t heap_free_pages(void)
{
	uint64_t n = 0;

	for (unsigned int i = 1; i < FAKE_FRAMES; i++)
		n += !!(frames[i].use & USE_FREE);
	return n;
}

void *pages_alloc_zeroed(unsigned int order)
{
	struct page *pg = heap_alloc(order, 0);

	return pg ? memset(mfn_to_virt(page_to_mfn(pg)), 0, PAGE_SIZE << order) : NULL;
}

void *page_alloc_zeroed(void) { return pages_alloc_zeroed(0); }
void pages_free(void *p, unsigned int order) { heap_free(mfn_to_page(virt_to_mfn(p)), order); }

void *mem_alloc(size_t bytes)
{
	if (fake_mem_left == 0)
		return NULL;
	fake_mem_left -= fake_mem_left > 0;
	mem_live++;
	return calloc(1, bytes);
}

void mem_free(void *p)
{
	mem_live -= p != NULL;
	free(p);
}

uint64_t fake_frame(struct domain *d)
{
	struct page *pg = heap_alloc(0, 0);

	assert_non_null(pg);
	memset(mfn_to_virt(page_to_mfn(pg)), 0, PAGE_SIZE);
	d->max_pages++;
	assert_int_equal(page_assign(d, pg, 0), 0);
	return page_to_mfn(pg).n;
}

static bool guest_faults(uint64_t at, size_t bytes)
{
	if (fake_guest_end && (at < fake_guest_start || bytes > fake_guest_end - fake_guest_start ||
			       at > fake_guest_end - bytes))
		return true;
	return at < PAGE_SIZE || (fake_guest_fault >= at && fake_guest_fault < at + bytes);
}

int copy_from_guest(void *to, uint64_t from, size_t bytes)
{
	if (bytes && guest_faults(from, bytes))
		return -EFAULT;
	memcpy(to, (void *)from, bytes);
	return 0;
}

int copy_to_guest(uint64_t to, const void *from, size_t bytes)
{
	if (bytes && guest_faults(to, bytes))
		return -EFAULT;
	memcpy((void *)to, from, bytes);
	return 0;
}

int guest_clear(uint64_t to, size_t bytes)
{
	if (bytes && guest_faults(to, bytes))
		return -EFAULT;
	memset((void *)to, 0, bytes);
	return 0;
}

/* ---- Hypercalls and the log ---- */

long hypercall_sub_op(const struct hypercall_op *ops, size_t count, unsigned int cmd, uint64_t arg)
{
	uint64_t op[32];
	long rc;

	if (cmd >= count || !ops[cmd].handler)
		return -ENOSYS;
	if (ops[cmd].flags & HC_PRIVILEGED && !current_vcpu()->domain->is_privileged)
		return -EPERM;
	if (copy_from_guest(op, arg, ops[cmd].size))
		return -EFAULT;
	rc = ops[cmd].handler(op);
	assert_true(fake_irqs_on);		/* whatever it locked with irqsave is unlocked */
	if (rc >= 0 && ops[cmd].flags & HC_COPY_BACK && copy_to_guest(arg, op, ops[cmd].size))
		return -EFAULT;
	return rc;
}

uint64_t fake_tsc;

bool hypercall_should_yield(void)
{
	if (fake_yield_after < 0)
		return false;
	if (fake_yield_after == 0)
		return true;
	fake_yield_after--;
	return false;
}

long hypercall_continue(unsigned int nr, unsigned int nargs, ...) { return FAKE_CONTINUED; }

void printk(const char *format, ...) { }

void fatal(const char *format, ...)
{
	fake_machine_ended = 3;
	longjmp(*fakes[fake_cpu_id()].out, 1);
}

void panic(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	abort();
}

void wallclock_write(struct domain *d) { }

/* ---- The rest of arch.h ---- */

void arch_vcpu_sync(struct vcpu *v) { assert_false(v->is_running); }
int arch_vcpu_init(struct vcpu *v) { return fake_mem_left == 0 ? -ENOMEM : 0; }
void arch_vcpu_free(struct vcpu *v) { }
int arch_domain_init(struct domain *d, const struct xen_domctl_createdomain *config)
{
	return fake_mem_left == 0 ? -ENOMEM : 0;
}
void arch_domain_free(struct domain *d) { }
void arch_vcpu_kick_upcall(struct vcpu *v) { fake_upcalls++; }
void arch_vcpu_time_update(struct vcpu *v) { }
void arch_guest_show(void) { }
void arch_watchdog_hold(void) { }
void arch_watchdog_release(void) { }
int arch_vcpu_set_context(struct vcpu *v, const struct vcpu_guest_context *ctxt) { return fake_context_rc; }
void arch_vcpu_get_context(struct vcpu *v, struct vcpu_guest_context *ctxt) { ctxt->flags = 1000 + v->id; }
void arch_vcpu_reset(struct vcpu *v) { }
void arch_domain_info(const struct domain *d, struct xen_domctl_getdomaininfo *info) { info->gpaddr_bits = 40; }
void arch_frames_reused(struct page *pg, unsigned int order) { }
void arch_m2p_set(mfn_t mfn, uint64_t pfn) { }
long arch_memory_op(unsigned int cmd, uint64_t arg) { return -ENOSYS; }
int arch_vcpu_send_nmi(struct vcpu *v) { return -EINVAL; }
bool arch_vcpu_has_nmi(const struct vcpu *v) { return v == fake_nmi_for; }
uint64_t arch_cpu_physid(const struct cpu *c) { return c->id | (uint64_t)c->id << 32; }

int arch_pirq_bind(struct domain *d, unsigned int pirq, unsigned int port, bool will_share)
{
	fake_pirqs_bound += fake_pirq_rc == 0;
	return fake_pirq_rc;
}

void arch_pirq_unbind(struct domain *d, unsigned int pirq) { fake_pirqs_bound--; }
void arch_pirq_follow(struct domain *d, unsigned int pirq, struct vcpu *v) { }

/* Weak: test_pv_mm has the real ones.  Contents are always right. */
__attribute__((weak)) int arch_page_validate(struct page *pg, enum page_type type)
{
	page_type_validated(pg, true);
	return 0;
}

__attribute__((weak)) void arch_page_devalidate(struct page *pg, enum page_type type) { page_type_clear(pg); }
__attribute__((weak)) void arch_page_type_changed(struct page *pg, uint32_t stamp) { }
void arch_page_released(struct page *pg) { }
uint32_t arch_tlb_clock(void) { return USE_STAMP; }	/* the widest: it must not show in counts */

/* A guest's page table for grants: a few addresses, whose entries hold references like real ones. */
static struct { struct page *page; bool writable; } ptes[64];

static bool pte_is_bad(uint64_t addr) { return addr < PAGE_SIZE || addr >= 64 * PAGE_SIZE; }
bool fake_pte(uint64_t addr, uint64_t *mfn, bool *writable)
{
	if (!ptes[addr / PAGE_SIZE].page)
		return false;
	*mfn = page_to_mfn(ptes[addr / PAGE_SIZE].page).n;
	*writable = ptes[addr / PAGE_SIZE].writable;
	return true;
}

void fake_pte_clear(uint64_t addr)
{
	struct page *pg = ptes[addr / PAGE_SIZE].page;

	ptes[addr / PAGE_SIZE].page = NULL;
	if (pg && ptes[addr / PAGE_SIZE].writable)
		page_put_type(pg);
	if (pg)
		page_put(pg);
}

int arch_grant_map_host(struct domain *d, uint64_t addr, uint32_t flags, mfn_t mfn, struct domain *granter)
{
	bool writable = !(flags & GNTMAP_readonly);

	if (pte_is_bad(addr))
		return GNTST_bad_virt_addr;
	if (!page_get(mfn_to_page(mfn), granter))
		return GNTST_general_error;
	if (writable && page_get_type(mfn_to_page(mfn), PAGE_WRITABLE)) {
		page_put(mfn_to_page(mfn));
		return GNTST_general_error;
	}
	fake_pte_clear(addr);
	ptes[addr / PAGE_SIZE].page = mfn_to_page(mfn);
	ptes[addr / PAGE_SIZE].writable = writable;
	return 0;
}

int arch_grant_unmap_host(struct domain *d, uint64_t addr, uint32_t flags, mfn_t mfn, uint64_t new_addr)
{
	if (pte_is_bad(addr))
		return GNTST_bad_virt_addr;
	if (ptes[addr / PAGE_SIZE].page != mfn_to_page(mfn) ||
	    ptes[addr / PAGE_SIZE].writable == !!(flags & GNTMAP_readonly))
		return GNTST_general_error;
	fake_pte_clear(addr);
	return 0;
}

void arch_grant_flush(struct domain *d) { fake_flushes++; }
void arch_cache_write_back(const void *at, uint32_t length) { fake_cache_written += length; }

int arch_domain_relinquish(struct domain *d)
{
	struct page *pg;
	mfn_t at;

	for (uint64_t addr = 0; d->id == fake_pte_owner && addr < 64 * PAGE_SIZE; addr += PAGE_SIZE)
		fake_pte_clear(addr);

	page_for_each_owned(pg, at, d) {
		if (page_is_shared(pg))
			continue;
		assert_true(pg->count & PAGE_ALLOCATED);
		if (!fake_frames_may_stay)	/* nobody else holds it any more */
			assert_int_equal(page_refs(pg), 1);
		pg->count &= ~PAGE_ALLOCATED;
		page_put(pg);
	}
	return 0;
}

void arch_power_off(void) { fake_machine_ended = 1; longjmp(*fakes[fake_cpu_id()].out, 1); }
void arch_reboot(void) { fake_machine_ended = 2; longjmp(*fakes[fake_cpu_id()].out, 1); }

/* ---- Beginning and end ---- */

static void fake_cpu_new(unsigned int cpu)
{
	struct cpu *c = &fakes[cpu].cpu;

	*c = (struct cpu){ .id = cpu };
	cpus[cpu] = c;
	fake_this_cpu = c;
	assert_int_equal(timer_cpu_init(c), 0);
	c->idle = vcpu_new_idle(c);
	assert_non_null(c->idle);
	fakes[cpu].runs = c->idle;
	fakes[cpu].deadline_ns = 0;
	fakes[cpu].out = NULL;
	cpu_count = cpu + 1;
	assert_int_equal(sched_cpu_init(c), 0);
	cpumask_set(&cpu_online, cpu);
}

static void fake_frames_new(void)
{
	fake_ram = aligned_alloc(PAGE_SIZE, FAKE_FRAMES * PAGE_SIZE);
	assert_non_null(fake_ram);
	frame_table = frames;
	max_mfn = FAKE_FRAMES - 1;
	for (unsigned int i = 0; i < FAKE_FRAMES; i++)
		frames[i] = (struct page){ .use = USE_NOBODY | USE_FREE };
}

static int fake_setup(unsigned int count)
{
	bool is_first = !fake_ram;

	if (is_first)
		fake_frames_new();
	fake_now = 1000 * NS_PER_S;
	fake_mem_left = fake_yield_after = -1;
	fake_pirq_rc = fake_context_rc = 0;
	fake_pirqs_bound = fake_upcalls = fake_context_switches = relaxes = 0;
	fake_guest_fault = fake_guest_start = fake_guest_end = 0;
	fake_machine_ended = 0;
	fake_flushes = fake_cache_written = 0;
	fake_nmi_for = NULL;
	fake_frames_may_stay = false;
	fake_irqs_on = true;
	loads = NULL;
	mem_live = 0;
	cpu_online = (struct cpumask){ { 0 } };
	assert_int_equal(sched_init(fake_scheduler), 0);
	for (unsigned int i = 0; i < count; i++)
		fake_cpu_new(i);
	fake_be_cpu(0);
	if (is_first) {			/* what is kept for ever: tables of domain numbers */
		assert_int_equal(domains_init(), 0);
		fake_destroy(fake_domain(1, 1));
	}
	mem_live = 0;
	return 0;
}

int fake_setup_1(void **state) { return fake_setup(1); }
int fake_setup_2(void **state) { return fake_setup(2); }
int fake_setup_4(void **state) { return fake_setup(4); }

void fake_memory_stays(void) { mem_live = 0; }
unsigned int fake_memory_live(void) { return mem_live; }
void fake_memory_kept(unsigned int pieces) { mem_live -= pieces; }

struct domain *fake_domain(domid_t id, unsigned int vcpus)
{
	struct xen_domctl_createdomain config = { .max_vcpus = vcpus, .max_evtchn_port = 5000,
						  .max_grant_frames = 8, .max_maptrack_frames = 2,
						  .grant_opts = 2 };
	struct domain *d;

	assert_int_equal(domain_create(id, &config, id == 0, &d), 0);
	if (id == 0)
		dom0 = d;
	assert_int_equal(domain_add_vcpus(d, vcpus), 0);
	for (unsigned int i = 0; i < vcpus; i++) {
		d->vcpu[i]->is_initialised = true;
		d->vcpu[i]->period_ns = 0;
		vcpu_stop_clear(d->vcpu[i], VCPU_DOWN);
	}
	assert_int_equal(domain_unpause_by_controller(d), 0);
	return d;
}

void fake_destroy(struct domain *d)
{
	int rc;

	if (d == dom0)
		dom0 = NULL;
	for (unsigned int i = 0; i < cpu_count; i++)	/* nobody is one of its vcpus by fake_be() */
		fakes[i].runs = fakes[i].cpu.sched.current;
	for (unsigned int i = 0; i < d->max_vcpus; i++) {	/* the only CPU can't wait for itself */
		if (!d->vcpu[i])
			continue;
		__atomic_fetch_add(&d->vcpu[i]->pauses, 1, __ATOMIC_SEQ_CST);
		vcpu_sleep_nosync(d->vcpu[i]);
	}
	fake_softirqs();
	fakes[fake_cpu_id()].runs = fake_this_cpu->idle;
	domain_get_counted(d);
	do
		rc = domain_destroy(d);
	while (rc == -ERESTART);
	assert_int_equal(rc, 0);
	domain_put(d);
	fakes[fake_cpu_id()].runs = fake_this_cpu->sched.current;
	fake_softirqs();
}

int fake_teardown(void **state)
{
	fake_mem_left = fake_yield_after = -1;
	fake_guest_fault = 0;
	loads = NULL;
	fake_be_cpu(0);
	while (!list_empty(&domain_list))
		fake_destroy(list_entry(domain_list.next, struct domain, link));
	fake_run(20 * NS_PER_S);	/* the scheduler stops its timers when there is nobody */
	for (unsigned int i = 0; i < cpu_count; i++) {
		assert_null(fakes[i].cpu.timers.root);
		free(fakes[i].cpu.idle);
		free(fakes[i].cpu.sched.priv);
	}
	if (mem_live)
		print_error("%u pieces of memory are left\n", mem_live);
	return mem_live != 0;
}
