/* The tables that scripts parse: widths, order and words as the old xm printed them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "check.h"
#include "xend/domctl.h"
#include "xm/format.h"
#include "xm/topdata.h"

static char *text;
static size_t size;
static FILE *out;

static FILE *start(void)
{
	free(text);
	text = NULL;
	out = open_memstream(&text, &size);
	return out;
}

static const char *finish(void)
{
	fclose(out);
	return text;
}

static struct dom dom0(void)
{
	return (struct dom){
		.domid = 0, .name = (char *)"Domain-0", .flags = XEN_DOMINF_running,
		.mem_kib = 512 * 1024, .max_kib = DOM_NO_LIMIT, .cpu_time_ns = 123456000000,
		.vcpus = 2, .vcpus_online = 2,
	};
}

static struct dom guest(void)
{
	return (struct dom){
		.domid = 95, .name = (char *)"ExampleDomain", .flags = XEN_DOMINF_blocked,
		.mem_kib = 64 * 1024, .max_kib = 64 * 1024, .cpu_time_ns = 1200000000,
		.vcpus = 2, .vcpus_online = 2,
	};
}

static struct dom halted(void)
{
	return (struct dom){
		.domid = DOM_HALTED, .name = (char *)"Managed", .mem_kib = 64 * 1024, .vcpus = 2,
		.is_managed = true,
	};
}

static void list_has_the_columns_of_old(void)
{
	struct dom a = dom0(), b = guest(), c = halted();

	format_list_head(start(), false);
	format_list_row(out, &a, NULL);
	format_list_row(out, &b, NULL);
	format_list_row(out, &c, NULL);
	CHECK_STR(finish(),
"Name                                        ID   Mem VCPUs      State   Time(s)\n"
"Domain-0                                     0   512     2     r-----    123.5\n"
"ExampleDomain                               95    64     2     -b----      1.2\n"
"Managed                                           64     2                 0.0\n");
}

static void list_has_a_label_column_when_asked(void)
{
	struct dom a = dom0();

	format_list_head(start(), true);
	format_list_row(out, &a, "");
	CHECK_STR(finish(),
"Name                                        ID   Mem VCPUs      State   Time(s) Label     \n"
"Domain-0                                     0   512     2     r-----    123.5           \n");
}

static void a_long_name_is_never_cut(void)
{
	struct dom d = guest();

	d.name = (char *)"a-name-that-is-longer-than-forty-characters-in-all";
	format_list_row(start(), &d, NULL);
	CHECK_EQ(strncmp(finish(), d.name, strlen(d.name)), 0);
	CHECK(strstr(text, "in-all    95"));
}

static void vcpu_list_shows_where_vcpus_run(void)
{
	struct dom a = dom0(), b = guest(), c = halted();
	uint8_t all = 0x3, one = 0x1;
	struct dom_vcpu v = { 0, 0, true, false, true, 123456000000, &all };
	struct dom_vcpu w = { 1, 1, true, true, false, 1200000000, &one };
	struct dom_vcpu off = { 1, 0, false, false, false, 0, &all };

	format_vcpu_head(start());
	format_vcpu_row(out, &a, &v, 0, 2);
	format_vcpu_row(out, &b, &w, 1, 2);
	format_vcpu_row(out, &b, &off, 1, 2);
	format_vcpu_row(out, &c, NULL, 0, 2);
	CHECK_STR(finish(),
"Name                                ID  VCPU   CPU State   Time(s) CPU Affinity\n"
"Domain-0                             0     0     0   r--     123.5 any cpu\n"
"ExampleDomain                       95     1     1   -b-       1.2 0\n"
"ExampleDomain                       95     1     -   --p       0.0 any cpu\n"
"Managed                                    0                   0.0 any cpu\n");
}

static void affinity_is_a_list_of_ranges(void)
{
	uint8_t some[2] = { 0x0b, 0x81 }, none[2] = { 0 }, all[2] = { 0xff, 0xff };
	char affinity[64];

	format_affinity(affinity, sizeof affinity, some, 16);
	CHECK_STR(affinity, "0-1,3,8,15");
	format_affinity(affinity, sizeof affinity, none, 16);
	CHECK_STR(affinity, "no cpus");
	format_affinity(affinity, sizeof affinity, all, 16);
	CHECK_STR(affinity, "any cpu");
	format_affinity(affinity, 5, some, 16);
	CHECK_EQ(strlen(affinity), 4);	/* cut, not overrun */
}

static void uptime_counts_days_apart(void)
{
	struct dom a = dom0(), b = guest(), c = halted();

	format_uptime_head(start());
	format_uptime_row(out, &a, 53 * 60 + 12);
	format_uptime_row(out, &b, 2 * 86400 + 5);
	format_uptime_row(out, &c, 0);
	CHECK_STR(finish(),
"Name                                ID Uptime \n"
"Domain-0                             0  0:53:12\n"
"ExampleDomain                       95 2 days,  0:00:05\n"
"Managed                                 0:00:00\n");
	format_uptime_short(start(), &a, 53 * 60, 13 * 3600 + 50 * 60 + 2);
	CHECK_STR(finish(), " 13:50:02 up  0:53, Domain-0 (0)\n");
}

static void schedulers_have_their_tables(void)
{
	struct dom a = dom0();

	format_credit_head(start());
	format_credit_row(out, &a, &(struct format_sched){ 256, 0 });
	CHECK_STR(finish(),
"Name                                ID Weight  Cap\n"
"Domain-0                             0    256    0\n");
	format_credit2_head(start());
	format_credit2_row(out, &a, &(struct format_sched){ 256, 0 });
	CHECK_STR(finish(),
"Name                                ID Weight\n"
"Domain-0                             0    256\n");
	format_sedf_head(start());
	format_sedf_row(out, &a, &(struct domctl_sedf){ .period_ns = 100000000, .extratime = 1 });
	CHECK_STR(finish(),
"Name                                ID Period(ms) Slice(ms) Lat(ms) Extra Weight\n"
"Domain-0                             0     100.0       0.0     0.0      1      0\n");
}

/* What ganeti looks for in `xm info`, by its own parser's rule: key, blanks, colon, value. */
static void info_has_the_keys_that_ganeti_reads(void)
{
	static const char *const keys[] = {
		"total_memory           : 2047\n", "free_memory            : 1367\n",
		"nr_cpus                : 2\n", "cores_per_socket       : 2\n",
		"xen_major              : 4\n", "xen_minor              : 17\n",
		"xen_caps               : xen-3.0-x86_64 \n", "nr_nodes               : 1\n",
		"node_to_cpu            : node0:0-1\n", "xen_scheduler          : credit2\n",
		"xen_changeset          : (none)\n", "xend_config_format     : 4\n",
	};
	struct host *h = calloc(1, sizeof *h);

	h->version = (struct sysctl_version){ .major = 4, .minor = 17, .page_size = 4096,
					      .capabilities = "xen-3.0-x86_64 " };
	h->phys = (struct xen_sysctl_physinfo){
		.nr_cpus = 2, .nr_nodes = 1, .cores_per_socket = 2, .threads_per_core = 1,
		.total_pages = 2047 * 256, .free_pages = 1367 * 256,
	};
	h->sched_id = XEN_SCHEDULER_CREDIT2;
	h->cpus = 2;
	h->nodes = 1;
	format_info(start(), h);
	finish();
	for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
		CHECK(strstr(text, keys[i]));
	CHECK_EQ(strncmp(text, "host                   : ", 25), 0);
	free(h);
}

static void xentop_has_the_columns_that_plugins_count(void)
{
	struct dom doms[2] = { dom0(), guest() };
	struct host *h = calloc(1, sizeof *h);
	struct top_sample now = { .at_ns = 2000000000, .host = h, .list = { doms, 2 } };
	struct dom old[2] = { dom0(), guest() };
	struct top_sample before = { .at_ns = 1000000000, .host = h, .list = { old, 2 } };
	struct top_options o = { .delay_s = 1 };

	h->version.page_size = 4096;
	h->phys.total_pages = 1024 * 256;
	old[1].cpu_time_ns -= 500000000;
	top_print_table(start(), &now, &before, &o);
	CHECK_STR(finish(),
"      NAME  STATE   CPU(sec) CPU(%)     MEM(k) MEM(%)  MAXMEM(k) MAXMEM(%) VCPUS NETS NETTX(k) "
"NETRX(k) VBDS   VBD_OO   VBD_RD   VBD_WR  VBD_RSECT  VBD_WSECT SSID\n"
"  Domain-0 -----r        123    0.0     524288   50.0   no limit       n/a     2    0        0"
"        0    0        0        0        0          0          0    0\n"
"ExampleDom --b---          1   50.0      65536    6.2      65536       6.2     2    0        0"
"        0    0        0        0        0          0          0    0\n");
	free(h);
}

static void xentop_reads_only_guests_interfaces(void)
{
	struct top_net n;

	CHECK(top_net_parse("vif3.1: 100 2 0 0 0 0 0 0 200 4 1 0 0 0 0 0\n", &n));
	CHECK_EQ(n.domid, 3);
	CHECK_EQ(n.index, 1);
	CHECK_EQ(n.rx_bytes, 100);
	CHECK_EQ(n.tx_bytes, 200);
	CHECK(!top_net_parse("  eth0: 100 2 0 0 0 0 0 0 200 4 0 0 0 0 0 0\n", &n));
	CHECK(!top_net_parse("vif3.x: 1\n", &n));
}

static void devices_are_listed_in_the_columns_of_old(void)
{
	struct format_device vbd = {
		.id = 51728, .state = 4, .event_channel = 9, .ring_ref = 8,
		.backend = "/local/domain/0/backend/vbd/95/51728",
	};
	struct format_device vif = {
		.mac = "00:16:3e:00:00:11", .state = 4, .event_channel = 9, .tx_ring_ref = -1,
		.rx_ring_ref = -1, .backend = "/local/domain/0/backend/vif/95/0",
	};

	format_block_head(start());
	format_block_row(out, &vbd);
	CHECK_STR(finish(),
		  "Vdev  BE handle state evt-ch ring-ref BE-path\n"
		  "51728    0    0     4      9      8     /local/domain/0/backend/vbd/95/51728  \n");
	format_network_head(start());
	format_network_row(out, &vif);
	CHECK_STR(finish(),
		  "Idx BE     MAC Addr.     handle state evt-ch tx-/rx-ring-ref BE-path\n"
		  "0   0  00:16:3e:00:00:11    0     4      9     -1   /-1      "
		  "/local/domain/0/backend/vif/95/0  \n");
	vbd.id = 0;
	vbd.backend = "/local/domain/0/backend/vtpm/95/0";
	format_vtpm_head(start());
	format_vtpm_row(out, &vbd);
	CHECK_STR(finish(),
		  "Idx  BE handle state evt-ch ring-ref BE-path\n"
		  "0     0    0     4      9      8     /local/domain/0/backend/vtpm/95/0  \n");
}

static void what_is_not_known_of_a_device_is_minus_one(void)
{
	struct format_device vif = { 0, 0, -1, -1, -1, -1, -1, -1, NULL, NULL };

	format_network_row(start(), &vif);
	CHECK_STR(finish(), "0   0  ??                   -1    -1     -1    -1   /-1      "
			    "??                              \n");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(list_has_the_columns_of_old),
		TEST(list_has_a_label_column_when_asked),
		TEST(a_long_name_is_never_cut),
		TEST(vcpu_list_shows_where_vcpus_run),
		TEST(affinity_is_a_list_of_ranges),
		TEST(uptime_counts_days_apart),
		TEST(schedulers_have_their_tables),
		TEST(info_has_the_keys_that_ganeti_reads),
		TEST(devices_are_listed_in_the_columns_of_old),
		TEST(what_is_not_known_of_a_device_is_minus_one),
		TEST(xentop_has_the_columns_that_plugins_count),
		TEST(xentop_reads_only_guests_interfaces),
	};
	int failed = cmocka_run_group_tests(tests, NULL, NULL);

	free(text);
	return failed;
}
