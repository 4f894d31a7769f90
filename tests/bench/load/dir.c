/* Directories of many children. */
#include <stdio.h>
#include <string.h>
#include "tests/bench/load/load.h"

static void make_children(struct conn *c, const char *path, unsigned int n)
{
	char name[128];

	prune(c, path);
	must(c, XS_MKDIR, 0, path, NULL, 0);
	for (unsigned int i = 0; i < n; i++) {
		snprintf(name, sizeof(name), "%s/%u", path, i);
		must(c, XS_MKDIR, 0, name, NULL, 0);
	}
}

static void step_dir(struct ctx *x)
{
	struct reply r;
	unsigned int n = 0;

	if (call(x->c, XS_DIRECTORY, 0, x->path, NULL, 0, &r))
		die("directory of %s: %s", x->path, strerror(r.err));
	for (uint32_t i = 0; i < r.h.len; i++)
		n += !r.data[i];
	if (n != x->n)
		die("directory of %s: %u of %u", x->path, n, x->n);
}

/* 1000 children named 0 to 999 fill 3890 bytes: the most that one reply of
 * 4096 bytes can hold with such names. */
void w_dir(void)
{
	static const unsigned int sizes[] = { 10, 100, 1000 };
	struct ctx x = { .c = conn_new() };
	struct result r = { 0 };
	char path[64], name[32];

	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		x.n = sizes[i];
		x.path = path;
		snprintf(path, sizeof(path), "/bench/dir/%u", x.n);
		snprintf(name, sizeof(name), "directory %u", x.n);
		make_children(x.c, path, x.n);
		repeat(&r, step_dir, &x);
		report(&r, name, NULL);
	}
	prune(x.c, "/bench");
	conn_free(x.c);
}

/* List 4000 children through DIRECTORY_PART; x->note counts the requests. */
static void step_part(struct ctx *x)
{
	unsigned int offset = 0, n = 0;
	struct reply r;
	size_t gen;
	char at[16];

	for (;;) {
		int len = snprintf(at, sizeof(at), "%u", offset) + 1;

		if (call(x->c, XS_DIRECTORY_PART, 0, x->path, at, len, &r))
			die("directory part: %s", strerror(r.err));
		x->note++;
		gen = strnlen(r.data, r.h.len) + 1;
		for (size_t i = gen; i < r.h.len; i++)
			n += !r.data[i];
		offset += r.h.len - gen;
		/* The last part ends in an empty name. */
		if (r.h.len >= 2 && !r.data[r.h.len - 1] && !r.data[r.h.len - 2])
			break;
	}
	if (n - 1 != x->n)
		die("directory part: %u of %u children", n - 1, x->n);
}

void w_part(void)
{
	struct ctx x = { .c = conn_new(), .path = "/bench/part", .n = 4000 };
	struct result r = { 0 };
	struct reply reply;

	make_children(x.c, x.path, x.n);
	if (call(x.c, XS_DIRECTORY_PART, 0, x.path, "0", 2, &reply)) {
		fprintf(stderr, "bench: dirpart: %s, left out\n",
			strerror(reply.err));
	} else {
		repeat(&r, step_part, &x);
		report(&r, "dirpart 4000", "requests=%llu",
		       (unsigned long long)(r.cycles ? x.note / r.cycles : 0));
	}
	prune(x.c, "/bench");
	conn_free(x.c);
}
