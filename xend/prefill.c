#include "xend/prefill.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "xend/bootloader.h"
#include "xend/config.h"
#include "xend/image.h"
#include "xend/managed.h"

#define PREFILL_NICE 15

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

static void prefill_kernel(const struct config *c)
{
	const char *kernel = config_text(c, CONFIG_KERNEL);
	struct image image = IMAGE_NONE;
	struct fault f = { 0 };

	if (!kernel || !*kernel || bootloader_is_wanted(c))
		return;
	if (image_load(&image, kernel, IMAGE_CACHE_DIR, &f) == 0)
		image_cache_put(&image, IMAGE_CACHE_DIR, IMAGE_CACHE_MAX);
	image_free(&image);
}

void prefill_config(const struct config *c)
{
	if (!prefill_fork(NULL))
		return;
	prefill_kernel(c);
	_exit(EXIT_SUCCESS);
}

void prefill_managed(void)
{
	struct managed_list l;

	if (!prefill_fork(NULL))
		return;
	if (managed_list(&l, NULL) < 0)
		_exit(EXIT_FAILURE);
	for (size_t i = 0; i < l.count; i++) {
		struct config_error err;
		struct config c;

		if (config_from_sxp(&c, l.domain[i].config, &err) < 0)
			continue;
		prefill_kernel(&c);
		config_free(&c);
	}
	_exit(EXIT_SUCCESS);
}
