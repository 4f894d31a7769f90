#include "xend/prefill.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/statvfs.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include "xend/bootloader.h"
#include "xend/config.h"
#include "xend/image.h"
#include "xend/managed.h"

#define PREFILL_NICE 15
#define AUTO_DIR "/etc/xen/auto"		/* xendomains(8) */
#define GUESS_LEAST_BYTES (1ULL << 30)

/*
 * In the new process: true, with image->fd (if image is not NULL) as the only descriptor beside the
 * standard ones: above all the lock of xend is let go.  It is nobody's child, so nobody waits for it.
 */
static bool prefill_fork(struct image *image)
{
	enum { FD = STDERR_FILENO + 1 };
	sigset_t none;
	unsigned int first = FD;
	pid_t pid = fork();

	while (pid > 0 && waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
	if (pid != 0)
		return false;
	if (fork() != 0)
		_exit(EXIT_SUCCESS);
	if (image) {
		image->fd = dup2(image->fd, FD);
		first = FD + 1;
	}
	if (close_range(first, ~0U, 0) < 0)
		_exit(EXIT_FAILURE);
	prctl(PR_SET_NAME, "xend-cache");
	setpriority(PRIO_PROCESS, 0, PREFILL_NICE);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);	/* the daemon's loop blocks what it takes */
	return true;
}

void prefill_image(const struct image *image)
{
	struct image mine = *image;

	if (image->cached || !prefill_fork(&mine))
		return;
	image_cache_put(&mine, IMAGE_CACHE_DIR, IMAGE_CACHE_MAX);
	_exit(EXIT_SUCCESS);
}

static void prefill_path(const char *kernel)
{
	struct image image = IMAGE_NONE;
	struct fault f = { 0 };

	if (image_load(&image, kernel, IMAGE_CACHE_DIR, &f) == 0)
		image_cache_put(&image, IMAGE_CACHE_DIR, IMAGE_CACHE_MAX);
	image_free(&image);
}

static void prefill_kernel(const struct config *c)
{
	const char *kernel = config_text(c, CONFIG_KERNEL);

	if (kernel && *kernel && !bootloader_is_wanted(c))
		prefill_path(kernel);
}

void prefill_config(const struct config *c)
{
	if (!prefill_fork(NULL))
		return;
	prefill_kernel(c);
	_exit(EXIT_SUCCESS);
}

/* A file that a guest is started from at boot.  What it says wrong is told when it is started. */
static void prefill_file(const char *path)
{
	const struct config_source source = { .file = path };
	struct config_error err;
	struct config c;

	if (config_load(&c, &source, &err) < 0)
		return;
	prefill_kernel(&c);
	config_free(&c);
}

static void prefill_auto(void)
{
	DIR *dir = opendir(AUTO_DIR);
	char path[PATH_MAX];
	struct dirent *de;

	while (dir && (de = readdir(dir)))
		if (de->d_name[0] != '.' &&
		    snprintf(path, sizeof path, AUTO_DIR "/%s", de->d_name) < (int)sizeof path)
			prefill_file(path);
	if (dir)
		closedir(dir);
}

/* Domain 0's own is what a first guest is most often tried with; but that is only a guess, and
 * worth no disk that others may need.  A file system in memory tells of no room at all. */
static void prefill_host(void)
{
	char path[PATH_MAX];
	struct statvfs disk;
	struct utsname host;

	if (uname(&host) < 0 || statvfs(IMAGE_CACHE_DIR, &disk) < 0 ||
	    (uint64_t)disk.f_bavail * disk.f_frsize < GUESS_LEAST_BYTES)
		return;
	snprintf(path, sizeof path, "/boot/vmlinuz-%s", host.release);
	prefill_path(path);
}

static void prefill_managed(void)
{
	struct managed_list l;

	if (managed_list(&l, NULL) < 0)
		return;
	for (size_t i = 0; i < l.count; i++) {
		struct config_error err;
		struct config c;

		if (config_from_sxp(&c, l.domain[i].config, &err) < 0)
			continue;
		prefill_kernel(&c);
		config_free(&c);
	}
	managed_list_free(&l);
}

void prefill_likely(void)
{
	if (!prefill_fork(NULL))
		return;
	prefill_managed();
	prefill_auto();
	prefill_host();
	_exit(EXIT_SUCCESS);
}
