/* xentop's numbers and columns. */
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include "xm/topdata.h"

#define SYS_BACKENDS "/sys/bus/xen-backend/devices"

/* -------------------------------------------------------------- sampling */

bool top_net_parse(const char *line, struct top_net *n)
{
	return sscanf(line, " vif%d.%u: %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64
		      " %*u %*u %*u %*u %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64,
		      &n->domid, &n->index, &n->rx_bytes, &n->rx_packets, &n->rx_errors,
		      &n->rx_drops, &n->tx_bytes, &n->tx_packets, &n->tx_errors,
		      &n->tx_drops) == 10;
}

static int sample_nets(struct top_sample *s)
{
	FILE *f = fopen("/proc/net/dev", "re");
	char line[512];
	int rc = 0;

	while (f && rc == 0 && fgets(line, sizeof line, f)) {
		struct top_net n = { 0 }, *grown;

		if (!top_net_parse(line, &n))
			continue;
		grown = realloc(s->net, (s->nets + 1) * sizeof *grown);
		rc = grown ? 0 : -ENOMEM;
		if (grown) {
			s->net = grown;
			s->net[s->nets++] = n;
		}
	}
	if (f)
		fclose(f);
	return rc;
}

static uint64_t sys_number(const char *device, const char *name)
{
	char path[512];
	uint64_t number = 0;
	FILE *f;

	snprintf(path, sizeof path, SYS_BACKENDS "/%.64s/statistics/%s", device, name);
	f = fopen(path, "re");
	if (!f)
		return 0;
	if (fscanf(f, "%" SCNu64, &number) != 1)
		number = 0;
	fclose(f);
	return number;
}

static int sample_vbds(struct top_sample *s)
{
	DIR *dir = opendir(SYS_BACKENDS);
	struct dirent *entry;
	int rc = 0;

	while (dir && rc == 0 && (entry = readdir(dir))) {
		const char *name = entry->d_name;
		struct top_vbd v = { .is_tap = !strncmp(name, "tap", 3) }, *grown;

		if (sscanf(name, "vbd-%d-%u", &v.domid, &v.device) != 2 &&
		    sscanf(name, "tap-%d-%u", &v.domid, &v.device) != 2)
			continue;
		v.oo = sys_number(name, "oo_req");
		v.rd = sys_number(name, "rd_req");
		v.wr = sys_number(name, "wr_req");
		v.rsect = sys_number(name, "rd_sect");
		v.wsect = sys_number(name, "wr_sect");
		grown = realloc(s->vbd, (s->vbds + 1) * sizeof *grown);
		rc = grown ? 0 : -ENOMEM;
		if (grown) {
			s->vbd = grown;
			s->vbd[s->vbds++] = v;
		}
	}
	if (dir)
		closedir(dir);
	return rc;
}

int top_sample_devices(struct top_sample *s)
{
	int rc = sample_nets(s);

	return rc < 0 ? rc : sample_vbds(s);
}

void top_sample_free(struct top_sample *s)
{
	free(s->host);
	dom_list_free(&s->list);
	free(s->net);
	free(s->vbd);
	free(s->vcpu);
	*s = (struct top_sample){ 0 };
}

/* ------------------------------------------------------------------ rows */

struct row {
	const struct dom *d;
	double cpu_pct, mem_pct, maxmem_pct;
	unsigned nets, vbds;
	uint64_t tx, rx, oo, rd, wr, rsect, wsect;	/* tx, rx: KiB as the guest sees it */
};

double top_cpu_percent(const struct dom *d, const struct top_sample *now,
		       const struct top_sample *before)
{
	const struct dom *old = before ? dom_list_find_domid(&before->list, d->domid) : NULL;

	if (!old || now->at_ns <= before->at_ns || d->cpu_time_ns < old->cpu_time_ns)
		return 0;
	return (double)(d->cpu_time_ns - old->cpu_time_ns) * 100 /
	       (double)(now->at_ns - before->at_ns);
}

static uint64_t total_kib(const struct top_sample *s)
{
	return s->host->phys.total_pages * (s->host->version.page_size / 1024);
}

static void row_add_devices(struct row *r, const struct top_sample *s)
{
	for (size_t i = 0; i < s->nets; i++)
		if (s->net[i].domid == r->d->domid) {
			r->nets++;
			r->tx += s->net[i].rx_bytes / 1024;
			r->rx += s->net[i].tx_bytes / 1024;
		}
	for (size_t i = 0; i < s->vbds; i++)
		if (s->vbd[i].domid == r->d->domid) {
			r->vbds++;
			r->oo += s->vbd[i].oo;
			r->rd += s->vbd[i].rd;
			r->wr += s->vbd[i].wr;
			r->rsect += s->vbd[i].rsect;
			r->wsect += s->vbd[i].wsect;
		}
}

static void row_fill(struct row *r, const struct dom *d, const struct top_sample *now,
		     const struct top_sample *before)
{
	double total = (double)total_kib(now);

	*r = (struct row){ .d = d, .cpu_pct = top_cpu_percent(d, now, before) };
	if (total > 0) {
		r->mem_pct = (double)d->mem_kib * 100 / total;
		r->maxmem_pct = (double)d->max_kib * 100 / total;
	}
	row_add_devices(r, now);
}

static void top_state(const struct dom *d, char text[7])
{
	char s[7];

	dom_state(d, s);	/* r b p s c d */
	snprintf(text, 7, "%c%c%c%c%c%c", s[5], s[3], s[1], s[4], s[2], s[0]);
}

/* ------------------------------------------------------------------ sort */

static double row_key(const struct row *r, unsigned sort)
{
	const double keys[TOP_COLUMNS] = {
		[TOP_DOMID] = -(double)r->d->domid, [TOP_CPU_S] = (double)r->d->cpu_time_ns,
		[TOP_CPU_PCT] = r->cpu_pct, [TOP_MEM] = (double)r->d->mem_kib,
		[TOP_MEM_PCT] = r->mem_pct, [TOP_MAXMEM] = (double)r->d->max_kib,
		[TOP_MAXMEM_PCT] = r->maxmem_pct, [TOP_VCPUS] = r->d->vcpus_online,
		[TOP_NETS] = r->nets, [TOP_TX] = (double)r->tx, [TOP_RX] = (double)r->rx,
		[TOP_VBDS] = r->vbds, [TOP_OO] = (double)r->oo, [TOP_RD] = (double)r->rd,
		[TOP_WR] = (double)r->wr, [TOP_RSECT] = (double)r->rsect,
		[TOP_WSECT] = (double)r->wsect, [TOP_SSID] = r->d->ssidref,
	};

	return sort < TOP_COLUMNS ? keys[sort] : 0;
}

static int compare_rows(const void *a, const void *b, void *ctx)
{
	const struct row *left = a, *right = b;
	unsigned sort = *(const unsigned *)ctx;
	char s[7], t[7];
	double x, y;

	if (sort == TOP_NAME)
		return strcmp(left->d->name, right->d->name);
	if (sort == TOP_STATE) {
		top_state(left->d, s);
		top_state(right->d, t);
		return strcmp(s, t);
	}
	x = row_key(left, sort);
	y = row_key(right, sort);
	return x < y ? 1 : x > y ? -1 : left->d->domid - right->d->domid;
}

/* ----------------------------------------------------------------- print */

static void print_head(FILE *out)
{
	fprintf(out, "%10s %6s %10s %6s %10s %6s %10s %9s %5s %4s %8s %8s %4s %8s %8s %8s %10s "
		"%10s %4s\n", "NAME", "STATE", "CPU(sec)", "CPU(%)", "MEM(k)", "MEM(%)",
		"MAXMEM(k)", "MAXMEM(%)", "VCPUS", "NETS", "NETTX(k)", "NETRX(k)", "VBDS", "VBD_OO",
		"VBD_RD", "VBD_WR", "VBD_RSECT", "VBD_WSECT", "SSID");
}

static void print_row(FILE *out, const struct row *r, const struct top_options *o)
{
	const struct dom *d = r->d;
	char state[7], max[24], max_pct[24];

	top_state(d, state);
	snprintf(max, sizeof max, "%" PRIu64, d->max_kib);
	snprintf(max_pct, sizeof max_pct, "%.1f", r->maxmem_pct);
	fprintf(out, o->has_full_names ? "%10s " : "%10.10s ", d->name);
	fprintf(out, "%6s %10" PRIu64 " %6.1f %10" PRIu64 " %6.1f %10s %9s %5u %4u %8" PRIu64
		" %8" PRIu64 " %4u %8" PRIu64 " %8" PRIu64 " %8" PRIu64 " %10" PRIu64 " %10" PRIu64
		" %4u\n", state, d->cpu_time_ns / 1000000000, r->cpu_pct, d->mem_kib, r->mem_pct,
		d->max_kib == DOM_NO_LIMIT ? "no limit" : max,
		d->max_kib == DOM_NO_LIMIT ? "n/a" : max_pct, d->vcpus_online, r->nets, r->tx, r->rx,
		r->vbds, r->oo, r->rd, r->wr, r->rsect, r->wsect, d->ssidref);
}

#define VCPUS_PER_LINE 5

static void print_vcpus(FILE *out, const struct top_sample *s, int domid)
{
	unsigned shown = 0;

	fputs("VCPUs(sec): ", out);
	for (size_t i = 0; i < s->vcpus; i++) {
		const struct top_vcpu *v = &s->vcpu[i];

		if (v->domid != domid)
			continue;
		if (shown && shown % VCPUS_PER_LINE == 0)
			fprintf(out, "\n%8s", "");
		fprintf(out, " %2u: %10" PRIu64 "s", v->vcpu, v->cpu_time_ns / 1000000000);
		shown++;
	}
	fputc('\n', out);
}

static void print_nets(FILE *out, const struct top_sample *s, int domid)
{
	for (size_t i = 0; i < s->nets; i++) {
		const struct top_net *n = &s->net[i];

		if (n->domid == domid)
			fprintf(out, "Net%u RX: %8" PRIu64 "bytes %8" PRIu64 "pkts %8" PRIu64
				"err %8" PRIu64 "drop  TX: %8" PRIu64 "bytes %8" PRIu64
				"pkts %8" PRIu64 "err %8" PRIu64 "drop\n", n->index, n->tx_bytes,
				n->tx_packets, n->tx_errors, n->tx_drops, n->rx_bytes,
				n->rx_packets, n->rx_errors, n->rx_drops);
	}
}

static void print_vbds(FILE *out, const struct top_sample *s, int domid)
{
	for (size_t i = 0; i < s->vbds; i++) {
		const struct top_vbd *v = &s->vbd[i];

		if (v->domid == domid)
			fprintf(out, "VBD %s %4u [%2x:%2x] OO: %8" PRIu64 "   RD: %8" PRIu64
				"   WR: %8" PRIu64 "   RSECT: %10" PRIu64 "   WSECT: %10" PRIu64
				"\n", v->is_tap ? "BlkTap" : "BlkBack", v->device, v->device >> 8,
				v->device & 0xff, v->oo, v->rd, v->wr, v->rsect, v->wsect);
	}
}

void top_print_table(FILE *out, struct top_sample *now, const struct top_sample *before,
		     const struct top_options *o)
{
	struct row *rows = calloc(now->list.count + 1, sizeof *rows);
	bool has_detail = o->shows_nets || o->shows_vbds || o->shows_vcpus;
	unsigned sort = o->sort;

	if (!rows)
		return;
	for (size_t i = 0; i < now->list.count; i++)
		row_fill(&rows[i], &now->list.dom[i], now, before);
	qsort_r(rows, now->list.count, sizeof *rows, compare_rows, &sort);
	for (size_t i = 0; i < now->list.count; i++) {
		if (i == 0 || (o->repeats_header && has_detail))
			print_head(out);
		print_row(out, &rows[i], o);
		if (o->shows_vcpus)
			print_vcpus(out, now, rows[i].d->domid);
		if (o->shows_nets)
			print_nets(out, now, rows[i].d->domid);
		if (o->shows_vbds)
			print_vbds(out, now, rows[i].d->domid);
	}
	free(rows);
}

static unsigned count_state(const struct top_sample *s, int place, char flag)
{
	unsigned count = 0;
	char state[7];

	for (size_t i = 0; i < s->list.count; i++) {
		dom_state(&s->list.dom[i], state);
		count += state[place] == flag;
	}
	return count;
}

void top_print_summary(FILE *out, const struct top_sample *s, time_t clock)
{
	const struct host *h = s->host;
	uint64_t page_kib = h->version.page_size / 1024;
	uint64_t total = h->phys.total_pages * page_kib, unused = h->phys.free_pages * page_kib;
	struct tm tm;

	localtime_r(&clock, &tm);
	fprintf(out, "xentop - %02d:%02d:%02d   Xen %u.%u%s\n", tm.tm_hour, tm.tm_min, tm.tm_sec,
		h->version.major, h->version.minor, h->version.extra);
	fprintf(out, "%zu domains: %u running, %u blocked, %u paused, %u crashed, %u dying, "
		"%u shutdown \n", s->list.count, count_state(s, 0, 'r'), count_state(s, 1, 'b'),
		count_state(s, 2, 'p'), count_state(s, 4, 'c'), count_state(s, 5, 'd'),
		count_state(s, 3, 's'));
	fprintf(out, "Mem: %" PRIu64 "k total, %" PRIu64 "k used, %" PRIu64 "k free    "
		"CPUs: %u @ %uMHz\n", total, total - unused, unused, h->phys.nr_cpus,
		h->phys.cpu_khz / 1000);
}
