#include "xend/names.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

#include "xenstore/buf.h"
#include "xenstore/xs.h"
#include "xend/lock.h"

/* Whose rows they are: a xend that lives? */
static bool names_count(long pid)
{
	pid_t owner = 0;

	return pid > 1 && lock_is_held(XEND_PID_FILE, &owner) == 1 && owner == pid &&
	       (kill(owner, 0) == 0 || errno == EPERM);
}

/* The pieces after the first. */
static void rest_read(struct xs *xs, long pieces, struct buf *all)
{
	char path[NAMES_PIECES_MAX][NAMES_PATH];
	const char *paths[NAMES_PIECES_MAX];
	char *piece[NAMES_PIECES_MAX];
	size_t n = 0;

	for (long i = 1; i < pieces; i++, n++) {
		snprintf(path[n], sizeof path[n], NAMES_ROOT "/%ld", i);
		paths[n] = path[n];
	}
	if (!n || xs_read_each(&xs, 1, XS_TXN_NONE, paths, n, piece) < 0)
		return;
	for (size_t i = 0; i < n; i++) {
		if (piece[i])
			buf_add_string(all, piece[i]);
		free(piece[i]);
	}
}

char *names_read(struct xs *xs)
{
	char *first = xs_get(xs, XS_TXN_NONE, NAMES_ROOT, "0"), *end;
	struct buf all = { 0 };
	long pid, pieces;

	if (!first)
		return NULL;
	pid = strtol(first, &end, 10);
	pieces = *end == ' ' ? strtol(end + 1, &end, 10) : 0;
	if (*end != '\n' || pieces < 1 || pieces > NAMES_PIECES_MAX || !names_count(pid)) {
		free(first);
		return NULL;
	}
	buf_add_string(&all, end + 1);
	free(first);
	rest_read(xs, pieces, &all);
	return buf_take(&all);
}

bool names_next(const char **at, uint32_t *domid, const char **name, size_t *len)
{
	while (**at) {
		const char *row = *at;
		size_t length = strcspn(row, "\n");
		unsigned long id;
		char *end;

		*at = row + length + (row[length] != '\0');
		if (*row < '0' || *row > '9')
			continue;
		id = strtoul(row, &end, 10);
		if (*end != ' ' || end + 1 == row + length || id > UINT32_MAX)
			continue;
		*domid = (uint32_t)id;
		*name = end + 1;
		*len = (size_t)(row + length - *name);
		return true;
	}
	return false;
}
