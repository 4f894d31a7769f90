/* Memory sizes and lists of processors, as people type them. */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include "xm/numbers.h"

#define CPUS_MAX 1024		/* XENCTL bitmaps of today's hosts */
#define CPUS_ALL 64		/* what "all" has always meant: 0 to 63 */

static int parse_number(const char *text, const char *end, int64_t *number)
{
	char *stop;

	errno = 0;
	*number = strtoll(text, &stop, 10);
	return stop == text || stop != end || errno ? -EINVAL : 0;
}

int number_mib(const char *text, int64_t *mib, bool *is_odd)
{
	size_t length = strlen(text);
	char unit = length ? (char)tolower((unsigned char)text[length - 1]) : '\0';
	int64_t number;

	*is_odd = isalpha((unsigned char)unit) && !strchr("gmk", unit);
	if (parse_number(text, text + length - (isalpha((unsigned char)unit) ? 1 : 0), &number) < 0)
		return -EINVAL;
	if (number > INT64_MAX / 1024 || number < INT64_MIN / 1024)
		return -EINVAL;
	if (unit == 'g')
		number *= 1024;
	else if (unit == 'k')
		number /= 1024;
	else if (*is_odd)
		number /= 1024 * 1024;
	*mib = number;
	return 0;
}

static int cpus_range(const char *part, bool *map, bool value)
{
	char *end;
	unsigned long first, last;

	if (!isdigit((unsigned char)*part))
		return -EINVAL;
	first = last = strtoul(part, &end, 10);
	if (*end == '-' && isdigit((unsigned char)end[1]))
		last = strtoul(end + 1, &end, 10);
	if (*end || first > last || last >= CPUS_MAX)
		return -EINVAL;
	for (unsigned long i = first; i <= last; i++)
		map[i] = value;
	return 0;
}

static int cpus_print(const bool *map, char *list, size_t size)
{
	size_t used = 0;

	list[0] = '\0';
	for (unsigned i = 0; i < CPUS_MAX; i++) {
		if (!map[i])
			continue;
		used += (size_t)snprintf(list + used, size - used, "%s%u", used ? "," : "", i);
		if (used >= size)
			return -E2BIG;
	}
	return 0;
}

int number_cpus(const char *text, char *list, size_t size)
{
	bool map[CPUS_MAX] = { false };
	char part[32];

	if (!strcasecmp(text, "all")) {
		for (int i = 0; i < CPUS_ALL; i++)
			map[i] = true;
		return cpus_print(map, list, size);
	}
	while (*text) {
		size_t length = strcspn(text, ",");
		bool is_out = *text == '^';

		if (length >= sizeof part)
			return -EINVAL;
		snprintf(part, sizeof part, "%.*s", (int)length, text);
		if (*part && cpus_range(part + is_out, map, !is_out) < 0)
			return -EINVAL;
		text += length + (text[length] == ',');
	}
	return cpus_print(map, list, size);
}
