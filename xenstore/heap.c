#include "xenstore/heap.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "xenstore/log.h"

#define COUNT(a) (sizeof(a) / sizeof(*(a)))

#define HEAP_MAGIC UINT64_C(0x3165726f74537358)	/* "XsStore1" */
#define HEAP_LAYOUT 1		/* raise it whenever a durable struct changes its meaning */

#define UNDO_AT 4096u		/* behind the header */
#define UNDO_MAX (64u << 20)
#define UNDO_FIRST (64u << 10)	/* always there */
#define CHUNK 16384u
#define CHUNK_SLOTS (CHUNK / HEAP_GRANULE)
#define ARENA_AT (UNDO_AT + UNDO_MAX)
#define ARENA_MAX (UINT64_C(4) << 30)
#define GROW (512u << 10)
#define MAP_SIZE (ARENA_AT + ARENA_MAX)
#define LOCK_WAIT_MS 2000

struct heap_header {
	uint64_t magic;
	uint64_t layout;
	char boot_id[40];
	uint64_t undo_len;	/* bytes of the log that count; 0: all is committed */
	uint64_t arena;		/* bytes reserved behind ARENA_AT; changed outside of batches */
	uint64_t root[HEAP_ROOTS];
};

struct undo_entry {		/* in the log; the saved bytes follow, padded to 8 */
	uint64_t at;
	uint64_t len;
};

static const uint16_t class_size[] = {
	16, 32, 48, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384, 448, 512, 640, 768,
	1024, 1360, 2048, 4096, 4128, 8192,
};

#define CLASSES COUNT(class_size)
#define CLASS_FREE 0xff		/* a chunk with nothing in it */
#define CLASS_RUN 0xfe		/* the first of a run of chunks that is one object */
#define CLASS_TAIL 0xfd		/* its others */

struct chunk {
	uint8_t class;
	bool listed;		/* in its class's list of chunks with room */
	uint16_t live;
	uint16_t fresh;		/* slots that were never used start here */
	uint16_t free;		/* 1 + first slot that was given back */
	uint32_t run;		/* chunks of a CLASS_RUN */
	uint32_t next, prev;	/* 1 + chunk, in the list */
	uint64_t *marks;	/* while marking */
};

struct pending {
	uint32_t ref;
	uint32_t size;
};

struct pendings {
	struct pending *v;
	size_t n, cap;
};

struct touched {
	uint64_t at, len, batch;
};

unsigned char *heap_base;

static struct {
	int fd;
	struct heap_header *header;
	uint64_t undo_reserved;
	struct chunk *chunk;
	uint32_t chunks, chunk_cap;
	uint32_t free_chunks;
	uint32_t free_hint;		/* no free chunk before this one */
	uint32_t partial[CLASSES];	/* 1 + chunk with room */
	uint8_t class_of[8192 / HEAP_GRANULE + 1];
	struct pendings freed, allocated;	/* in this batch */
	uint64_t batch;			/* its number */
	struct touched touched[64];	/* need no second copy in the same batch */
	struct heap_usage usage;
} heap = { .fd = -1 };

#define barrier() __asm__ volatile("" ::: "memory")

/* -------------------------------------------------------------- the file */

static void classes_init(void)
{
	size_t c = 0;

	for (size_t g = 0; g < COUNT(heap.class_of); g++) {
		while (class_size[c] < g * HEAP_GRANULE)
			c++;
		heap.class_of[g] = (uint8_t)c;
	}
}

static void boot_id_read(char *out, size_t size)
{
	int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);

	memset(out, 0, size);
	if (fd < 0)
		return;
	if (read(fd, out, size - 1) < 0)
		out[0] = '\0';
	close(fd);
}

/* Anonymous memory needs no reserving; a file must have its blocks, or a store would SIGBUS. */
static int file_reserve(uint64_t at, uint64_t len)
{
	int rc;

	if (heap.fd < 0)
		return 0;
	rc = posix_fallocate(heap.fd, (off_t)at, (off_t)len);
	return rc == EINTR ? file_reserve(at, len) : -rc;
}

/* A daemon that was killed holds its lock until the kernel has taken it apart; whoever starts the
 * next one at once must not be told that there is another. */
static int file_lock(int fd)
{
	int rc = flock(fd, LOCK_EX | LOCK_NB);

	for (int waited = 0; rc < 0 && errno == EWOULDBLOCK && waited < LOCK_WAIT_MS; waited += 20) {
		usleep(20000);
		rc = flock(fd, LOCK_EX | LOCK_NB);
	}
	return rc;
}

static int file_open(const char *path)
{
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

	if (fd < 0)
		return -errno;
	if (file_lock(fd) < 0) {
		int rc = errno == EWOULDBLOCK ? -EBUSY : -errno;

		close(fd);
		return rc;
	}
	return fd;
}

static int map_open(const char *path)
{
	int flags = MAP_SHARED;

	heap.fd = path ? file_open(path) : -1;
	if (path && heap.fd < 0)
		return heap.fd;
	if (!path)
		flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
	else if (ftruncate(heap.fd, MAP_SIZE) < 0)
		return -errno;
	heap_base = mmap(NULL, MAP_SIZE, PROT_READ | PROT_WRITE, flags, heap.fd, 0);
	return heap_base == MAP_FAILED ? -errno : 0;
}

static bool header_good(const char *boot_id)
{
	const struct heap_header *h = heap.header;

	return h->magic == HEAP_MAGIC && h->layout == HEAP_LAYOUT &&
		!strcmp(h->boot_id, boot_id) && h->undo_len <= UNDO_MAX &&
		h->arena <= ARENA_MAX && h->arena % CHUNK == 0;
}

static int header_new(const char *boot_id)
{
	int rc = 0;

	if (heap.fd >= 0 && (ftruncate(heap.fd, 0) < 0 || ftruncate(heap.fd, MAP_SIZE) < 0))
		return -errno;
	rc = file_reserve(0, UNDO_AT + UNDO_FIRST);
	if (rc)
		return rc;
	memset(heap.header, 0, sizeof(*heap.header));
	memcpy(heap.header->boot_id, boot_id, sizeof(heap.header->boot_id));
	heap.header->layout = HEAP_LAYOUT;
	return 0;
}

void heap_ready(void)
{
	barrier();
	heap.header->magic = HEAP_MAGIC;
}

/* An empty header of a sparse file reads as zeroes, but only what is reserved may be written. */
static bool file_has_header(void)
{
	struct stat st;
	char probe[8];

	return heap.fd < 0 || (fstat(heap.fd, &st) == 0 && st.st_blocks &&
			       pread(heap.fd, probe, sizeof(probe), 0) == sizeof(probe));
}

static bool undo_apply(void);
static int chunks_grow(uint32_t n);

int heap_open(const char *path, bool *fresh)
{
	char boot_id[sizeof(heap.header->boot_id)];
	int rc = map_open(path);

	if (rc)
		return rc;
	classes_init();
	heap.batch = 1;
	boot_id_read(boot_id, sizeof(boot_id));
	heap.header = (struct heap_header *)heap_base;
	heap.undo_reserved = UNDO_FIRST;
	*fresh = !path || !file_has_header() || !header_good(boot_id) || !undo_apply();
	if (*fresh)
		rc = header_new(boot_id);
	return rc ? rc : chunks_grow((uint32_t)(heap.header->arena / CHUNK));
}

uint64_t *heap_root(unsigned int i)
{
	return &heap.header->root[i];
}

struct heap_usage heap_usage(void)
{
	heap.usage.file = heap.header->arena + UNDO_AT + heap.undo_reserved;
	return heap.usage;
}

/* ------------------------------------------------------------------ chunks */

static unsigned char *chunk_at(uint32_t c)
{
	return heap_base + ARENA_AT + (uint64_t)c * CHUNK;
}

static int chunks_grow(uint32_t n)
{
	if (n > heap.chunk_cap) {
		uint32_t cap = heap.chunk_cap ? 2 * heap.chunk_cap : 256;
		struct chunk *more;

		while (cap < n)
			cap *= 2;
		more = realloc(heap.chunk, cap * sizeof(*more));
		if (!more)
			return -ENOMEM;
		heap.chunk = more;
		heap.chunk_cap = cap;
	}
	for (; heap.chunks < n; heap.chunks++, heap.free_chunks++)
		heap.chunk[heap.chunks] = (struct chunk){ .class = CLASS_FREE };
	return 0;
}

/* The new size is stored after the blocks are there: a death in between costs nothing. */
static int arena_grow(uint32_t chunks)
{
	uint64_t bytes = (uint64_t)chunks * CHUNK;
	int rc;

	bytes = (bytes + GROW - 1) / GROW * GROW;
	if (bytes > ARENA_MAX - heap.header->arena)
		return -ENOMEM;
	rc = file_reserve(ARENA_AT + heap.header->arena, bytes);
	if (!rc)
		rc = chunks_grow((uint32_t)((heap.header->arena + bytes) / CHUNK));
	if (rc)
		return rc;
	barrier();
	heap.header->arena += bytes;
	return 0;
}

static void partial_add(uint32_t c)
{
	struct chunk *k = &heap.chunk[c];
	uint32_t *head = &heap.partial[k->class];

	k->prev = 0;
	k->next = *head;
	if (*head)
		heap.chunk[*head - 1].prev = c + 1;
	*head = c + 1;
	k->listed = true;
}

static void partial_del(uint32_t c)
{
	struct chunk *k = &heap.chunk[c];

	if (k->prev)
		heap.chunk[k->prev - 1].next = k->next;
	else
		heap.partial[k->class] = k->next;
	if (k->next)
		heap.chunk[k->next - 1].prev = k->prev;
	k->listed = false;
}

/* A run of n free chunks, first fit; 1 + its number, or 0. */
static uint32_t run_find(uint32_t n)
{
	uint32_t have = 0;

	for (uint32_t c = heap.free_hint; c < heap.chunks; c++) {
		have = heap.chunk[c].class == CLASS_FREE ? have + 1 : 0;
		if (have == n)
			return c + 2 - n;
	}
	return 0;
}

static uint32_t run_take(uint32_t n)
{
	uint32_t at = heap.free_chunks >= n ? run_find(n) : 0;

	if (!at) {
		if (arena_grow(n))
			return 0;
		at = run_find(n);
	}
	heap.free_chunks -= n;
	if (n == 1)
		heap.free_hint = at;
	return at;
}

static void run_give(uint32_t c, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		heap.chunk[c + i] = (struct chunk){ .class = CLASS_FREE };
	heap.free_chunks += n;
	if (c < heap.free_hint)
		heap.free_hint = c;
}

/* ----------------------------------------------------------------- objects */

static uint8_t size_class(size_t size)
{
	return heap.class_of[(size + HEAP_GRANULE - 1) / HEAP_GRANULE];
}

static uint32_t size_chunks(size_t size)
{
	return (uint32_t)((size + CHUNK - 1) / CHUNK);
}

size_t heap_room(size_t size)
{
	if (size > class_size[CLASSES - 1])
		return (size_t)size_chunks(size) * CHUNK;
	return class_size[size_class(size)];
}

static bool pendings_add(struct pendings *p, uint32_t ref, size_t size)
{
	if (p->n == p->cap) {
		size_t cap = p->cap ? 2 * p->cap : 256;
		struct pending *v = realloc(p->v, cap * sizeof(*v));

		if (!v)
			return false;
		p->v = v;
		p->cap = cap;
	}
	p->v[p->n++] = (struct pending){ ref, (uint32_t)size };
	return true;
}

static uint32_t slot_take(uint8_t class)
{
	struct chunk *k;
	uint32_t c = heap.partial[class], slots = CHUNK / class_size[class], slot;
	unsigned char *p;

	if (!c) {
		c = run_take(1);
		if (!c)
			return 0;
		heap.chunk[c - 1].class = class;
		partial_add(c - 1);
	}
	k = &heap.chunk[c - 1];
	slot = k->free ? k->free - 1u : k->fresh;
	p = chunk_at(c - 1) + slot * class_size[class];
	if (k->free)
		memcpy(&k->free, p, sizeof(k->free));
	else
		k->fresh++;
	if (++k->live == slots)
		partial_del(c - 1);
	return heap_ref(p);
}

static void slot_give(uint32_t ref)
{
	uint64_t at = (uint64_t)ref * HEAP_GRANULE - ARENA_AT;
	uint32_t c = (uint32_t)(at / CHUNK);
	struct chunk *k = &heap.chunk[c];

	memcpy(heap_at(ref), &k->free, sizeof(k->free));
	k->free = (uint16_t)(1 + at % CHUNK / class_size[k->class]);
	k->live--;
	if (!k->live) {
		if (k->listed)
			partial_del(c);
		run_give(c, 1);
	} else if (!k->listed) {
		partial_add(c);
	}
}

static void object_give(uint32_t ref, size_t size)
{
	heap.usage.used -= heap_room(size);
	heap.usage.objects--;
	if (size > class_size[CLASSES - 1])
		run_give((uint32_t)(((uint64_t)ref * HEAP_GRANULE - ARENA_AT) / CHUNK),
			 size_chunks(size));
	else
		slot_give(ref);
}

static uint32_t object_take(size_t size)
{
	uint32_t n, c;

	if (size <= class_size[CLASSES - 1])
		return slot_take(size_class(size));
	n = size_chunks(size);
	c = run_take(n);
	if (!c)
		return 0;
	for (uint32_t i = 0; i < n; i++)
		heap.chunk[c - 1 + i] = (struct chunk){ .class = i ? CLASS_TAIL : CLASS_RUN };
	heap.chunk[c - 1].run = n;
	return heap_ref(chunk_at(c - 1));
}

uint32_t heap_alloc(size_t size)
{
	uint32_t ref = size && size <= UINT32_MAX / 2 ? object_take(size) : 0;

	if (!ref)
		return 0;
	heap.usage.used += heap_room(size);
	heap.usage.objects++;
	if (!pendings_add(&heap.allocated, ref, size)) {
		object_give(ref, size);
		return 0;
	}
	return ref;
}

void heap_free(uint32_t ref, size_t size)
{
	/* For want of memory to remember it, the object stays until the next start marks. */
	if (ref)
		pendings_add(&heap.freed, ref, size);
}

/* ---------------------------------------------------------------- undo log */

/* Make sure that the log can take len bytes more.  0 or -ENOMEM. */
static int heap_touch_reserve(size_t len)
{
	uint64_t need = heap.header->undo_len + len;
	uint64_t bytes;
	int rc;

	if (need <= heap.undo_reserved)
		return 0;
	if (need > UNDO_MAX)
		return -ENOMEM;
	bytes = (need - heap.undo_reserved + GROW - 1) / GROW * GROW;
	if (heap.undo_reserved + bytes > UNDO_MAX)
		bytes = UNDO_MAX - heap.undo_reserved;
	rc = file_reserve(UNDO_AT + heap.undo_reserved, bytes);
	if (rc)
		return rc;
	heap.undo_reserved += bytes;
	return 0;
}

/* Most of what is saved is a word, or a few: quicker copied here than by a call. */
static void words_copy(unsigned char *to, const unsigned char *from, size_t len)
{
	if (len % 4 || len > 96) {
		memcpy(to, from, len);
		return;
	}
	for (; len >= 8; len -= 8, to += 8, from += 8)
		memcpy(to, from, 8);
	if (len)
		memcpy(to, from, 4);
}

void heap_touch(const void *p, size_t len)
{
	uint64_t at = (uint64_t)((const unsigned char *)p - heap_base);
	size_t n = sizeof(struct undo_entry) + ((len + 7) & ~(size_t)7);
	struct touched *known = &heap.touched[at / 8 % COUNT(heap.touched)];
	unsigned char *log;

	if (known->at == at && known->batch == heap.batch && known->len >= len)
		return;
	if (heap.header->undo_len + n > heap.undo_reserved && heap_touch_reserve(n)) {
		log_error("no room for the undo log: starting again undoes this request");
		abort();
	}
	log = heap_base + UNDO_AT + heap.header->undo_len;
	*(struct undo_entry *)log = (struct undo_entry){ at, len };
	words_copy(log + sizeof(struct undo_entry), p, len);
	barrier();
	heap.header->undo_len += n;
	barrier();
	*known = (struct touched){ at, len, heap.batch };
}

/* Put the saved bytes back, newest first.  False if the log makes no sense. */
static bool undo_apply(void)
{
	unsigned char *log = heap_base + UNDO_AT;
	uint64_t len = heap.header->undo_len, pos = 0;
	size_t n = 0, cap = 0;
	uint64_t *entry = NULL;

	while (pos < len) {
		struct undo_entry *e = (struct undo_entry *)(log + pos);

		if (len - pos < sizeof(*e) || e->len > len - pos - sizeof(*e) ||
		    e->at > MAP_SIZE || e->len > MAP_SIZE - e->at)
			break;
		if (n == cap) {
			uint64_t *more = realloc(entry, (cap = cap ? 2 * cap : 64) * sizeof(*more));

			if (!more)
				break;
			entry = more;
		}
		entry[n++] = pos;
		pos += sizeof(*e) + ((e->len + 7) & ~UINT64_C(7));
	}
	for (size_t i = n; pos == len && i-- > 0;) {
		struct undo_entry *e = (struct undo_entry *)(log + entry[i]);

		memcpy(heap_base + e->at, e + 1, e->len);
	}
	free(entry);
	barrier();
	if (pos == len)
		heap.header->undo_len = 0;
	return pos == len;
}

static void batch_end(struct pendings *give, struct pendings *keep)
{
	for (size_t i = 0; i < give->n; i++)
		object_give(give->v[i].ref, give->v[i].size);
	give->n = keep->n = 0;
	heap.batch++;
	/* The memory of a giant request is not worth keeping. */
	if (give->cap > 65536) {
		free(give->v);
		*give = (struct pendings){ 0 };
	}
}

void heap_commit(void)
{
	if (!heap.header->undo_len && !heap.freed.n && !heap.allocated.n)
		return;
	barrier();
	heap.header->undo_len = 0;
	barrier();
	batch_end(&heap.freed, &heap.allocated);
}

void heap_rollback(void)
{
	if (!undo_apply()) {
		log_error("the undo log is damaged");
		abort();
	}
	batch_end(&heap.allocated, &heap.freed);
}

/* ----------------------------------------------------------------- marking */

void heap_mark_begin(void)
{
	heap.usage = (struct heap_usage){ 0 };
}

bool heap_valid(uint32_t ref, size_t size)
{
	uint64_t at = (uint64_t)ref * HEAP_GRANULE;

	return at >= ARENA_AT && size && at - ARENA_AT < heap.header->arena &&
		size <= heap.header->arena - (at - ARENA_AT);
}

static bool run_mark(uint32_t c, uint64_t inside, size_t size)
{
	uint32_t n = size_chunks(size);

	if (inside)
		return false;
	for (uint32_t i = 0; i < n; i++) {
		if (heap.chunk[c + i].class != CLASS_FREE)
			return false;
		heap.chunk[c + i].class = i ? CLASS_TAIL : CLASS_RUN;
	}
	heap.chunk[c].run = n;
	heap.free_chunks -= n;
	return true;
}

static bool slot_mark(uint32_t c, uint64_t inside, uint8_t class)
{
	struct chunk *k = &heap.chunk[c];
	uint32_t slot = (uint32_t)(inside / class_size[class]);

	if (inside % class_size[class] || slot >= CHUNK / class_size[class])
		return false;
	if (k->class == CLASS_FREE) {
		k->marks = calloc(CHUNK_SLOTS / 64, sizeof(*k->marks));
		if (!k->marks)
			return false;
		k->class = class;
		heap.free_chunks--;
	}
	if (k->class != class || (k->marks[slot / 64] >> slot % 64 & 1))
		return false;
	k->marks[slot / 64] |= UINT64_C(1) << slot % 64;
	k->live++;
	return true;
}

bool heap_mark(uint32_t ref, size_t size)
{
	uint64_t at = (uint64_t)ref * HEAP_GRANULE - ARENA_AT;
	uint32_t c = (uint32_t)(at / CHUNK);
	bool good;

	if (!heap_valid(ref, size))
		return false;
	if (size > class_size[CLASSES - 1])
		good = size_chunks(size) <= heap.chunks - c && run_mark(c, at % CHUNK, size);
	else
		good = slot_mark(c, at % CHUNK, size_class(size));
	heap.usage.used += good ? heap_room(size) : 0;
	heap.usage.objects += good;
	return good;
}

/* The unmarked slots of a chunk become its free list; the last of them the fresh ones. */
static void chunk_sweep(uint32_t c)
{
	struct chunk *k = &heap.chunk[c];
	uint16_t size = class_size[k->class], slots = (uint16_t)(CHUNK / size);

	k->fresh = slots;
	while (k->fresh && !(k->marks[(k->fresh - 1) / 64] >> (k->fresh - 1) % 64 & 1))
		k->fresh--;
	k->free = 0;
	for (uint32_t s = k->fresh; s-- > 0;) {
		if (k->marks[s / 64] >> s % 64 & 1)
			continue;
		memcpy(chunk_at(c) + s * size, &k->free, sizeof(k->free));
		k->free = (uint16_t)(s + 1);
	}
	free(k->marks);
	k->marks = NULL;
	if (k->live < slots)
		partial_add(c);
}

void heap_mark_end(void)
{
	for (uint32_t c = heap.chunks; c-- > 0;)
		if (heap.chunk[c].class < CLASSES)
			chunk_sweep(c);
	heap.free_hint = 0;
}

unsigned int heap_layout(void)
{
	return HEAP_LAYOUT;
}
