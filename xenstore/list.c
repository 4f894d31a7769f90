/* list.c - store_list(): the names of a node's children, the last few large ones remembered. */
#include "xenstore/store.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "xenstore/heap.h"
#include "xenstore/kids.h"

#define CACHE_LISTS 8
#define CACHE_FROM 24		/* children: fewer are quicker gathered than looked up */
#define CACHE_BYTES (1u << 20)

struct list {
	const struct node *node;
	uint64_t kids_gen;
	uint32_t seq;
	char *text;
	size_t len, cap;
	uint64_t used;		/* when, by the count of listings */
};

struct order {
	uint32_t seq, ref;
};

static struct list cache[CACHE_LISTS], small;
static uint64_t listings;

static int by_seq(const void *a, const void *b)
{
	uint32_t x = ((const struct order *)a)->seq, y = ((const struct order *)b)->seq;

	return x < y ? -1 : x > y;
}

static void order_insert(struct order *v, size_t n)
{
	for (size_t i = 1; i < n; i++) {
		struct order o = v[i];
		size_t k = i;

		for (; k && v[k - 1].seq > o.seq; k--)
			v[k] = v[k - 1];
		v[k] = o;
	}
}

static size_t kids_order(const struct node *n, struct order *v)
{
	struct kids_cursor c = { 0 };
	size_t len = 0;
	uint32_t ref;

	for (size_t i = 0; (ref = kids_next(n->kids, &c)) != 0; i++) {
		const struct node *kid = heap_at(ref);

		v[i] = (struct order){ kid->seq, ref };
		len += kid->name_len + 1u;
	}
	if (n->kid_count < CACHE_FROM)
		order_insert(v, n->kid_count);
	else
		qsort(v, n->kid_count, sizeof(*v), by_seq);
	return len;
}

static int list_fill(struct list *l, const struct node *n)
{
	struct order few[CACHE_FROM], *v = few;
	char *to;

	if (n->kid_count >= CACHE_FROM) {
		v = malloc(n->kid_count * sizeof(*v));
		if (!v)
			return -ENOMEM;
	}
	l->len = kids_order(n, v);
	if (l->len > l->cap) {
		free(l->text);
		l->text = malloc(l->len);
		l->cap = l->text ? l->len : 0;
	}
	to = l->text;
	for (uint32_t i = 0; to && i < n->kid_count; i++) {
		const struct node *kid = heap_at(v[i].ref);

		memcpy(to, kid->name, kid->name_len);
		to += kid->name_len;
		*to++ = '\0';
	}
	if (v != few)
		free(v);
	return !l->len || l->text ? 0 : -ENOMEM;
}

/* The least recently used place; places with much text are given up when all is too much. */
static struct list *cache_victim(void)
{
	struct list *l = &cache[0];
	size_t bytes = 0;

	for (size_t i = 0; i < CACHE_LISTS; i++) {
		bytes += cache[i].cap;
		if (cache[i].used < l->used)
			l = &cache[i];
	}
	for (size_t i = 0; bytes > CACHE_BYTES && i < CACHE_LISTS; i++) {
		free(cache[i].text);
		cache[i] = (struct list){ 0 };
	}
	return l;
}

static struct list *cache_find(const struct node *n)
{
	for (size_t i = 0; i < CACHE_LISTS; i++)
		if (cache[i].node == n && cache[i].kids_gen == n->kids_gen &&
		    cache[i].seq == n->seq)
			return &cache[i];
	return NULL;
}

int store_list(const struct node *n, const char **names, size_t *len)
{
	struct list *l = &small;
	int rc = 0;

	if (n->kid_count >= CACHE_FROM)
		l = cache_find(n);
	if (!l)
		l = cache_victim();
	if (l == &small || l->node != n || l->kids_gen != n->kids_gen || l->seq != n->seq) {
		l->node = NULL;
		rc = list_fill(l, n);
		if (!rc)
			*l = (struct list){ n, n->kids_gen, n->seq, l->text, l->len, l->cap };
	}
	l->used = ++listings;
	*names = l->text;
	*len = l->len;
	return rc;
}
