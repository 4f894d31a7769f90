#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "check.h"
#include "grub_view.h"
#include "xend/grub_screen.h"

static struct grub_menu menu;
static char shown[1 << 20];

static const char text[] =
	"default 1\ntitle One\nkernel /one a\ninitrd /i1\ntitle Two\nkernel /two\n"
	"title Three\nkernel /three c\ntitle Chained\nchainloader +1\n";

static void load(int timeout_s)
{
	struct view_disk disk = { 0 };
	const struct grub_view view = GRUB_VIEW(&disk);
	struct fault f = { 0 };

	grub_menu_free(&menu);
	CHECK_EQ(grub_legacy_parse(&menu, &view, text, strlen(text), &f), 0);
	menu.timeout_s = timeout_s;
}

/* What comes of these keys; `shown` is what was on the terminal.  `end`: the terminal closes. */
static int type_at(const char *keys, unsigned rows, unsigned columns, bool end)
{
	int in[2], out = memfd_create("terminal", MFD_CLOEXEC), rc;
	ssize_t n;

	CHECK_EQ(pipe2(in, O_CLOEXEC), 0);
	CHECK_EQ(write(in[1], keys, strlen(keys)), strlen(keys));
	if (end)
		close(in[1]);

	const struct grub_screen s = {
		.in = in[0], .out = out, .rows = rows, .columns = columns, .heading = "Heading",
	};

	rc = grub_screen_choose(&s, &menu);
	close(in[0]);
	if (!end)
		close(in[1]);
	n = pread(out, shown, sizeof shown - 1, 0);
	CHECK(n >= 0);
	shown[n] = '\0';
	close(out);
	return rc;
}

static int type(const char *keys)
{
	load(GRUB_WAIT_FOR_EVER);
	return type_at(keys, 0, 0, true);
}

#define UP "\033[A"
#define DOWN "\033[B"

static void the_bar_begins_at_the_default_and_follows_the_arrows(void)
{
	CHECK_EQ(type("\r"), 1);
	CHECK(strstr(shown, "Heading") && strstr(shown, "\033[7m Two \033[0m"));
	CHECK_EQ(type(UP "\r"), 0);
	CHECK_EQ(type(DOWN "\n"), 2);
	CHECK_EQ(type("\033OB\r"), 2);
	CHECK_EQ(type(UP UP UP UP DOWN "\r"), 1);
	CHECK_EQ(type("\033[1~\r"), 0);
	CHECK_EQ(type("\033[F" UP "\r"), 2);
	CHECK_EQ(type("\033[6~" UP "\r"), 2);
	CHECK_EQ(type("kkjjb"), 2);
}

static void an_entry_without_a_kernel_is_not_booted(void)
{
	CHECK_EQ(type(DOWN DOWN "\rq"), -ECANCELED);
	CHECK(strstr(shown, "Chained  [has no kernel]"));
}

static void q_and_control_c_give_up(void)
{
	CHECK_EQ(type("q"), -ECANCELED);
	CHECK_EQ(type("\003"), -ECANCELED);
}

static void a_closed_terminal_ends_it(void)
{
	CHECK_EQ(type(""), -EIO);
	CHECK_EQ(type("a"), -EIO);
	CHECK_EQ(type("ee"), -EIO);
}

static void arguments_are_edited(void)
{
	CHECK_EQ(type(UP "a b=c\r\r"), 0);
	CHECK_STR(menu.entry[0]->args, "a b=c");
	CHECK_EQ(type(UP "a\001x \005\033[D\033[D\033[C\177y\r\r"), 0);
	CHECK_STR(menu.entry[0]->args, "xya");
	CHECK_EQ(type(UP "aabc\033[D\033[D\013\r\r"), 0);
	CHECK_STR(menu.entry[0]->args, "aa");
	CHECK_EQ(type(UP "abc\025z\033[H\033[3~q\r\r"), 0);
	CHECK_STR(menu.entry[0]->args, "q");
	CHECK_EQ(type(UP "axyz\003\r"), 0);		/* dropped */
	CHECK_STR(menu.entry[0]->args, "a");
}

static void kernel_and_initrd_are_edited(void)
{
	CHECK_EQ(type(UP "e" UP "\r2\rb"), 0);
	CHECK_STR(menu.entry[0]->kernel.path, "/one2");
	CHECK_EQ(type(UP "e" DOWN "\r\025/new\rb"), 0);
	CHECK_EQ(menu.entry[0]->initrds, 1);
	CHECK_STR(menu.entry[0]->initrd[0].path, "/new");
	CHECK_EQ(type(UP "e" DOWN "\r\025\rb"), 0);	/* emptied, it goes */
	CHECK_EQ(menu.entry[0]->initrds, 0);
	CHECK_EQ(type("e" DOWN "\r/added\r" DOWN "\r/more\rb"), 1);
	CHECK_EQ(menu.entry[1]->initrds, 2);
	CHECK_STR(menu.entry[1]->initrd[1].path, "/more");
	CHECK_EQ(type("e" UP "\r\025/other\rq\r"), 1);	/* back to the menu, and boot */
	CHECK_STR(menu.entry[1]->kernel.path, "/other");
	CHECK_EQ(type("e" UP "\r\025\rbq"), -ECANCELED);	/* no kernel left: not booted */
}

static void all_initrds_may_be_there_and_go(void)
{
	char keys[512] = "e";

	for (int i = 0; i < GRUB_INITRDS_MAX; i++)
		strcat(keys, DOWN "\r/x\r");
	strcat(keys, DOWN DOWN "\r\025\rb");
	CHECK_EQ(type(keys), 1);
	CHECK_EQ(menu.entry[1]->initrds, GRUB_INITRDS_MAX - 1);
}

static void a_line_has_an_end(void)
{
	static char keys[GRUB_ARGS_MAX + 200];

	memset(keys, 'x', GRUB_ARGS_MAX + 100);
	keys[0] = 'a';
	strcpy(keys + GRUB_ARGS_MAX + 100, "\r\r");
	CHECK_EQ(type(keys), 1);
	CHECK_EQ(strlen(menu.entry[1]->args), GRUB_ARGS_MAX - 1);
}

static void the_timeout_boots_the_default_unless_a_key_comes(void)
{
	load(0);
	CHECK_EQ(type_at("", 0, 0, false), 1);
	load(1);
	CHECK_EQ(type_at("", 0, 0, false), 1);
	CHECK(strstr(shown, "in 1 seconds"));
	load(0);
	CHECK_EQ(type_at(DOWN "q", 0, 0, true), -ECANCELED);
}

static void lines_are_cut_to_the_terminals_width(void)
{
	load(GRUB_WAIT_FOR_EVER);
	menu.entry[1]->title = "\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4 567890123456789";
	CHECK_EQ(type_at("\r", 11, 20, true), 1);
	CHECK(strstr(shown, "\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4 5678901234 \033[0m"));
	CHECK_EQ(type_at("\r", 1, 1, true), 1);		/* nonsense: 24 and 80 */
	CHECK_EQ(type_at("\r", UINT32_MAX, UINT32_MAX, true), 1);
}

static void a_long_menu_scrolls(void)
{
	char keys[GRUB_ENTRIES_MAX * 3 + 8] = "";

	load(GRUB_WAIT_FOR_EVER);
	menu.entry[0]->group = "Group";
	while (menu.entries < 100) {
		struct grub_entry *e = grub_menu_add(&menu);
		char title[16];

		snprintf(title, sizeof title, "number %zu", menu.entries - 1);
		e->title = grub_copy(&menu.arena, title, strlen(title));
		e->kernel.path = "/k";
	}
	for (int i = 0; i < 60; i++)
		strcat(keys, DOWN);
	strcat(keys, "\r");
	CHECK_EQ(type_at(keys, 24, 80, true), 61);
	CHECK(strstr(shown, "\033[7m number 61 \033[0m"));
}

static int teardown(void **state)
{
	grub_menu_free(&menu);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_bar_begins_at_the_default_and_follows_the_arrows),
		TEST(an_entry_without_a_kernel_is_not_booted),
		TEST(q_and_control_c_give_up),
		TEST(a_closed_terminal_ends_it),
		TEST(arguments_are_edited),
		TEST(kernel_and_initrd_are_edited),
		TEST(all_initrds_may_be_there_and_go),
		TEST(a_line_has_an_end),
		TEST(the_timeout_boots_the_default_unless_a_key_comes),
		TEST(lines_are_cut_to_the_terminals_width),
		TEST(a_long_menu_scrolls),
	};

	return cmocka_run_group_tests(tests, NULL, teardown);
}
