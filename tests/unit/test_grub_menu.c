/* GRUB legacy's and Syslinux's menus, and what all menus share. */
#include <stdio.h>
#include <stdlib.h>

#include "check.h"
#include "grub_view.h"
#include "xend/grub_menu.h"

static struct grub_menu menu;
static struct fault fault;
static struct view_disk disk;

static int parse(grub_parse_fn *parser, const char *text)
{
	const struct grub_view view = GRUB_VIEW(&disk);
	size_t n = strlen(text);
	char *copy = malloc(n ? n : 1);
	int rc;

	grub_menu_free(&menu);
	fault = (struct fault){ 0 };
	memcpy(copy, text, n);
	rc = parser(&menu, &view, copy, n, &fault);
	free(copy);
	CHECK_EQ(rc, -fault.err);
	return rc;
}

/* ------------------------------------------------------------------ legacy */

static const char legacy[] =
	"# menu.lst\n"
	"default\t\t1\n"
	"timeout=7\r\n"
	"## kopt=root=/dev/xvda1 ro\n"
	"color cyan/blue white/blue\n"
	"\n"
	"title\t\tDebian GNU/Linux, kernel 6.1\n"
	"root\t\t(hd0,0)\n"
	"kernel\t\t/boot/vmlinuz-6.1 root=/dev/xvda1 ro  quiet \n"
	"initrd\t\t/boot/initrd.img-6.1\n"
	"savedefault\n"
	"title Xen\n"
	"root (hd0,1)\n"
	"kernel /xen.gz dom0_mem=512M\n"
	"module /vmlinuz-6.1 root=/dev/xvda2 console=hvc0\n"
	"module /initrd-6.1.img\n"
	"title Other\n"
	"kernel --type=linux (hd0,4)/vmlinuz single\n"
	"title Chained\n"
	"chainloader +1\n";

static void a_legacy_menu_is_read(void)
{
	CHECK_EQ(parse(grub_legacy_parse, legacy), 0);
	CHECK_EQ(menu.entries, 4);
	CHECK_EQ(menu.chosen, 1);
	CHECK_EQ(menu.timeout_s, 7);
	CHECK_STR(menu.entry[0]->title, "Debian GNU/Linux, kernel 6.1");
	CHECK_STR(menu.entry[0]->root, "hd0,1");
	CHECK_STR(menu.entry[0]->kernel.device, "hd0,1");
	CHECK_STR(menu.entry[0]->kernel.path, "/boot/vmlinuz-6.1");
	CHECK_STR(menu.entry[0]->args, "root=/dev/xvda1 ro  quiet");
	CHECK_EQ(menu.entry[0]->initrds, 1);
	CHECK_STR(menu.entry[0]->initrd[0].path, "/boot/initrd.img-6.1");
	CHECK_STR(menu.entry[1]->kernel.path, "/vmlinuz-6.1");
	CHECK_STR(menu.entry[1]->kernel.device, "hd0,2");
	CHECK_STR(menu.entry[1]->args, "root=/dev/xvda2 console=hvc0");
	CHECK_EQ(menu.entry[1]->initrds, 1);
	CHECK_STR(menu.entry[1]->initrd[0].path, "/initrd-6.1.img");
	CHECK_STR(menu.entry[2]->kernel.device, "hd0,5");
	CHECK_STR(menu.entry[2]->args, "single");
	CHECK(!grub_entry_boots(menu.entry[3]));
}

static void the_legacy_default_may_be_saved_or_fall_back(void)
{
	const struct view_file files[] = {
		{ "hd0,gpt1", "/boot/grub/default", "2\n#\n#\n", 0 }, { 0 },
	};
	static const struct {
		const char *head;
		size_t chosen;
	} rows[] = {
		{ "default saved\n", 2 }, { "default 9\nfallback 1\n", 1 }, { "default x\n", 0 },
		{ "default -1\n", 0 }, { "", 0 }, { "DEFAULT 2\n", 2 },
	};
	char text[256];

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		disk = (struct view_disk){ .file = files };
		snprintf(text, sizeof text, "%stitle a\nkernel /a\ntitle b\nkernel /b\n"
			 "title c\nkernel /c\n", rows[i].head);
		CHECK_EQ(parse(grub_legacy_parse, text), 0);
		CHECK_EQ(menu.chosen, rows[i].chosen);
		CHECK_EQ(menu.timeout_s, GRUB_WAIT_FOR_EVER);
		disk = (struct view_disk){ 0 };
	}
}

static void a_legacy_menu_may_name_its_disk_by_uuid(void)
{
	disk = (struct view_disk){ .uuid = "1-2" };
	CHECK_EQ(parse(grub_legacy_parse, "title a\nuuid 1-2\nkernel /k\n"), 0);
	CHECK_STR(menu.entry[0]->kernel.device, "hd0,gpt2");
	disk = (struct view_disk){ 0 };
}

static void odd_legacy_lines_do_no_harm(void)
{
	CHECK_EQ(parse(grub_legacy_parse, "kernel /k\ninitrd /i\nmodule /m\nroot (hd0\nroot (\n"
		       "title\nkernel\nkernel (hd0,0\nkernel k\ninitrd\nmodule\nroot\n=\n"
		       "title x\nroot (hd0,99999999999999999999)\nkernel (hd0,0)k\n"), 0);
	CHECK_EQ(menu.entries, 2);
	CHECK(!grub_entry_boots(menu.entry[0]) && !grub_entry_boots(menu.entry[1]));
	CHECK_EQ(parse(grub_legacy_parse, "kernel /k\n"), -ENOENT);
}

/* ---------------------------------------------------------------- syslinux */

static const char extlinux[] =
	"## comment\n"
	"DEFAULT l0\n"
	"ui menu.c32\n"
	"prompt 0\n"
	"timeout 55\n"
	"menu title Boot\n"
	"\n"
	"label l0\n"
	"\tmenu label ^Debian GNU/Linux, kernel 6.1\n"
	"\tlinux /boot/vmlinuz-6.1\n"
	"\tinitrd /boot/ucode.img,/boot/initrd.img-6.1\n"
	"\tappend root=/dev/xvda1 ro quiet\n"
	"\n"
	"LABEL old\n"
	"\tMENU LABEL Older\n"
	"\tTEXT HELP\n"
	"\tlabel in a help text\n"
	"\tENDTEXT\n"
	"\tKERNEL vmlinuz\n"
	"\tAPPEND initrd=initrd.img root=/dev/xvda1 single\n"
	"label hd\n"
	"\tlocalboot 0x80\n";

static void an_extlinux_menu_is_read(void)
{
	CHECK_EQ(parse(grub_syslinux_parse, extlinux), 0);
	CHECK_EQ(menu.entries, 3);
	CHECK_EQ(menu.chosen, 0);
	CHECK_EQ(menu.timeout_s, 6);
	CHECK_STR(menu.entry[0]->title, "Debian GNU/Linux, kernel 6.1");
	CHECK_STR(menu.entry[0]->id, "l0");
	CHECK_STR(menu.entry[0]->kernel.path, "/boot/vmlinuz-6.1");
	CHECK_STR(menu.entry[0]->args, "root=/dev/xvda1 ro quiet");
	CHECK_EQ(menu.entry[0]->initrds, 2);
	CHECK_STR(menu.entry[0]->initrd[1].path, "/boot/initrd.img-6.1");
	CHECK_STR(menu.entry[1]->kernel.path, "/boot/grub/vmlinuz");
	CHECK_STR(menu.entry[1]->initrd[0].path, "/boot/grub/initrd.img");
	CHECK_STR(menu.entry[1]->args, "root=/dev/xvda1 single");
	CHECK(!grub_entry_boots(menu.entry[2]));
}

static void an_extlinux_default_is_a_label_or_marked_in_the_menu(void)
{
	CHECK_EQ(parse(grub_syslinux_parse, "default b args\nlabel a\nkernel /a\nlabel b\n"
		       "kernel /b\n"), 0);
	CHECK_EQ(menu.chosen, 1);
	CHECK_EQ(parse(grub_syslinux_parse, "default b\nlabel a\nmenu default\nkernel /a\nlabel b\n"
		       "kernel /b\n"), 0);
	CHECK_EQ(menu.chosen, 0);
	CHECK_EQ(parse(grub_syslinux_parse, "append x\nlabel a\nkernel /a\nlabel b\nkernel /b\n"
		       "append -\n"), 0);
	CHECK_STR(menu.entry[0]->args, "x");
	CHECK_STR(menu.entry[1]->args, "");
}

static void included_files_are_read_but_not_for_ever(void)
{
	const struct view_file files[] = {
		{ "hd0,gpt1", "/boot/grub/linux.cfg", "label a\nlinux /k\n", 0 },
		{ "hd0,gpt1", "/loop.cfg", "include /loop.cfg\n", 0 }, { 0 },
	};

	disk = (struct view_disk){ .file = files };
	CHECK_EQ(parse(grub_syslinux_parse, "menu include linux.cfg\ninclude nothing\n"), 0);
	CHECK_STR(menu.entry[0]->kernel.path, "/k");
	CHECK_EQ(parse(grub_syslinux_parse, "include /loop.cfg\n"), -ELOOP);
	disk = (struct view_disk){ 0 };
}

static void odd_extlinux_lines_do_no_harm(void)
{
	CHECK_EQ(parse(grub_syslinux_parse, "kernel /k\ninitrd /i\nmenu label x\nmenu\nmenu default\n"
		       "append initrd=\nlabel\nkernel\ninitrd ,,\nappend initrd= initrd=\n"
		       "include\ntext help\nlabel z\n"), 0);
	CHECK_EQ(menu.entries, 1);
	CHECK(!grub_entry_boots(menu.entry[0]));
}

/* -------------------------------------------------------------------- both */

static void entries_are_found_by_number_place_id_and_title(void)
{
	CHECK_EQ(parse(grub_cfg_parse, "menuentry A --id a { linux /k }\nsubmenu S { menuentry B "
		       "{ linux /k }\n menuentry 0 { linux /k }\n}\n"), 0);
	CHECK_EQ(grub_menu_find(&menu, "0"), 0);
	CHECK_EQ(grub_menu_find(&menu, "2"), 2);
	CHECK_EQ(grub_menu_find(&menu, "a"), 0);
	CHECK_EQ(grub_menu_find(&menu, "1>0"), 1);
	CHECK_EQ(grub_menu_find(&menu, "B"), 1);
	CHECK_EQ(grub_menu_find(&menu, "3"), -1);
	CHECK_EQ(grub_menu_find(&menu, "-1"), -1);
	CHECK_EQ(grub_menu_find(&menu, "99999999999999999999"), -1);
	CHECK_EQ(grub_menu_find(&menu, ""), -1);
}

static void overlong_paths_and_command_lines_are_refused(void)
{
	static char text[GRUB_ARGS_MAX + GRUB_PATH_MAX + 100];
	size_t n = (size_t)sprintf(text, "title a\nkernel /k ");

	memset(text + n, 'a', GRUB_ARGS_MAX - 1);
	CHECK_EQ(parse(grub_legacy_parse, text), 0);
	memset(text + n, 'a', GRUB_ARGS_MAX);
	CHECK_EQ(parse(grub_legacy_parse, text), -E2BIG);
	memset(text, 0, sizeof text);
	n = (size_t)sprintf(text, "title a\nkernel /");
	memset(text + n, 'a', GRUB_PATH_MAX);
	CHECK_EQ(parse(grub_legacy_parse, text), -E2BIG);
}

static void control_characters_become_blanks(void)
{
	CHECK_EQ(parse(grub_legacy_parse, "title \x1b[2Jx\x7f\xc2\x9b\xc3\xa9\nkernel /k\x01 \t\x07 b\n"),
		 0);
	CHECK_STR(menu.entry[0]->title, " [2Jx   \xc3\xa9");
	CHECK_STR(menu.entry[0]->kernel.path, "/k ");
	CHECK_STR(menu.entry[0]->args, "  b");
	CHECK_EQ(parse(grub_legacy_parse, "title a\x9b\xff\xc3(\xe2\x82\xac\xe2\x82\nkernel /k\n"), 0);
	CHECK_STR(menu.entry[0]->title, "a   (\xe2\x82\xac  ");
}

static void memory_is_bounded(void)
{
	struct grub_arena a = { 0 };
	size_t n = 0;

	while (grub_alloc(&a, 1000))
		n += 1000;
	CHECK(n <= GRUB_ARENA_MAX && n > GRUB_ARENA_MAX / 2);
	CHECK(!grub_alloc(&a, SIZE_MAX));
	CHECK(!grub_copy(&a, "", SIZE_MAX));
	grub_arena_free(&a);
	CHECK(grub_alloc(&a, 1));
	grub_arena_free(&a);
}

static int teardown(void **state)
{
	grub_menu_free(&menu);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_legacy_menu_is_read),
		TEST(the_legacy_default_may_be_saved_or_fall_back),
		TEST(a_legacy_menu_may_name_its_disk_by_uuid),
		TEST(odd_legacy_lines_do_no_harm),
		TEST(an_extlinux_menu_is_read),
		TEST(an_extlinux_default_is_a_label_or_marked_in_the_menu),
		TEST(included_files_are_read_but_not_for_ever),
		TEST(odd_extlinux_lines_do_no_harm),
		TEST(entries_are_found_by_number_place_id_and_title),
		TEST(overlong_paths_and_command_lines_are_refused),
		TEST(control_characters_become_blanks),
		TEST(memory_is_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, teardown);
}
