#include "xend/state.h"

#include <endian.h>
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "xenstore/fdio.h"

#define SIGNATURE_LEN (sizeof(STATE_SIGNATURE) - 1)
#define CONFIG_MAX (1024 * 1024)	/* no configuration is longer */

int state_head_write(int fd, const char *config, struct fault *f)
{
	uint32_t len = htobe32((uint32_t)strlen(config));
	int rc = strlen(config) > CONFIG_MAX ? -E2BIG : fdio_write(fd, STATE_SIGNATURE, SIGNATURE_LEN);

	if (rc == 0)
		rc = fdio_write(fd, &len, sizeof len);
	if (rc == 0)
		rc = fdio_write(fd, config, strlen(config));
	return rc < 0 ? fault_errno(f, -rc, "cannot write the domain's state") : 0;
}

static int not_valid(struct fault *f, const char *why)
{
	return fault_set(f, EINVAL, "not a valid guest state file: %s", why);
}

int state_head_read(int fd, char **config, struct fault *f)
{
	char signature[SIGNATURE_LEN + 1] = "";
	uint32_t len;

	*config = NULL;
	if (fdio_read_all(fd, signature, SIGNATURE_LEN) < 0)
		return not_valid(f, "signature read");
	if (memcmp(signature, STATE_SIGNATURE, SIGNATURE_LEN)) {
		for (char *p = signature; *p; p++)
			if (*p < ' ' || *p > '~')
				*p = '?';
		return fault_set(f, EINVAL, "not a valid guest state file: found '%s'", signature);
	}
	if (fdio_read_all(fd, &len, sizeof len) < 0)
		return not_valid(f, "config size read");
	len = be32toh(len);
	if (len > CONFIG_MAX)
		return not_valid(f, "config size read");
	*config = malloc(len + 1);
	if (!*config)
		return fault_set(f, ENOMEM, "not enough memory in domain 0");
	if (fdio_read_all(fd, *config, len) < 0) {
		free(*config);
		*config = NULL;
		return not_valid(f, "config read");
	}
	(*config)[len] = '\0';
	return 0;
}
