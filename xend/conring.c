/* The two rings of a console page. */
#include <errno.h>
#include "xend/conring.h"

/* The other side is another processor: what it wrote before it moved its index must be seen
 * after the index, and the other way round (xen/io/ring.h's rmb and wmb). */
#define barrier_acquire() __atomic_thread_fence(__ATOMIC_ACQUIRE)
#define barrier_release() __atomic_thread_fence(__ATOMIC_RELEASE)
#define barrier_full() __atomic_thread_fence(__ATOMIC_SEQ_CST)

static uint32_t index_read(const XENCONS_RING_IDX *index)
{
	return *(const volatile XENCONS_RING_IDX *)index;
}

static void index_write(XENCONS_RING_IDX *index, uint32_t value)
{
	*(volatile XENCONS_RING_IDX *)index = value;
}

int conring_read(struct xencons_interface *ring, char *data, size_t size)
{
	uint32_t cons = index_read(&ring->out_cons), prod = index_read(&ring->out_prod);
	uint32_t used = prod - cons, n = 0;

	barrier_acquire();
	if (used > sizeof ring->out) {
		index_write(&ring->out_cons, prod);
		return -EINVAL;
	}
	for (; n < used && n < size; n++)
		data[n] = *(volatile char *)&ring->out[(cons + n) & (sizeof ring->out - 1)];
	barrier_full();		/* all is read before the guest may write there again */
	index_write(&ring->out_cons, cons + n);
	return (int)n;
}

int conring_write(struct xencons_interface *ring, const char *data, size_t size)
{
	uint32_t cons = index_read(&ring->in_cons), prod = index_read(&ring->in_prod);
	uint32_t used = prod - cons, n = 0;

	barrier_acquire();
	if (used > sizeof ring->in) {
		index_write(&ring->in_prod, cons);
		return -EINVAL;
	}
	for (; n < sizeof ring->in - used && n < size; n++)
		*(volatile char *)&ring->in[(prod + n) & (sizeof ring->in - 1)] = data[n];
	barrier_release();	/* the bytes are there before the index says so */
	index_write(&ring->in_prod, prod + n);
	return (int)n;
}
