/* Core dumps of a made-up guest whose p2m is right, wrong or hostile. */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "check.h"
#include "xend/domctl.h"
#include "xend/dump.h"
#include "xend/sysctl.h"

#define PAGE 4096UL
#define FRAMES 2048UL
#define BASE 0x9000UL
#define DOMID 3
#define NO_MFN (~0UL)
#define PFNS 700UL		/* the guest's memory: pfn k is in frame k, for what follows see below */
#define P2M_0 1000UL		/* frames with the p2m array */
#define TABLES 1010UL		/* list of lists, list; or L4, L3, L2, L1 */
#define SHARED 1020UL

static struct {
	uint64_t mem[FRAMES][512];
	unsigned int maps, calls, fail_at;
	struct xen_domctl_getdomaininfo info;
} guest;

static struct fault fault;
static char path[] = "/tmp/test_dump.XXXXXX", file[64];

static int guest_call(void)
{
	return ++guest.calls == guest.fail_at ? -EIO : 0;
}

int hyp_map(struct hyp *h, uint32_t domid, int prot, size_t n, const xen_pfn_t *gfn, int *err,
	    void **out)
{
	uint8_t *p;
	int rc = guest_call();

	CHECK_EQ(domid, DOMID);
	if (rc)
		return rc;
	p = calloc(n, PAGE);
	for (size_t i = 0; i < n; i++) {
		bool there = gfn[i] >= BASE && gfn[i] < BASE + FRAMES;

		CHECK(there || err);
		if (err)
			err[i] = there ? 0 : -EINVAL;
		if (there)
			memcpy(p + i * PAGE, guest.mem[gfn[i] - BASE], PAGE);
	}
	guest.maps++;
	*out = p;
	return 0;
}

void hyp_unmap(struct hyp *h, void *p, size_t n)
{
	guest.maps--;
	free(p);
}

int domctl_info(struct hyp *h, domid_t domid, struct xen_domctl_getdomaininfo *info)
{
	*info = guest.info;
	return guest_call();
}

int domctl_vcpu_context_get(struct hyp *h, domid_t domid, uint32_t vcpu,
			    vcpu_guest_context_t *ctx)
{
	if (vcpu == 1)
		return -ENODATA;	/* never brought up */
	ctx->user_regs.rip = 0x1234 + vcpu;
	return guest_call();
}

int sysctl_version(struct hyp *h, struct sysctl_version *v)
{
	memset(v, 0, sizeof(*v));
	v->major = 4;
	v->minor = 17;
	return guest_call();
}

/* Memory whose pages tell their pfn; pfn 5 is ballooned out, 6 is foreign, 7 another domain's,
 * 8 all zeros. */
static struct shared_info *guest_new(bool by_tables)
{
	struct shared_info *s = (void *)guest.mem[SHARED];
	uint64_t virt = 0xffffc90000123000;

	memset(&guest, 0, sizeof(guest));
	memset(&fault, 0, sizeof(fault));
	guest.info.max_pages = 1024;
	guest.info.max_vcpu_id = 2;
	guest.info.shared_info_frame = BASE + SHARED;
	for (uint64_t pfn = 0; pfn < 1024; pfn++)
		guest.mem[P2M_0 + pfn / 512][pfn % 512] = pfn < PFNS ? BASE + pfn : NO_MFN;
	for (uint64_t pfn = 0; pfn < PFNS; pfn++)
		guest.mem[pfn][pfn % 512] = pfn == 8 ? 0 : pfn + 1;
	guest.mem[P2M_0][5] = NO_MFN;
	guest.mem[P2M_0][6] |= 1UL << 63;
	guest.mem[P2M_0][7] = 5;
	s->arch.max_pfn = PFNS;
	if (by_tables) {
		uint64_t *t[5];

		for (int level = 4; level >= 1; level--) {
			t[level] = guest.mem[TABLES + 4 - (unsigned int)level];
			if (level > 1)
				t[level][virt >> (3 + 9 * level) & 511] =
					(BASE + TABLES + 5 - (unsigned int)level) << 12 | 0x67;
		}
		t[1][virt >> 12 & 511] = (BASE + P2M_0) << 12 | 0x8000000000000063;
		t[1][(virt >> 12 & 511) + 1] = (BASE + P2M_0 + 1) << 12 | 0x63;
		s->arch.p2m_cr3 = (BASE + TABLES) << 12;
		s->arch.p2m_vaddr = virt;
	} else {
		guest.mem[TABLES][0] = BASE + TABLES + 1;
		guest.mem[TABLES + 1][0] = BASE + P2M_0;
		guest.mem[TABLES + 1][1] = BASE + P2M_0 + 1;
		s->arch.pfn_to_mfn_frame_list_list = BASE + TABLES;
	}
	return s;
}

/* ---------------------------------------------------------- reading it back */

struct core {
	uint8_t *data;
	size_t size;
	Elf64_Ehdr eh;
	Elf64_Shdr sh[16];
};

static struct core core_open(void)
{
	struct core c = { 0 };
	struct stat st;
	int fd = open(file, O_RDONLY | O_CLOEXEC);

	CHECK(fd >= 0);
	CHECK_EQ(fstat(fd, &st), 0);
	CHECK_EQ(st.st_mode & 0777, 0600);
	c.size = (size_t)st.st_size;
	c.data = malloc(c.size);
	CHECK_EQ(read(fd, c.data, c.size), c.size);
	close(fd);
	memcpy(&c.eh, c.data, sizeof(c.eh));
	CHECK_EQ(c.eh.e_type, ET_CORE);
	CHECK_EQ(c.eh.e_phnum, 0);
	CHECK(c.eh.e_shnum < 16);
	memcpy(c.sh, c.data + c.eh.e_shoff, c.eh.e_shnum * sizeof(c.sh[0]));
	return c;
}

static const void *core_section(const struct core *c, const char *name, size_t *len)
{
	const char *names = (char *)c->data + c->sh[c->eh.e_shstrndx].sh_offset;

	for (unsigned int i = 1; i < c->eh.e_shnum; i++) {
		CHECK(c->sh[i].sh_offset + c->sh[i].sh_size <= c->size);
		if (!strcmp(names + c->sh[i].sh_name, name)) {
			*len = c->sh[i].sh_size;
			return c->data + c->sh[i].sh_offset;
		}
	}
	*len = 0;
	return NULL;
}

static int dump(void)
{
	int rc = dump_core(NULL, DOMID, file, &fault);

	CHECK_EQ(guest.maps, 0);
	CHECK_EQ(rc, -fault.err);
	return rc;
}

/* ------------------------------------------------------------------- tests */

static void check_core(void)
{
	struct core c = core_open();
	size_t len;
	const uint64_t *p2m = core_section(&c, ".xen_p2m", &len), *page;
	const vcpu_guest_context_t *ctx;
	const uint32_t *note;

	CHECK_EQ(len, (PFNS - 3) * 16);
	page = core_section(&c, ".xen_pages", &len);
	CHECK_EQ(len, (PFNS - 3) * PAGE);
	for (uint64_t i = 0; i < PFNS - 3; i++) {
		uint64_t pfn = p2m[i * 2];

		CHECK(pfn != 5 && pfn != 6 && pfn != 7);
		CHECK_EQ(p2m[i * 2 + 1], BASE + pfn);
		CHECK_EQ(page[i * 512 + pfn % 512], pfn == 8 ? 0 : pfn + 1);
	}
	ctx = core_section(&c, ".xen_prstatus", &len);
	CHECK_EQ(len, 3 * sizeof(*ctx));
	CHECK_EQ(ctx[0].user_regs.rip, 0x1234);
	CHECK_EQ(ctx[1].user_regs.rip, 0);
	CHECK_EQ(ctx[2].user_regs.rip, 0x1236);
	CHECK(core_section(&c, ".xen_shared_info", &len));
	note = core_section(&c, ".note.Xen", &len);
	CHECK_EQ(note[2], 0x2000000);
	CHECK_EQ(note[4 + 1], 32);
	CHECK_EQ(note[4 + 2], 0x2000001);
	CHECK_EQ(note[4 + 4], 0xf00febed);
	CHECK_EQ(note[4 + 8], PFNS - 3);
	free(c.data);
}

static void a_core_holds_the_guests_pages_and_registers(void)
{
	for (int by_tables = 0; by_tables < 2; by_tables++) {
		guest_new(by_tables);
		CHECK_EQ(dump(), 0);
		check_core();
		unlink(file);
	}
}

static void a_guest_that_says_nothing_is_told_apart(void)
{
	guest_new(false)->arch.max_pfn = 0;
	CHECK_EQ(dump(), -ENODATA);
	guest_new(false)->arch.pfn_to_mfn_frame_list_list = 0;
	CHECK_EQ(dump(), -ENODATA);
	guest_new(false);
	guest.info.flags = XEN_DOMINF_hvm_guest;
	CHECK_EQ(dump(), -EOPNOTSUPP);
}

static void a_guest_that_lies_gains_nothing(void)
{
	struct shared_info *s = guest_new(false);

	s->arch.max_pfn = 1UL << 40;
	CHECK_EQ(dump(), -EINVAL);
	s = guest_new(false);
	s->arch.max_pfn = 1024 + (1 << 20);	/* a lot, but not too much: only holes more */
	CHECK_EQ(dump(), 0);
	unlink(file);
	s = guest_new(false);
	s->arch.pfn_to_mfn_frame_list_list = 12345678;
	CHECK_EQ(dump(), -ENODATA);
	s = guest_new(true);
	s->arch.p2m_cr3 = NO_MFN;
	CHECK_EQ(dump(), -ENODATA);
	guest_new(true);
	guest.mem[TABLES + 2][0] = 0;		/* an L2 without entries, or with large pages */
	memset(guest.mem[TABLES + 2], 0xff, PAGE);
	CHECK_EQ(dump(), -ENODATA);
	s = guest_new(true);
	for (int i = 0; i < 512; i++)		/* tables that lead round in circles */
		guest.mem[TABLES][i] = (BASE + TABLES) << 12 | 0x67;
	CHECK_EQ(dump(), 0);
	unlink(file);
}

static void a_failed_dump_leaves_no_file(void)
{
	for (unsigned int n = 1;; n++) {
		int rc;

		guest_new(n & 1);
		guest.fail_at = n;
		rc = dump();
		CHECK_EQ(access(file, F_OK), rc ? -1 : 0);
		unlink(file);
		if (guest.calls < n)
			break;
	}
	CHECK_EQ(rmdir(path), 0);	/* nothing else there either */
	CHECK_EQ(mkdir(path, 0700), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_core_holds_the_guests_pages_and_registers),
		TEST(a_guest_that_says_nothing_is_told_apart),
		TEST(a_guest_that_lies_gains_nothing),
		TEST(a_failed_dump_leaves_no_file),
	};
	int rc;

	if (!mkdtemp(path))
		return 1;
	snprintf(file, sizeof(file), "%s/core", path);
	rc = cmocka_run_group_tests(tests, NULL, NULL);
	return rmdir(path) ? 1 : rc;
}
