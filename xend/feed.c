#include "xend/feed.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "xend/sandbox.h"
#include "xenstore/fdio.h"
#include "xenstore/hyp.h"

#define PAGE STREAM_PAGE
#define CPU_S 3600			/* for a terabyte, and then some */
#define MEMORY (64UL << 20)
#define BUFFER (STREAM_BATCH * (8 + PAGE))

enum kind { FEED_P2M, FEED_PAGES, FEED_TSC, FEED_SHARED, FEED_VCPU, FEED_END, FEED_FAULT };

struct message {
	uint32_t kind;
	uint32_t what;			/* VCPU: enum stream_type */
	uint64_t value;			/* P2M: pfns; VCPU: its number */
	uint64_t count;			/* P2M: frames; PAGES: entries; VCPU: bytes */
};

/* -------------------------------------------------------- the child's side */

struct child {
	int in, out;
};

static int send_part(const struct child *c, const void *data, size_t len)
{
	return fdio_write(c->out, data, len) ? -EPIPE : 0;
}

static int send(const struct child *c, const struct message *m, const void *data, size_t len)
{
	int rc = send_part(c, m, sizeof(*m));

	return rc ? rc : send_part(c, data, len);
}

static int child_p2m(void *ctx, uint64_t pfns, const uint64_t *frame, size_t frames)
{
	const struct message m = { .kind = FEED_P2M, .value = pfns, .count = frames };

	return send(ctx, &m, frame, frames * sizeof(*frame));
}

static int child_pages(void *ctx, const uint64_t *entry, size_t count, const uint8_t *data,
		       size_t pages)
{
	const struct message m = { .kind = FEED_PAGES, .count = count };
	int rc = send(ctx, &m, entry, count * sizeof(*entry));

	return rc ? rc : send_part(ctx, data, pages * PAGE);
}

static int child_tsc(void *ctx, const struct stream_tsc *tsc)
{
	const struct message m = { .kind = FEED_TSC };

	return send(ctx, &m, tsc, sizeof(*tsc));
}

static int child_shared(void *ctx, const uint8_t *page)
{
	const struct message m = { .kind = FEED_SHARED };

	return send(ctx, &m, page, PAGE);
}

static int child_vcpu(void *ctx, enum stream_type what, uint32_t vcpu, const void *data, size_t len)
{
	const struct message m = { .kind = FEED_VCPU, .what = what, .value = vcpu, .count = len };

	return send(ctx, &m, data, len);
}

static int child_read(void *ctx, void *to, size_t len)
{
	const struct child *c = ctx;

	return fdio_read_all(c->in, to, len);
}

static void __attribute__((noreturn)) child_run(int in, int out, const struct stream_limits *l)
{
	const struct sandbox_limits cage = { .memory = MEMORY + l->pfns / 64, .cpu_s = CPU_S };
	struct child c = { in, out };
	const struct stream_source source = { child_read, &c };
	const struct stream_sink sink = { &c, child_p2m, child_pages, child_tsc, child_shared,
					  child_vcpu };
	struct fault f = { 0 };
	const int keep[] = { in, out };
	struct message m = { .kind = FEED_END };
	int rc = sandbox_enter(keep, 2, &cage);

	if (rc)
		fault_errno(&f, -rc, "cannot confine the reader of the saved state");
	else
		rc = stream_parse(&source, l, &sink, &f);
	if (rc)
		m.kind = FEED_FAULT;
	_exit(send(&c, &m, &f, rc ? sizeof(f) : 0) != 0);
}

/* ------------------------------------------------------- the parent's side */

int feed_open(struct feed *feed, int fd, const struct stream_limits *limits, struct fault *f)
{
	int ends[2], rc;

	*feed = (struct feed){ .fd = -1, .limits = *limits };
	feed->buf = malloc(BUFFER);
	if (!feed->buf)
		return fault_set(f, ENOMEM, "not enough memory in domain 0");
	if (pipe2(ends, O_CLOEXEC) < 0) {
		rc = -errno;
		feed_close(feed);
		return fault_errno(f, -rc, "cannot start the reader of the saved state");
	}
	fcntl(ends[1], F_SETPIPE_SZ, 1 << 20);	/* fewer turns; what there is will do as well */
	feed->fd = ends[0];
	feed->pid = fork();
	if (feed->pid == 0)
		child_run(fd, ends[1], limits);
	rc = feed->pid < 0 ? -errno : 0;
	close(ends[1]);
	if (!rc)
		return 0;
	feed->pid = 0;
	feed_close(feed);
	return fault_errno(f, -rc, "cannot start the reader of the saved state");
}

void feed_close(struct feed *feed)
{
	if (feed->fd >= 0)
		close(feed->fd);
	if (feed->pid > 0) {
		kill(feed->pid, SIGKILL);
		while (waitpid(feed->pid, NULL, 0) < 0 && errno == EINTR)
			;
	}
	free(feed->buf);
	*feed = (struct feed){ .fd = -1 };
}

/* What a child says that it could not: a sound reader never would. */
static int unsound(struct fault *f)
{
	return fault_set(f, EPROTO, "the reader of the saved state gave an impossible answer");
}

static int receive(struct feed *feed, void *to, size_t len, struct fault *f)
{
	int rc = fdio_read_all(feed->fd, to, len);

	if (rc == -EIO) {
		fault_set(f, EIO, "the reader of the saved state died");
		fault_hint(f, "The file may be damaged or hostile, or memory was short.");
		return rc;
	}
	return rc ? fault_errno(f, -rc, "cannot hear the reader of the saved state") : 0;
}

static int take_p2m(struct feed *feed, const struct message *m, const struct stream_sink *sink,
		    struct fault *f)
{
	uint64_t *frame;
	int rc;

	if (!m->value || m->value > feed->limits.pfns ||
	    m->count != (m->value + STREAM_PER_FRAME - 1) / STREAM_PER_FRAME)
		return unsound(f);
	frame = malloc(m->count * sizeof(*frame));
	if (!frame)
		return fault_set(f, ENOMEM, "not enough memory in domain 0");
	rc = receive(feed, frame, m->count * sizeof(*frame), f);
	for (uint64_t i = 0; i < m->count && !rc; i++)
		if (frame[i] >= m->value)
			rc = unsound(f);
	if (!rc)
		rc = sink->p2m(sink->ctx, m->value, frame, m->count);
	free(frame);
	return rc;
}

static int take_pages(struct feed *feed, const struct message *m, const struct stream_sink *sink,
		      struct fault *f)
{
	uint64_t entry[STREAM_BATCH];
	size_t pages = 0;
	int rc;

	if (!m->count || m->count > STREAM_BATCH)
		return unsound(f);
	rc = receive(feed, entry, m->count * sizeof(entry[0]), f);
	for (size_t i = 0; i < m->count && !rc; i++) {
		if (!stream_pfinfo_is_known(STREAM_PFINFO(entry[i])) ||
		    STREAM_PFN(entry[i]) >= feed->limits.pfns)
			rc = unsound(f);
		pages += (size_t)stream_has_data(STREAM_PFINFO(entry[i]));
	}
	if (!rc)
		rc = receive(feed, feed->buf, pages * PAGE, f);
	return rc ? rc : sink->pages(sink->ctx, entry, m->count, feed->buf, pages);
}

static int take_tsc(struct feed *feed, const struct message *m, const struct stream_sink *sink,
		    struct fault *f)
{
	struct stream_tsc tsc;
	int rc = receive(feed, &tsc, sizeof(tsc), f);

	return rc ? rc : sink->tsc(sink->ctx, &tsc);
}

static int take_shared(struct feed *feed, const struct message *m, const struct stream_sink *sink,
		       struct fault *f)
{
	int rc = receive(feed, feed->buf, PAGE, f);

	return rc ? rc : sink->shared_info(sink->ctx, feed->buf);
}

static bool vcpu_is_sound(const struct feed *feed, const struct message *m)
{
	static const uint32_t most[] = {
		[STREAM_VCPU_EXTENDED] = STREAM_EXTENDED_MAX, [STREAM_VCPU_XSAVE] = STREAM_XSAVE_MAX,
		[STREAM_VCPU_MSRS] = STREAM_MSRS_MAX,
	};

	if (m->value >= feed->limits.vcpus || m->value >= STREAM_VCPUS)
		return false;
	if (m->what == STREAM_VCPU_BASIC)
		return m->count == sizeof(vcpu_guest_context_t);
	return m->what < sizeof(most) / sizeof(most[0]) && most[m->what] &&
	       m->count <= most[m->what];
}

static int take_vcpu(struct feed *feed, const struct message *m, const struct stream_sink *sink,
		     struct fault *f)
{
	int rc = vcpu_is_sound(feed, m) ? receive(feed, feed->buf, m->count, f) : unsound(f);

	return rc ? rc : sink->vcpu(sink->ctx, m->what, (uint32_t)m->value, feed->buf, m->count);
}

static int take_fault(struct feed *feed, const struct message *m, const struct stream_sink *sink,
		      struct fault *f)
{
	struct fault said;
	int rc = receive(feed, &said, sizeof(said), f);

	if (rc)
		return rc;
	if (!said.err)
		return unsound(f);
	fault_clean(&said);
	fault_set(f, said.err, "%s", said.text);
	fault_hint(f, "%s", said.hint);
	return -said.err;
}

static int (*const takes[])(struct feed *feed, const struct message *m,
			    const struct stream_sink *sink, struct fault *f) = {
	[FEED_P2M] = take_p2m, [FEED_PAGES] = take_pages, [FEED_TSC] = take_tsc,
	[FEED_SHARED] = take_shared, [FEED_VCPU] = take_vcpu, [FEED_FAULT] = take_fault,
};

int feed_run(struct feed *feed, const struct stream_sink *sink, struct fault *f)
{
	struct message m;
	int rc;

	for (;;) {
		rc = receive(feed, &m, sizeof(m), f);
		if (rc || m.kind == FEED_END)
			return rc;
		if (m.kind >= sizeof(takes) / sizeof(takes[0]) || !takes[m.kind])
			return unsound(f);
		rc = takes[m.kind](feed, &m, sink, f);
		if (rc)
			return rc;
	}
}
