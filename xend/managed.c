/* Managed domains on disk: a directory each, changed by rename. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "xend/dirs.h"
#include "xend/domain.h"
#include "xend/managed.h"
#include "xenstore/fdio.h"

#define CONFIG_NAME "config.sxp"
#define CONFIG_TEMP "config.sxp.new"
#define CONFIG_MAX (1024 * 1024)	/* no configuration is larger; a damaged disk's may be */
#define PATH_SIZE 4096

static const char *domains_path = MANAGED_PATH;

const char *managed_path(void)
{
	return domains_path;
}

void managed_set_path(const char *path)
{
	domains_path = path;
}

int managed_file(const uint8_t uuid[16], const char *file, char *path, size_t size)
{
	char text[DOM_UUID_TEXT];
	int n;

	dom_uuid_print(uuid, text);
	n = snprintf(path, size, "%s/%s%s%s", domains_path, text, *file ? "/" : "", file);
	return n < 0 || (size_t)n >= size ? -ENAMETOOLONG : 0;
}

static int read_config(int fd, struct sxp **config)
{
	struct sxp_error err;
	struct stat st;
	char *data;
	int rc;

	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode) || st.st_size > CONFIG_MAX)
		return -EINVAL;
	data = malloc((size_t)st.st_size + 1);
	if (!data)
		return -ENOMEM;
	rc = fdio_read_all(fd, data, (size_t)st.st_size);	/* -EIO: shorter than fstat said */
	if (rc == 0)
		rc = sxp_parse(data, (size_t)st.st_size, config, NULL, &err);
	free(data);
	return rc == -ENOENT ? -EINVAL : rc;	/* an empty file is a damaged one */
}

int managed_load(const uint8_t uuid[16], struct sxp **config)
{
	char path[PATH_SIZE];
	int rc = managed_file(uuid, CONFIG_NAME, path, sizeof path);
	int fd;

	if (rc < 0)
		return rc;
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return -errno;
	rc = read_config(fd, config);
	close(fd);
	return rc;
}

bool managed_exists(const uint8_t uuid[16])
{
	char path[PATH_SIZE];

	return managed_file(uuid, CONFIG_NAME, path, sizeof path) == 0 && access(path, F_OK) == 0;
}

static int write_temp(int dir, const char *text)
{
	int fd = openat(dir, CONFIG_TEMP, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW,
			0600);
	int rc;

	if (fd < 0)
		return -errno;
	rc = fdio_write(fd, text, strlen(text));
	if (rc == 0 && fsync(fd) < 0)
		rc = -errno;
	if (close(fd) < 0 && rc == 0)
		rc = -errno;
	return rc;
}

static int replace_config(int dir, const char *text)
{
	int rc = write_temp(dir, text);

	if (rc == 0 && renameat(dir, CONFIG_TEMP, dir, CONFIG_NAME) < 0)
		rc = -errno;
	if (rc < 0) {
		unlinkat(dir, CONFIG_TEMP, 0);
		return rc;
	}
	return fsync(dir) < 0 ? -errno : 0;
}

int managed_save(const uint8_t uuid[16], const struct sxp *config)
{
	char path[PATH_SIZE];
	char *text = sxp_pretty(config, SXP_WIDTH_FILE);
	int rc = text ? managed_file(uuid, "", path, sizeof path) : -ENOMEM;
	int dir;

	if (rc == 0)
		rc = dirs_make(path);
	if (rc == 0) {
		dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		rc = dir < 0 ? -errno : replace_config(dir, text);
		if (dir >= 0)
			close(dir);
	}
	free(text);
	return rc;
}

/* The rest of a directory whose configuration is gone; it holds plain files only. */
static int remove_rest(const char *path)
{
	DIR *dir = opendir(path);
	struct dirent *entry;
	int rc = 0;

	if (!dir)
		return errno == ENOENT ? 0 : -errno;
	while ((entry = readdir(dir)))
		if (strcmp(entry->d_name, ".") && strcmp(entry->d_name, "..") &&
		    unlinkat(dirfd(dir), entry->d_name, 0) < 0)
			rc = -errno;
	closedir(dir);
	if (rc == 0 && rmdir(path) < 0 && errno != ENOENT)
		rc = -errno;
	return rc;
}

int managed_remove(const uint8_t uuid[16])
{
	char path[PATH_SIZE];
	int rc = managed_file(uuid, CONFIG_NAME, path, sizeof path);

	if (rc < 0)
		return rc;
	if (unlink(path) < 0)
		return -errno;
	*strrchr(path, '/') = '\0';
	remove_rest(path);	/* leftovers are harmless, and managed_clean() tries again */
	return 0;
}

/* ----------------------------------------------------------------- state */

bool managed_has_state(const uint8_t uuid[16])
{
	char path[PATH_SIZE];

	return managed_file(uuid, MANAGED_STATE, path, sizeof path) == 0 && access(path, F_OK) == 0;
}

static int state_open(const uint8_t uuid[16], const char *file, int flags)
{
	char path[PATH_SIZE];
	int fd, rc = managed_file(uuid, file, path, sizeof path);

	if (rc < 0)
		return rc;
	fd = open(path, flags | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
	return fd < 0 ? -errno : fd;
}

int managed_state_new(const uint8_t uuid[16])
{
	return state_open(uuid, MANAGED_STATE_NEW, O_WRONLY | O_CREAT | O_TRUNC);
}

int managed_state_open(const uint8_t uuid[16])
{
	return state_open(uuid, MANAGED_STATE, O_RDONLY);
}

/* The domain's directory, for what is done in it. */
static int directory_open(const uint8_t uuid[16])
{
	return state_open(uuid, "", O_RDONLY | O_DIRECTORY);
}

int managed_state_keep(const uint8_t uuid[16], int fd)
{
	int dir = directory_open(uuid), rc = 0;

	if (dir < 0)
		return dir;
	if (fsync(fd) < 0 || renameat(dir, MANAGED_STATE_NEW, dir, MANAGED_STATE) < 0)
		rc = -errno;
	/* Should this fail, the name may or may not outlive the machine's end; it is there now. */
	if (rc == 0 && fsync(dir) < 0) {
		rc = -errno;
		unlinkat(dir, MANAGED_STATE, 0);
	}
	close(dir);
	return rc;
}

void managed_state_drop_new(const uint8_t uuid[16])
{
	char path[PATH_SIZE];

	if (managed_file(uuid, MANAGED_STATE_NEW, path, sizeof path) == 0)
		unlink(path);
}

int managed_state_drop(const uint8_t uuid[16])
{
	int dir = directory_open(uuid), rc = 0;

	if (dir < 0)
		return dir == -ENOENT ? 0 : dir;
	unlinkat(dir, MANAGED_STATE_NEW, 0);
	if (unlinkat(dir, MANAGED_STATE, 0) < 0 && errno != ENOENT)
		rc = -errno;
	if (rc == 0 && fsync(dir) < 0)
		rc = -errno;
	close(dir);
	return rc;
}

typedef int (*visit_fn)(const uint8_t uuid[16], void *ctx);

/* Every directory that is named by a UUID. */
static int each_uuid(visit_fn visit, void *ctx)
{
	DIR *dir = opendir(domains_path);
	struct dirent *entry;
	uint8_t uuid[16];
	int rc = 0;

	if (!dir)
		return errno == ENOENT ? 0 : -errno;
	while (rc == 0 && (entry = readdir(dir)))
		if (strlen(entry->d_name) == DOM_UUID_TEXT - 1 &&
		    dom_uuid_parse(entry->d_name, uuid) == 0)
			rc = visit(uuid, ctx);
	closedir(dir);
	return rc;
}

struct listing {
	struct managed_list *list;
	size_t room, broken;
};

static int list_grow(struct listing *l)
{
	size_t room = l->room ? l->room * 2 : 16;
	struct managed *grown;

	if (l->list->count < l->room)
		return 0;
	grown = realloc(l->list->domain, room * sizeof *grown);
	if (!grown)
		return -ENOMEM;
	l->list->domain = grown;
	l->room = room;
	return 0;
}

static int list_add(const uint8_t uuid[16], void *ctx)
{
	struct listing *l = ctx;
	struct managed m = { 0 };
	const char *name;
	int rc = managed_load(uuid, &m.config);

	if (rc == -ENOENT)
		return 0;
	name = rc == 0 ? sxp_child_text(m.config, "name") : NULL;
	if (!name || !*name) {
		sxp_free(m.config);
		l->broken++;
		return rc == -ENOMEM ? rc : 0;
	}
	memcpy(m.uuid, uuid, sizeof m.uuid);
	m.name = strdup(name);
	rc = m.name ? list_grow(l) : -ENOMEM;
	if (rc < 0) {
		free(m.name);
		sxp_free(m.config);
		return rc;
	}
	l->list->domain[l->list->count++] = m;
	return 0;
}

int managed_list(struct managed_list *list, size_t *broken)
{
	struct listing l = { .list = list };
	int rc;

	*list = (struct managed_list){ 0 };
	rc = each_uuid(list_add, &l);
	if (rc < 0)
		managed_list_free(list);
	if (broken)
		*broken = l.broken;
	return rc;
}

void managed_list_free(struct managed_list *l)
{
	for (size_t i = 0; i < l->count; i++) {
		free(l->domain[i].name);
		sxp_free(l->domain[i].config);
	}
	free(l->domain);
	*l = (struct managed_list){ 0 };
}

static int clean_one(const uint8_t uuid[16], void *ctx)
{
	char path[PATH_SIZE];

	if (managed_exists(uuid)) {
		if (managed_file(uuid, CONFIG_TEMP, path, sizeof path) == 0)
			unlink(path);
		managed_state_drop_new(uuid);
	} else if (managed_file(uuid, "", path, sizeof path) == 0) {
		remove_rest(path);
	}
	return 0;
}

int managed_clean(void)
{
	return each_uuid(clean_one, NULL);
}
