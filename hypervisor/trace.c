#include "trace.h"
#include "arch.h"
#include "ctl.h"
#include "cpu.h"
#include "errno.h"
#include "evtchn.h"
#include "heap.h"
#include "page.h"
#include "printk.h"
#include "softirq.h"
#include "string.h"

#define PAGES_MAX 0xffff		/* t_info.tbuf_size has 16 bits */
#define HEADER_WORDS 3			/* of a record: event, two of cycles */

/* A CPU's buffer.  Whoever reads it can write anything into its header: `prod` is what we go by. */
struct trace_cpu {
	struct t_buf *buf;
	uint32_t prod;			/* 0 .. 2*data_bytes - 1 */
	uint32_t lost;			/* records since there was room last */
	uint64_t lost_since;		/* TSC */
};

uint32_t trace_events;

static struct spinlock trace_lock = SPINLOCK_INIT;	/* setting up; nothing that records takes it */
static struct trace_cpu trace_cpus[MAX_CPUS];
static struct cpumask cpus_wanted;
static uint32_t events_wanted = TRC_ALL;
static uint32_t data_bytes;		/* of each buffer, after its header; 0: there are none yet */
static struct t_info *info;
static unsigned int info_order;
static uint32_t pages_each;

/* ---- Recording ---- */

static uint8_t *data_of(const struct trace_cpu *t) { return (uint8_t *)(t->buf + 1); }

static uint32_t used_bytes(const struct trace_cpu *t)
{
	uint32_t cons = READ_ONCE(t->buf->cons), used;

	if (cons >= 2 * data_bytes || cons % 4)		/* not what a reader writes: as if it had read nothing */
		return data_bytes;
	used = (t->prod + 2 * data_bytes - cons) % (2 * data_bytes);
	return MIN(used, data_bytes);
}

static uint32_t bytes_to_end(const struct trace_cpu *t) { return data_bytes - t->prod % data_bytes; }

static void append(struct trace_cpu *t, const uint32_t *words, unsigned int count)
{
	memcpy(data_of(t) + t->prod % data_bytes, words, count * 4);
	t->prod = (t->prod + count * 4) % (2 * data_bytes);
}

/* Nothing goes over the end: what is left there becomes one record without a meaning. */
static void append_wrap(struct trace_cpu *t)
{
	unsigned int words = bytes_to_end(t) / 4;
	uint32_t pad[HEADER_WORDS + TRACE_EXTRA_MAX] = { 0 };
	bool has_cycles = words - 1 > TRACE_EXTRA_MAX;

	pad[0] = TRC_TRACE_WRAP_BUFFER | (words - (has_cycles ? HEADER_WORDS : 1)) << TRACE_EXTRA_SHIFT |
		 (has_cycles ? TRC_HD_CYCLE_FLAG : 0);
	append(t, pad, words);
}

static void append_record(struct trace_cpu *t, uint32_t event, uint64_t tsc, const uint32_t *data, unsigned int words)
{
	const uint32_t head[HEADER_WORDS] = {
		(event & TRC_HD_TO_EVENT(~0U)) | words << TRACE_EXTRA_SHIFT | TRC_HD_CYCLE_FLAG, TRACE_64(tsc),
	};

	if (bytes_to_end(t) < (HEADER_WORDS + words) * 4)
		append_wrap(t);
	append(t, head, HEADER_WORDS);
	append(t, data, words);
}

/* What xentrace's readers know of lost records: their number, where it was, the TSC of the first. */
#define LOST_WORDS 4
#define WRAP_BYTES_MAX ((HEADER_WORDS + TRACE_EXTRA_MAX) * 4)
#define LOST_BYTES ((HEADER_WORDS + LOST_WORDS) * 4)

static void append_lost(struct trace_cpu *t, uint64_t tsc)
{
	const struct vcpu *v = current_vcpu();
	const uint32_t data[LOST_WORDS] = { t->lost, TRACE_DOMID(v) | v->id << 16, TRACE_64(t->lost_since) };

	append_record(t, TRC_LOST_RECORDS, tsc, data, LOST_WORDS);
	t->lost = 0;
}

/* Both the class and, within it, the subclass have to be asked for: xentrace(8), -e. */
static bool is_wanted(uint32_t event, uint32_t events)
{
	return events >> TRC_CLS_SHIFT & event >> TRC_CLS_SHIFT & 0xfff &&
	       events >> TRC_SUBCLS_SHIFT & event >> TRC_SUBCLS_SHIFT & 0xf;
}

static void record(struct trace_cpu *t, uint32_t event, const uint32_t *data, unsigned int words)
{
	uint32_t before = used_bytes(t), need = (HEADER_WORDS + words) * 4 + (t->lost ? LOST_BYTES : 0);
	uint64_t tsc = arch_tsc();

	if (need + WRAP_BYTES_MAX > data_bytes - before) {
		if (!t->lost++)
			t->lost_since = tsc;
		return;
	}
	if (t->lost)
		append_lost(t, tsc);
	append_record(t, event, tsc, data, words);
	__atomic_store_n(&t->buf->prod, t->prod, __ATOMIC_RELEASE);
	if (before < data_bytes / 2 && used_bytes(t) >= data_bytes / 2)
		softirq_raise(SOFTIRQ_TRACE);
}

void trace_record(uint32_t event, const uint32_t *data, unsigned int words)
{
	uint64_t flags = irq_save();	/* an interrupt's records go after, not into, this one */
	struct trace_cpu *t = &trace_cpus[cpu_id()];

	if (t->buf && cpumask_test(&cpus_wanted, cpu_id()) && is_wanted(event, READ_ONCE(trace_events)))
		record(t, event, data, words);
	irq_restore(flags);
}

static void trace_softirq(void) { evtchn_send_global_virq(VIRQ_TBUF); }

/* ---- Setting up ---- */

static uint32_t info_words(unsigned int count, uint32_t pages)
{
	uint32_t offsets = DIV_UP(sizeof(uint16_t) * (1 + count), sizeof(uint32_t));

	return offsets + count * pages;
}

static void buffers_share(void)
{
	for (unsigned int i = 0; i < 1U << info_order; i++)
		page_share(dom_xen, mfn_to_page(virt_to_mfn((uint8_t *)info + i * PAGE_SIZE)), false);
	for (unsigned int cpu = 0; cpu < cpu_count; cpu++)
		for (uint32_t i = 0; trace_cpus[cpu].buf && i < pages_each; i++)
			page_share(dom_xen, mfn_to_page(virt_to_mfn((uint8_t *)trace_cpus[cpu].buf + i * PAGE_SIZE)), true);
}

static void buffers_free(unsigned int order)
{
	for (unsigned int cpu = 0; cpu < cpu_count; cpu++) {
		pages_free(trace_cpus[cpu].buf, order);
		trace_cpus[cpu].buf = NULL;
	}
	pages_free(info, info_order);
	info = NULL;
}

/* Where each CPU's list of frames begins, in words from the start; then the lists. */
static void info_fill(uint32_t pages)
{
	uint32_t at = info_words(cpu_count, 0);

	info->tbuf_size = pages;
	for (unsigned int cpu = 0; cpu < cpu_count; cpu++) {
		info->mfn_offset[cpu] = at;
		for (uint32_t i = 0; i < pages; i++)
			((uint32_t *)info)[at++] = virt_to_mfn((uint8_t *)trace_cpus[cpu].buf + i * PAGE_SIZE).n;
	}
}

/* Once they are there they stay: a reader may have them mapped. */
static long buffers_make(uint32_t pages)
{
	unsigned int order = 0;

	if (pages_each)
		return pages == pages_each ? 0 : -EINVAL;
	if (!pages || pages > PAGES_MAX || info_words(cpu_count, pages) > 0xffff)
		return -EINVAL;		/* t_info's offsets have 16 bits */
	while (1U << order < pages)
		order++;
	for (info_order = 0; (PAGE_SIZE << info_order) < info_words(cpu_count, pages) * 4;)
		info_order++;
	info = pages_alloc_zeroed(info_order);
	for (unsigned int cpu = 0; info && cpu < cpu_count; cpu++) {
		trace_cpus[cpu].buf = pages_alloc_zeroed(order);
		if (!trace_cpus[cpu].buf) {
			buffers_free(order);
			return -ENOMEM;
		}
	}
	if (!info)
		return -ENOMEM;
	info_fill(pages);
	pages_each = pages;
	data_bytes = pages * PAGE_SIZE - sizeof(struct t_buf);
	buffers_share();
	softirq_set_handler(SOFTIRQ_TRACE, trace_softirq);
	return 0;
}

static long op_info(struct xen_sysctl_tbuf_op *op)
{
	op->evt_mask = events_wanted;
	op->buffer_mfn = info ? virt_to_mfn(info).n : 0;
	op->size = info ? PAGE_SIZE << info_order : 0;
	return 0;
}

static long op_cpu_mask(struct xen_sysctl_tbuf_op *op)
{
	struct cpumask mask = { { 0 } };
	long rc = ctl_bitmap_get(mask.bits, MAX_CPUS, &op->cpu_mask);

	if (!rc)
		cpus_wanted = mask;
	return rc;
}

static long op_event_mask(struct xen_sysctl_tbuf_op *op)
{
	events_wanted = op->evt_mask;
	if (trace_events)
		WRITE_ONCE(trace_events, events_wanted);
	return 0;
}

static long op_size(struct xen_sysctl_tbuf_op *op) { return buffers_make(op->size); }

static long op_enable(struct xen_sysctl_tbuf_op *op)
{
	if (!data_bytes)
		return -EINVAL;
	WRITE_ONCE(trace_events, events_wanted);
	return 0;
}

/* What is in the buffers stays to be read. */
static long op_disable(struct xen_sysctl_tbuf_op *op)
{
	WRITE_ONCE(trace_events, 0);
	return 0;
}

static long (*const ops[])(struct xen_sysctl_tbuf_op *op) = {
	[XEN_SYSCTL_TBUFOP_get_info]		= op_info,
	[XEN_SYSCTL_TBUFOP_set_cpu_mask]	= op_cpu_mask,
	[XEN_SYSCTL_TBUFOP_set_evt_mask]	= op_event_mask,
	[XEN_SYSCTL_TBUFOP_set_size]		= op_size,
	[XEN_SYSCTL_TBUFOP_enable]		= op_enable,
	[XEN_SYSCTL_TBUFOP_disable]		= op_disable,
};

long trace_op(struct xen_sysctl_tbuf_op *op)
{
	long rc;

	if (op->cmd >= ARRAY_SIZE(ops))
		return -EINVAL;
	spin_lock(&trace_lock);
	rc = ops[op->cmd](op);
	spin_unlock(&trace_lock);
	return rc;
}

void trace_init(uint32_t pages, uint32_t events)
{
	memset(&cpus_wanted, 0xff, sizeof(cpus_wanted));
	if (events)
		events_wanted = events;
	if (!pages)
		return;
	if (buffers_make(pages))
		printk(LOG_WARN "Trace: no buffers of %u pages for each CPU\n", pages);
	else
		trace_events = events_wanted;
}
