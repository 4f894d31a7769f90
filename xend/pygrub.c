/* pygrub(8): kernel, initial RAM disk and command line out of a guest's disk. */
#include "xend/pygrub.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "xend/dirs.h"
#include "xend/grub_boot.h"
#include "xend/sandbox.h"
#include "xenstore/fdio.h"

#define DIRECTORY_DEFAULT "/var/run/xend/boot"
#define MEMORY_MAX (256ULL << 20)	/* bytes that the child may have */
#define CPU_MAX_S 120			/* and seconds; copying a large initrd takes a few */

static const char usage_text[] =
	"Usage: pygrub [-q|--quiet] [-i|--interactive] [-l|--list-entries] [-n|--not-really]\n"
	"              [--output=FILE] [--output-directory=DIR] [--output-format=sxp|simple|simple0]\n"
	"              [--entry=N|TITLE] [--kernel=PATH] [--ramdisk=PATH] [--args=TEXT]\n"
	"              [--offset=BYTES] [--isconfig] [--debug] [-h|--help] IMAGE\n";

struct options {
	struct pygrub_task task;
	const char *output, *directory, *format;
};

/* What a signal has to put right. */
static struct termios terminal_before;
static volatile sig_atomic_t terminal_is_raw;
static char kernel_path[GRUB_PATH_MAX], ramdisk_path[GRUB_PATH_MAX];
static volatile sig_atomic_t has_files;

/* ----------------------------------------------------------------- options */

enum { OPT_OUTPUT = 256, OPT_DIRECTORY, OPT_FORMAT, OPT_ENTRY, OPT_KERNEL, OPT_RAMDISK, OPT_ARGS,
       OPT_OFFSET, OPT_ISCONFIG, OPT_DEBUG };

static const struct option long_options[] = {
	{ "quiet", no_argument, NULL, 'q' },
	{ "interactive", no_argument, NULL, 'i' },
	{ "list-entries", no_argument, NULL, 'l' },
	{ "not-really", no_argument, NULL, 'n' },
	{ "help", no_argument, NULL, 'h' },
	{ "output", required_argument, NULL, OPT_OUTPUT },
	{ "output-directory", required_argument, NULL, OPT_DIRECTORY },
	{ "output-format", required_argument, NULL, OPT_FORMAT },
	{ "entry", required_argument, NULL, OPT_ENTRY },
	{ "kernel", required_argument, NULL, OPT_KERNEL },
	{ "ramdisk", required_argument, NULL, OPT_RAMDISK },
	{ "args", required_argument, NULL, OPT_ARGS },
	{ "offset", required_argument, NULL, OPT_OFFSET },
	{ "isconfig", no_argument, NULL, OPT_ISCONFIG },
	{ "debug", no_argument, NULL, OPT_DEBUG },
	{ 0 },
};

static void __attribute__((noreturn, format(printf, 1, 2))) die(const char *format, ...)
{
	va_list va;

	fputs("pygrub: ", stderr);
	va_start(va, format);
	vfprintf(stderr, format, va);
	va_end(va);
	fputc('\n', stderr);
	exit(1);
}

static uint64_t offset_read(const char *text)
{
	char *end;
	unsigned long long value;

	errno = 0;
	value = strtoull(text, &end, 0);
	if (errno || end == text || *end || *text == '-' || value == GRUB_ANYWHERE)
		die("'%s' is no offset in bytes", text);
	return value;
}

static bool format_is_known(const char *format)
{
	return !strcmp(format, "sxp") || !strcmp(format, "simple") || !strcmp(format, "simple0");
}

static void option_set(struct options *o, int option, const char *value)
{
	struct pygrub_task *t = &o->task;
	const struct {
		int option;
		const char **to;
	} texts[] = {
		{ OPT_OUTPUT, &o->output }, { OPT_DIRECTORY, &o->directory },
		{ OPT_FORMAT, &o->format }, { OPT_ENTRY, &t->entry }, { OPT_KERNEL, &t->kernel },
		{ OPT_RAMDISK, &t->ramdisk }, { OPT_ARGS, &t->args },
	};
	const struct {
		int option;
		bool *to;
		bool value;
	} flags[] = {
		{ 'q', &t->is_menu, false }, { 'i', &t->is_menu, true }, { 'l', &t->is_list, true },
		{ 'n', &t->is_dry, true }, { OPT_ISCONFIG, &t->is_config, true },
		{ OPT_DEBUG, &t->is_debug, true },
	};

	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
		if (texts[i].option == option)
			*texts[i].to = value;
	for (size_t i = 0; i < sizeof flags / sizeof *flags; i++)
		if (flags[i].option == option)
			*flags[i].to = flags[i].value;
	if (option == OPT_OFFSET)
		t->offset = offset_read(value);
}

static void options_read(struct options *o, int argc, char **argv)
{
	int c;

	while ((c = getopt_long(argc, argv, "qilnh", long_options, NULL)) != -1) {
		if (c == 'h' || c == '?') {
			fputs(usage_text, stderr);
			exit(c == 'h' ? 0 : 1);
		}
		option_set(o, c, optarg);
	}
	if (argc - optind != 1) {
		fputs(usage_text, stderr);
		exit(1);
	}
	o->task.disk = argv[optind];
	if (!format_is_known(o->format)) {
		fprintf(stderr, "unknown output format %s\n%s", o->format, usage_text);
		exit(1);
	}
	if (o->task.entry || o->task.kernel || o->task.is_list || o->task.is_config)
		o->task.is_menu = false;
}

/* ------------------------------------------------------------------- files */

/* A file or a block device; anything else could block us, or be no disk. */
static void disk_open(struct pygrub_task *t)
{
	struct stat st;
	off_t size;

	t->fd = open(t->disk, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (t->fd < 0 || fstat(t->fd, &st) < 0)
		die("Disk isn't accessible: %s: %s", t->disk, strerror(errno));
	if (!S_ISREG(st.st_mode) && !S_ISBLK(st.st_mode))
		die("%s is neither a file nor a block device", t->disk);
	size = lseek(t->fd, 0, SEEK_END);
	if (size < 0)
		die("Unable to tell the size of %s: %s", t->disk, strerror(errno));
	t->size = (uint64_t)size;
}

static void files_remove(void)
{
	if (!has_files)
		return;
	unlink(kernel_path);
	unlink(ramdisk_path);
	has_files = 0;
}

static void directory_make(const char *directory)
{
	struct stat st;

	if (!strcmp(directory, DIRECTORY_DEFAULT))
		dirs_make(DIRECTORY_DEFAULT);
	if (stat(directory, &st) < 0 || !S_ISDIR(st.st_mode))
		die("%s is not an existing directory", directory);
}

/* Both are made before the child is caged; an unused one is removed. */
static void files_make(struct options *o)
{
	int k = snprintf(kernel_path, sizeof kernel_path, "%s/boot_kernel.XXXXXX", o->directory);
	int r = snprintf(ramdisk_path, sizeof ramdisk_path, "%s/boot_ramdisk.XXXXXX", o->directory);

	if (k < 0 || r < 0 || (size_t)k >= sizeof kernel_path || (size_t)r >= sizeof ramdisk_path)
		die("The directory's name is too long");
	directory_make(o->directory);
	o->task.kernel_fd = mkostemp(kernel_path, O_CLOEXEC);
	if (o->task.kernel_fd < 0)
		die("Unable to write to %s: %s", o->directory, strerror(errno));
	o->task.ramdisk_fd = mkostemp(ramdisk_path, O_CLOEXEC);
	has_files = 1;
	if (o->task.ramdisk_fd < 0) {
		files_remove();
		die("Unable to write to %s: %s", o->directory, strerror(errno));
	}
}

/* ---------------------------------------------------------------- terminal */

static void terminal_leave(void)
{
	if (terminal_is_raw)
		tcsetattr(STDIN_FILENO, TCSANOW, &terminal_before);
	terminal_is_raw = 0;
}

static void on_signal(int sig)
{
	terminal_leave();
	files_remove();
	signal(sig, SIG_DFL);
	raise(sig);
}

/* Without a terminal there is nobody to ask. */
static void terminal_enter(struct pygrub_task *t)
{
	struct termios raw;
	struct winsize size;

	if (!t->is_menu || tcgetattr(STDIN_FILENO, &terminal_before) < 0) {
		t->is_menu = false;
		return;
	}
	raw = terminal_before;
	cfmakeraw(&raw);
	terminal_is_raw = tcsetattr(STDIN_FILENO, TCSANOW, &raw) == 0;
	if (ioctl(STDIN_FILENO, TIOCGWINSZ, &size) == 0) {
		t->rows = size.ws_row;
		t->columns = size.ws_col;
	}
}

/* ------------------------------------------------------------------- child */

static void __attribute__((noreturn)) child_run(const struct pygrub_task *t, int out)
{
	static struct pygrub_answer answer;
	const struct sandbox_limits limits = {
		.memory = MEMORY_MAX, .file = PYGRUB_RAMDISK_MAX, .cpu_s = CPU_MAX_S,
	};
	int keep[6] = { STDIN_FILENO, STDOUT_FILENO, out, t->fd, 0, 0 };
	size_t n = 4;

	if (t->kernel_fd >= 0) {
		keep[n++] = t->kernel_fd;
		keep[n++] = t->ramdisk_fd;
	}
	if (sandbox_enter(keep, n, &limits) < 0)
		_exit(2);
	pygrub_work(t, &answer);
	_exit(fdio_write(out, &answer, sizeof answer) ? 2 : 0);
}

/* Terminated, and fit for a line of output. */
static bool text_is_sound(char *text, size_t size)
{
	size_t n = strnlen(text, size);

	for (size_t i = 0; i < n; i++)
		if ((unsigned char)text[i] < ' ' || text[i] == 0x7f)
			return false;
	return n < size;
}

static bool answer_is_sound(struct pygrub_answer *a)
{
	return a->magic == PYGRUB_ANSWER && text_is_sound(a->kernel, sizeof a->kernel) &&
	       text_is_sound(a->ramdisk, sizeof a->ramdisk) &&
	       text_is_sound(a->args, sizeof a->args) &&
	       text_is_sound(a->fault.text, sizeof a->fault.text) &&
	       text_is_sound(a->fault.hint, sizeof a->fault.hint);
}

/* Exits, with a message, unless there is a sound answer. */
static void task_run(const struct pygrub_task *t, struct pygrub_answer *a)
{
	int ends[2], status = 0, rc;
	pid_t pid;

	fflush(NULL);
	if (pipe2(ends, O_CLOEXEC) < 0 || (pid = fork()) < 0)
		die("Unable to start a child: %s", strerror(errno));
	if (pid == 0)
		child_run(t, ends[1]);
	close(ends[1]);
	rc = fdio_read_all(ends[0], a, sizeof *a);
	close(ends[0]);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	terminal_leave();
	if (WIFSIGNALED(status))
		die("The reader of the guest's disk was stopped by signal %d%s", WTERMSIG(status),
		    WTERMSIG(status) == SIGXCPU ? ": it took too long" : "");
	if (rc < 0 || WEXITSTATUS(status) || !answer_is_sound(a))
		die("The reader of the guest's disk gave no answer");
	if (a->fault.err) {
		if (*a->fault.hint)
			die("%s\n%s", a->fault.text, a->fault.hint);
		die("%s", a->fault.text);
	}
}

/* ------------------------------------------------------------------ output */

static void put_quoted(FILE *out, const char *text)
{
	fputc('"', out);
	for (; *text; text++) {
		if (*text == '"' || *text == '\\')
			fputc('\\', out);
		fputc(*text, out);
	}
	fputc('"', out);
}

static void put_path(FILE *out, const char *name, const char *path)
{
	fprintf(out, "(%s ", name);
	if (strpbrk(path, " ()\"'\\"))
		put_quoted(out, path);
	else
		fputs(path, out);
	fputc(')', out);
}

static void put_sxp(FILE *out, const char *kernel, const char *ramdisk, const char *args)
{
	fputs("linux ", out);
	put_path(out, "kernel", kernel);
	if (ramdisk)
		put_path(out, "ramdisk", ramdisk);
	if (*args) {
		fputs("(args ", out);
		put_quoted(out, args);
		fputc(')', out);
	}
}

/* A line for each, an empty one behind the last; or NULs instead of newlines. */
static void put_simple(FILE *out, char end, const char *kernel, const char *ramdisk,
		       const char *args)
{
	fprintf(out, "kernel %s%c", kernel, end);
	if (ramdisk)
		fprintf(out, "ramdisk %s%c", ramdisk, end);
	if (*args)
		fprintf(out, "args %s%c", args, end);
	fputc(end, out);
}

static void result_print(const struct options *o, const struct pygrub_answer *a)
{
	bool is_stdout = !o->output || !strcmp(o->output, "-") || !strcmp(o->output, "none");
	int fd = is_stdout ? STDOUT_FILENO :
		 open(o->output, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOCTTY, 0600);
	FILE *out = fd < 0 ? NULL : fdopen(fd, "w");
	const char *kernel = o->task.is_dry ? a->kernel : kernel_path;
	const char *ramdisk = !a->has_ramdisk ? NULL : o->task.is_dry ? a->ramdisk : ramdisk_path;

	if (!out)
		die("Unable to write to %s: %s", o->output, strerror(errno));
	if (!strcmp(o->format, "sxp"))
		put_sxp(out, kernel, ramdisk, a->args);
	else
		put_simple(out, strcmp(o->format, "simple") ? '\0' : '\n', kernel, ramdisk, a->args);
	if (fclose(out) == EOF)
		die("Unable to write the result: %s", strerror(errno));
}

int main(int argc, char **argv)
{
	struct options o = {
		.task = { .offset = GRUB_ANYWHERE, .is_menu = true, .kernel_fd = -1,
			  .ramdisk_fd = -1 },
		.directory = DIRECTORY_DEFAULT, .format = "sxp",
	};
	struct pygrub_answer answer = { 0 };

	options_read(&o, argc, argv);
	umask(077);
	disk_open(&o.task);
	atexit(files_remove);		/* until the result is out */
	atexit(terminal_leave);
	signal(SIGINT, on_signal);
	signal(SIGTERM, on_signal);
	signal(SIGHUP, on_signal);
	if (!o.task.is_dry && !o.task.is_list && !o.task.is_config)
		files_make(&o);
	terminal_enter(&o.task);
	task_run(&o.task, &answer);
	if (answer.is_printed)
		return 0;
	if (has_files && !answer.has_ramdisk)
		unlink(ramdisk_path);
	result_print(&o, &answer);
	has_files = 0;
	return 0;
}
