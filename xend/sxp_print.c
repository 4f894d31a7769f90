/* S-expressions as text: xend's quoting, and its way of breaking lines. */
#include "xend/sxp.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* xend printed these without quotes: empty, "@", letters and digits, or names and paths. */
static bool sxp_is_bare(const struct sxp *s)
{
	if (s->length == 1 && s->text[0] == '@')
		return true;
	for (size_t i = 0; i < s->length; i++) {
		unsigned char c = (unsigned char)s->text[i];

		if (c >= 0x80 || (!isalnum(c) && (!c || !strchr(".-_:/~", c))))
			return false;
	}
	return true;
}

static void sxp_write_byte(unsigned char c, char quote, FILE *out)
{
	static const char bytes[] = "\t\n\r\\", names[] = "tnr\\";
	const char *found = c ? strchr(bytes, c) : NULL;

	if (found)
		fprintf(out, "\\%c", names[found - bytes]);
	else if (c == (unsigned char)quote)
		fprintf(out, "\\%c", c);
	else if (c < 0x20 || c >= 0x7f)
		fprintf(out, "\\x%02x", c);
	else
		fputc(c, out);
}

static void sxp_write_atom(const struct sxp *s, FILE *out)
{
	char quote = strchr(s->text, '\'') && !strchr(s->text, '"') ? '"' : '\'';

	if (sxp_is_bare(s)) {
		fputs(s->text, out);
		return;
	}
	fputc(quote, out);
	for (size_t i = 0; i < s->length; i++)
		sxp_write_byte((unsigned char)s->text[i], quote, out);
	fputc(quote, out);
}

static void sxp_write(const struct sxp *s, FILE *out)
{
	if (!s->is_list) {
		sxp_write_atom(s, out);
		return;
	}
	fputc('(', out);
	for (size_t i = 0; i < s->count; i++) {
		if (i)
			fputc(' ', out);
		sxp_write(s->item[i], out);
	}
	fputc(')', out);
}

/* Columns of the one-line form. */
static size_t sxp_width(const struct sxp *s)
{
	size_t width = 2 + (s->count ? s->count - 1 : 0);
	char *text;

	if (s->is_list) {
		for (size_t i = 0; i < s->count; i++)
			width += sxp_width(s->item[i]);
		return width;
	}
	if (sxp_is_bare(s))
		return s->length;
	text = sxp_print(s);
	width = text ? strlen(text) : s->length + 2;
	free(text);
	return width;
}

/* At column `column` of a line: whole if it fits, else one element a line, 4 further in. */
static void sxp_write_pretty(const struct sxp *s, size_t column, size_t width, FILE *out)
{
	if (!s->is_list || column + sxp_width(s) <= width) {
		sxp_write(s, out);
		return;
	}
	fputc('(', out);
	for (size_t i = 0; i < s->count; i++) {
		if (i)
			fprintf(out, "\n%*s", (int)column + 4, "");
		sxp_write_pretty(s->item[i], i ? column + 4 : column + 1, width, out);
	}
	fprintf(out, "\n%*s)", (int)column, "");
}

char *sxp_print(const struct sxp *s)
{
	char *text = NULL;
	size_t length;
	FILE *out = open_memstream(&text, &length);

	if (!out)
		return NULL;
	sxp_write(s, out);
	if (fclose(out)) {
		free(text);
		return NULL;
	}
	return text;
}

char *sxp_pretty(const struct sxp *s, unsigned width)
{
	char *text = NULL;
	size_t length;
	FILE *out = open_memstream(&text, &length);

	if (!out)
		return NULL;
	sxp_write_pretty(s, 0, width, out);
	fputc('\n', out);
	if (fclose(out)) {
		free(text);
		return NULL;
	}
	return text;
}
