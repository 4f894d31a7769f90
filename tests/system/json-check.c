/* Is stdin JSON, one document or several in a row?  Exit status 0: yes. */
#include <stdio.h>
#include <yajl/yajl_parse.h>

int main(void)
{
	yajl_handle parser = yajl_alloc(NULL, NULL, NULL);
	unsigned char part[4096];
	yajl_status rc = yajl_status_ok;
	size_t n, total = 0;

	yajl_config(parser, yajl_allow_multiple_values, 1);
	while (rc == yajl_status_ok && (n = fread(part, 1, sizeof part, stdin)) > 0) {
		rc = yajl_parse(parser, part, n);
		total += n;
	}
	if (rc == yajl_status_ok)
		rc = yajl_complete_parse(parser);
	yajl_free(parser);
	return rc == yajl_status_ok && total ? 0 : 1;
}
