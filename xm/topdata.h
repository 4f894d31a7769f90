/* What xentop shows, as data and as text.  Printing is pure; sampling devices reads /proc and
 * /sys of the driver domain we are. */
#ifndef XM_TOPDATA_H
#define XM_TOPDATA_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <time.h>
#include "xend/domain.h"
#include "xend/host.h"

/* Sorting: TOP_DOMID is the order without it, then the columns as shown. */
enum {
	TOP_DOMID, TOP_NAME, TOP_STATE, TOP_CPU_S, TOP_CPU_PCT, TOP_MEM, TOP_MEM_PCT, TOP_MAXMEM,
	TOP_MAXMEM_PCT, TOP_VCPUS, TOP_NETS, TOP_TX, TOP_RX, TOP_VBDS, TOP_OO, TOP_RD, TOP_WR,
	TOP_RSECT, TOP_WSECT, TOP_SSID, TOP_COLUMNS
};

struct top_options {
	unsigned delay_s, iterations;	/* iterations 0: for ever */
	unsigned sort;
	bool shows_nets, shows_vbds, shows_vcpus, repeats_header, is_batch, is_json, has_full_names;
};

struct top_net {
	int domid;
	unsigned index;
	uint64_t rx_bytes, rx_packets, rx_errors, rx_drops;	/* dom0's view: the guest's TX */
	uint64_t tx_bytes, tx_packets, tx_errors, tx_drops;
};

struct top_vbd {
	int domid;
	unsigned device;
	bool is_tap;
	uint64_t oo, rd, wr, rsect, wsect;
};

struct top_vcpu {
	int domid;
	unsigned vcpu;
	uint64_t cpu_time_ns;
};

struct top_sample {
	uint64_t at_ns;
	struct host *host;
	struct dom_list list;
	struct top_net *net;
	size_t nets;
	struct top_vbd *vbd;
	size_t vbds;
	struct top_vcpu *vcpu;		/* only when they are shown */
	size_t vcpus;
};

/* Fills net and vbd.  0 or -ENOMEM. */
int top_sample_devices(struct top_sample *s);
void top_sample_free(struct top_sample *s);
/* One line of /proc/net/dev, "vif3.0: …", into n; false when it is no guest's interface. */
bool top_net_parse(const char *line, struct top_net *n);

/* Of one processor, since the sample before; 0 without one. */
double top_cpu_percent(const struct dom *d, const struct top_sample *now,
		       const struct top_sample *before);

/* before NULL: the first sample, CPU% is 0. */
void top_print_table(FILE *out, struct top_sample *now, const struct top_sample *before,
		     const struct top_options *o);
void top_print_summary(FILE *out, const struct top_sample *now, time_t clock);

#endif
