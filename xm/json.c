/* JSON through libyajl, checked once at the end. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <yajl/yajl_gen.h>
#include "xm/json.h"

struct json {
	yajl_gen gen;
	FILE *out;
};

static void die(void)
{
	fputs("Error: Out of memory.\n", stderr);
	exit(1);
}

struct json *json_open(FILE *out, bool is_pretty)
{
	struct json *j = calloc(1, sizeof *j);

	if (!j)
		die();
	j->out = out;
	j->gen = yajl_gen_alloc(NULL);
	if (!j->gen)
		die();
	yajl_gen_config(j->gen, yajl_gen_beautify, is_pretty ? 1 : 0);
	yajl_gen_config(j->gen, yajl_gen_indent_string, "  ");
	return j;
}

static void json_flush(struct json *j)
{
	const unsigned char *text;
	size_t length;

	if (yajl_gen_get_buf(j->gen, &text, &length) == yajl_gen_status_ok)
		fwrite(text, 1, length, j->out);
	yajl_gen_clear(j->gen);
}

void json_line(struct json *j)
{
	json_flush(j);
	yajl_gen_reset(j->gen, NULL);
	fputc('\n', j->out);
	fflush(j->out);
}

int json_close(struct json *j)
{
	FILE *out = j->out;

	json_flush(j);
	yajl_gen_free(j->gen);
	free(j);
	return fflush(out) == EOF || ferror(out) ? -EIO : 0;
}

/* Names and console text are bytes; JSON is UTF-8: what isn't becomes U+FFFD. */
static char *utf8_clean(const char *text)
{
	size_t length = strlen(text), used = 0;
	char *clean = malloc(length * 3 + 1);

	if (!clean)
		die();
	while (*text) {
		unsigned char lead = (unsigned char)*text;
		int more = lead < 0x80 ? 0 : lead >= 0xc2 && lead < 0xe0 ? 1 :
			   lead >= 0xe0 && lead < 0xf0 ? 2 : lead >= 0xf0 && lead < 0xf5 ? 3 : -1;

		for (int i = 1; i <= more; i++)
			if ((text[i] & 0xc0) != 0x80)
				more = -1;
		if (more < 0) {
			memcpy(clean + used, "\xef\xbf\xbd", 3);
			used += 3;
			text++;
			continue;
		}
		memcpy(clean + used, text, (size_t)more + 1);
		used += (size_t)more + 1;
		text += more + 1;
	}
	clean[used] = '\0';
	return clean;
}

static void put_text(struct json *j, const char *text)
{
	char *clean = utf8_clean(text);

	yajl_gen_string(j->gen, (const unsigned char *)clean, strlen(clean));
	free(clean);
}

static void put_key(struct json *j, const char *key)
{
	if (key)
		put_text(j, key);
}

void json_map(struct json *j, const char *key)
{
	put_key(j, key);
	yajl_gen_map_open(j->gen);
}

void json_list(struct json *j, const char *key)
{
	put_key(j, key);
	yajl_gen_array_open(j->gen);
}

void json_end_map(struct json *j)
{
	yajl_gen_map_close(j->gen);
}

void json_end_list(struct json *j)
{
	yajl_gen_array_close(j->gen);
}

void json_text(struct json *j, const char *key, const char *text)
{
	put_key(j, key);
	if (text)
		put_text(j, text);
	else
		yajl_gen_null(j->gen);
}

void json_int(struct json *j, const char *key, int64_t number)
{
	put_key(j, key);
	yajl_gen_integer(j->gen, number);
}

/* Short and exact enough: yajl's own form of 0.1 has 20 digits. */
void json_float(struct json *j, const char *key, double number)
{
	char text[32];

	put_key(j, key);
	snprintf(text, sizeof text, "%.15g", number);
	yajl_gen_number(j->gen, text, strlen(text));
}

void json_bool(struct json *j, const char *key, bool truth)
{
	put_key(j, key);
	yajl_gen_bool(j->gen, truth);
}

void json_null(struct json *j, const char *key)
{
	put_key(j, key);
	yajl_gen_null(j->gen);
}
