#include "xenstore/trace.h"

#include <errno.h>
#include <stdio.h>
#include <time.h>

#include "xenstore/conn.h"
#include "xenstore/log.h"
#include "xenstore/req.h"
#include "xenstore/request.h"

static struct {
	const char *path;
	FILE *f;
} trace;

bool trace_is_on(void)
{
	return trace.f != NULL;
}

void trace_request(const struct request *r, const char *result)
{
	struct timespec now;
	struct tm tm;
	char when[32];

	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &tm);
	strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%S", &tm);
	fprintf(trace.f, "%s.%06ldZ dom%u client%u %s tx%u \"", when, now.tv_nsec / 1000,
		r->c->who.domid, r->c->number, request_name(r->h.type), r->h.tx_id);
	/* NULs between strings are shown as blanks, the last one not at all. */
	for (uint32_t i = 0; i < r->h.len && i < 512; i++)
		if (r->data[i] || i + 1 < r->h.len)
			fputc(!r->data[i] ? ' ' : r->data[i] >= ' ' && r->data[i] < 127 ?
			      r->data[i] : '?', trace.f);
	fprintf(trace.f, "\" -> %s\n", result);
}

int trace_open(const char *path)
{
	if (trace.f)
		fclose(trace.f);
	trace.path = path;
	trace.f = path ? fopen(path, "ae") : NULL;
	if (trace.f)
		setvbuf(trace.f, NULL, _IOLBF, 0);
	return path && !trace.f ? -errno : 0;
}

void trace_reopen(void)
{
	if (trace.path && trace_open(trace.path))
		log_errno("trace file %s", trace.path);
}
