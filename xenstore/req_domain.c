/* req_domain.c - requests about domains, their features and limits, and CONTROL. */
#include "xenstore/req.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "xenstore/buf.h"
#include "xenstore/conn.h"
#include "xenstore/control.h"
#include "xenstore/domain.h"
#include "xenstore/quota.h"

#define COUNT(a) (sizeof(a) / sizeof(*(a)))

/* ----------------------------------------------------------------- domains */

int req_introduce(struct request *r)
{
	static const uint64_t max[] = { DOMAIN_MAX - 1, UINT64_MAX / 16, UINT32_MAX };
	uint64_t v[3];
	int rc = req_numbers(r, v, max, 3);

	if (!rc)
		rc = domain_introduce((uint32_t)v[0], v[1], (uint32_t)v[2]);
	r->bound = !rc;
	return rc;
}

int req_release(struct request *r)
{
	uint32_t domid;
	int rc = req_domid(r, &domid);

	if (!rc)
		rc = domain_release(domid);
	r->bound = !rc;
	return rc;
}

int req_resume(struct request *r)
{
	uint32_t domid;
	int rc = req_domid(r, &domid);

	return rc ? rc : domain_resume_one(domid);
}

int req_set_target(struct request *r)
{
	static const uint64_t max[] = { DOMAIN_MAX - 1, DOMAIN_MAX - 1 };
	uint64_t v[2];
	int rc = req_numbers(r, v, max, 2);

	return rc ? rc : domain_set_target((uint32_t)v[0], (uint32_t)v[1]);
}

int req_get_domain_path(struct request *r)
{
	uint32_t domid;
	int rc = req_domid(r, &domid);

	return rc ? rc : req_answer(r, (size_t)snprintf(r->text, sizeof(r->text),
							 "/local/domain/%u", domid) + 1);
}

int req_is_domain_introduced(struct request *r)
{
	uint32_t domid;
	int rc = req_domid(r, &domid);

	if (rc)
		return rc;
	r->reply = domid == r->c->who.domid || domain_is_introduced(domid) ? "T" : "F";
	r->reply_len = 2;
	return 0;
}

/* ------------------------------------------------------- control and limits */

int req_control(struct request *r)
{
	static struct buf out;
	const char *s[64];
	int n = req_strings(r, s, COUNT(s)), rc;

	if (n < 1)
		return -EINVAL;
	buf_clear(&out);
	rc = control_run(r->c, s, (size_t)n, &out);
	/* The client ends the last line. */
	if (out.len && out.data[out.len - 1] == '\n')
		out.len--;
	if (!rc && (out.failed || buf_add_char(&out, '\0')))
		rc = -ENOMEM;
	if (rc)
		return rc;
	if (out.len > XENSTORE_PAYLOAD_MAX) {
		out.len = XENSTORE_PAYLOAD_MAX;
		out.data[out.len - 1] = '\0';
	}
	r->reply = out.data;
	r->reply_len = out.len;
	return 0;
}

int req_get_feature(struct request *r)
{
	const char *s[1];
	uint64_t domid;
	const struct domain *d;
	int n = req_strings(r, s, 1);

	if (n == 0 || (n == 1 && !*s[0]))
		return req_answer_number(r, domain_features_offered());
	if (n < 0 || req_number(s[0], DOMAIN_MAX - 1, &domid))
		return -EINVAL;
	d = domain_find((uint32_t)domid);
	return d && d->conn ? req_answer_number(r, d->rec->features) : -ENOENT;
}

int req_set_feature(struct request *r)
{
	static const uint64_t max[] = { DOMAIN_MAX - 1, UINT32_MAX };
	uint64_t v[2];
	int rc = req_numbers(r, v, max, 2);

	return rc ? rc : domain_set_features((uint32_t)v[0], (uint32_t)v[1]);
}

static int quota_names(struct request *r)
{
	size_t len = 0;

	for (int q = 0; q < QUOTA_COUNT; q++)
		len += (size_t)sprintf(r->text + len, "%s%s", q ? " " : "",
				       quota_name((enum quota)q));
	return req_answer(r, len + 1);
}

/* [<domid>|]<quota>|: whose limit, and which; the number of strings taken, or -errno. */
static int quota_args(const char *const *s, int n, const struct domain **d, uint32_t *domid)
{
	uint64_t v;

	*d = NULL;
	*domid = UINT32_MAX;
	if (n == 2) {
		if (req_number(s[0], DOMAIN_MAX - 1, &v))
			return -EINVAL;
		*domid = (uint32_t)v;
		*d = domain_find(*domid);
	}
	return quota_find(s[n - 1]);
}

int req_get_quota(struct request *r)
{
	const struct domain *d;
	const char *s[2];
	uint32_t domid;
	int n = req_strings(r, s, 2), q;

	if (n == 0 || (n == 1 && !*s[0]))
		return quota_names(r);
	q = n < 0 ? -EINVAL : quota_args(s, n, &d, &domid);
	return q < 0 ? q : req_answer_number(r, domain_quota(d, (enum quota)q));
}

int req_set_quota(struct request *r)
{
	const struct domain *d;
	const char *s[3];
	uint32_t domid;
	uint64_t v;
	int n = req_strings(r, s, 3), q;

	if (n < 2 || req_number(s[n - 1], QUOTA_DEFAULT - 1, &v))
		return -EINVAL;
	q = quota_args(s, n - 1, &d, &domid);
	if (q < 0)
		return q;
	if (domid != UINT32_MAX)
		return domain_quota_set(domid, (enum quota)q, (uint32_t)v);
	quota_common_set((enum quota)q, (uint32_t)v);
	return 0;
}
