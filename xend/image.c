#include "xend/image.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "xend/image_cache.h"
#include "xend/image_parse.h"
#include "xend/sandbox.h"
#include "xenstore/fdio.h"

#define PAGE 4096UL

/* The file itself, a decoder's dictionary, and room for malloc(). */
static const struct sandbox_limits image_limits = {
	.memory = IMAGE_FILE_MAX + (512UL << 20),
	.file = IMAGE_FLAT_OFFSET + IMAGE_FLAT_MAX,
	.cpu_s = 300,
};

static bool image_text_ends(const char *text, size_t size)
{
	return memchr(text, '\0', size) != NULL;
}

int image_header_check(const struct image_header *h, uint64_t file_size)
{
	const struct image_notes *n = &h->notes;

	if (h->magic != IMAGE_MAGIC || h->start % PAGE || !h->size || h->size % PAGE ||
	    h->size > IMAGE_FLAT_MAX || h->start > UINT64_MAX - h->size ||
	    file_size != IMAGE_FLAT_OFFSET + h->size)
		return -EINVAL;
	if (!image_text_ends(n->guest_os, sizeof(n->guest_os)) ||
	    !image_text_ends(n->guest_version, sizeof(n->guest_version)) ||
	    !image_text_ends(n->loader, sizeof(n->loader)) ||
	    !image_text_ends(n->xen_version, sizeof(n->xen_version)) ||
	    !image_text_ends(n->features, sizeof(n->features)))
		return -EINVAL;
	return notes_check(n, NULL) ? -EINVAL : 0;
}

/* Take the result in `fd` (ours from now on) if its header holds. */
static int image_take(struct image *img, int fd)
{
	struct image_header hdr;
	struct stat st;

	if (fstat(fd, &st) < 0 || pread(fd, &hdr, sizeof(hdr), 0) != sizeof(hdr) ||
	    image_header_check(&hdr, (uint64_t)st.st_size) < 0) {
		close(fd);
		return -EINVAL;
	}
	img->notes = hdr.notes;
	img->start = hdr.start;
	img->size = hdr.size;
	img->fd = fd;
	return 0;
}

static uint64_t image_ns(const struct timespec *t)
{
	return (uint64_t)t->tv_sec * 1000000000UL + (uint64_t)t->tv_nsec;
}

static int image_open(const char *path, struct image_key *key, struct fault *f)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY), rc = 0;
	struct stat st;

	if (fd < 0) {
		if (errno == ENOENT)	/* in xm's words of old */
			return fault_set(f, ENOENT, "Kernel image does not exist: %s", path);
		return fault_errno(f, errno, "cannot open the kernel %s", path);
	}
	if (fstat(fd, &st) < 0)
		rc = fault_errno(f, errno, "cannot look at the kernel %s", path);
	else if (!S_ISREG(st.st_mode))
		rc = fault_set(f, ENOEXEC, "the kernel %s is no regular file", path);
	else if ((uint64_t)st.st_size > IMAGE_FILE_MAX)
		rc = fault_set(f, EFBIG, "the kernel %s has %ld MiB; at most %lu are supported",
			       path, st.st_size >> 20, IMAGE_FILE_MAX >> 20);
	if (rc) {
		close(fd);
		return rc;
	}
	*key = (struct image_key){ st.st_dev, st.st_ino, (uint64_t)st.st_size,
				   image_ns(&st.st_mtim), image_ns(&st.st_ctim) };
	return fd;
}

/* -------------------------------------------------------- the child's side */

/* Read it all, once: what is judged is what is used. */
static int image_slurp(int fd, size_t size, uint8_t **out, struct fault *f)
{
	uint8_t *buf = malloc(size + 1);
	ssize_t n;

	if (!buf)
		return fault_set(f, ENOMEM, "not enough memory to read the kernel");
	n = fdio_read(fd, buf, size);
	if (n < 0 || (size_t)n < size) {
		free(buf);
		return n < 0 ? fault_errno(f, (int)-n, "cannot read it")
			     : fault_set(f, EIO, "it became shorter while it was read");
	}
	*out = buf;
	return 0;
}

static void __attribute__((noreturn)) image_child(int kernel, size_t size, int result, int answer)
{
	const int keep[] = { kernel, result, answer };
	struct fault f = { 0 };
	uint8_t *file = NULL;
	int rc = sandbox_enter(keep, 3, &image_limits);

	if (rc)
		fault_errno(&f, -rc, "cannot confine the kernel's parser");
	else if (!image_slurp(kernel, size, &file, &f))
		image_parse(file, size, result, &f);
	/* less than PIPE_BUF: it arrives whole or not at all */
	_exit(write(answer, &f, sizeof(f)) != sizeof(f));
}

/* ------------------------------------------------------- the parent's side */

static int image_wait(pid_t pid)
{
	int status;

	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	return status;
}

/* The child's answer is as trustworthy as the kernel file: cut it to shape. */
static int image_answer(int fd, struct fault *answer)
{
	int rc = fdio_read_all(fd, answer, sizeof(*answer));

	if (rc == 0)
		fault_clean(answer);
	return rc;
}

static int image_judge(const char *path, int answered, const struct fault *answer, int status,
		       struct fault *f)
{
	if (!answered && answer->err) {
		fault_set(f, answer->err, "%s: %s", path, answer->text);
		fault_hint(f, "%s", answer->hint);
		return -answer->err;
	}
	if (!answered)			/* all said and done: how it ended does not matter */
		return 0;
	fault_set(f, ECANCELED, "%s: the kernel's parser was killed (signal %d)", path,
		  WIFSIGNALED(status) ? WTERMSIG(status) : 0);
	fault_hint(f, "The file may be damaged or hostile, or memory was short.");
	return -ECANCELED;
}

static int image_run_child(const char *path, int kernel, size_t size, int result,
			   struct fault *f)
{
	struct fault answer;
	int ends[2], answered, status;
	pid_t pid;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return fault_errno(f, errno, "cannot start the kernel's parser");
	pid = fork();
	if (pid == 0)
		image_child(kernel, size, result, ends[1]);
	close(ends[1]);
	if (pid < 0) {
		close(ends[0]);
		return fault_errno(f, errno, "cannot start the kernel's parser");
	}
	answered = image_answer(ends[0], &answer);
	close(ends[0]);
	status = image_wait(pid);
	return image_judge(path, answered, &answer, status, f);
}

static int image_unpack_file(struct image *img, const char *path, int kernel, struct fault *f)
{
	int fd = memfd_create("kernel", MFD_CLOEXEC | MFD_ALLOW_SEALING), rc;

	if (fd < 0)
		return fault_errno(f, errno, "cannot make room for the unpacked kernel");
	rc = image_run_child(path, kernel, img->key.size, fd, f);
	/* From here on nobody can change it any more, whatever the child has left behind. */
	if (!rc && fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL))
		rc = fault_errno(f, errno, "%s: cannot seal the unpacked kernel", path);
	if (rc) {
		close(fd);
		return rc;
	}
	if (image_take(img, fd) < 0)
		return fault_set(f, ENOEXEC, "%s: the kernel's parser gave an impossible result",
				 path);
	return 0;
}

int image_load(struct image *img, const char *path, const char *cache_dir, struct fault *f)
{
	int kernel, fd, rc;

	*img = (struct image)IMAGE_NONE;
	kernel = image_open(path, &img->key, f);
	if (kernel < 0)
		return kernel;
	fd = cache_dir ? image_cache_find(cache_dir, &img->key) : -ENOENT;
	if (fd >= 0 && image_take(img, fd) == 0) {
		img->cached = true;
		close(kernel);
		return 0;
	}
	if (fd >= 0)
		image_cache_drop(cache_dir, &img->key);
	rc = image_unpack_file(img, path, kernel, f);
	close(kernel);
	return rc;
}

void image_free(struct image *img)
{
	if (img->fd >= 0)
		close(img->fd);
	*img = (struct image)IMAGE_NONE;
}

int image_read(const struct image *img, uint64_t offset, void *buf, size_t len)
{
	uint8_t *to = buf;

	if (offset > img->size || len > img->size - offset)
		return -ERANGE;
	offset += IMAGE_FLAT_OFFSET;
	while (len) {
		ssize_t n = pread(img->fd, to, len, (off_t)offset);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n ? -errno : -EIO;
		to += n;
		offset += (uint64_t)n;
		len -= (size_t)n;
	}
	return 0;
}
