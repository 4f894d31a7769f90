/* xentop: what domains use, on a terminal that refreshes, or as plain text for programs. */
#include <errno.h>
#include <inttypes.h>
#include <ncurses.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "xend/domctl.h"
#include "xend/host.h"
#include "xend/roster.h"
#include "xm/groups.h"
#include "xm/json.h"
#include "xm/open.h"
#include "xm/tools.h"
#include "xm/topdata.h"

#undef OK	/* ncurses has its own */

static struct top_options options = { .delay_s = 3 };

/* -------------------------------------------------------------- sampling */

/* CPU percentages need two samples: the older is kept here. */
static struct top_sample now, before;

/* A call per vcpu: only for those who look at them. */
static int sample_vcpus(struct top_sample *s)
{
	size_t room = 0;

	for (size_t i = 0; i < s->list.count; i++)
		room += s->list.dom[i].vcpus;
	s->vcpu = calloc(room + 1, sizeof *s->vcpu);
	if (!s->vcpu)
		return -ENOMEM;
	for (size_t i = 0; i < s->list.count; i++) {
		const struct dom *d = &s->list.dom[i];

		for (unsigned v = 0; v < d->vcpus; v++) {
			struct xen_domctl_getvcpuinfo info;

			if (domctl_vcpu_info(xm_hyp(), (domid_t)d->domid, v, &info) == 0)
				s->vcpu[s->vcpus++] = (struct top_vcpu){ d->domid, v,
									 info.cpu_time };
		}
	}
	return 0;
}

static int sample_take(void)
{
	struct hyp *h = xm_hyp();
	struct timespec ts;
	int rc;

	if (!h)
		return -ENODEV;
	top_sample_free(&before);
	before = now;
	now = (struct top_sample){ 0 };
	rc = host_read(h, &now.host);
	if (rc == 0)
		rc = roster_read_told(h, xm_xs_quiet(), &now.list);
	clock_gettime(CLOCK_MONOTONIC, &ts);
	now.at_ns = (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
	if (rc == 0)
		rc = top_sample_devices(&now);
	if (rc == 0 && options.shows_vcpus)
		rc = sample_vcpus(&now);
	return rc;
}

/* ----------------------------------------------------------------- batch */

static void json_devices(struct json *j, int domid)
{
	json_list(j, "nets");
	for (size_t i = 0; i < now.nets; i++) {
		const struct top_net *n = &now.net[i];

		if (n->domid != domid)
			continue;
		json_map(j, NULL);	/* as the guest sees it: what dom0 sends, it receives */
		json_int(j, "index", n->index);
		json_int(j, "rx_bytes", (int64_t)n->tx_bytes);
		json_int(j, "tx_bytes", (int64_t)n->rx_bytes);
		json_end_map(j);
	}
	json_end_list(j);
	json_list(j, "vbds");
	for (size_t i = 0; i < now.vbds; i++) {
		const struct top_vbd *v = &now.vbd[i];

		if (v->domid != domid)
			continue;
		json_map(j, NULL);
		json_int(j, "device", v->device);
		json_int(j, "reads", (int64_t)v->rd);
		json_int(j, "writes", (int64_t)v->wr);
		json_int(j, "out_of_requests", (int64_t)v->oo);
		json_int(j, "sectors_read", (int64_t)v->rsect);
		json_int(j, "sectors_written", (int64_t)v->wsect);
		json_end_map(j);
	}
	json_end_list(j);
}

/* One object, on one line, for each sample. */
static void json_sample(struct json *j)
{
	json_map(j, NULL);
	json_int(j, "time", (int64_t)time(NULL));
	json_list(j, "domains");
	for (size_t i = 0; i < now.list.count; i++) {
		const struct dom *d = &now.list.dom[i];
		char state[7];

		dom_state(d, state);
		json_map(j, NULL);
		json_text(j, "name", d->name);
		json_int(j, "domid", d->domid);
		json_text(j, "state", state);
		json_float(j, "cpu_seconds", (double)d->cpu_time_ns / 1e9);
		json_float(j, "cpu_percent",
			   top_cpu_percent(d, &now, before.host ? &before : NULL));
		json_int(j, "memory_kib", (int64_t)d->mem_kib);
		json_int(j, "vcpus", d->vcpus_online);
		json_devices(j, d->domid);
		json_end_map(j);
	}
	json_end_list(j);
	json_end_map(j);
	json_line(j);
}

static int run_batch(void)
{
	struct json *j = options.is_json ? json_open(stdout, false) : NULL;

	for (unsigned i = 0; !options.iterations || i < options.iterations; i++) {
		int rc;

		if (i)
			sleep(options.delay_s);
		rc = sample_take();
		if (rc < 0)
			return rc;
		if (j)
			json_sample(j);
		else
			top_print_table(stdout, &now, before.host ? &before : NULL, &options);
		fflush(stdout);
	}
	return 0;
}

/* -------------------------------------------------------------- terminal */

static unsigned scroll_rows;

/* The text of a screen is what batch prints, under three lines of summary. */
static int screen_text(char **text, size_t *size)
{
	FILE *out = open_memstream(text, size);

	if (!out)
		return -errno;
	top_print_summary(out, &now, time(NULL));
	top_print_table(out, &now, before.host ? &before : NULL, &options);
	return fclose(out) == EOF ? -errno : 0;
}

static void screen_draw(void)
{
	char *text, *line, *rest;
	size_t size;
	int row = 0, skipped = 0, fixed = 4;	/* the summary and the header stay in place */

	if (screen_text(&text, &size) < 0)
		return;
	erase();
	for (line = text; *line && row < LINES - 1; line = rest) {
		size_t length = strcspn(line, "\n");

		rest = line + length + (line[length] == '\n');
		if (row >= fixed && skipped < (int)scroll_rows) {
			skipped++;
			continue;
		}
		if (row == fixed - 1)
			attron(A_REVERSE);
		mvaddnstr(row++, 0, line, (int)length < COLS ? (int)length : COLS);
		attroff(A_REVERSE);
	}
	mvaddstr(LINES - 1, 0, "  Delay  Networks  vBds  VCPUs  Repeat header  Sort order  Quit ");
	refresh();
	free(text);
}

static void ask_delay(void)
{
	char text[8] = "";
	int delay;

	mvprintw(LINES - 1, 0, "Delay: ");
	clrtoeol();
	echo();
	timeout(-1);
	getnstr(text, sizeof text - 1);
	noecho();
	delay = atoi(text);
	if (delay >= 1 && delay <= 99)
		options.delay_s = (unsigned)delay;
}

/* false: quit */
static bool key_do(int key)
{
	switch (key) {
	case 'q': case 'Q': case 27:
		return false;
	case 'd': case 'D':
		ask_delay();
		break;
	case 'n': case 'N':
		options.shows_nets ^= true;
		break;
	case 'b': case 'B':
		options.shows_vbds ^= true;
		break;
	case 'v': case 'V':
		options.shows_vcpus ^= true;
		break;
	case 'r': case 'R':
		options.repeats_header ^= true;
		break;
	case 's': case 'S':
		options.sort = (options.sort + 1) % TOP_COLUMNS;
		break;
	case KEY_UP:
		scroll_rows -= scroll_rows > 0;
		break;
	case KEY_DOWN:
		scroll_rows++;
		break;
	}
	return true;
}

static int run_terminal(void)
{
	int rc = 0;

	if (!initscr())
		return -EIO;
	cbreak();
	noecho();
	keypad(stdscr, TRUE);
	curs_set(0);
	for (unsigned i = 0; !options.iterations || i < options.iterations; i++) {
		rc = sample_take();
		if (rc < 0)
			break;
		screen_draw();
		timeout((int)options.delay_s * 1000);
		if (!key_do(getch()))
			break;
	}
	endwin();
	return rc;
}

static int run(void)
{
	int rc = options.is_batch || options.is_json || !isatty(STDOUT_FILENO) ? run_batch() : run_terminal();

	top_sample_free(&now);
	top_sample_free(&before);
	if (rc < 0 && rc != -ENODEV)
		fprintf(stderr, "Failed to retrieve statistics: %s\n", strerror(-rc));
	return rc < 0 ? XM_FAILED : XM_OK;
}

static unsigned number_of(const char *text, unsigned least, unsigned fallback)
{
	long number = text ? strtol(text, NULL, 10) : (long)fallback;

	return number < (long)least ? least : (unsigned)number;
}

static int cmd_top(struct xm_args *a)
{
	options = (struct top_options){
		.delay_s = number_of(xm_opt(a, "delay"), 1, 3),
		.iterations = number_of(xm_opt(a, "iterations"), 0, 0),
		.shows_nets = xm_opt(a, "networks"), .shows_vbds = xm_opt(a, "vbds"),
		.shows_vcpus = xm_opt(a, "vcpus"), .repeats_header = xm_opt(a, "repeat-header"),
		.is_batch = xm_opt(a, "batch"), .has_full_names = xm_opt(a, "full-name"),
		.is_json = xm_opt(a, "json"),
	};
	if (xm_opt(a, "version")) {
		puts("xentop 1.0");
		return XM_OK;
	}
	return run();
}

static const struct xm_option top_rows[] = {
	{ 'd', "delay", "SECONDS", "Seconds between updates (3).", true },
	{ 'n', "networks", NULL, "Show each network interface.", true },
	{ 'x', "vbds", NULL, "Show each disk.", true },
	{ 'r', "repeat-header", NULL, "Repeat the header before each domain.", true },
	{ 'v', "vcpus", NULL, "Show each virtual processor.", true },
	{ 'b', "batch", NULL, "Plain text, for programs.", true },
	{ 'i', "iterations", "N", "Stop after so many updates.", true },
	{ 'f', "full-name", NULL, "Don't cut names short.", true },
	{ 'V', "version", NULL, "Print the version.", true },
	XM_OPT_JSON,
	{ 0 },
};

const struct xm_command top_commands[] = {
	{ "top", "[options]", 0, -1, cmd_top, "Watch what domains use.", top_rows, XM_COMMON },
	{ 0 },
};

/* xentop itself: the same options, its own way to refuse. */
int tool_xentop(int argc, char **argv)
{
	struct xm_args a;
	char err[160];

	for (int i = 1; i < argc; i++)
		if (!strcmp(argv[i], "-h") || !strcmp(argv[i], "--help")) {
			xm_usage(&top_commands[0], stdout);
			return 0;
		}
	if (xm_args_parse(&a, &top_commands[0], argc - 1, argv + 1, err, sizeof err) < 0) {
		fprintf(stderr, "xentop: %s\n", err);
		xm_usage(&top_commands[0], stdout);
		return 1;
	}
	return cmd_top(&a);
}
