/* Domains as plain data: states, names, UUIDs, order, lookup. */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include "xend/sysctl.h"
#include <xen/sched.h>
#include "xend/domain.h"

static const char *const status_names[] = {
	[DOM_STATUS_HALTED] = "halted", [DOM_STATUS_PAUSED] = "paused",
	[DOM_STATUS_RUNNING] = "running", [DOM_STATUS_SUSPENDED] = "suspended",
	[DOM_STATUS_SHUTDOWN] = "shutdown", [DOM_STATUS_UNKNOWN] = "unknown",
};

static unsigned shutdown_reason(const struct dom *d)
{
	return d->flags >> XEN_DOMINF_shutdownshift & XEN_DOMINF_shutdownmask;
}

enum dom_status dom_status(const struct dom *d)
{
	if (d->domid == DOM_HALTED)
		return d->is_suspended ? DOM_STATUS_SUSPENDED : DOM_STATUS_HALTED;
	if (d->flags & XEN_DOMINF_shutdown && shutdown_reason(d) == SHUTDOWN_suspend)
		return DOM_STATUS_SUSPENDED;
	if (d->flags & (XEN_DOMINF_shutdown | XEN_DOMINF_dying))
		return DOM_STATUS_SHUTDOWN;
	return d->flags & XEN_DOMINF_paused ? DOM_STATUS_PAUSED : DOM_STATUS_RUNNING;
}

int dom_status_parse(const char *word)
{
	for (size_t i = 0; i < sizeof status_names / sizeof *status_names; i++)
		if (!strcmp(status_names[i], word))
			return (int)i;
	return -1;
}

void dom_state(const struct dom *d, char state[7])
{
	bool is_shut = d->flags & XEN_DOMINF_shutdown;
	bool is_crashed = is_shut && shutdown_reason(d) == SHUTDOWN_crash;

	state[0] = '\0';
	if (d->domid == DOM_HALTED)
		return;
	state[0] = d->flags & XEN_DOMINF_running ? 'r' : '-';
	state[1] = d->flags & XEN_DOMINF_blocked ? 'b' : '-';
	state[2] = d->flags & XEN_DOMINF_paused ? 'p' : '-';
	state[3] = is_shut && !is_crashed ? 's' : '-';
	state[4] = is_crashed ? 'c' : '-';
	state[5] = d->flags & XEN_DOMINF_dying ? 'd' : '-';
	state[6] = '\0';
}

void dom_uuid_print(const uint8_t u[16], char text[DOM_UUID_TEXT])
{
	snprintf(text, DOM_UUID_TEXT,
		 "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x",
		 u[0], u[1], u[2], u[3], u[4], u[5], u[6], u[7], u[8], u[9], u[10], u[11],
		 u[12], u[13], u[14], u[15]);
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

int dom_uuid_parse(const char *text, uint8_t uuid[16])
{
	uint8_t parsed[16];
	size_t digits = 0;

	for (; *text; text++) {
		int digit = hex_digit(*text);

		if (*text == '-')
			continue;
		if (digit < 0 || digits == 32)
			return -EINVAL;
		if (digits % 2 == 0)
			parsed[digits / 2] = (uint8_t)(digit << 4);
		else
			parsed[digits / 2] |= (uint8_t)digit;
		digits++;
	}
	if (digits != 32)
		return -EINVAL;
	memcpy(uuid, parsed, 16);
	return 0;
}

int dom_uuid_new(uint8_t uuid[16])
{
	if (getrandom(uuid, 16, 0) != 16)
		return -errno;
	uuid[6] = (uint8_t)((uuid[6] & 0x0f) | 0x40);	/* RFC 4122, 4.4 */
	uuid[8] = (uint8_t)((uuid[8] & 0x3f) | 0x80);
	return 0;
}

bool dom_name_is_valid(const char *name)
{
	size_t length = strlen(name);

	if (length == 0 || length > DOM_NAME_MAX)
		return false;
	for (; *name; name++)
		if (!isalnum((unsigned char)*name) && !strchr("_-.:/+", *name))
			return false;
	return true;
}

static int compare_names(const void *a, const void *b)
{
	const struct dom *left = a, *right = b;
	int order = strcmp(left->name, right->name);

	return order ? order : left->domid - right->domid;
}

void dom_list_sort(struct dom_list *l)
{
	if (l->count)
		qsort(l->dom, l->count, sizeof *l->dom, compare_names);
}

void dom_list_free(struct dom_list *l)
{
	for (size_t i = 0; i < l->count; i++)
		free(l->dom[i].name);
	free(l->dom);
	*l = (struct dom_list){ 0 };
}

struct dom *dom_list_find_domid(const struct dom_list *l, int domid)
{
	for (size_t i = 0; i < l->count; i++)
		if (l->dom[i].domid == domid && domid != DOM_HALTED)
			return &l->dom[i];
	return NULL;
}

static struct dom *find_name(const struct dom_list *l, const char *name, bool is_halted)
{
	for (size_t i = 0; i < l->count; i++)
		if ((l->dom[i].domid == DOM_HALTED) == is_halted && !strcmp(l->dom[i].name, name))
			return &l->dom[i];
	return NULL;
}

static struct dom *find_uuid(const struct dom_list *l, const uint8_t uuid[16], bool is_halted)
{
	for (size_t i = 0; i < l->count; i++)
		if ((l->dom[i].domid == DOM_HALTED) == is_halted &&
		    !memcmp(l->dom[i].uuid, uuid, 16))
			return &l->dom[i];
	return NULL;
}

static bool parse_domid(const char *word, int *domid)
{
	char *end;
	long number;

	if (!isdigit((unsigned char)*word))
		return false;
	errno = 0;
	number = strtol(word, &end, 10);
	*domid = (int)number;
	return !*end && errno == 0 && number < DOMID_FIRST_RESERVED;
}

struct dom *dom_list_find(const struct dom_list *l, const char *word)
{
	struct dom *d = find_name(l, word, false);
	uint8_t uuid[16];
	int domid;

	if (!d)
		d = find_name(l, word, true);
	if (!d && parse_domid(word, &domid))
		d = dom_list_find_domid(l, domid);
	if (!d && dom_uuid_parse(word, uuid) == 0) {
		d = find_uuid(l, uuid, false);
		if (!d)
			d = find_uuid(l, uuid, true);
	}
	return d;
}
