#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "xenstore/fdio.h"
#include "xend/dom0_need.h"

#define AIR_KIB (32 * 1024)		/* the estimate is the kernel's, of one moment */

uint64_t dom0_need_of(const char *meminfo, uint64_t held_kib)
{
	static const char key[] = "\nMemAvailable:";
	const char *line = strstr(meminfo, key);
	uint64_t available;

	if (!line)
		return 0;
	available = strtoull(line + sizeof key - 1, NULL, 10);
	if (available >= held_kib)
		return AIR_KIB;
	return available > AIR_KIB ? held_kib - available + AIR_KIB : held_kib;
}

uint64_t dom0_need(uint64_t held_kib)
{
	char text[4096] = "";		/* the line is its third */
	int fd = open("/proc/meminfo", O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return 0;
	if (fdio_read(fd, text, sizeof text - 1) < 0)
		*text = '\0';
	close(fd);
	return dom0_need_of(text, held_kib);
}
