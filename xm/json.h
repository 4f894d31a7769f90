/* JSON on stdout for machines: a thin layer over libyajl's generator.
 * Keys are literals; memory running out ends the program with an error, never half a text. */
#ifndef XM_JSON_H
#define XM_JSON_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct json;

/* is_pretty: indented over several lines; else one line per json_line(). */
struct json *json_open(FILE *out, bool is_pretty);
/* Ends the text and the line; 0 or -EIO when it could not be written. */
int json_close(struct json *j);
/* One document is complete: writes it, starts the next. */
void json_line(struct json *j);

/* key NULL: an element of a list or the document itself. */
void json_map(struct json *j, const char *key);
void json_list(struct json *j, const char *key);
void json_end_map(struct json *j);
void json_end_list(struct json *j);
void json_text(struct json *j, const char *key, const char *text);	/* NULL: null */
void json_int(struct json *j, const char *key, int64_t number);
void json_float(struct json *j, const char *key, double number);
void json_bool(struct json *j, const char *key, bool truth);
void json_null(struct json *j, const char *key);

#endif
