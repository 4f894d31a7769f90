#include "xenstore/path.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static uint64_t seed;

static const bool path_char[256] = {
	['-'] = true, ['_'] = true, ['@'] = true,
	['0' ... '9'] = true, ['A' ... 'Z'] = true, ['a' ... 'z'] = true,
};

void path_seed(uint64_t value)
{
	seed = value;
}

#define HASH_STEP(h, c) (((h) ^ (unsigned char)(c)) * UINT64_C(0x9e3779b97f4a7c15))
#define HASH_END(h) ((uint32_t)(((h) ^ (h) >> 29) * UINT64_C(0xbf58476d1ce4e5b9) >> 32))

uint32_t path_hash(const char *name, size_t len)
{
	uint64_t h = seed;

	for (size_t i = 0; i < len; i++)
		h = HASH_STEP(h, name[i]);
	return HASH_END(h);
}

/* Cut .text, from the slash at 0 on, into parts; judges the characters on the way. */
static int path_cut(struct path *p)
{
	size_t i = 0;

	p->parts = 0;
	if (p->len == 1)
		return 0;
	while (i < p->len) {
		struct path_part *part = &p->part[p->parts++];
		uint64_t h = seed;
		size_t at = ++i;	/* behind the slash */

		for (; i < p->len && p->text[i] != '/'; i++) {
			if (!path_char[(unsigned char)p->text[i]])
				return -EINVAL;
			h = HASH_STEP(h, p->text[i]);
		}
		if (i == at)
			return -EINVAL;
		*part = (struct path_part){ (uint16_t)at, (uint16_t)(i - at), HASH_END(h) };
	}
	return 0;
}

static int path_special(struct path *p)
{
	for (size_t i = 1; i < p->len; i++)
		if (!path_char[(unsigned char)p->text[i]] &&
		    (p->text[i] != '/' || p->text[i - 1] == '/'))
			return -EINVAL;
	return p->len > 1 && p->text[p->len - 1] != '/' ? 0 : -EINVAL;
}

int path_parse(struct path *p, const char *text, size_t len, unsigned int domid, bool special)
{
	size_t home = 0;

	p->special = len && text[0] == '@';
	p->parts = 0;
	if (!len || (p->special && !special))
		return -EINVAL;
	if (text[0] != '/' && !p->special) {
		if (len > XENSTORE_REL_PATH_MAX)
			return -EINVAL;
		home = (size_t)snprintf(p->text, sizeof(p->text), "/local/domain/%u/", domid);
	}
	if (len > PATH_MAX_LEN - home)
		return -EINVAL;
	memcpy(p->text + home, text, len);
	p->home = (uint16_t)home;
	p->len = (uint16_t)(home + len);
	p->text[p->len] = '\0';
	return p->special ? path_special(p) : path_cut(p);
}

size_t path_prefix(const struct path *p, unsigned int n)
{
	return n ? (size_t)p->part[n - 1].at + p->part[n - 1].len : 1;
}
