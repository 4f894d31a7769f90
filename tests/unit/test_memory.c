/* memory_op: what a domain gives and takes adds up, whenever it dies. */
#include "fake.h"
#include "hypercalls.h"
#include "memory.h"
#include <xen/memory.h>

static struct domain *d;

static long call(unsigned int cmd, void *op)
{
	const uint64_t arg[6] = { cmd, (uint64_t)op };
	long rc;

	fake_be(dom0->vcpu[0]);
	rc = hcall_memory_op(arg);
	fake_be_cpu(0);
	fake_be(fake_running(0));
	return rc;
}

/* Exchanges one frame of d's. */
static long exchange(uint64_t *in, uint64_t *out)
{
	struct xen_memory_exchange op = {
		.in = { .nr_extents = 1, .domid = d->id }, .out = { .nr_extents = 1, .domid = d->id },
	};

	op.in.extent_start.p = in;
	op.out.extent_start.p = out;
	return call(XENMEM_exchange, &op);
}

static void start(void)
{
	fake_domain(0, 1);
	d = fake_domain(1, 1);
	fake_softirqs();
}

static bool is_owned(uint64_t mfn)
{
	struct page *pg;
	mfn_t at;

	page_for_each_owned(pg, at, d)
		if (page_to_mfn(pg).n == mfn)
			return true;
	return false;
}

static void an_exchange_that_fails_gives_the_frame_back(void)
{
	uint64_t in, out = 5;

	start();
	in = fake_frame(d);
	fake_mem_left = 1;		/* for what the call itself needs */
	CHECK_EQ(exchange(&in, &out), -ENOMEM);
	fake_mem_left = -1;
	CHECK_EQ(d->tot_pages, 1);
	CHECK(is_owned(in));
	CHECK_EQ(mfn_to_page(MFN(in))->count, PAGE_ALLOCATED | 1);
	CHECK_EQ(exchange(&in, &out), 0);
	CHECK_EQ(d->tot_pages, 1);
}

static void a_frame_that_a_dying_domain_can_not_exchange_is_freed(void)
{
	uint64_t in, out = 5, refs;

	start();
	in = fake_frame(d);
	refs = d->refs;
	d->dying = DOMAIN_DYING;	/* its frames have been gone through: nobody will again */
	fake_mem_left = 1;		/* for what the call itself needs */
	CHECK_EQ(exchange(&in, &out), -ENOMEM);
	fake_mem_left = -1;
	CHECK_EQ(d->tot_pages, 0);
	CHECK(!is_owned(in));
	CHECK_EQ(d->refs, refs - 1);
	CHECK_EQ(page_owner(mfn_to_page(MFN(in))), DOMID_INVALID);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		FAKE_TEST(an_exchange_that_fails_gives_the_frame_back),
		FAKE_TEST(a_frame_that_a_dying_domain_can_not_exchange_is_freed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
