/*
 * managed.h - domains that exist without running: /var/lib/xend/domains/<uuid>/config.sxp.
 *
 * A domain is managed exactly while its config.sxp is there.  The file appears and changes by
 * rename, and goes by unlink, so a crash at any moment leaves the old state or the new one.
 * Everything beside it in the directory (checkpoint.chk …) belongs to the domain and goes after.
 */
#ifndef XEND_MANAGED_H
#define XEND_MANAGED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "xend/sxp.h"

#define MANAGED_PATH "/var/lib/xend/domains"

struct managed {
	uint8_t uuid[16];
	char *name;
	struct sxp *config;		/* (domain …) as it stands in the file */
};

struct managed_list {
	struct managed *domain;
	size_t count;
};

/* Where they live: MANAGED_PATH, or xend-config.sxp's xend-domains-path.  Lent. */
const char *managed_path(void);
void managed_set_path(const char *path);	/* kept, not copied */

/* All that can be read; what cannot is left out and counted in *broken (may be NULL).
 * No directory at all is an empty list.  0 or -errno. */
int managed_list(struct managed_list *l, size_t *broken);
void managed_list_free(struct managed_list *l);

/* One of them; -ENOENT: not managed; -EINVAL: the file is damaged.  The caller frees *config. */
int managed_load(const uint8_t uuid[16], struct sxp **config);
bool managed_exists(const uint8_t uuid[16]);
/* Makes the domain managed or changes its configuration, atomically and durably. */
int managed_save(const uint8_t uuid[16], const struct sxp *config);
/* -ENOENT: it was not managed.  Its other files go too. */
int managed_remove(const uint8_t uuid[16]);

/* The state of a suspended domain, MANAGED_STATE beside its configuration: the domain is suspended
 * exactly while the file is there.  It is written under another name first. */
#define MANAGED_STATE "checkpoint.chk"
#define MANAGED_STATE_NEW "checkpoint.chk.new"

bool managed_has_state(const uint8_t uuid[16]);
/* Opened for writing, empty; the descriptor or -errno. */
int managed_state_new(const uint8_t uuid[16]);
/* What was written is whole: it becomes the state, durably.  0 or -errno. */
int managed_state_keep(const uint8_t uuid[16], int fd);
int managed_state_open(const uint8_t uuid[16]);		/* for reading */
/* Neither whole nor half a state is left; durable.  0 also when there was none. */
int managed_state_drop(const uint8_t uuid[16]);
/* The half one alone. */
void managed_state_drop_new(const uint8_t uuid[16]);
/* A file of the domain's directory, e.g. "checkpoint.chk"; 0 or -ENAMETOOLONG. */
int managed_file(const uint8_t uuid[16], const char *file, char *path, size_t size);
/* Removes what crashes left behind: half-written files, directories without configuration. */
int managed_clean(void);

#endif
