#include "xenstore/perms.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "xenstore/heap.h"
#include "xenstore/roots.h"

#define BUCKETS 256u

struct perms_table {		/* durable */
	uint32_t bucket[BUCKETS];
};

static struct perms_table *table;

static size_t perms_size(size_t n)
{
	return sizeof(struct perms) + n * sizeof(struct perm);
}

static struct perms *perms_at(uint32_t ref)
{
	return heap_at(ref);
}

int perms_open(bool fresh)
{
	uint64_t *root = heap_root(ROOT_PERMS);
	uint32_t ref = (uint32_t)*root;

	if (fresh) {
		ref = heap_alloc(sizeof(*table));
		if (!ref)
			return -ENOMEM;
		memset(heap_at(ref), 0, sizeof(*table));
		heap_touch(root, sizeof(*root));
		*root = ref;
	}
	if (!heap_valid(ref, sizeof(*table)))
		return -EINVAL;
	table = heap_at(ref);
	return 0;
}

static uint32_t perms_hash(const struct perm *p, size_t n)
{
	uint64_t h = n;

	for (size_t i = 0; i < n; i++)
		h = (h ^ ((uint32_t)p[i].domid << 2 | p[i].access)) *
			UINT64_C(0x9e3779b97f4a7c15);
	return (uint32_t)(h >> 32);
}

static uint32_t perms_new(const struct perm *p, size_t n, uint32_t hash)
{
	uint32_t *bucket = &table->bucket[hash % BUCKETS];
	uint32_t ref = heap_alloc(perms_size(n));
	struct perms *l;

	if (!ref)
		return 0;
	l = perms_at(ref);
	*l = (struct perms){ *bucket, hash, 1, (uint32_t)n };
	memcpy(l->p, p, n * sizeof(*p));
	heap_touch(bucket, sizeof(*bucket));
	*bucket = ref;
	return ref;
}

uint32_t perms_get(const struct perm *p, size_t n)
{
	uint32_t hash = perms_hash(p, n);
	uint32_t ref = table->bucket[hash % BUCKETS];

	for (; ref; ref = perms_at(ref)->next) {
		struct perms *l = perms_at(ref);

		if (l->hash == hash && l->n == n && !memcmp(l->p, p, n * sizeof(*p))) {
			perms_hold(ref);
			return ref;
		}
	}
	return perms_new(p, n, hash);
}

void perms_hold(uint32_t ref)
{
	struct perms *l = perms_at(ref);

	heap_touch(&l->count, sizeof(l->count));
	l->count++;
}

static void perms_free(uint32_t ref)
{
	struct perms *l = perms_at(ref);
	uint32_t *link = &table->bucket[l->hash % BUCKETS];

	while (*link != ref)
		link = &perms_at(*link)->next;
	heap_touch(link, sizeof(*link));
	*link = l->next;
	heap_free(ref, perms_size(l->n));
}

void perms_put(uint32_t ref)
{
	struct perms *l = perms_at(ref);

	heap_touch(&l->count, sizeof(l->count));
	if (!--l->count)
		perms_free(ref);
}

static unsigned int perms_of(const struct perms *l, uint32_t domid)
{
	if (domid == 0 || l->p[0].domid == domid)
		return PERM_READ | PERM_WRITE | PERM_OWNER;
	for (uint32_t i = 1; i < l->n; i++)
		if (l->p[i].domid == domid)
			return l->p[i].access;
	return l->p[0].access;
}

unsigned int perms_allowed(const struct perms *l, const struct caller *who)
{
	unsigned int may = perms_of(l, who->domid);

	if (who->target != CALLER_NO_TARGET)
		may |= perms_of(l, who->target);
	return may;
}

static const char access_letter[] = { 'n', 'r', 'w', 'b' };

int perms_parse(struct perm *out, size_t max, const char *text, size_t len)
{
	size_t n = 0, i = 0;

	if (!len || text[len - 1])
		return -EINVAL;
	while (i < len) {
		const char *letter = memchr(access_letter, text[i], sizeof(access_letter));
		char *end;
		unsigned long domid;

		if (n == max || !letter || text[i + 1] < '0' || text[i + 1] > '9')
			return -EINVAL;
		domid = strtoul(text + i + 1, &end, 10);
		if (*end || domid >= PERMS_DOMID_MAX)
			return -EINVAL;
		out[n++] = (struct perm){ (uint16_t)domid, (uint16_t)(letter - access_letter) };
		i = (size_t)(end - text) + 1;
	}
	return (int)n;
}

int perms_format(char *out, const struct perm *p)
{
	return sprintf(out, "%c%u", access_letter[p->access & 3], p->domid);
}

bool perms_names(const struct perms *l, uint32_t domid)
{
	for (uint32_t i = 0; i < l->n; i++)
		if (l->p[i].domid == domid)
			return true;
	return false;
}

uint32_t perms_without(const struct perms *l, uint32_t domid)
{
	struct perm left[PERMS_MAX];
	size_t n = 1;

	left[0] = l->p[0].domid == domid ? (struct perm){ 0, 0 } : l->p[0];
	for (uint32_t i = 1; i < l->n; i++)
		if (l->p[i].domid != domid)
			left[n++] = l->p[i];
	return perms_get(left, n);
}

bool perms_mention(uint32_t domid)
{
	for (uint32_t b = 0; b < BUCKETS; b++)
		for (uint32_t ref = table->bucket[b]; ref; ref = perms_at(ref)->next)
			if (perms_names(perms_at(ref), domid))
				return true;
	return false;
}

size_t perms_lists(void)
{
	size_t n = 0;

	for (uint32_t b = 0; b < BUCKETS; b++)
		for (uint32_t ref = table->bucket[b]; ref; ref = perms_at(ref)->next)
			n++;
	return n;
}

bool perms_mark_begin(void)
{
	if (!heap_mark(heap_ref(table), sizeof(*table)))
		return false;
	for (uint32_t b = 0; b < BUCKETS; b++) {
		for (uint32_t ref = table->bucket[b]; ref; ref = perms_at(ref)->next) {
			struct perms *l = perms_at(ref);

			if (!heap_valid(ref, sizeof(*l)) || !l->n || l->n > PERMS_MAX ||
			    !heap_mark(ref, perms_size(l->n)) || l->hash % BUCKETS != b)
				return false;
			l->count = 0;
		}
	}
	return true;
}

/* The reference must be one of the table's: look there, as the file is not trusted yet. */
bool perms_mark(uint32_t ref)
{
	struct perms *l = perms_at(ref);
	uint32_t k;

	if (!heap_valid(ref, sizeof(*l)))
		return false;
	for (k = table->bucket[l->hash % BUCKETS]; k && k != ref; k = perms_at(k)->next)
		;
	if (!k)
		return false;
	l->count++;
	return true;
}

/* Lists that only lost transactions used. */
void perms_mark_end(void)
{
	for (uint32_t b = 0; b < BUCKETS; b++) {
		uint32_t ref = table->bucket[b], next;

		for (; ref; ref = next) {
			next = perms_at(ref)->next;
			if (!perms_at(ref)->count)
				perms_free(ref);
		}
	}
}
