#include "guest.h"
#include "errno.h"
#include "layout.h"

size_t copy_unsafe(void *to, const void *from, size_t bytes);	/* entry.S */

/* Not in the hypervisor's part, nor wrapping into it. Non-canonical addresses fault, which is caught. */
static bool guest_range_ok(uint64_t start, size_t bytes)
{
	uint64_t end = start + bytes;

	if (end < start)
		return false;
	return end <= HV_VIRT_START || start >= HV_VIRT_END;
}

int copy_from_guest(void *to, uint64_t guest_from, size_t bytes)
{
	if (!guest_range_ok(guest_from, bytes))
		return -EFAULT;
	return copy_unsafe(to, (const void *)guest_from, bytes) ? -EFAULT : 0;
}

int copy_to_guest(uint64_t guest_to, const void *from, size_t bytes)
{
	if (!guest_range_ok(guest_to, bytes))
		return -EFAULT;
	return copy_unsafe((void *)guest_to, from, bytes) ? -EFAULT : 0;
}

int guest_clear(uint64_t guest_to, size_t bytes)
{
	static const char zeroes[256];

	for (size_t n; bytes; bytes -= n, guest_to += n) {
		n = MIN(bytes, sizeof(zeroes));
		if (copy_to_guest(guest_to, zeroes, n))
			return -EFAULT;
	}
	return 0;
}
