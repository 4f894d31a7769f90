#include "xenstore/path.h"

#include <errno.h>
#include <string.h>

static uint64_t seed;

enum { BAD, NAME, SLASH };

static const unsigned char path_char[256] = {
	['-'] = NAME, ['_'] = NAME, ['@'] = NAME, ['/'] = SLASH,
	['0' ... '9'] = NAME, ['A' ... 'Z'] = NAME, ['a' ... 'z'] = NAME,
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
	const char *s = p->text, *end = p->text + p->len, *start;

	p->parts = 0;
	if (p->len == 1)
		return 0;
	while (s < end) {
		uint64_t h = seed;

		start = ++s;	/* behind the slash */
		for (; path_char[(unsigned char)*s] == NAME; s++)	/* the NUL is none */
			h = HASH_STEP(h, *s);
		if (s == start || (s < end && path_char[(unsigned char)*s] != SLASH))
			return -EINVAL;
		p->part[p->parts++] = (struct path_part){
			(uint16_t)(start - p->text), (uint16_t)(s - start), HASH_END(h) };
	}
	return 0;
}

static int path_special(struct path *p)
{
	for (size_t i = 1; i < p->len; i++)
		if (path_char[(unsigned char)p->text[i]] == BAD ||
		    (p->text[i] == '/' && p->text[i - 1] == '/'))
			return -EINVAL;
	return p->len > 1 && p->text[p->len - 1] != '/' ? 0 : -EINVAL;
}

/* "/local/domain/<domid>/": every request of a guest with a relative path needs it. */
static size_t home_put(char *to, unsigned int domid)
{
	static const char home[] = "/local/domain/";
	size_t len = sizeof(home) - 1;
	char digits[10], *d = digits + sizeof(digits);

	do
		*--d = (char)('0' + domid % 10);
	while (domid /= 10);
	memcpy(to, home, len);
	memcpy(to + len, d, (size_t)(digits + sizeof(digits) - d));
	len += (size_t)(digits + sizeof(digits) - d);
	to[len++] = '/';
	return len;
}

bool path_name_good(const char *name, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (path_char[(unsigned char)name[i]] != NAME)
			return false;
	return len > 0;
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
		home = home_put(p->text, domid);
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
