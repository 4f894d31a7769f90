#include "printk.h"

#include "arch.h"
#include "calendar.h"
#include "console.h"
#include "format.h"
#include "options.h"
#include "string.h"
#include "wallclock.h"

#define LEVEL_DEFAULT 1			/* a line without a prefix counts as a warning, so it is shown */
#define RATE_BURST 10			/* rate-limited lines at once … */
#define RATE_PERIOD_NS (5 * NS_PER_S)	/* … and per this time, as in Xen's ratelimit */

/* All under the console lock. */
static char text[1024];
static bool line_is_open;		/* the last output did not end in \n */
static bool line_is_shown;
static unsigned int rate_tokens = RATE_BURST, rate_missed;
static uint64_t rate_refilled_ns;

int vsnprintf(char *buf, size_t size, const char *format, va_list args)
{
	return format_text(buf, size, format, args);
}

static void emit(const char *format, ...) __attribute__((format(printf, 1, 2)));
static void emit(const char *format, ...)
{
	char buf[80];
	va_list args;
	int n;

	va_start(args, format);
	n = format_text(buf, sizeof(buf), format, args);
	va_end(args);
	console_write_log(buf, MIN((size_t)n, sizeof(buf) - 1));
}

static void emit_timestamp(void)
{
	const char *kind = options.console_timestamps;
	uint64_t ns = now_ns();

	if (!strcmp(kind, "boot")) {
		emit("[%5llu.%06llu] ", ns / NS_PER_S, ns % NS_PER_S / NS_PER_US);
	} else if (!strcmp(kind, "raw")) {
		emit("[%016lx] ", ns);
	} else if (!strncmp(kind, "date", 4)) {
		uint64_t wall = wallclock_now_ns();
		struct calendar c;

		calendar_from_seconds(wall / NS_PER_S, &c);
		emit("[%04u-%02u-%02u %02u:%02u:%02u", c.year, c.month, c.day, c.hour, c.minute, c.second);
		if (!strcmp(kind, "datems"))
			emit(".%03llu", wall % NS_PER_S / NS_PER_MS);
		emit("] ");
	}
}

static bool rate_allows(void)
{
	uint64_t now = now_ns();

	if (now - rate_refilled_ns >= RATE_PERIOD_NS) {
		rate_tokens = RATE_BURST;
		rate_refilled_ns = now;
	}
	if (!rate_tokens) {
		rate_missed++;
		return false;
	}
	rate_tokens--;
	if (rate_missed) {
		emit("(XEN) printk: %u messages suppressed\n", rate_missed);
		rate_missed = 0;
	}
	return true;
}

/* Takes "<G>" and "<n>" off the line's start and judges the line. */
static const char *line_begin(const char *s)
{
	const int *thresholds = options.loglvl;
	int level = LEVEL_DEFAULT;

	if (!strncmp(s, LOG_GUEST, 3)) {
		thresholds = options.guest_loglvl;
		s += 3;
	}
	if (s[0] == '<' && s[1] >= '0' && s[1] <= '3' && s[2] == '>') {
		level = s[1] - '0';
		s += 3;
	}
	line_is_shown = level < thresholds[0] || (level < thresholds[1] &&
			(thresholds[1] == thresholds[0] || rate_allows()));
	if (line_is_shown) {
		emit("(XEN) ");
		emit_timestamp();
	}
	return s;
}

static void log_lines(const char *s)
{
	while (*s) {
		const char *end;

		if (!line_is_open)
			s = line_begin(s);
		end = strchr(s, '\n');
		end = end ? end + 1 : s + strlen(s);
		line_is_open = end == s || end[-1] != '\n';
		if (line_is_shown)
			console_write_log(s, end - s);
		s = end;
	}
}

void vprintk(const char *format, va_list args)
{
	uint64_t flags = console_lock();

	format_text(text, sizeof(text), format, args);
	log_lines(text);
	console_unlock(flags);
}

void printk(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vprintk(format, args);
	va_end(args);
}
