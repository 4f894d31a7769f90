/* bootloader=: which program, which disk, what comes of it, and its files. */
#include "xend/bootloader.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "xend/bootloader_run.h"
#include "xend/device.h"
#include "xend/dirs.h"
#include "xend/sxp.h"

#define PROGRAM_OURS "/usr/lib/xen/bin/pygrub"
#define RESULT_MAX (16 * 1024)		/* bytes */
#define WORDS_MAX 2048			/* of its stderr */
#define ARGS_MAX 32

/* ----------------------------------------------------------------- program */

bool bootloader_is_wanted(const struct config *c)
{
	const char *program = config_text(c, CONFIG_BOOTLOADER);

	return program && *program;
}

/* Files that name a pygrub of some version's directory, or of /usr/bin, mean pygrub. */
static bool is_pygrub(const char *program)
{
	const char *slash = strrchr(program, '/');

	return !strcmp(slash ? slash + 1 : program, "pygrub");
}

/* xm writes pygrub as /usr/bin/pygrub, as ever: there may be the one of Xen's own packages. */
bool bootloader_means_ours(const char *program)
{
	return !strcmp(program, "pygrub") || !strcmp(program, "/usr/bin/pygrub");
}

int bootloader_find(const char *program, char *path, size_t size, struct fault *f)
{
	static const char *const places[] = { "/usr/lib/xen/bin", "/usr/sbin", "/usr/bin" };
	int n = snprintf(path, size, "%s", program);

	for (size_t i = 0; *program != '/' && i < sizeof places / sizeof *places; i++) {
		n = snprintf(path, size, "%s/%s", places[i], program);
		if (access(path, F_OK) == 0)
			break;
	}
	if (bootloader_means_ours(program) ? access(PROGRAM_OURS, F_OK) == 0 :
	    access(path, F_OK) < 0 && is_pygrub(program))
		n = snprintf(path, size, "%s", PROGRAM_OURS);
	if (n < 0 || (size_t)n >= size)
		return fault_set(f, ENAMETOOLONG, "The boot loader's name is too long");
	if (access(path, X_OK) == 0)
		return 0;
	fault_set(f, errno, "Bootloader isn't executable: %s", program);
	fault_hint(f, "bootloader= names a program of Domain-0, such as \"pygrub\".");
	return -f->err;
}

/* -------------------------------------------------------------------- disk */

static const struct config_device *disk_find(const struct config *c)
{
	const struct config_device *first = NULL;

	for (size_t i = 0; i < c->devices; i++) {
		const struct config_device *d = &c->device[i];
		const char *dev = config_device_get(d, "dev");
		const char *bootable = config_device_get(d, "bootable");

		if ((strcmp(d->class, "vbd") && strcmp(d->class, "tap")) ||
		    (dev && strstr(dev, ":cdrom")))
			continue;
		if (bootable && !strcmp(bootable, "1"))
			return d;
		if (!first)
			first = d;
	}
	return first;
}

int bootloader_disk(const struct config *c, char *path, size_t size, struct fault *f)
{
	const struct config_device *d = disk_find(c);
	const char *uname = d ? config_device_get(d, "uname") : NULL, *above = "", *file;
	bool is_direct;
	int n;

	if (!uname || !*uname)
		return fault_set(f, ENOENT, "The boot loader has no disk to look at: the "
				 "configuration has none");
	file = device_image(uname, &is_direct);
	if (!file && !strncmp(uname, "phy:", 4)) {
		file = uname + 4;
		above = *file == '/' ? "" : "/dev/";
	}
	if (!file) {
		fault_set(f, ENOSYS, "The boot loader can't read a disk such as %s", uname);
		fault_hint(f, "It reads block devices (phy:) and plain images (file:, tap:aio:).");
		return -ENOSYS;
	}
	n = snprintf(path, size, "%s%s", above, file);
	if (n < 0 || (size_t)n >= size || *path != '/')
		return fault_set(f, EINVAL, "Invalid disk specifier: %s", uname);
	return 0;
}

int bootloader_check(const struct config *c, struct fault *f)
{
	char path[PATH_MAX];
	int rc = bootloader_find(config_text(c, CONFIG_BOOTLOADER), path, sizeof path, f);

	if (rc == 0)
		rc = bootloader_disk(c, path, sizeof path, f);
	if (rc == 0 && access(path, R_OK) < 0)
		rc = fault_errno(f, errno, "Disk isn't accessible: %s", path);
	return rc;
}

/* --------------------------------------------------------------- directory */

static bool is_private_name(const char *name)
{
	for (size_t i = 0; i < 6; i++)
		if (!isalnum((unsigned char)name[i]))
			return false;
	return !name[6];
}

/* A directory of files alone, as boot loaders make them. */
static void directory_remove(int parent, const char *name)
{
	int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *e;

	if (!d) {
		if (fd >= 0)
			close(fd);
		return;
	}
	while ((e = readdir(d)))
		if (strcmp(e->d_name, ".") && strcmp(e->d_name, ".."))
			unlinkat(dirfd(d), e->d_name, 0);
	closedir(d);
	unlinkat(parent, name, AT_REMOVEDIR);
}

/* Those whose workers are gone: nobody holds their locks. */
static void directory_sweep(int parent)
{
	int again = openat(parent, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = again < 0 ? NULL : fdopendir(again);
	struct dirent *e;

	while (d && (e = readdir(d))) {
		int fd = is_private_name(e->d_name) ?
			 openat(parent, e->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC) : -1;

		if (fd < 0)
			continue;
		if (flock(fd, LOCK_EX | LOCK_NB) == 0)
			directory_remove(parent, e->d_name);
		close(fd);
	}
	if (d)
		closedir(d);
	else if (again >= 0)
		close(again);
}

/* Only root may look into BOOTLOADER_DIR, whoever made it. */
static int directory_open(const char *path)
{
	int rc = dirs_make(path), fd;

	if (rc < 0)
		return rc;
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd >= 0 && fchmod(fd, 0700) < 0) {
		close(fd);
		fd = -1;
	}
	return fd < 0 ? -errno : fd;
}

void bootloader_sweep(const char *directory)
{
	int parent = open(directory ? directory : BOOTLOADER_DIR,
			  O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (parent < 0)
		return;
	if (flock(parent, LOCK_EX | LOCK_NB) == 0)	/* else a worker is at it */
		directory_sweep(parent);
	close(parent);
}

/* Made and locked under the lock of the directory above, so that no sweep comes between. */
static int directory_make(struct bootloader *b, const char *above)
{
	int parent = directory_open(above), rc = 0;

	if (parent < 0)
		return parent;
	if (flock(parent, LOCK_EX) < 0) {
		close(parent);
		return -EIO;
	}
	directory_sweep(parent);
	snprintf(b->directory, sizeof b->directory, "%s/XXXXXX", above);
	if (strlen(above) + 8 > sizeof b->directory || !mkdtemp(b->directory)) {
		rc = -errno;
		b->directory[0] = '\0';
	} else {
		b->lock = open(b->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (b->lock >= 0)
			flock(b->lock, LOCK_EX);
	}
	close(parent);
	return rc;
}

void bootloader_end(struct bootloader *b)
{
	if (*b->directory) {
		directory_remove(AT_FDCWD, b->directory);
		if (b->lock >= 0)
			close(b->lock);
	}
	free(b->kernel);
	free(b->ramdisk);
	free(b->args);
	*b = (struct bootloader){ .lock = -1 };
}

/* --------------------------------------------------------------- arguments */

struct arguments {
	char *word[ARGS_MAX + 1];
	size_t n;
};

static void arguments_free(struct arguments *a)
{
	for (size_t i = 0; i < a->n; i++)
		free(a->word[i]);
}

static int argument_add(struct arguments *a, const char *name, const char *value)
{
	char *word;

	if (a->n >= ARGS_MAX)
		return -E2BIG;
	if (asprintf(&word, "%s%s", name, value) < 0)
		return -ENOMEM;
	a->word[a->n++] = word;
	return 0;
}

/* One word of a shell's: quotes and backslashes, but nothing that expands.  NULL: no more. */
static char *word_next(const char **at, char *word)
{
	const char *p = *at + strspn(*at, " \t\n");
	char quote = '\0', *to = word;

	if (!*p)
		return NULL;
	for (; *p && (quote || !strchr(" \t\n", *p)); p++) {
		if (*p == quote)
			quote = '\0';
		else if (!quote && (*p == '\'' || *p == '"'))
			quote = *p;
		else if (*p == '\\' && quote != '\'' && p[1])
			*to++ = *++p;
		else
			*to++ = *p;
	}
	*to = '\0';
	*at = p;
	return word;
}

static int arguments_split(struct arguments *a, const char *text)
{
	char *word = malloc(strlen(text) + 1);
	int rc = word ? 0 : -ENOMEM;

	while (rc == 0 && word_next(&text, word))
		rc = argument_add(a, "", word);
	free(word);
	return rc;
}

/* PROGRAM ARGS --args=CMDLINE --output-directory=DIR --output=DIR/result DISK; a program that
 * is no pygrub has never heard of directories. */
static int arguments_make(struct arguments *a, const struct bootloader *b,
			  const struct bootloader_call *call, const char *program)
{
	char output[sizeof b->directory + 8];
	int rc = argument_add(a, "", program);

	snprintf(output, sizeof output, "%s/result", b->directory);
	if (rc == 0 && call->args)
		rc = arguments_split(a, call->args);
	if (rc == 0 && call->cmdline && *call->cmdline)
		rc = argument_add(a, "--args=", call->cmdline);
	if (rc == 0 && is_pygrub(program))
		rc = argument_add(a, "--output-directory=", b->directory);
	if (rc == 0)
		rc = argument_add(a, "--output=", output);
	if (rc == 0)
		rc = argument_add(a, "", call->disk);
	a->word[a->n] = NULL;
	return rc;
}

static bool is_quiet(const struct arguments *a)
{
	for (size_t i = 1; i < a->n; i++)
		if (!strcmp(a->word[i], "-q") || !strcmp(a->word[i], "--quiet") ||
		    !strncmp(a->word[i], "--entry", 7) || !strncmp(a->word[i], "--kernel", 8))
			return true;
	return false;
}

/* ------------------------------------------------------------------ result */

static char *result_read(const struct bootloader *b)
{
	char path[sizeof b->directory + 8], *text = malloc(RESULT_MAX);
	int fd;
	ssize_t n = -1;

	snprintf(path, sizeof path, "%s/result", b->directory);
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (text && fd >= 0)
		n = read(fd, text, RESULT_MAX);
	if (fd >= 0)
		close(fd);
	if (n <= 0 || n >= RESULT_MAX) {
		free(text);
		return NULL;
	}
	text[n] = '\0';
	return text;
}

static int result_parse(struct bootloader *b, const char *text, struct fault *f)
{
	struct sxp_error err;
	struct sxp *s = NULL;
	int rc = sxp_parse_all(text, strlen(text), &s, &err);
	const char *kernel = rc == 0 ? sxp_child_text(s, "kernel") : NULL;
	const char *ramdisk = rc == 0 ? sxp_child_text(s, "ramdisk") : NULL;
	const char *args = rc == 0 ? sxp_child_text(s, "args") : NULL;

	if (!kernel || *kernel != '/' || (ramdisk && *ramdisk != '/')) {
		rc = fault_set(f, EPROTO, "The boot loader's answer names no kernel: %.100s", text);
	} else {
		b->kernel = strdup(kernel);
		b->ramdisk = ramdisk ? strdup(ramdisk) : NULL;
		b->args = strdup(args ? args : "");
		if (!b->kernel || !b->args || (ramdisk && !b->ramdisk))
			rc = fault_set(f, ENOMEM, "Out of memory");
	}
	sxp_free(s);
	return rc;
}

/* Its own words: a sentence, and perhaps a second one of advice.  Programs that die of an
 * exception say what matters last. */
static int run_failed(const char *program, int status, char *words, struct fault *f)
{
	static const char mark[] = "pygrub: ";
	char *line = words, *rest = strchr(words, '\n');

	for (char *c = words; *c; c++)		/* it may repeat what stands on the guest's disk */
		if ((unsigned char)*c < ' ' && *c != '\n')
			*c = ' ';
	for (size_t n = strlen(words); n && words[n - 1] == '\n'; n--)
		words[n - 1] = '\0';
	if (!strncmp(words, mark, strlen(mark))) {
		line += strlen(mark);
		if (rest)
			*rest++ = '\0';
	} else {
		line = strrchr(words, '\n') ? strrchr(words, '\n') + 1 : words;
		rest = NULL;
	}
	if (*line)
		fault_set(f, EIO, "Boot loader %s: %s", program, line);
	else
		fault_set(f, EIO, "Boot loader %s failed with status %d", program, status);
	if (rest && *rest)
		fault_hint(f, "%s", rest);
	return -EIO;
}

/* --------------------------------------------------------------------- run */

static int run(struct bootloader *b, const struct bootloader_call *call, const char *program,
	       const struct arguments *a, struct fault *f)
{
	char words[WORDS_MAX], path[sizeof b->directory + 8];
	struct bootloader_process p = {
		.argv = a->word, .offer = call->offer, .ctx = call->ctx, .wait_ms = call->wait_ms,
	};
	char *text;
	int status, rc;

	snprintf(path, sizeof path, "%s/menu", b->directory);
	if (call->offer && !is_quiet(a))
		p.socket = path;
	status = bootloader_process_run(&p, words, sizeof words);
	if (status < 0)
		return fault_errno(f, -status, "Unable to run the boot loader %s", program);
	if (status)
		return run_failed(call->program, status, words, f);
	text = result_read(b);
	if (!text)
		return fault_set(f, EPROTO, "Boot loader didn't return any data!");
	rc = result_parse(b, text, f);
	free(text);
	return rc;
}

int bootloader_run(struct bootloader *b, const struct bootloader_call *call, struct fault *f)
{
	const char *above = call->directory ? call->directory : BOOTLOADER_DIR;
	struct arguments a = { .n = 0 };
	char program[PATH_MAX];
	int rc;

	*b = (struct bootloader){ .lock = -1 };
	rc = bootloader_find(call->program, program, sizeof program, f);
	if (rc < 0)
		return rc;
	rc = directory_make(b, above);
	if (rc < 0)
		return fault_errno(f, -rc, "Unable to make a directory in %s", above);
	rc = arguments_make(&a, b, call, program);
	if (rc < 0)
		fault_errno(f, -rc, "The boot loader's arguments");
	else
		rc = run(b, call, program, &a, f);
	arguments_free(&a);
	if (rc < 0)
		bootloader_end(b);
	return rc;
}
