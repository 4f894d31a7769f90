/* Loop devices that go with their last user.  Needs root and a kernel with loop devices; else skipped. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include "check.h"
#include "xend/loopdev.h"

static char image[] = "/tmp/test-loopdev.XXXXXX";

/* Does any loop device hold our file? */
static bool is_held(void)
{
	char path[64], name[256];

	for (int i = 0; i < 256; i++) {
		FILE *f;

		snprintf(path, sizeof path, "/sys/block/loop%d/loop/backing_file", i);
		f = fopen(path, "r");
		if (!f)
			continue;
		if (fgets(name, sizeof name, f) && !strncmp(name, image, strlen(image))) {
			fclose(f);
			return true;
		}
		fclose(f);
	}
	return false;
}

/* The kernel lets go a moment after the last close. */
static bool is_let_go(void)
{
	for (int i = 0; i < 200 && is_held(); i++)
		usleep(10000);
	return !is_held();
}

static void need_loops(void)
{
	struct loopdev l;
	int rc = loopdev_open(&l, image, false, false);

	if (rc < 0)
		skip();		/* no root, or no loop devices: nothing can be said */
	loopdev_close(&l);
	CHECK(is_let_go());
}

static void a_loop_device_has_the_files_content_and_goes_when_it_is_closed(void)
{
	struct loopdev l;
	char text[8] = "";
	int fd;

	need_loops();
	CHECK_EQ(loopdev_open(&l, image, false, false), 0);
	fd = open(l.path, O_RDONLY);
	CHECK(fd >= 0);
	CHECK_EQ(read(fd, text, 7), 7);
	CHECK_STR(text, "content");
	CHECK(is_held());
	close(fd);
	CHECK(is_held());
	loopdev_close(&l);
	CHECK(is_let_go());
}

static void it_stays_for_another_user(void)
{
	struct loopdev l;
	int fd;

	need_loops();
	CHECK_EQ(loopdev_open(&l, image, false, true), 0);
	fd = open(l.path, O_RDWR);
	CHECK(fd >= 0);
	loopdev_close(&l);
	usleep(100000);
	CHECK(is_held());
	close(fd);
	CHECK(is_let_go());
}

static void whoever_is_killed_leaves_none(void)
{
	int status, ready[2];
	char byte;
	pid_t pid;

	need_loops();
	CHECK_EQ(pipe(ready), 0);
	pid = fork();
	if (pid == 0) {
		struct loopdev l;

		if (loopdev_open(&l, image, false, false) == 0 && write(ready[1], "", 1) == 1)
			pause();
		_exit(1);
	}
	CHECK_EQ(read(ready[0], &byte, 1), 1);
	CHECK(is_held());
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	CHECK(is_let_go());
	close(ready[0]);
	close(ready[1]);
}

static void a_read_only_one_cannot_be_written(void)
{
	struct loopdev l;
	int fd;

	need_loops();
	CHECK_EQ(loopdev_open(&l, image, true, false), 0);
	fd = open(l.path, O_RDWR);	/* some kernels refuse this already */
	CHECK(fd < 0 || write(fd, "x", 1) < 0);
	close(fd);
	loopdev_close(&l);
	CHECK(is_let_go());
}

static void what_is_no_image_is_refused(void)
{
	struct loopdev l;
	char fifo[] = "/tmp/test-loopdev-fifo.XXXXXX";

	CHECK_EQ(loopdev_open(&l, "/nonexistent", false, false), -ENOENT);
	CHECK_EQ(loopdev_open(&l, "/tmp", true, false), -EINVAL);
	CHECK(mkdtemp(fifo));
	CHECK_EQ(rmdir(fifo), 0);
	CHECK_EQ(mkfifo(fifo, 0600), 0);
	CHECK_EQ(loopdev_open(&l, fifo, true, false), -EINVAL);	/* and does not wait for a writer */
	unlink(fifo);
	CHECK_EQ(l.fd, -1);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(a_loop_device_has_the_files_content_and_goes_when_it_is_closed),
		TEST(it_stays_for_another_user),
		TEST(whoever_is_killed_leaves_none),
		TEST(a_read_only_one_cannot_be_written),
		TEST(what_is_no_image_is_refused),
	};
	int failed, fd = mkstemp(image);

	if (fd < 0 || write(fd, "content", 7) != 7 || ftruncate(fd, 1 << 20) < 0)
		return 1;
	close(fd);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	unlink(image);
	return failed;
}
