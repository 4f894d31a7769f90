/* req_args.c - what requests carry and how they are answered. */
#include "xenstore/req.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <xen/xen.h>

#include "xenstore/conn.h"
#include "xenstore/domain.h"

#define COUNT(a) (sizeof(a) / sizeof(*(a)))

/* The payload cut into strings, each with its NUL: how many, or -EINVAL. */
int req_strings(const struct request *r, const char **s, size_t max)
{
	size_t n = 0;

	if (r->h.len && r->data[r->h.len - 1])
		return -EINVAL;
	for (size_t at = 0; at < r->h.len; at += strlen(r->data + at) + 1) {
		if (n == max)
			return -EINVAL;
		s[n++] = r->data + at;
	}
	return (int)n;
}

int req_number(const char *s, uint64_t max, uint64_t *out)
{
	uint64_t v = 0;

	if (!*s)
		return -EINVAL;
	for (; *s; s++) {
		if (*s < '0' || *s > '9' || v > (max - (uint64_t)(*s - '0')) / 10)
			return -EINVAL;
		v = v * 10 + (uint64_t)(*s - '0');
	}
	*out = v;
	return 0;
}

/* Exactly n numbers. */
int req_numbers(const struct request *r, uint64_t *v, const uint64_t *max, int n)
{
	const char *s[4];
	int rc = req_strings(r, s, COUNT(s));

	if (rc != n)
		return -EINVAL;
	for (int i = 0; i < n; i++)
		if (req_number(s[i], max[i], &v[i]))
			return -EINVAL;
	return 0;
}

int req_domid(const struct request *r, uint32_t *domid)
{
	uint64_t v;
	int rc = req_numbers(r, &v, &(uint64_t){ DOMID_SELF }, 1);

	*domid = rc ? 0 : v == DOMID_SELF ? r->c->who.domid : (uint32_t)v;
	return rc;
}

int req_path_set(struct request *r, const char *s, size_t len, bool special)
{
	int rc = path_parse(&r->path, s, len, r->c->who.domid, special);

	if (!rc && !conn_privileged(r->c) &&
	    quota_exceeded(r->path.len, domain_quota(r->c->domain, QUOTA_PATH_MAX)))
		return -EINVAL;
	return rc;
}

/* The payload is one path and its NUL. */
int req_path(struct request *r)
{
	size_t len = strnlen(r->data, r->h.len);

	return len + 1 == r->h.len ? req_path_set(r, r->data, len, false) : -EINVAL;
}
int req_answer(struct request *r, size_t len)
{
	r->reply = r->text;
	r->reply_len = len;
	return 0;
}

int req_answer_number(struct request *r, uint64_t v)
{
	return req_answer(r, (size_t)snprintf(r->text, sizeof(r->text), "%" PRIu64, v) + 1);
}
