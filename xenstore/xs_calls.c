/* xs_calls.c - every request that a client can make, as a call: all through xs_request(). */
#include "xenstore/xs.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <xen/io/xs_wire.h>

#include "xenstore/buf.h"

/* A payload of strings, each with its NUL, and tail_len bytes after them. */
static int request_strings(struct xs *xs, uint32_t type, uint32_t t, const char *const *s,
			   size_t n, const void *tail, size_t tail_len, char **reply, size_t *len)
{
	struct buf b = { 0 };
	int rc;

	for (size_t i = 0; i < n; i++)
		buf_add(&b, s[i], strlen(s[i]) + 1);
	buf_add(&b, tail, tail_len);
	rc = b.failed ? -ENOMEM : xs_request(xs, type, t, b.data, b.len, reply, len);
	buf_free(&b);
	return rc;
}

static int request_string(struct xs *xs, uint32_t type, uint32_t t, const char *s, char **reply,
			  size_t *len)
{
	return request_strings(xs, type, t, &s, 1, NULL, 0, reply, len);
}

/* ------------------------------------------------------------------- nodes */

int xs_read(struct xs *xs, uint32_t t, const char *path, char **value, size_t *len)
{
	return request_string(xs, XS_READ, t, path, value, len);
}

int xs_read_each(struct xs *const *xs, size_t count, uint32_t t, const char *const *path, size_t n,
		 char **value)
{
	return xs_request_each(xs, count, XS_READ, t, path, n, value);
}

int xs_write(struct xs *xs, uint32_t t, const char *path, const void *value, size_t len)
{
	return request_strings(xs, XS_WRITE, t, &path, 1, value, len, NULL, NULL);
}

int xs_mkdir(struct xs *xs, uint32_t t, const char *path)
{
	return request_string(xs, XS_MKDIR, t, path, NULL, NULL);
}

int xs_rm(struct xs *xs, uint32_t t, const char *path)
{
	return request_string(xs, XS_RM, t, path, NULL, NULL);
}

/* GET_PERMS is the cheapest question: no value has to travel. */
int xs_exists(struct xs *xs, uint32_t t, const char *path)
{
	int rc = request_string(xs, XS_GET_PERMS, t, path, NULL, NULL);

	return rc == -ENOENT ? 0 : rc ? rc : 1;
}

/* One listing of names, each with its NUL, into an array with the strings behind it. */
static int names_split(const char *list, size_t len, char ***names)
{
	size_t n = 0, k = 0;
	char **array, *text;

	for (size_t i = 0; i < len; i++)
		n += !list[i];
	array = malloc((n + 1) * sizeof(char *) + len + 1);
	if (!array)
		return -ENOMEM;
	text = (char *)(array + n + 1);
	if (len)
		memcpy(text, list, len);
	text[len] = '\0';
	for (size_t i = 0; k < n; i += strlen(text + i) + 1)
		array[k++] = text + i;
	array[n] = NULL;
	*names = array;
	return (int)n;
}

/* One part from offset on: 1 when it is the last, 0 when more follow, -EAGAIN: start again. */
static int directory_part(struct xs *xs, uint32_t t, const char *path, struct buf *all,
			  char *generation, size_t size)
{
	char offset[24], *reply;
	size_t len, gen;
	bool last;
	int rc;

	snprintf(offset, sizeof(offset), "%zu", all->len);
	rc = request_strings(xs, XS_DIRECTORY_PART, t, (const char *[]){ path, offset }, 2, NULL,
			     0, &reply, &len);
	if (rc)
		return rc;
	gen = strnlen(reply, len) + 1;
	if (gen > len || gen > size) {
		free(reply);
		return -EIO;
	}
	if (all->len && strcmp(generation, reply)) {
		free(reply);
		return -EAGAIN;
	}
	memcpy(generation, reply, gen);
	/* The last part ends in an empty name. */
	last = len == gen || (!reply[len - 1] && !reply[len - 2]);
	buf_add(all, reply + gen, len - gen - (last && len > gen));
	free(reply);
	return all->failed ? -ENOMEM : last;
}

static int directory_parts(struct xs *xs, uint32_t t, const char *path, struct buf *all)
{
	char generation[32];
	int rc;

	do {
		rc = directory_part(xs, t, path, all, generation, sizeof(generation));
		if (rc == -EAGAIN) {
			buf_clear(all);
			rc = 0;
		}
	} while (!rc);
	return rc < 0 ? rc : 0;
}

int xs_directory(struct xs *xs, uint32_t t, const char *path, char ***names)
{
	struct buf all = { 0 };
	size_t len;
	char *list;
	int rc = request_string(xs, XS_DIRECTORY, t, path, &list, &len);

	if (rc == 0) {
		rc = names_split(list, len, names);
		free(list);
		return rc;
	}
	if (rc != -E2BIG)
		return rc;
	rc = directory_parts(xs, t, path, &all);
	if (!rc)
		rc = names_split(all.data, all.len, names);
	buf_free(&all);
	return rc;
}

int xs_get_perms(struct xs *xs, uint32_t t, const char *path, struct xs_perm **perms)
{
	char *reply, **text;
	struct xs_perm *p;
	size_t len;
	int n, rc = request_string(xs, XS_GET_PERMS, t, path, &reply, &len);

	if (rc)
		return rc;
	n = names_split(reply, len, &text);
	free(reply);
	if (n < 0)
		return n;
	p = calloc(n ? n : 1, sizeof(*p));
	rc = p ? n : -ENOMEM;
	for (int i = 0; p && i < n; i++) {
		char *end;

		p[i].access = text[i][0];
		p[i].domid = strtoul(text[i][0] ? text[i] + 1 : "", &end, 10);
		if (*end)
			rc = -EIO;
	}
	free(text);
	if (rc < 0)
		free(p);
	else
		*perms = p;
	return rc;
}

int xs_set_perms(struct xs *xs, uint32_t t, const char *path, const struct xs_perm *perms,
		 size_t n)
{
	struct buf b = { 0 };
	int rc;

	buf_add(&b, path, strlen(path) + 1);
	for (size_t i = 0; i < n; i++) {
		buf_printf(&b, "%c%" PRIu32, perms[i].access, perms[i].domid);
		buf_add_char(&b, '\0');
	}
	rc = b.failed ? -ENOMEM : xs_request(xs, XS_SET_PERMS, t, b.data, b.len, NULL, NULL);
	buf_free(&b);
	return rc;
}

int xs_printf(struct xs *xs, uint32_t t, const char *path, const char *fmt, ...)
{
	struct buf b = { 0 };
	va_list ap;
	int rc;

	va_start(ap, fmt);
	rc = buf_vprintf(&b, fmt, ap);
	va_end(ap);
	if (!rc)
		rc = xs_write(xs, t, path, b.data, b.len);
	buf_free(&b);
	return rc;
}

int xs_scanf(struct xs *xs, uint32_t t, const char *path, const char *fmt, ...)
{
	char *value;
	va_list ap;
	int rc = xs_read(xs, t, path, &value, NULL);

	if (rc)
		return rc;
	va_start(ap, fmt);
	rc = vsscanf(value, fmt, ap);
	va_end(ap);
	free(value);
	return rc < 0 ? 0 : rc;
}

char *xs_get(struct xs *xs, uint32_t t, const char *dir, const char *name)
{
	struct buf b = { 0 };
	char *value = NULL;
	int rc = buf_printf(&b, "%s/%s", dir, name);

	if (!rc)
		rc = xs_read(xs, t, b.data, &value, NULL);
	buf_free(&b);
	if (!rc)
		return value;
	errno = -rc;
	return NULL;
}

int xs_get_u64(struct xs *xs, uint32_t t, const char *dir, const char *name, uint64_t *out)
{
	char *value = xs_get(xs, t, dir, name), *end;
	unsigned long long v;
	int rc = 0;

	if (!value)
		return -errno;
	errno = 0;
	v = strtoull(value, &end, strncmp(value, "0x", 2) ? 10 : 16);
	if (errno || end == value || *end || *value == '-')
		rc = -EINVAL;
	else
		*out = v;
	free(value);
	return rc;
}

/* ------------------------------------------------------------ transactions */

/* A number that is the whole of a reply. */
static int reply_number(char *reply, uint32_t *out)
{
	char *end;
	unsigned long v = strtoul(reply, &end, 10);
	int rc = end == reply || *end || v > UINT32_MAX ? -EIO : 0;

	*out = (uint32_t)v;
	free(reply);
	return rc;
}

int xs_txn_start(struct xs *xs, uint32_t *t)
{
	char *reply;
	int rc = request_string(xs, XS_TRANSACTION_START, XS_TXN_NONE, "", &reply, NULL);

	return rc ? rc : reply_number(reply, t);
}

int xs_txn_end(struct xs *xs, uint32_t t, bool commit)
{
	return request_string(xs, XS_TRANSACTION_END, t, commit ? "T" : "F", NULL, NULL);
}

int xs_txn(struct xs *xs, int (*body)(struct xs *xs, uint32_t t, void *ctx), void *ctx)
{
	uint32_t t;
	int rc;

	do {
		rc = xs_txn_start(xs, &t);
		if (rc)
			return rc;
		rc = body(xs, t, ctx);
		if (rc < 0) {
			xs_txn_end(xs, t, false);
			return rc;
		}
		rc = xs_txn_end(xs, t, true);
	} while (rc == -EAGAIN);
	return rc;
}

/* ----------------------------------------------------------------- watches */

int xs_watch(struct xs *xs, const char *path, const char *token)
{
	return request_strings(xs, XS_WATCH, XS_TXN_NONE, (const char *[]){ path, token }, 2, NULL,
			       0, NULL, NULL);
}

int xs_watch_depth(struct xs *xs, const char *path, const char *token, unsigned int depth)
{
	char text[16];

	snprintf(text, sizeof(text), "%u", depth);
	return request_strings(xs, XS_WATCH, XS_TXN_NONE, (const char *[]){ path, token, text }, 3,
			       NULL, 0, NULL, NULL);
}

int xs_unwatch(struct xs *xs, const char *path, const char *token)
{
	return request_strings(xs, XS_UNWATCH, XS_TXN_NONE, (const char *[]){ path, token }, 2,
			       NULL, 0, NULL, NULL);
}

/* ----------------------------------------------------------------- domains */

/* Numbers as decimal strings, the way all requests about domains take them. */
static int request_numbers(struct xs *xs, uint32_t type, const uint64_t *v, size_t n)
{
	char text[3][24];
	const char *s[3];

	for (size_t i = 0; i < n; i++) {
		snprintf(text[i], sizeof(text[i]), "%" PRIu64, v[i]);
		s[i] = text[i];
	}
	return request_strings(xs, type, XS_TXN_NONE, s, n, NULL, 0, NULL, NULL);
}

int xs_introduce(struct xs *xs, uint32_t domid, uint64_t gfn, uint32_t port)
{
	return request_numbers(xs, XS_INTRODUCE, (uint64_t[]){ domid, gfn, port }, 3);
}

int xs_release(struct xs *xs, uint32_t domid)
{
	return request_numbers(xs, XS_RELEASE, (uint64_t[]){ domid }, 1);
}

int xs_resume(struct xs *xs, uint32_t domid)
{
	return request_numbers(xs, XS_RESUME, (uint64_t[]){ domid }, 1);
}

int xs_control(struct xs *xs, const char *const *arg, size_t n, char **answer)
{
	return request_strings(xs, XS_CONTROL, XS_TXN_NONE, arg, n, NULL, 0, answer, NULL);
}
