#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "check.h"
#include "xend/bootloader.h"

static char top[64], boot_dir[80], program[80], disk[80];
static struct bootloader b;
static struct fault fault;

static void write_file(const char *path, const char *text, mode_t mode)
{
	FILE *f = fopen(path, "we");

	CHECK(f);
	CHECK(fputs(text, f) >= 0);
	CHECK_EQ(fclose(f), 0);
	CHECK_EQ(chmod(path, mode), 0);
}

static int setup(void **state)
{
	strcpy(top, "/tmp/bootloader-XXXXXX");
	CHECK(mkdtemp(top));
	snprintf(boot_dir, sizeof boot_dir, "%s/boot", top);
	snprintf(program, sizeof program, "%s/loader", top);
	snprintf(disk, sizeof disk, "%s/disk", top);
	write_file(disk, "disk", 0600);
	return 0;
}

static int teardown(void **state)
{
	char command[128];

	snprintf(command, sizeof command, "rm -rf %s", top);
	return system(command);
}

static int files_in(const char *directory)
{
	char command[128];
	int n = -1;
	FILE *f;

	snprintf(command, sizeof command, "ls %s 2>/dev/null | wc -l", directory);
	f = popen(command, "re");
	CHECK(f && fscanf(f, "%d", &n) == 1);
	pclose(f);
	return n;
}

static struct bootloader_call call_of(const char *args, const char *cmdline)
{
	return (struct bootloader_call){
		.program = program, .args = args, .cmdline = cmdline, .disk = disk,
		.directory = boot_dir,
	};
}

/* Run this shell script as a boot loader; $out is the file that it is to fill. */
static int run(const char *script, const char *args, const char *cmdline)
{
	const struct bootloader_call call = call_of(args, cmdline);
	char text[2048];

	snprintf(text, sizeof text, "#!/bin/sh\nfor a; do case $a in --output=*) "
		 "out=${a#*=};; esac; done\n%s\n", script);
	write_file(program, text, 0700);
	fault = (struct fault){ 0 };
	return bootloader_run(&b, &call, &fault);
}

#define GIVE(text) "printf '%s' '" text "' >$out"

static void its_answer_is_taken_apart(void)
{
	CHECK_EQ(run(GIVE("linux (kernel /k)(ramdisk /r)(args \"a=\\\"b c\\\" d\")"), NULL, NULL), 0);
	CHECK_STR(b.kernel, "/k");
	CHECK_STR(b.ramdisk, "/r");
	CHECK_STR(b.args, "a=\"b c\" d");
	bootloader_end(&b);
	CHECK_EQ(run(GIVE("linux (kernel /k)"), NULL, NULL), 0);
	CHECK(!b.ramdisk);
	CHECK_STR(b.args, "");
	bootloader_end(&b);
	CHECK_EQ(run("printf \"linux (kernel '/k x')(args 'a b')\" >$out", NULL, NULL), 0);
	CHECK_STR(b.kernel, "/k x");
	CHECK_STR(b.args, "a b");
	bootloader_end(&b);
}

static void answers_that_name_no_kernel_are_refused(void)
{
	static const char *const answers[] = {
		GIVE("linux (ramdisk /r)"), GIVE("linux (kernel )"), GIVE("linux (kernel (x))"),
		GIVE("linux (kernel k)"), GIVE("linux (kernel /k)(ramdisk r)"), GIVE("linux (kernel /k"),
		GIVE(")"), GIVE("x"),
	};

	for (size_t i = 0; i < sizeof answers / sizeof *answers; i++) {
		CHECK_EQ(run(answers[i], NULL, NULL), -EPROTO);
		CHECK_EQ(files_in(boot_dir), 0);
	}
	CHECK_EQ(run("true", NULL, NULL), -EPROTO);
	CHECK_STR(fault.text, "Boot loader didn't return any data!");
	CHECK_EQ(run("head -c 20000 /dev/zero >$out", NULL, NULL), -EPROTO);
}

static void it_is_called_as_ever(void)
{
	char wanted[512], *at;

	CHECK_EQ(run("for a; do printf '%s|' \"$a\"; done >$out.words; "
		     "words=$(cat $out.words); printf 'linux (kernel /k)(args \"%s\")' \"$words\" "
		     ">$out", "-q  --x='a b'\\ c \"d\\\"\"", "root=/dev/xvda1 ro"), 0);
	snprintf(wanted, sizeof wanted, "-q|--x=a b c|d\"|--args=root=/dev/xvda1 ro|--output=%s/result|"
		 "%s|", b.directory, disk);
	at = strchr(wanted, '"');
	CHECK(at && !strncmp(b.args, wanted, (size_t)(at - wanted)));
	bootloader_end(&b);
	CHECK_EQ(run("[ $# = 2 ] && " GIVE("linux (kernel /k)"), NULL, ""), 0);
	bootloader_end(&b);
}

static void only_a_pygrub_is_told_of_the_directory(void)
{
	char path[80];
	const struct bootloader_call call = {
		.program = path, .disk = disk, .directory = boot_dir,
	};

	snprintf(path, sizeof path, "%s/pygrub", top);
	write_file(path, "#!/bin/sh\ndir=${1#--output-directory=}\necho k >$dir/boot_kernel.x\n"
		   "printf 'linux (kernel %s)' $dir/boot_kernel.x >$dir/result\n", 0700);
	CHECK_EQ(bootloader_run(&b, &call, &fault), 0);
	CHECK_EQ(access(b.kernel, R_OK), 0);
	CHECK_EQ(files_in(boot_dir), 1);
	bootloader_end(&b);
	CHECK_EQ(files_in(boot_dir), 0);
	bootloader_end(&b);		/* an empty one is all right */
}

static void its_complaint_is_passed_on(void)
{
	CHECK_EQ(run("echo 'pygrub: No menu.' >&2; echo 'Make \tone.' >&2; exit 1", NULL, NULL), -EIO);
	CHECK(strstr(fault.text, "No menu.") && !strstr(fault.text, "pygrub: No"));
	CHECK_STR(fault.hint, "Make  one.");
	CHECK_EQ(run("printf 'Traceback:\\n  x\\nError: bad\\n\\n' >&2; exit 1", NULL, NULL), -EIO);
	CHECK(strstr(fault.text, "Error: bad") && !strstr(fault.text, "Traceback"));
	CHECK_EQ(run("exit 7", NULL, NULL), -EIO);
	CHECK(strstr(fault.text, "status 7"));
	CHECK_EQ(run("kill -9 $$", NULL, NULL), -EIO);
	CHECK(strstr(fault.text, "status 137"));
	CHECK_EQ(run("head -c 100000 /dev/zero | tr '\\0' x >&2; exit 1", NULL, NULL), -EIO);
	CHECK_EQ(files_in(boot_dir), 0);
}

static void it_reads_nothing_and_shows_nothing_when_nobody_looks(void)
{
	CHECK_EQ(run("echo said; [ -t 0 ] || [ -t 1 ] || read x || " GIVE("linux (kernel /k)"),
		     NULL, NULL), 0);
	bootloader_end(&b);
}

static void what_killed_workers_left_is_removed_but_not_what_lives(void)
{
	char dead[96], live[96], file[112], other[96];
	int fd;

	CHECK_EQ(run(GIVE("linux (kernel /k)"), NULL, NULL), 0);
	bootloader_end(&b);
	snprintf(dead, sizeof dead, "%s/aaaaaa", boot_dir);
	snprintf(live, sizeof live, "%s/bbbbbb", boot_dir);
	snprintf(other, sizeof other, "%s/keep", boot_dir);
	CHECK_EQ(mkdir(dead, 0700) | mkdir(live, 0700) | mkdir(other, 0700), 0);
	snprintf(file, sizeof file, "%s/boot_kernel.1", dead);
	write_file(file, "x", 0600);
	fd = open(live, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	CHECK_EQ(flock(fd, LOCK_EX), 0);
	CHECK_EQ(run(GIVE("linux (kernel /k)"), NULL, NULL), 0);
	CHECK(access(dead, F_OK) < 0);
	CHECK_EQ(access(live, F_OK), 0);
	CHECK_EQ(access(other, F_OK), 0);
	bootloader_sweep(boot_dir);
	CHECK_EQ(files_in(boot_dir), 3);	/* ours is locked, too */
	close(fd);
	bootloader_end(&b);
	bootloader_sweep(boot_dir);
	CHECK_EQ(files_in(boot_dir), 1);
	rmdir(other);
}

/* ------------------------------------------------------------------ a menu */

static char seen[256];
static int offers;

/* Somebody comes, reads the question and answers it. */
static void visit(void *ctx, const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd;

	offers++;
	if (!ctx)
		return;
	strcpy(address.sun_path, path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	CHECK_EQ(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
	if (fork() == 0) {
		size_t n = 0;
		ssize_t got;

		while (n + 1 < sizeof seen && !strchr(seen, '?') &&
		       (got = read(fd, seen + n, sizeof seen - 1 - n)) > 0)
			n += (size_t)got;
		if (ctx == seen && write(fd, "yes\n", 4) != 4)
			_exit(1);
		while (ctx == seen && read(fd, seen, sizeof seen) > 0)
			;
		_exit(0);
	}
	close(fd);
}

static int run_menu(const char *args, void *ctx)
{
	struct bootloader_call call = call_of(args, NULL);

	offers = 0;
	fault = (struct fault){ 0 };
	call.offer = visit;
	call.ctx = ctx;
	call.wait_ms = 50;
	return bootloader_run(&b, &call, &fault);
}

static const char asking[] =
	"#!/bin/sh\nfor a; do case $a in --output=*) out=${a#*=};; esac; done\n"
	"if [ -t 0 ] && [ -t 1 ]; then printf 'Which?'; read x; else x=nobody; fi\n"
	"printf 'linux (kernel /%s)' \"$x\" >$out\n";

static void a_menu_is_shown_to_who_comes(void)
{
	write_file(program, asking, 0700);
	CHECK_EQ(run_menu(NULL, seen), 0);
	CHECK_EQ(offers, 1);
	CHECK_STR(b.kernel, "/yes");
	bootloader_end(&b);
	CHECK_EQ(files_in(boot_dir), 0);
}

static void nobody_comes_and_it_is_run_without(void)
{
	write_file(program, asking, 0700);
	CHECK_EQ(run_menu(NULL, NULL), 0);
	CHECK_EQ(offers, 1);
	CHECK_STR(b.kernel, "/nobody");
	bootloader_end(&b);
}

static void with_q_nobody_is_asked(void)
{
	write_file(program, asking, 0700);
	CHECK_EQ(run_menu("-q", seen), 0);
	CHECK_EQ(offers, 0);
	CHECK_STR(b.kernel, "/nobody");
	bootloader_end(&b);
	CHECK_EQ(run_menu("--entry=1", seen), 0);
	CHECK_EQ(offers, 0);
	bootloader_end(&b);
}

static void who_leaves_the_menu_ends_it(void)
{
	write_file(program, asking, 0700);
	CHECK_EQ(run_menu(NULL, disk), -EIO);	/* comes, reads, goes */
	CHECK_EQ(files_in(boot_dir), 0);
	signal(SIGHUP, SIG_IGN);		/* as nohup hands it down */
	CHECK_EQ(run_menu(NULL, disk), -EIO);
	signal(SIGHUP, SIG_DFL);
}

/* ----------------------------------------------------------- configuration */

static int disk_of(const char *text, char *path, size_t size)
{
	struct config_source src = { .file = "t", .text = text, .length = strlen(text) };
	struct config_error err = { 0 };
	struct config c;
	int rc;

	CHECK_EQ(config_load(&c, &src, &err), 0);
	fault = (struct fault){ 0 };
	rc = bootloader_disk(&c, path, size, &fault);
	config_free(&c);
	return rc;
}

static void the_first_disk_to_boot_from_is_found(void)
{
	static const struct {
		const char *text, *path;
		int rc;
	} rows[] = {
		{ "disk=['phy:vg/a,xvda,w','phy:/dev/b,xvdb,w']", "/dev/vg/a", 0 },
		{ "disk=['phy:/dev/cd,xvdc:cdrom,r','file:/img/b,xvda,w']", "/img/b", 0 },
		{ "disk=['tap:aio:/img/c,xvda,w']", "/img/c", 0 },
		{ "disk=['file:c,xvda,w']", NULL, -EINVAL },
		{ "disk=['tap:qcow:/img/c,xvda,w']", NULL, -ENOSYS },
		{ "disk=['nbd:host:1,xvda,w']", NULL, -ENOSYS },
		{ "disk=[]", NULL, -ENOENT },
		{ "disk=['phy:/dev/cd,xvdc:cdrom,r']", NULL, -ENOENT },
	};
	char path[64];

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		CHECK_EQ(disk_of(rows[i].text, path, sizeof path), rows[i].rc);
		if (rows[i].path)
			CHECK_STR(path, rows[i].path);
	}
	CHECK_EQ(disk_of("disk=['phy:/dev/a,xvda,w']", path, 5), -EINVAL);
}

static void a_program_that_cannot_run_is_refused(void)
{
	char path[256];

	fault = (struct fault){ 0 };
	CHECK_EQ(bootloader_find(disk, path, sizeof path, &fault), -EACCES);
	CHECK(strstr(fault.text, "Bootloader isn't executable"));
	fault = (struct fault){ 0 };
	CHECK_EQ(bootloader_find("no-such-loader", path, sizeof path, &fault), -ENOENT);
	write_file(program, "#!/bin/sh\n", 0700);
	CHECK_EQ(bootloader_find(program, path, sizeof path, &fault), 0);
	CHECK_STR(path, program);
}

static void a_pygrub_of_another_place_is_ours(void)
{
	char path[256] = "";

	fault = (struct fault){ 0 };
	if (bootloader_find("/usr/lib/xen-3.2/bin/pygrub", path, sizeof path, &fault) < 0)
		CHECK_EQ(fault.err, ENOENT);	/* where ours is not installed */
	CHECK_STR(path, "/usr/lib/xen/bin/pygrub");
}

static void pygrub_is_ours_beside_one_of_xens_own_packages(void)
{
	CHECK(bootloader_means_ours("pygrub"));
	CHECK(bootloader_means_ours("/usr/bin/pygrub"));	/* as xm writes it */
	CHECK(!bootloader_means_ours("/usr/lib/xen-4.17/bin/pygrub"));
	CHECK(!bootloader_means_ours("pvgrub"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(its_answer_is_taken_apart),
		TEST(answers_that_name_no_kernel_are_refused),
		TEST(it_is_called_as_ever),
		TEST(only_a_pygrub_is_told_of_the_directory),
		TEST(its_complaint_is_passed_on),
		TEST(it_reads_nothing_and_shows_nothing_when_nobody_looks),
		TEST(what_killed_workers_left_is_removed_but_not_what_lives),
		TEST(a_menu_is_shown_to_who_comes),
		TEST(nobody_comes_and_it_is_run_without),
		TEST(with_q_nobody_is_asked),
		TEST(who_leaves_the_menu_ends_it),
		TEST(the_first_disk_to_boot_from_is_found),
		TEST(a_program_that_cannot_run_is_refused),
		TEST(a_pygrub_of_another_place_is_ours),
		TEST(pygrub_is_ours_beside_one_of_xens_own_packages),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
