#include <stdio.h>
#include <stdlib.h>

#include "check.h"
#include "grub_view.h"
#include "xend/grub_menu.h"

static struct grub_menu menu;
static struct fault fault;
static struct view_disk disk;

static int parse(const char *text)
{
	const struct grub_view view = GRUB_VIEW(&disk);
	size_t n = strlen(text);
	char *copy = malloc(n ? n : 1);		/* no NUL behind it: overreads are seen */
	int rc;

	grub_menu_free(&menu);
	fault = (struct fault){ 0 };
	memcpy(copy, text, n);
	rc = grub_cfg_parse(&menu, &view, copy, n, &fault);
	free(copy);
	CHECK_EQ(rc, -fault.err);
	return rc;
}

/* The part of grub-mkconfig's output that decides things, in its order. */
static const char mkconfig[] =
	"if [ -s $prefix/grubenv ]; then\n"
	"  set have_grubenv=true\n"
	"  load_env\n"
	"fi\n"
	"if [ \"${next_entry}\" ] ; then\n"
	"   set default=\"${next_entry}\"\n"
	"   set next_entry=\n"
	"   save_env next_entry\n"
	"   set boot_once=true\n"
	"else\n"
	"   set default=\"${saved_entry}\"\n"
	"fi\n"
	"if [ x\"${feature_menuentry_id}\" = xy ]; then\n"
	"  menuentry_id_option=\"--id\"\n"
	"else\n"
	"  menuentry_id_option=\"\"\n"
	"fi\n"
	"export menuentry_id_option\n"
	"function savedefault {\n"
	"  if [ -z \"${boot_once}\" ]; then\n"
	"    saved_entry=\"${chosen}\"\n"
	"    save_env saved_entry\n"
	"  fi\n"
	"}\n"
	"function load_video {\n"
	"  if [ x$feature_all_video_module = xy ]; then\n"
	"    insmod all_video\n"
	"  else\n"
	"    insmod efi_gop\n"
	"  fi\n"
	"}\n"
	"if loadfont $font ; then\n"
	"  set gfxmode=auto\n"
	"  load_video\n"
	"fi\n"
	"terminal_output gfxterm\n"
	"if [ \"${recordfail}\" = 1 ] ; then\n"
	"  set timeout=30\n"
	"else\n"
	"  if [ x$feature_timeout_style = xy ] ; then\n"
	"    set timeout_style=menu\n"
	"    set timeout=5\n"
	"  # a comment with 'a quote and a {brace\n"
	"  else\n"
	"    set timeout=99\n"
	"  fi\n"
	"fi\n"
	"function gfxmode {\n"
	"\tset gfxpayload=\"${1}\"\n"
	"}\n"
	"set linux_gfx_mode=\n"
	"menuentry 'Debian GNU/Linux' --class debian --class os $menuentry_id_option "
		"'gnulinux-simple-1' {\n"
	"\tload_video\n"
	"\tgfxmode $linux_gfx_mode\n"
	"\tinsmod gzio\n"
	"\tif [ x$grub_platform = xxen ]; then insmod xzio; insmod lzopio; fi\n"
	"\tset root='hd0,gpt2'\n"
	"\tif [ x$feature_platform_search_hint = xy ]; then\n"
	"\t  search --no-floppy --fs-uuid --set=root --hint-bios=hd0,gpt2 1111-2222\n"
	"\telse\n"
	"\t  search --no-floppy --fs-uuid --set=root 1111-2222\n"
	"\tfi\n"
	"\techo\t'Loading Linux 6.1.0 ...'\n"
	"\tlinux\t/boot/vmlinuz-6.1.0 root=UUID=1111-2222 ro  quiet console=hvc0\n"
	"\techo\t'Loading initial ramdisk ...'\n"
	"\tinitrd\t/boot/early.cpio /boot/initrd.img-6.1.0\n"
	"}\n"
	"submenu 'Advanced options for Debian' $menuentry_id_option 'gnulinux-advanced-1' {\n"
	"\tmenuentry 'Debian, with Linux 6.1.0' --class debian $menuentry_id_option "
		"'gnulinux-6.1.0-advanced-1' {\n"
	"\t\tlinux\t/boot/vmlinuz-6.1.0 root=UUID=1111-2222 ro\n"
	"\t}\n"
	"\tmenuentry 'Debian, with Linux 6.1.0 (recovery mode)' $menuentry_id_option "
		"'gnulinux-6.1.0-recovery-1' {\n"
	"\t\tlinux\t/boot/vmlinuz-6.1.0 root=UUID=1111-2222 ro single\n"
	"\t\tinitrd\t/boot/initrd.img-6.1.0\n"
	"\t}\n"
	"}\n"
	"menuentry 'Debian GNU/Linux, with Xen hypervisor' --class xen 'xen' {\n"
	"\tmultiboot2\t/boot/xen-4.17-amd64.gz placeholder  ${xen_rm_opts}\n"
	"\tmodule2\t/boot/vmlinuz-6.1.0 placeholder root=UUID=1111-2222 ro dom0\n"
	"\tmodule2\t--nounzip   /boot/initrd.img-6.1.0\n"
	"}\n"
	"if [ -f  ${config_directory}/custom.cfg ]; then\n"
	"  source ${config_directory}/custom.cfg\n"
	"elif [ -z \"${config_directory}\" -a -f  $prefix/custom.cfg ]; then\n"
	"  source $prefix/custom.cfg\n"
	"fi\n";

static void what_grub_mkconfig_writes_is_understood(void)
{
	disk = (struct view_disk){ .uuid = "1111-2222" };
	CHECK_EQ(parse(mkconfig), 0);
	CHECK_EQ(menu.entries, 4);
	CHECK_EQ(menu.timeout_s, 5);
	CHECK_EQ(menu.chosen, 0);
	CHECK_STR(menu.entry[0]->title, "Debian GNU/Linux");
	CHECK_STR(menu.entry[0]->id, "gnulinux-simple-1");
	CHECK_STR(menu.entry[0]->kernel.path, "/boot/vmlinuz-6.1.0");
	CHECK_STR(menu.entry[0]->kernel.device, "hd0,gpt2");
	CHECK_STR(menu.entry[0]->args, "root=UUID=1111-2222 ro quiet console=hvc0");
	CHECK_EQ(menu.entry[0]->initrds, 2);
	CHECK_STR(menu.entry[0]->initrd[0].path, "/boot/early.cpio");
	CHECK_STR(menu.entry[0]->initrd[1].path, "/boot/initrd.img-6.1.0");
	CHECK_STR(menu.entry[1]->group, "Advanced options for Debian");
	CHECK_STR(menu.entry[1]->place, "1>0");
	CHECK_EQ(menu.entry[1]->initrds, 0);
	CHECK_STR(menu.entry[2]->place, "1>1");
	CHECK_STR(menu.entry[3]->place, "2");
}

static void an_entry_that_starts_xen_gives_the_kernel_of_domain_0(void)
{
	CHECK_EQ(parse(mkconfig), 0);
	CHECK_STR(menu.entry[3]->kernel.path, "/boot/vmlinuz-6.1.0");
	CHECK_STR(menu.entry[3]->args, "root=UUID=1111-2222 ro dom0");
	CHECK_EQ(menu.entry[3]->initrds, 1);
	CHECK_STR(menu.entry[3]->initrd[0].path, "/boot/initrd.img-6.1.0");
}

/* With an environment block, padded with # as grub-editenv does. */
static int parse_with_env(const char *env)
{
	const struct view_file files[] = {
		{ "hd0,gpt1", "/boot/grub/grubenv", env, 0 }, { 0 },
	};

	disk = (struct view_disk){ .file = files, .uuid = "1111-2222" };
	return parse(mkconfig);
}

static void the_default_comes_from_the_environment_block(void)
{
	static const struct {
		const char *env;
		size_t chosen;
	} rows[] = {
		{ "# GRUB Environment Block\nsaved_entry=2\n######", 3 },
		{ "# GRUB Environment Block\nsaved_entry=gnulinux-6.1.0-advanced-1\n###", 0 },
		{ "saved_entry=gnulinux-advanced-1>gnulinux-6.1.0-recovery-1\n", 2 },
		{ "saved_entry=gnulinux-advanced-1>1\n", 2 },
		{ "saved_entry=Advanced options for Debian>Debian, with Linux 6.1.0\n", 1 },
		{ "saved_entry=1\n", 1 },		/* a submenu: its first */
		{ "saved_entry=1>7\n", 0 },
		{ "saved_entry=nobody\n", 0 },
		{ "saved_entry=0\nnext_entry=1>1\n", 2 },	/* grub-reboot's, once */
		{ "saved_entry=Debian GNU/Linux, with Xen \\hypervisor\n", 3 },
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		CHECK_EQ(parse_with_env(rows[i].env), 0);
		CHECK_EQ(menu.chosen, rows[i].chosen);
	}
	disk = (struct view_disk){ 0 };
}

static void a_custom_file_adds_its_entries(void)
{
	const struct view_file files[] = {
		{ "hd0,gpt1", "/boot/grub/custom.cfg", "menuentry Mine { linux /k a }\n", 0 }, { 0 },
	};

	disk = (struct view_disk){ .file = files };
	CHECK_EQ(parse(mkconfig), 0);
	CHECK_EQ(menu.entries, 5);
	CHECK_STR(menu.entry[4]->title, "Mine");
	CHECK_STR(menu.entry[4]->kernel.device, "hd0,gpt1");
	disk = (struct view_disk){ 0 };
}

#define ENTRY(commands) "menuentry t { " commands "\n}\n"

static void the_language_does_what_grubs_does(void)
{
	static const struct {
		const char *text, *args;
	} rows[] = {
		{ ENTRY("linux /k a  b\tc"), "a b c" },
		{ ENTRY("linux /k 'a  b' c"), "\"a  b\" c" },
		{ ENTRY("linux /k \"a \\\"b\\\"\""), "\"a \\\"b\\\"\"" },
		{ ENTRY("linux /k a\\ b"), "\"a b\"" },
		{ ENTRY("linux /k a \\\n b"), "a b" },
		{ ENTRY("linux /k a#b # c"), "a#b" },
		{ "set x=1\n" ENTRY("linux /k $x${x}'$x'\"$x\" $y z"), "11$x1 z" },
		{ "set x='a b'\n" ENTRY("linux /k $x \"$x\""), "a b \"a b\"" },
		{ "x=1; if [ $x = 1 ]; then y=2; else y=3; fi\n" ENTRY("linux /k $y"), "2" },
		{ "if false; then y=1; elif true; then y=2; elif true; then y=3; fi\n"
		  ENTRY("linux /k $y"), "2" },
		{ "if ! false; then y=1; fi\n" ENTRY("linux /k $y"), "1" },
		{ "if [ ! a = b -a \\( 3 -gt 2 -o z = y \\) ]; then y=1; fi\n" ENTRY("linux /k $y"),
		  "1" },
		{ "if [ 1 -ge 2 ]; then y=1; fi\n" ENTRY("linux /k n$y"), "n" },
		{ "for i in a b c; do y=$y$i; done\n" ENTRY("linux /k $y"), "abc" },
		{ "while [ x$y != xaaa ]; do y=a$y; done\n" ENTRY("linux /k $y"), "aaa" },
		{ "until [ x$y = xaa ]; do y=a$y; done\n" ENTRY("linux /k $y"), "aa" },
		{ "function f { y=$2$1; return; y=no; }\nf 1 2\n" ENTRY("linux /k $y"), "21" },
		{ "function f { y=$#\"$@\"; }\nf 1 2\n" ENTRY("linux /k $y"), "21 2" },
		{ "y=1\nunset y\n" ENTRY("linux /k n$y"), "n" },
		{ "menuentry t --class a --hotkey=x b c { linux /k $1 $2 }", "b c" },
		{ "menuentry t {\nif true\nthen\nlinux /k 1\nfi\n}", "1" },
		{ ENTRY("linux /k 1\nlinux /k 2"), "2" },
		{ ENTRY("linux /k $\"a\""), "a" },
		{ ENTRY("linux /k \xc3\xa4\x1b[2J"), "\xc3\xa4 [2J" },
		{ "y=1\nsubmenu s {\ny=2\nmenuentry i { linux /k $y }\n}\n" ENTRY("linux /k $y"), "2" },
		{ "y=1\n" ENTRY("linux /k $y") "y=2\n", "2" },	/* run when it is chosen */
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		if (parse(rows[i].text) < 0)
			fprintf(stderr, "%s\n%s\n", rows[i].text, fault.text);
		CHECK_EQ(fault.err, 0);
		CHECK_STR(menu.entry[0]->args, rows[i].args);
	}
}

static void variables_of_a_submenu_or_an_entry_end_with_it(void)
{
	CHECK_EQ(parse("y=1\nsubmenu s { y=2\nmenuentry a { linux /k $y\ny=3 }\n}\n"
		       "menuentry b { linux /k $y }\nmenuentry c { linux /k $y }"), 0);
	CHECK_STR(menu.entry[0]->args, "2");
	CHECK_STR(menu.entry[1]->args, "1");
	CHECK_STR(menu.entry[2]->args, "1");
}

static void devices_are_taken_from_the_path_or_from_root(void)
{
	disk = (struct view_disk){ .uuid = "u", .label = "boot" };
	CHECK_EQ(parse(ENTRY("linux ($root)/k\ninitrd (hd0,msdos3)/i")
		       ENTRY("search --label --set=root boot\nlinux /k")
		       ENTRY("search.fs_uuid u root hd0\nlinux /k")
		       ENTRY("search -u nobody --set=root\nlinux /k")
		       ENTRY("search -n --set=x --fs-uuid u\nlinux ($x)/k")), 0);
	CHECK_STR(menu.entry[0]->kernel.device, "hd0,gpt1");
	CHECK_STR(menu.entry[0]->kernel.path, "/k");
	CHECK_STR(menu.entry[0]->initrd[0].device, "hd0,msdos3");
	CHECK_STR(menu.entry[1]->kernel.device, "hd0,gpt2");
	CHECK_STR(menu.entry[2]->kernel.device, "hd0,gpt2");
	CHECK_STR(menu.entry[3]->kernel.device, "hd0,gpt1");
	CHECK_STR(menu.entry[4]->kernel.device, "hd0,gpt2");
	disk = (struct view_disk){ 0 };
}

static void an_entry_without_a_kernel_is_kept_but_does_not_boot(void)
{
	CHECK_EQ(parse(ENTRY("chainloader +1") ENTRY("linux k") ENTRY("linux /k")), 0);
	CHECK_EQ(menu.entries, 3);
	CHECK(!grub_entry_boots(menu.entry[0]));
	CHECK(!grub_entry_boots(menu.entry[1]));	/* a relative path has no meaning */
	CHECK(grub_entry_boots(menu.entry[2]));
}

static void broken_menus_are_refused_with_a_reason(void)
{
	static const struct {
		const char *text, *why;
		int rc;
	} rows[] = {
		{ "", "The menu has no entry", -ENOENT },
		{ "set x=1\n", "The menu has no entry", -ENOENT },
		{ "if true; then\n", "a block ends where it should not", -EINVAL },
		{ "fi\n", "a block ends where it should not", -EINVAL },
		{ "menuentry 'x {\n", "a quote or a brace is never closed", -EINVAL },
		{ "menuentry x {\nlinux ${x\n", "a quote or a brace is never closed", -EINVAL },
		{ "menuentry x\n", "'menuentry' or 'submenu' without a body", -EINVAL },
		{ "menuentry x { linux /k\n", "a block ends where it should not", -EINVAL },
		{ "function f\nf\n", "'function' without a body", -EINVAL },
		{ "for x y\n", "'for' without 'in'", -EINVAL },
		{ "{ true; }\n", "a brace where none belongs", -EINVAL },
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		CHECK_EQ(parse(rows[i].text), rows[i].rc);
		CHECK(strstr(fault.text, rows[i].why));
	}
}

static void a_menu_that_never_ends_is_stopped(void)
{
	static const char *const texts[] = {
		"while true; do x=1; done\n",
		"until false; do true; done\n",
		"function f { f; }\nf\n",
		"x=a\nfor i in 1 2 3 4 5 6 7 8 9 1 2 3 4 5 6 7 8 9; do x=$x$x; done\n",
		"source $prefix/grub.cfg\n",
		"submenu a { source $prefix/sub.cfg }\n",
	};
	const struct view_file files[] = {
		{ "hd0,gpt1", "/boot/grub/grub.cfg", "source $prefix/grub.cfg\n", 0 },
		{ "hd0,gpt1", "/boot/grub/sub.cfg", "submenu a { source $prefix/sub.cfg }\n", 0 },
		{ 0 },
	};

	disk = (struct view_disk){ .file = files };
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
		CHECK_EQ(parse(texts[i]), -E2BIG);
	disk = (struct view_disk){ 0 };
}

static void entries_in_files_of_their_own_are_read(void)
{
	const struct view_file files[] = {
		{ "hd0,gpt2", "/loader/entries/m-5.9.1.conf", "title Old\nlinux /vmlinuz-5.9.1\n"
		  "initrd /initrd-5.9.1 $early\noptions $kernelopts a\noptions b ${none}\n", 0 },
		{ "hd0,gpt2", "/loader/entries/m-5.10.1.conf", "# new\n title\tNew\r\n"
		  "linux\t/vmlinuz-5.10.1\nversion 5\noptions x=$ {y\n", 0 },
		{ "hd0,gpt2", "/loader/entries/README", "linux /no\n", 0 },
		{ "hd0,gpt2", "/loader/entries/a.conf", "junk\n", 0 }, { 0 },
	};

	disk = (struct view_disk){ .file = files, .uuid = "u" };
	CHECK_EQ(parse("set default=m-5.9.1\nset kernelopts='root=/dev/xvda1 ro'\nset early=/early\n"
		       "search --fs-uuid --set=root u\nblscfg\n" ENTRY("linux /last")), 0);
	disk = (struct view_disk){ 0 };
	CHECK_EQ(menu.entries, 4);
	CHECK_STR(menu.entry[0]->title, "New");
	CHECK_STR(menu.entry[0]->kernel.path, "/vmlinuz-5.10.1");
	CHECK_STR(menu.entry[0]->kernel.device, "hd0,gpt2");
	CHECK_STR(menu.entry[0]->args, "x=$ {y");
	CHECK_STR(menu.entry[1]->id, "m-5.9.1");
	CHECK_STR(menu.entry[1]->args, "root=/dev/xvda1 ro a b");
	CHECK_EQ(menu.entry[1]->initrds, 2);
	CHECK_STR(menu.entry[1]->initrd[1].path, "/early");
	CHECK_EQ(menu.chosen, 1);
	CHECK_STR(menu.entry[2]->title, "a");
	CHECK(!grub_entry_boots(menu.entry[2]));
	CHECK_STR(menu.entry[3]->place, "3");
	CHECK_EQ(parse("blscfg\n"), -ENOENT);
}

static void too_many_entries_are_refused(void)
{
	static char text[GRUB_ENTRIES_MAX * 40 + 100];
	size_t n = 0;

	for (int i = 0; i < GRUB_ENTRIES_MAX; i++)
		n += (size_t)sprintf(text + n, "menuentry %d { linux /k }\n", i);
	CHECK_EQ(parse(text), 0);
	CHECK_EQ(menu.entries, GRUB_ENTRIES_MAX);
	strcpy(text + n, "menuentry x { linux /k }\n");
	CHECK_EQ(parse(text), -E2BIG);
}

static int teardown(void **state)
{
	grub_menu_free(&menu);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_grub_mkconfig_writes_is_understood),
		TEST(an_entry_that_starts_xen_gives_the_kernel_of_domain_0),
		TEST(the_default_comes_from_the_environment_block),
		TEST(a_custom_file_adds_its_entries),
		TEST(the_language_does_what_grubs_does),
		TEST(variables_of_a_submenu_or_an_entry_end_with_it),
		TEST(devices_are_taken_from_the_path_or_from_root),
		TEST(an_entry_without_a_kernel_is_kept_but_does_not_boot),
		TEST(broken_menus_are_refused_with_a_reason),
		TEST(a_menu_that_never_ends_is_stopped),
		TEST(entries_in_files_of_their_own_are_read),
		TEST(too_many_entries_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, teardown);
}
