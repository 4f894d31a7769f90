/*
 * Boot menus.  The first byte chooses the parser; the text may include itself, and has an
 * environment block and a saved default beside it, which are its second half.  What is accepted
 * must be whole and fit to be shown.
 */
#include <stdlib.h>
#include <string.h>

#include "tests/unit/grub_view.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_text(const char *text, size_t max)
{
	if (!text || strlen(text) >= max)
		abort();
	for (; *text; text++)
		if ((unsigned char)*text < ' ' || *text == 0x7f)
			abort();
}

static void check_file(const struct grub_file *file)
{
	if (!file->path || *file->path != '/')
		abort();
	check_text(file->path, GRUB_PATH_MAX);
	check_text(file->device, GRUB_TEXT_MAX);
}

static void check_entry(const struct grub_entry *e)
{
	check_text(e->title, GRUB_TEXT_MAX);
	check_text(e->group, GRUB_TEXT_MAX);
	check_text(e->id, GRUB_TEXT_MAX);
	check_text(e->place, GRUB_TEXT_MAX);
	check_text(e->root, GRUB_TEXT_MAX);
	check_text(e->args, GRUB_ARGS_MAX);
	if (e->kernel.path)
		check_file(&e->kernel);
	if (e->initrds > GRUB_INITRDS_MAX)
		abort();
	for (size_t i = 0; i < e->initrds; i++)
		check_file(&e->initrd[i]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static grub_parse_fn *const parsers[] = {
		grub_cfg_parse, grub_legacy_parse, grub_syslinux_parse,
	};
	const char *text = (const char *)data + 1;
	size_t n = size - 1, half = n / 2;
	struct grub_menu menu = { 0 };
	struct fault fault = { 0 };
	int rc;

	if (size < 2)
		return 0;

	struct view_file files[] = {
		{ "hd0,gpt1", "/boot/grub/grubenv", text + half, n - half },
		{ "hd0,gpt1", "/boot/grub/default", text + half, n - half },
		{ "hd0,gpt1", "/boot/grub/grub.cfg", text, n },
		{ "hd0,gpt2", "/boot/grub/custom.cfg", text, half ? half : 1 },
		{ "hd0,gpt1", "/loader/entries/a.conf", text + half, n - half },
		{ 0 },
	};
	struct view_disk disk = { .file = files, .uuid = "1", .label = "l" };
	const struct grub_view view = GRUB_VIEW(&disk);

	rc = parsers[data[0] % 3](&menu, &view, text, n, &fault);
	if (rc != -fault.err)
		abort();
	if (rc == 0) {
		if (!menu.entries || menu.entries > GRUB_ENTRIES_MAX || menu.chosen >= menu.entries ||
		    menu.timeout_s < GRUB_WAIT_FOR_EVER)
			abort();
		for (size_t i = 0; i < menu.entries; i++)
			check_entry(menu.entry[i]);
	}
	grub_menu_free(&menu);
	return 0;
}
