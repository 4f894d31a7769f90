/*
 * xend-build [OPTION=VALUE…] KERNEL INITRD MEMORY VCPUS CMDLINE: build a PV domain by hand, write
 * the least of XenStore that a guest needs, and unpause it.  INITRD is a file or "-".
 *
 *   cache=DIR  name=NAME  maxmem=MIB  pin=CPU  weight=N  cap=N  paused=1  claim=0
 *   stop=PHASE   cancel the build when it reports that phase
 *   loop=N       build and destroy it N times, and do not unpause
 *
 * xend-build dump DOMID FILE: write a domain's core.
 *
 * Prints how long each part took.  Exit status 0, or 1 with the fault on stderr.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "xend/build.h"
#include "xend/domctl.h"
#include "xend/dump.h"
#include "xenstore/xs.h"

struct options {
	const char *cache, *name, *stop;
	unsigned long maxmem, pin, weight, cap, paused, claim, loop;
	bool pinned;
};

static double now_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static bool option_take(struct options *o, const char *arg)
{
	const struct {
		const char *key;
		const char **text;
		unsigned long *number;
	} known[] = {
		{ "cache=", &o->cache, NULL }, { "name=", &o->name, NULL },
		{ "stop=", &o->stop, NULL }, { "maxmem=", NULL, &o->maxmem },
		{ "pin=", NULL, &o->pin }, { "weight=", NULL, &o->weight },
		{ "cap=", NULL, &o->cap }, { "paused=", NULL, &o->paused },
		{ "claim=", NULL, &o->claim }, { "loop=", NULL, &o->loop },
	};

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		size_t len = strlen(known[i].key);

		if (strncmp(arg, known[i].key, len))
			continue;
		if (known[i].text)
			*known[i].text = arg + len;
		else
			*known[i].number = strtoul(arg + len, NULL, 0);
		if (known[i].number == &o->pin)
			o->pinned = true;
		return true;
	}
	return false;
}

static int progress(void *ctx, const char *phase, uint64_t done, uint64_t total)
{
	const struct options *o = ctx;

	return o->stop && !strcmp(o->stop, phase) && done * 2 >= total;
}

static int fail(const struct fault *f)
{
	fprintf(stderr, "Error: %s\n", f->text);
	if (f->hint[0])
		fprintf(stderr, "Hint: %s\n", f->hint);
	return 1;
}

/* What one domain's nodes are made from. */
struct nodes {
	const struct build_config *c;
	const struct build_result *r;
	const char *name;
	char path[64];
};

static int node(struct xs *xs, uint32_t t, const struct nodes *n, char owner, const char *leaf,
		const char *fmt, unsigned long value)
{
	struct xs_perm perms[] = { { n->r->domid, 'n' }, { n->r->domid, 'r' } };
	char path[160];
	int rc;

	if (owner == '0')
		perms[0].domid = 0;
	snprintf(path, sizeof(path), "%s%s%s", n->path, leaf[0] ? "/" : "", leaf);
	rc = xs_printf(xs, t, path, fmt, value);
	return rc ? rc : xs_set_perms(xs, t, path, perms, 2);
}

static int nodes_body(struct xs *xs, uint32_t t, void *ctx)
{
	static const char *const owned[] = { "control", "control/shutdown", "data", "device",
					     "control/platform-feature-multiprocessor-suspend" };
	const struct nodes *n = ctx;
	char leaf[96];
	int rc = node(xs, t, n, '0', "", "", 0);

	for (unsigned int i = 0; i < sizeof(owned) / sizeof(owned[0]) && !rc; i++)
		rc = node(xs, t, n, 'g', owned[i], "", 0);
	if (!rc)
		rc = node(xs, t, n, '0', "domid", "%lu", n->r->domid);
	if (!rc)
		rc = node(xs, t, n, '0', "name", "", 0);
	snprintf(leaf, sizeof(leaf), "%s/name", n->path);
	if (!rc)
		rc = xs_write(xs, t, leaf, n->name, strlen(n->name));
	if (!rc)
		rc = node(xs, t, n, '0', "memory/target", "%lu", n->c->mem_kib);
	if (!rc)
		rc = node(xs, t, n, '0', "memory/static-max", "%lu",
			  n->c->maxmem_kib ? n->c->maxmem_kib : n->c->mem_kib);
	for (unsigned int v = 0; v < n->c->vcpus && !rc; v++) {
		snprintf(leaf, sizeof(leaf), "cpu/%u/availability", v);
		rc = node(xs, t, n, '0', leaf, "online", 0);
	}
	if (!rc)
		rc = node(xs, t, n, '0', "store/ring-ref", "%lu", n->r->store_frame);
	if (!rc)
		rc = node(xs, t, n, '0', "store/port", "%lu", n->r->store_port);
	if (!rc)
		rc = node(xs, t, n, '0', "console/type", "xenconsoled", 0);
	if (!rc)
		rc = node(xs, t, n, '0', "console/limit", "65536", 0);
	if (!rc)
		rc = node(xs, t, n, '0', "console/ring-ref", "%lu", n->r->console_frame);
	return rc ? rc : node(xs, t, n, '0', "console/port", "%lu", n->r->console_port);
}

static int introduce(const struct build_config *c, const struct build_result *r,
		     const char *name)
{
	struct nodes n = { .c = c, .r = r, .name = name };
	struct xs *xs;
	int rc = xs_open(&xs, 0);

	if (rc) {
		fprintf(stderr, "Error: no XenStore: %s\n", strerror(-rc));
		return rc;
	}
	snprintf(n.path, sizeof(n.path), "/local/domain/%u", r->domid);
	rc = xs_txn(xs, nodes_body, &n);
	if (!rc)
		rc = xs_introduce(xs, r->domid, r->store_frame, r->store_port);
	xs_close(xs);
	if (rc)
		fprintf(stderr, "Error: cannot introduce the domain: %s\n", strerror(-rc));
	return rc;
}

static int build_again(struct hyp *h, const struct build_config *c, const struct image *img,
		       unsigned long times)
{
	struct build_result r;

	for (unsigned long i = 0; i < times; i++) {
		struct fault f = { 0 };

		if (build_domain(h, c, img, &r, &f))
			return fail(&f);
		if (domctl_destroy(h, r.domid)) {
			fprintf(stderr, "Error: cannot destroy domain %u\n", r.domid);
			return 1;
		}
	}
	return 0;
}

static int build_one(struct hyp *h, const struct build_config *c, const struct image *img,
		     const struct options *o)
{
	struct fault f = { 0 };
	struct build_result r;
	double start = now_s();
	int rc = build_domain(h, c, img, &r, &f);

	if (rc)
		return fail(&f);
	printf("BUILD %.3f s\n", now_s() - start);
	start = now_s();
	rc = introduce(c, &r, o->name);
	if (!rc && !o->paused)
		rc = domctl_unpause(h, r.domid);
	if (rc) {
		domctl_destroy(h, r.domid);
		return 1;
	}
	printf("INTRODUCE %.3f s\nDOMAIN %u\n", now_s() - start, r.domid);
	return 0;
}

static int dump(const char *domid, const char *file)
{
	struct fault f = { 0 };
	struct hyp *h;
	double start = now_s();
	int rc = hyp_open(&h);

	if (rc) {
		fprintf(stderr, "Error: no hypervisor: %s\n", strerror(-rc));
		return 1;
	}
	rc = dump_core(h, (uint16_t)strtoul(domid, NULL, 0), file, &f);
	hyp_close(h);
	if (rc)
		return fail(&f);
	printf("DUMP %.3f s\n", now_s() - start);
	return 0;
}

int main(int argc, char **argv)
{
	struct options o = { .name = "built", .claim = 1 };
	struct build_cpumap maps[BUILD_VCPUS_MAX] = { 0 };
	struct build_config c;
	struct fault f = { 0 };
	struct image img;
	struct hyp *h;
	double start;
	int i = 1, rc;

	if (argc == 4 && !strcmp(argv[1], "dump"))
		return dump(argv[2], argv[3]);
	while (i < argc && option_take(&o, argv[i]))
		i++;
	if (argc - i != 5) {
		fprintf(stderr, "usage: xend-build [OPTION=VALUE...] KERNEL INITRD MEMORY VCPUS "
			"CMDLINE\n");
		return 2;
	}
	build_config_init(&c);
	c.initrd_path = strcmp(argv[i + 1], "-") ? argv[i + 1] : NULL;
	c.mem_kib = strtoul(argv[i + 2], NULL, 0) * 1024;
	c.vcpus = (unsigned int)strtoul(argv[i + 3], NULL, 0);
	c.cmdline = argv[i + 4];
	c.maxmem_kib = o.maxmem * 1024;
	c.weight = (unsigned int)o.weight;
	c.cap = (unsigned int)o.cap;
	c.claim = o.claim;
	c.progress = progress;
	c.progress_ctx = &o;
	for (unsigned int v = 0; o.pinned && v < BUILD_VCPUS_MAX; v++)
		maps[v].bits[o.pin / 8 % BUILD_CPUMAP_BYTES] |= (uint8_t)(1 << o.pin % 8);
	c.affinity = o.pinned ? maps : NULL;
	snprintf((char *)c.uuid, sizeof(c.uuid), "xend-build");
	start = now_s();
	if (image_load(&img, argv[i], o.cache, &f))
		return fail(&f);
	printf("IMAGE %.3f s %s\n", now_s() - start, img.cached ? "cached" : "unpacked");
	rc = hyp_open(&h);
	if (rc) {
		fprintf(stderr, "Error: no hypervisor: %s\n", strerror(-rc));
		return 1;
	}
	rc = o.loop ? build_again(h, &c, &img, o.loop) : build_one(h, &c, &img, &o);
	start = now_s();
	if (!rc && o.cache && image_cache_put(&img, o.cache, IMAGE_CACHE_MAX) == 0)
		printf("CACHE %.3f s\n", now_s() - start);
	image_free(&img);
	hyp_close(h);
	return rc;
}
