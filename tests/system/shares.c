/*
 * Pages shared between domains by gntalloc, gntdev and grant copies, checked byte by byte on both sides.
 *
 *   shares offer DOMID COUNT   share COUNT pages with DOMID, print their references, and wait until all
 *                              were answered
 *   shares take DOMID REF…     map them, check them, and answer in place
 *   shares copy DOMID REF…     the same by grant copies in pieces of odd sizes
 *   shares hold DOMID REF…     map them for as long as it lives
 *   shares peek DOMID REF      mapping it must fail
 *
 * Byte n of page i is (n * 7 + i * 13) mod 251; its answer is the complement.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>
#include <xengnttab.h>

enum { PAGE = 4096, PAGES_MAX = 64, PIECE = 1001, PATIENCE_MS = 60000 };

static uint8_t pattern(unsigned int page, unsigned int byte) { return (byte * 7 + page * 13) % 251; }

static int failed(const char *what)
{
	fprintf(stderr, "shares: %s: %s\n", what, strerror(errno));
	return 1;
}

static void fill(volatile uint8_t *pages, unsigned int count, uint8_t mask)
{
	for (unsigned int i = 0; i < count * PAGE; i++)
		pages[i] = pattern(i / PAGE, i % PAGE) ^ mask;
}

static bool is_filled(const volatile uint8_t *pages, unsigned int count, uint8_t mask)
{
	for (unsigned int i = 0; i < count * PAGE; i++)
		if (pages[i] != (pattern(i / PAGE, i % PAGE) ^ mask))
			return false;
	return true;
}

static int offer(uint32_t domid, unsigned int count)
{
	const struct timespec ms = { 0, 1000000 };
	xengntshr_handle *share = xengntshr_open(NULL, 0);
	uint32_t refs[PAGES_MAX];
	uint8_t *pages;
	bool ok = false;

	if (!share)
		return failed("gntalloc");
	pages = xengntshr_share_pages(share, domid, (int)count, refs, 1);
	if (!pages)
		return failed("share");
	fill(pages, count, 0);
	printf("REFS");
	for (unsigned int i = 0; i < count; i++)
		printf(" %u", refs[i]);
	printf("\n");
	fflush(stdout);
	for (int i = 0; !ok && i < PATIENCE_MS; i++) {
		ok = is_filled(pages, count, 0xff);
		if (!ok)
			nanosleep(&ms, NULL);
	}
	xengntshr_unshare(share, pages, count);
	xengntshr_close(share);
	printf(ok ? "ANSWERED\n" : "NO ANSWER\n");
	return !ok;
}

static int take(xengnttab_handle *gnt, uint32_t domid, uint32_t *refs, unsigned int count)
{
	uint8_t *pages = xengnttab_map_domain_grant_refs(gnt, count, domid, refs, PROT_READ | PROT_WRITE);
	bool ok;

	if (!pages)
		return failed("map");
	ok = is_filled(pages, count, 0);
	if (ok)
		fill(pages, count, 0xff);
	if (xengnttab_unmap(gnt, pages, count))
		return failed("unmap");
	printf(ok ? "TAKEN\n" : "DAMAGED\n");
	return !ok;
}

/* Maps them and stays until it is killed. */
static int hold(xengnttab_handle *gnt, uint32_t domid, uint32_t *refs, unsigned int count)
{
	uint8_t *pages = xengnttab_map_domain_grant_refs(gnt, count, domid, refs, PROT_READ | PROT_WRITE);

	if (!pages)
		return failed("map");
	printf("HELD\n");
	fflush(stdout);
	for (;;)
		pause();
}

/* All pages in one list of pieces, in or out. */
static int copy(xengnttab_handle *gnt, uint32_t domid, const uint32_t *refs, unsigned int count, uint8_t *local,
		bool out)
{
	xengnttab_grant_copy_segment_t segments[PAGES_MAX * (PAGE / PIECE + 1)];
	unsigned int n = 0;

	for (unsigned int i = 0; i < count; i++)
		for (unsigned int at = 0; at < PAGE; at += PIECE, n++) {
			xengnttab_grant_copy_segment_t *s = &segments[n];

			*s = (xengnttab_grant_copy_segment_t){ .len = PAGE - at < PIECE ? PAGE - at : PIECE,
				.flags = out ? GNTCOPY_dest_gref : GNTCOPY_source_gref };
			*(out ? &s->dest.foreign.ref : &s->source.foreign.ref) = refs[i];
			*(out ? &s->dest.foreign.offset : &s->source.foreign.offset) = at;
			*(out ? &s->dest.foreign.domid : &s->source.foreign.domid) = domid;
			*(out ? &s->source.virt : &s->dest.virt) = local + i * PAGE + at;
		}
	if (xengnttab_grant_copy(gnt, n, segments))
		return failed("copy");
	for (unsigned int i = 0; i < n; i++)
		if (segments[i].status != GNTST_okay) {
			fprintf(stderr, "shares: piece %u: status %d\n", i, segments[i].status);
			return 1;
		}
	return 0;
}

static int copy_both_ways(xengnttab_handle *gnt, uint32_t domid, const uint32_t *refs, unsigned int count)
{
	uint8_t *local = aligned_alloc(PAGE, PAGES_MAX * PAGE);
	int rc = local ? copy(gnt, domid, refs, count, local, false) : 1;

	if (!rc && !is_filled(local, count, 0)) {
		printf("DAMAGED\n");
		rc = 1;
	}
	if (!rc) {
		fill(local, count, 0xff);
		rc = copy(gnt, domid, refs, count, local, true);
	}
	if (!rc)
		printf("COPIED\n");
	free(local);
	return rc;
}

static int peek(xengnttab_handle *gnt, uint32_t domid, uint32_t ref)
{
	void *page = xengnttab_map_grant_ref(gnt, domid, ref, PROT_READ);

	printf(page ? "SEEN\n" : "REFUSED\n");
	return page != NULL;
}

int main(int argc, char **argv)
{
	uint32_t domid = argc > 2 ? (uint32_t)strtoul(argv[2], NULL, 0) : 0, refs[PAGES_MAX];
	unsigned int count = argc > 3 ? (unsigned int)argc - 3 : 0;
	xengnttab_handle *gnt;

	if (!count || count > PAGES_MAX) {
		fprintf(stderr, "usage: shares offer DOMID COUNT | take|copy|hold DOMID REF... | peek DOMID REF\n");
		return 2;
	}
	for (unsigned int i = 0; i < count; i++)
		refs[i] = (uint32_t)strtoul(argv[i + 3], NULL, 0);
	if (!strcmp(argv[1], "offer"))
		return offer(domid, refs[0] < PAGES_MAX ? refs[0] : PAGES_MAX);
	gnt = xengnttab_open(NULL, 0);
	if (!gnt)
		return failed("gntdev");
	if (!strcmp(argv[1], "take"))
		return take(gnt, domid, refs, count);
	if (!strcmp(argv[1], "hold"))
		return hold(gnt, domid, refs, count);
	if (!strcmp(argv[1], "copy"))
		return copy_both_ways(gnt, domid, refs, count);
	return peek(gnt, domid, refs[0]);
}
