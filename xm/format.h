/* Output that others parse: columns, widths and texts as Xen's xm printed them.
 * Pure functions from plain data to a stream; nothing here asks the system anything. */
#ifndef XM_FORMAT_H
#define XM_FORMAT_H

#include <stdio.h>
#include "xend/domain.h"
#include "xend/host.h"

/* xm list; label: the security label column ("" where there is no label), NULL: no column. */
void format_list_head(FILE *out, bool has_label);
void format_list_row(FILE *out, const struct dom *d, const char *label);

/* xm vcpu-list; v NULL: a halted domain's vcpu of that number. */
void format_vcpu_head(FILE *out);
void format_vcpu_row(FILE *out, const struct dom *d, const struct dom_vcpu *v, unsigned vcpu,
		     unsigned cpus);
/* "any cpu", "no cpus", "0-1,3"; map of cpus bits, NULL: any. */
void format_affinity(char *text, size_t size, const uint8_t *map, unsigned cpus);

/* xm uptime */
void format_uptime_head(FILE *out);
void format_uptime_row(FILE *out, const struct dom *d, uint64_t seconds);
/* now: local time of day in seconds */
void format_uptime_short(FILE *out, const struct dom *d, uint64_t seconds, unsigned now);

/* xm info; rows of --numa after it, when asked. */
void format_info(FILE *out, const struct host *h);
void format_info_numa(FILE *out, const struct host *h);

/* "credit", "credit2" …, "unknown". */
const char *format_scheduler(uint32_t sched_id);

/* xm sched-credit, sched-credit2 */
struct format_sched {
	int weight, cap;	/* -1: the domain has none */
};

void format_credit_head(FILE *out);
void format_credit_row(FILE *out, const struct dom *d, const struct format_sched *s);
void format_credit2_head(FILE *out);
void format_credit2_row(FILE *out, const struct dom *d, const struct format_sched *s);

/* xm sched-sedf */
struct domctl_sedf;
void format_sedf_head(FILE *out);
void format_sedf_row(FILE *out, const struct dom *d, const struct domctl_sedf *p);
/* xm block-list, network-list, vtpm-list; numbers that are not known are -1, texts NULL. */
struct format_device {
	unsigned id;
	int backend_id, handle, state, event_channel, ring_ref, tx_ring_ref, rx_ring_ref;
	const char *mac, *backend;
};

void format_block_head(FILE *out);
void format_block_row(FILE *out, const struct format_device *v);
void format_network_head(FILE *out);
void format_network_row(FILE *out, const struct format_device *v);
void format_vtpm_head(FILE *out);
void format_vtpm_row(FILE *out, const struct format_device *v);

#endif
