/* Devices in XenStore. */
#include "xend/device_store.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include "xenstore/xs.h"

static const struct device_class *const served[] = { &device_vbd, &device_vif };

#define SERVED (sizeof served / sizeof *served)

static bool number_parse(const char *text, uint32_t *number)
{
	char *end;
	unsigned long value;

	errno = 0;
	value = strtoul(text, &end, 10);
	*number = (uint32_t)value;
	return isdigit((unsigned char)*text) && !*end && !errno && value <= UINT32_MAX;
}

/* ------------------------------------------------------------- back-ends */

static bool is_called(struct xs *xs, const char *domid, const char *word)
{
	char dir[DEVICE_PATH];
	char *name;
	bool same;

	snprintf(dir, sizeof dir, "/local/domain/%.20s", domid);
	name = xs_get(xs, XS_TXN_NONE, dir, "name");
	same = !strcmp(domid, word) || (name && !strcmp(name, word));
	free(name);
	return same;
}

int device_backend_find(struct xs *xs, const char *word, uint32_t *domid, struct fault *f)
{
	char **names;
	int n, rc = -ESRCH;

	*domid = 0;
	if (!word || !*word || !strcmp(word, "0"))
		return 0;
	n = xs_directory(xs, XS_TXN_NONE, "/local/domain", &names);
	for (int i = 0; i < n && rc < 0; i++)
		if (is_called(xs, names[i], word) && number_parse(names[i], domid))
			rc = 0;
	if (n >= 0)
		free(names);
	return rc == 0 ? 0 : fault_set(f, ENODEV, "Cannot configure device for unknown backend %s",
				       word);	/* not ESRCH: the guest is there */
}

/* ----------------------------------------------------------------- write */

static int write_nodes(struct xs *xs, uint32_t t, const char *dir, const struct device_nodes *nodes,
		       const struct xs_perm perm[2])
{
	char path[DEVICE_PATH + 32];
	int rc = xs_mkdir(xs, t, dir);

	if (rc == 0)
		rc = xs_set_perms(xs, t, dir, perm, 2);
	for (size_t i = 0; i < nodes->count && rc == 0; i++) {
		snprintf(path, sizeof path, "%s/%s", dir, nodes->node[i].name);
		rc = xs_write(xs, t, path, nodes->node[i].value, strlen(nodes->node[i].value));
	}
	return rc;
}

static int write_body(struct xs *xs, uint32_t t, void *ctx)
{
	const struct device *d = ctx;
	const struct device_name *n = &d->name;
	const struct xs_perm front[2] = { { n->domid, 'n' }, { n->backend, 'r' } };
	const struct xs_perm back[2] = { { n->backend, 'n' }, { n->domid, 'r' } };
	char front_path[DEVICE_PATH], back_path[DEVICE_PATH];
	int rc;

	device_front(n, front_path);
	device_back(n, back_path);
	if (xs_exists(xs, t, front_path) == 1 || xs_exists(xs, t, back_path) == 1)
		return -EEXIST;
	rc = write_nodes(xs, t, front_path, &d->front, front);
	return rc ? rc : write_nodes(xs, t, back_path, &d->back, back);
}

int device_write(struct xs *xs, const struct device *d)
{
	return xs_txn(xs, write_body, (void *)(uintptr_t)d);
}

/* ----------------------------------------------------------------- erase */

static int erase_one(struct xs *xs, uint32_t t, const char *path)
{
	int rc = xs_rm(xs, t, path);

	return rc == -ENOENT ? 0 : rc;
}

/* Removes up to levels parents of path that are empty. */
static int erase_parents(struct xs *xs, uint32_t t, char *path, int levels)
{
	int rc = 0;

	while (levels-- && rc == 0) {
		char **names, *slash = strrchr(path, '/');
		int n;

		*slash = '\0';
		n = xs_directory(xs, t, path, &names);
		if (n == -ENOENT)
			continue;
		if (n < 0)
			return n;
		free(names);
		if (n > 0)
			return 0;
		rc = erase_one(xs, t, path);
	}
	return rc;
}

/* Where drivers write what they complain of. */
static const char *error_dir(const struct device_name *n, bool of_back, char path[DEVICE_PATH * 2])
{
	char dir[DEVICE_PATH];

	if (of_back)
		snprintf(path, DEVICE_PATH * 2, "/local/domain/%" PRIu32 "/error/%s", n->backend,
			 device_script_path(n, dir));
	else
		snprintf(path, DEVICE_PATH * 2, "/local/domain/%" PRIu32 "/error/device/%s/%" PRIu32,
			 n->domid, n->class->name, n->id);
	return path;
}

static const char *leaving_path(const struct device_name *n, char path[DEVICE_PATH])
{
	snprintf(path, DEVICE_PATH, DEVICE_LEAVING "/%s-%" PRIu32 "-%" PRIu32 "-%" PRIu32,
		 n->class->name, n->domid, n->backend, n->id);
	return path;
}

static int erase_body(struct xs *xs, uint32_t t, void *ctx)
{
	const struct device_name *n = ctx;
	char path[DEVICE_PATH * 2];
	int rc = erase_one(xs, t, device_front(n, path));

	if (rc == 0)
		rc = erase_parents(xs, t, path, 1);
	if (rc == 0)
		rc = erase_one(xs, t, device_back(n, path));
	if (rc == 0)
		rc = erase_parents(xs, t, path, 3);
	if (rc == 0)
		rc = erase_one(xs, t, error_dir(n, true, path));
	if (rc == 0)
		rc = erase_parents(xs, t, path, 4);
	if (rc == 0)
		rc = erase_one(xs, t, error_dir(n, false, path));
	if (rc == 0)
		rc = erase_one(xs, t, leaving_path(n, path));
	return rc == 0 ? erase_parents(xs, t, path, 1) : rc;
}

int device_erase(struct xs *xs, const struct device_name *n)
{
	return xs_txn(xs, erase_body, (void *)(uintptr_t)n);
}

/* ------------------------------------------------------------------ list */

static int list_add(struct device_list *l, const struct device_name *n)
{
	struct device_name *grown = reallocarray(l->name, l->count + 1, sizeof *grown);

	if (!grown)
		return -ENOMEM;
	l->name = grown;
	l->name[l->count++] = *n;
	return 0;
}

static bool is_marked(struct xs *xs, const struct device_name *n, const char *uuid)
{
	char *mark = uuid ? device_back_get(xs, n, DEVICE_MARK) : NULL;
	bool is = !uuid || (mark && !strcmp(mark, uuid));

	free(mark);
	return is;
}

static int list_class(struct xs *xs, struct device_name *n, const char *uuid, struct device_list *l)
{
	char dir[DEVICE_PATH], **names;
	int count, rc = 0;

	snprintf(dir, sizeof dir, "/local/domain/%" PRIu32 "/backend/%s/%" PRIu32, n->backend,
		 n->class->name, n->domid);
	count = xs_directory(xs, XS_TXN_NONE, dir, &names);
	if (count < 0)
		return count == -ENOENT ? 0 : count;
	for (int i = 0; i < count && rc == 0; i++)
		if (number_parse(names[i], &n->id) && is_marked(xs, n, uuid))
			rc = list_add(l, n);
	free(names);
	return rc;
}

int device_list_read(struct xs *xs, uint32_t domid, const char *uuid, struct device_list *l)
{
	char **domains;
	int count, rc = 0;

	*l = (struct device_list){ 0 };
	count = xs_directory(xs, XS_TXN_NONE, "/local/domain", &domains);
	if (count < 0)
		return count == -ENOENT ? 0 : count;
	for (int i = 0; i < count && rc == 0; i++) {
		struct device_name n = { .domid = domid };

		if (!number_parse(domains[i], &n.backend))
			continue;
		for (size_t k = 0; k < SERVED && rc == 0; k++) {
			n.class = served[k];
			rc = list_class(xs, &n, uuid, l);
		}
	}
	free(domains);
	if (rc < 0)
		device_list_free(l);
	return rc;
}

void device_list_free(struct device_list *l)
{
	free(l->name);
	*l = (struct device_list){ 0 };
}

int device_find(struct xs *xs, const struct device_class *class, uint32_t domid, uint32_t id,
		struct device_name *out)
{
	struct device_list l;
	int rc = device_list_read(xs, domid, NULL, &l);

	if (rc < 0)
		return rc;
	rc = -ENODEV;
	for (size_t i = 0; i < l.count && rc < 0; i++)
		if (l.name[i].class == class && l.name[i].id == id) {
			*out = l.name[i];
			rc = 0;
		}
	device_list_free(&l);
	return rc;
}

int device_free_id(struct xs *xs, const struct device_class *class, uint32_t domid, uint32_t *id)
{
	struct device_list l;
	int rc = device_list_read(xs, domid, NULL, &l);

	*id = 0;
	if (rc < 0)
		return rc;
	for (size_t i = 0; i < l.count; i++)
		if (l.name[i].class == class && l.name[i].id == *id) {
			++*id;
			i = (size_t)-1;		/* from the start again */
		}
	device_list_free(&l);
	return 0;
}

/* ----------------------------------------------------------------- nodes */

char *device_back_get(struct xs *xs, const struct device_name *n, const char *node)
{
	char dir[DEVICE_PATH];

	return xs_get(xs, XS_TXN_NONE, device_back(n, dir), node);
}

enum device_state device_back_state(struct xs *xs, const struct device_name *n)
{
	char dir[DEVICE_PATH];
	uint64_t state;

	if (xs_get_u64(xs, XS_TXN_NONE, device_back(n, dir), "state", &state) < 0 ||
	    state > DEVICE_CLOSED)
		return DEVICE_UNKNOWN;
	return (enum device_state)state;
}

/* "16 Device in use; refusing to close": xenbus puts its errno first. */
char *device_error_get(struct xs *xs, const struct device_name *n, bool of_back)
{
	char dir[DEVICE_PATH * 2];
	char *text = xs_get(xs, XS_TXN_NONE, error_dir(n, of_back, dir), "error");
	char *words;

	if (!text)
		return NULL;
	for (char *at = text; *at; at++)
		if (!isprint((unsigned char)*at))
			*at = '?';		/* a guest may write anything here */
	words = text + strspn(text, "-0123456789");
	words = strdup(words + strspn(words, " "));
	free(text);
	return words;
}

/* --------------------------------------------------------------- leaving */

int device_leaving_add(struct xs *xs, const struct device_name *n)
{
	char path[DEVICE_PATH];

	return xs_write(xs, XS_TXN_NONE, leaving_path(n, path), "", 0);
}

int device_leaving_list(struct xs *xs, struct device_list *l)
{
	char **names;
	int count = xs_directory(xs, XS_TXN_NONE, DEVICE_LEAVING, &names), rc = 0;

	*l = (struct device_list){ 0 };
	if (count < 0)
		return count == -ENOENT ? 0 : count;
	for (int i = 0; i < count && rc == 0; i++) {
		struct device_name n = { 0 };
		char class[8];

		if (sscanf(names[i], "%7[a-z]-%" SCNu32 "-%" SCNu32 "-%" SCNu32, class, &n.domid,
			   &n.backend, &n.id) != 4 || !(n.class = device_class_find(class)))
			continue;
		rc = list_add(l, &n);
	}
	free(names);
	if (rc < 0)
		device_list_free(l);
	return rc;
}
