/* Values on their way into variables: from the script, from the command line, from text. */
#include "xend/config_build.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "xend/eval.h"

bool config_number(const char *text, int64_t *number)
{
	const char *start = text + strspn(text, " \t"), *digits = start + (*start == '-' || *start == '+');
	bool is_hex = digits[0] == '0' && (digits[1] | 32) == 'x';
	char *end;

	errno = 0;
	*number = strtoll(start, &end, is_hex ? 16 : 10);
	end += strspn(end, " \t");
	return !errno && *end == '\0' && isdigit((unsigned char)*digits);
}

void config_value_clear(struct config_value *value)
{
	free(value->text);
	for (size_t i = 0; i < value->items; i++)
		free(value->item[i].text);
	free(value->item);
	*value = (struct config_value){ .is_set = false };
}

int config_add_item(struct config_build *b, struct config_value *value, const char *text,
		    struct config_where where)
{
	struct config_item *grown = reallocarray(value->item, value->items + 1, sizeof(*grown));

	if (!grown)
		return config_no_memory(b);
	value->item = grown;
	value->item[value->items].where = where;
	value->item[value->items].text = strdup(text);
	if (!value->item[value->items].text)
		return config_no_memory(b);
	value->items++;
	return 0;
}

/* ---- words that stand for numbers ---- */

static const struct {
	const char *text;
	bool truth, on_command;		/* xm's command line knew only four */
} config_truths[] = {
	{ "yes", true, true }, { "y", true, true }, { "no", false, true }, { "n", false, true },
	{ "1", true }, { "0", false }, { "", false }, { "true", true }, { "True", true },
	{ "false", false }, { "False", false }, { "on", true }, { "off", false },
};

static bool config_truth(const char *text, bool on_command, int64_t *number)
{
	for (size_t i = 0; i < sizeof(config_truths) / sizeof(config_truths[0]); i++) {
		if (strcmp(config_truths[i].text, text) || (on_command && !config_truths[i].on_command))
			continue;
		*number = config_truths[i].truth;
		return true;
	}
	return false;
}

/* xl's names for some numbers. */
static const struct {
	enum config_id id;
	const char *text;
	int number;
} config_words[] = {
	{ CONFIG_TSC_MODE, "default", 0 }, { CONFIG_TSC_MODE, "always_emulate", 1 },
	{ CONFIG_TSC_MODE, "native", 2 }, { CONFIG_TSC_MODE, "native_paravirt", 3 },
	{ CONFIG_TIMER_MODE, "delay_for_missed_ticks", 0 },
	{ CONFIG_TIMER_MODE, "no_delay_for_missed_ticks", 1 },
	{ CONFIG_TIMER_MODE, "no_missed_ticks_pending", 2 },
	{ CONFIG_TIMER_MODE, "one_missed_tick_pending", 3 },
};

static bool config_word(enum config_id id, const char *text, int64_t *number)
{
	for (size_t i = 0; i < sizeof(config_words) / sizeof(config_words[0]); i++) {
		if (config_words[i].id != id || strcmp(config_words[i].text, text))
			continue;
		*number = config_words[i].number;
		return true;
	}
	return false;
}

/* ---- setting ---- */

static int config_set_string(struct config_build *b, struct config_value *value, const char *text)
{
	value->text = strdup(text);
	return value->text ? 0 : config_no_memory(b);
}

/* The words of old, then which variable wants what. */
static int config_refuse(struct config_build *b, struct config_where where, enum config_id id,
			 const char *wanted, const char *words, const char *text)
{
	char hint[128];

	snprintf(hint, sizeof(hint), "%s must be %s", config_vars[id].name, wanted);
	return config_fail(b, where, hint, "%s%s", words, text);
}

int config_set_text(struct config_build *b, enum config_id id, const char *text,
		    enum config_origin origin, struct config_where where)
{
	struct config_value *value = &b->c->var[id];
	bool on_command = origin == CONFIG_FROM_COMMAND;

	config_value_clear(value);
	*value = (struct config_value){ .is_set = true, .origin = origin, .where = where };
	switch (config_vars[id].type) {
	case CONFIG_STRING: case CONFIG_AFFINITY:
		return config_set_string(b, value, text);
	case CONFIG_LIST:
		return *text ? config_add_item(b, value, text, where) : 0;
	case CONFIG_BOOL:
		if (config_truth(text, on_command, &value->number) ||
		    (!on_command && config_number(text, &value->number))) {
			value->number = value->number != 0;
			return 0;
		}
		value->is_set = false;
		return config_refuse(b, where, id, on_command ? "yes or no" : "1 or 0",
				     "Invalid value:", text);
	default:
		if (!*text && !on_command) {
			value->is_set = false;		/* maxmem = '' says nothing */
			return 0;
		}
		if (config_number(text, &value->number) || config_word(id, text, &value->number))
			return 0;
		value->is_set = false;
		return config_refuse(b, where, id, "an integer", "Invalid value: ", text);
	}
}

int config_set_default(struct config_build *b, enum config_id id)
{
	int rc;

	if (!config_vars[id].fallback)
		return 0;
	rc = config_set_text(b, id, config_vars[id].fallback, CONFIG_FROM_DEFAULT, config_nowhere);
	return rc;
}

int config_set_command(struct config_build *b, enum config_id id, const char *text)
{
	struct config_value *value = &b->c->var[id];

	if (config_vars[id].type != CONFIG_LIST)
		return config_set_text(b, id, text, CONFIG_FROM_COMMAND, config_nowhere);
	if (value->origin != CONFIG_FROM_COMMAND)
		config_value_clear(value);
	value->is_set = true;
	value->origin = CONFIG_FROM_COMMAND;
	return config_add_item(b, value, text, config_nowhere);
}

static struct config_where config_where_of(const struct eval_value *v)
{
	return (struct config_where){ v->where.line, v->where.column };
}

/* A number or string as text; NULL for the rest.  buffer holds numbers. */
static const char *config_scalar(const struct eval_value *v, char *buffer, size_t size)
{
	if (v->type == EVAL_STR || v->type == EVAL_UNICODE)
		return v->text;
	if (v->type == EVAL_INT || v->type == EVAL_BOOL || v->type == EVAL_LONG)
		snprintf(buffer, size, "%lld", (long long)v->number);
	else if (v->type == EVAL_FLOAT)
		snprintf(buffer, size, "%.12g", v->real);
	else
		return NULL;
	return buffer;
}

static int config_set_list(struct config_build *b, enum config_id id, const struct eval_value *v)
{
	struct config_value *value = &b->c->var[id];
	char buffer[40];
	int rc = 0;

	config_value_clear(value);
	*value = (struct config_value){ .is_set = true, .origin = CONFIG_FROM_FILE,
					.where = config_where_of(v) };
	for (size_t i = 0; i < v->items->count && config_goes_on(b, rc); i++) {
		const struct eval_value *item = v->items->item[i];
		const char *text = config_scalar(item, buffer, sizeof(buffer));

		rc = text ? config_add_item(b, value, text, config_where_of(item)) :
			config_fail(b, config_where_of(item), "expected a text in quotes",
				    "Invalid value: %s holds a %s", config_vars[id].name,
				    eval_type_name(item));
	}
	return config_goes_on(b, rc) ? 0 : rc;
}

/* A text where a list belongs: xm took its letters one by one, which never made sense. */
static int config_set_list_from_text(struct config_build *b, enum config_id id, const char *text,
				     struct config_where where)
{
	static const char hint[] = "expected a list: NAME = [ 'ELEMENT', … ]";

	if (!*text)
		return config_set_text(b, id, "", CONFIG_FROM_FILE, where);
	if (id == CONFIG_DISK)
		return config_fail(b, where, hint, "Invalid disk specifier: %s", text);
	return config_fail(b, where, hint, "Invalid value: %s = '%s' is not a list",
			   config_vars[id].name, text);
}

/* xl has lists where xm has one text: serial, usbdevice, viridian, … */
static int config_set_from_list(struct config_build *b, enum config_id id,
				const struct eval_value *v)
{
	struct config_where where = config_where_of(v);
	char buffer[40];
	const char *text;

	if (config_vars[id].type == CONFIG_INT || config_vars[id].type == CONFIG_BOOL)
		return config_set_text(b, id, v->items->count ? "1" : "0", CONFIG_FROM_FILE, where);
	if (!v->items->count)
		return 0;
	text = config_scalar(v->items->item[0], buffer, sizeof(buffer));
	if (!text)
		return config_fail(b, where, "expected a text in quotes", "Invalid value: %s",
				   config_vars[id].name);
	if (v->items->count > 1)
		config_warn(b, where, "%s: only the first of %zu elements is used",
			    config_vars[id].name, v->items->count);
	return config_set_text(b, id, text, CONFIG_FROM_FILE, where);
}

static int config_set_float(struct config_build *b, enum config_id id, const struct eval_value *v)
{
	char text[40];

	if (config_vars[id].type == CONFIG_STRING)
		snprintf(text, sizeof(text), "%.12g", v->real);
	else if (!isfinite(v->real) || fabs(v->real) > 9e15)
		snprintf(text, sizeof(text), "%g", v->real);	/* which is refused below */
	else
		snprintf(text, sizeof(text), "%lld", (long long)v->real);
	if (config_vars[id].type != CONFIG_STRING && v->real != trunc(v->real))
		config_warn(b, config_where_of(v), "%s = %.12g is cut to %s", config_vars[id].name,
			    v->real, text);
	return config_set_text(b, id, text, CONFIG_FROM_FILE, config_where_of(v));
}

int config_set_eval(struct config_build *b, enum config_id id, const struct eval_value *v)
{
	bool is_list = config_vars[id].type == CONFIG_LIST;
	struct config_where where = config_where_of(v);
	char text[40];

	switch (v->type) {
	case EVAL_STR:
		return is_list ? config_set_list_from_text(b, id, v->text, where) :
			config_set_text(b, id, v->text, CONFIG_FROM_FILE, where);
	case EVAL_INT:
		snprintf(text, sizeof(text), "%lld", (long long)v->number);
		if (config_vars[id].type == CONFIG_BOOL)
			snprintf(text, sizeof(text), "%d", v->number != 0);
		return is_list ? config_set_list_from_text(b, id, text, where) :
			config_set_text(b, id, text, CONFIG_FROM_FILE, where);
	case EVAL_FLOAT:
		return config_set_float(b, id, v);
	case EVAL_LIST:
		return is_list || config_vars[id].type == CONFIG_AFFINITY ?
			config_set_list(b, id, v) : config_set_from_list(b, id, v);
	case EVAL_BOOL:
		config_warn(b, where, "%s = %s has no effect, as always: write %d",
			    config_vars[id].name, v->number ? "True" : "False", v->number != 0);
		return 0;
	case EVAL_LONG: case EVAL_UNICODE: case EVAL_TUPLE: case EVAL_DICT:
		config_warn(b, where, "%s: a %s has no effect, as always: write %s",
			    config_vars[id].name, eval_type_name(v),
			    v->type == EVAL_LONG ? "the number without L" :
			    v->type == EVAL_UNICODE ? "the text without u" : "a list, [ … ]");
		return 0;
	default:
		return 0;
	}
}
