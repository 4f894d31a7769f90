/*
 * lives SCENARIO COUNT SEED KERNEL: COUNT domains are born and die, each as SCENARIO says; then all of
 * the machine's memory must be free again that was free before, and no domain be left.
 *
 *   whole    built, started and destroyed
 *   crash    it crashes itself before
 *   cut      destroyed by one process while another builds it
 *   killed   its builder is killed at some moment; then it is destroyed
 *   foreign  destroyed while its frames are mapped: it stays a zombie until they aren't
 *   grants   the same with what it granted
 *   holder   the same with both, and who holds them is killed
 *   race     destroyed while another process maps and unmaps
 *   crowd    two hundred at once
 *
 * lives hold COUNT SEED KERNEL: makes COUNT zombies and keeps them until its standard input ends.
 *
 * Exit status 0, or 1 with what was wrong on standard output.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "xend/build.h"
#include "xend/domctl.h"
#include "xend/sysctl.h"
#include <xen/grant_table.h>
#include <xen/memory.h>
#include <xen/sched.h>

enum { FRAMES = 4, GRANTS = 100, FIRST_GRANT = 8, CROWD = 200, NUMBERS_STEP = 512, PATIENCE_MS = 10000 };

static struct hyp *hyp;
static struct image image;

static int wrong(const char *what, int rc)
{
	printf("%s: %s\n", what, strerror(-rc));
	return -1;
}

static void nap_us(unsigned long us)
{
	struct timespec t = { us / 1000000, us % 1000000 * 1000 };

	nanosleep(&t, NULL);
}

static unsigned long now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000UL + t.tv_nsec / 1000;
}

static uint64_t free_pages(void)
{
	struct xen_sysctl_physinfo info;
	int rc = sysctl_physinfo(hyp, &info);

	if (rc) {
		wrong("physinfo", rc);
		exit(1);
	}
	return info.free_pages;
}

/* ---- One domain ---- */

struct life {
	struct build_result built;
	void *frames;			/* FRAMES of them */
	void *grants[GRANTS];
};

static int life_build(struct life *l, const char *then)
{
	struct fault f = { 0 };
	struct build_config c;
	int rc;

	*l = (struct life){ 0 };
	build_config_init(&c);
	c.mem_kib = BUILD_MEM_MIN_KIB;
	c.vcpus = 2;
	c.cmdline = then;
	rc = build_domain(hyp, &c, &image, &l->built, &f);
	if (rc)
		printf("build: %s\n", f.text);
	return rc;
}

static int life_start(struct life *l, const char *then)
{
	int rc = life_build(l, then);

	if (!rc)
		rc = domctl_unpause(hyp, l->built.domid);
	return rc ? wrong("start", rc) : 0;
}

static int life_end(const struct life *l)
{
	int rc = domctl_destroy(hyp, l->built.domid);

	return rc ? wrong("destroy", rc) : 0;
}

/* Waits until its flags are such; 0 of a domain that is gone. */
static int life_wait(const struct life *l, uint32_t mask, uint32_t flags)
{
	struct xen_domctl_getdomaininfo info;

	for (int ms = 0; ms < PATIENCE_MS; ms++) {
		int rc = domctl_info(hyp, l->built.domid, &info);

		if (rc == -ESRCH)
			info.flags = 0;
		else if (rc)
			return wrong("info", rc);
		if ((info.flags & mask) == flags)
			return 0;
		nap_us(1000);
	}
	printf("domain %u has flags %#x, not %#x of %#x\n", l->built.domid, info.flags, flags, mask);
	return -1;
}

static int life_is_zombie(const struct life *l) { return life_wait(l, XEN_DOMINF_dying, XEN_DOMINF_dying); }
static int life_is_gone(const struct life *l) { return life_wait(l, XEN_DOMINF_dying, 0); }

/* ---- What holds it ---- */

static int life_map(struct life *l)
{
	const xen_pfn_t mfns[FRAMES] = { l->built.store_frame, l->built.console_frame,
					 l->built.start_info_frame, l->built.shared_info_frame };

	return hyp_map(hyp, l->built.domid, PROT_READ | PROT_WRITE, FRAMES, mfns, NULL, &l->frames);
}

static void life_unmap(struct life *l)
{
	if (l->frames)
		hyp_unmap(hyp, l->frames, FRAMES);
	l->frames = NULL;
}

/* The guest's table as the guest could fill it in. */
static int life_grant(struct life *l)
{
	struct hyp_resource table;
	grant_entry_v1_t *entry;
	int rc = hyp_resource_map(hyp, l->built.domid, XENMEM_resource_grant_table,
				  XENMEM_resource_grant_table_id_shared, 0, 1, PROT_READ | PROT_WRITE, &table);

	if (rc)
		return rc;
	entry = table.addr;
	for (int i = 0; i < GRANTS; i++)
		entry[FIRST_GRANT + i] = (grant_entry_v1_t){ GTF_permit_access, 0, l->built.console_frame };
	hyp_resource_unmap(hyp, &table);
	return 0;
}

static int life_grants_map(struct life *l)
{
	int rc = life_grant(l);

	for (int i = 0; i < GRANTS && !rc; i++)
		rc = hyp_grant_map(hyp, l->built.domid, FIRST_GRANT + i, PROT_READ | PROT_WRITE, &l->grants[i]);
	return rc;
}

static void life_grants_unmap(struct life *l)
{
	for (int i = 0; i < GRANTS; i++) {
		if (l->grants[i])
			hyp_grant_unmap(hyp, l->grants[i]);
		l->grants[i] = NULL;
	}
}

/* ---- Other processes; each has its own handle ---- */

static pid_t child_run(void (*run)(void *), void *arg)
{
	pid_t child;

	fflush(stdout);
	child = fork();
	if (child)
		return child;
	if (hyp_open(&hyp))
		_exit(1);
	run(arg);
	_exit(0);
}

static void child_kill(pid_t child)
{
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
}

static void child_build(void *arg)
{
	struct life l;

	if (!freopen("/dev/null", "w", stdout))	/* that it fails is the point */
		_exit(1);
	life_build(&l, arg);
}

static void child_hold(void *arg)
{
	struct life *l = arg;

	if (!life_map(l) && !life_grants_map(l))
		raise(SIGSTOP);		/* tells who made us */
}

static void child_race(void *arg)
{
	struct life *l = arg;

	while (!life_map(l) && !life_grants_map(l)) {
		life_unmap(l);
		life_grants_unmap(l);
	}
	life_unmap(l);
	life_grants_unmap(l);
}

/* ---- The scenarios ---- */

static unsigned long build_us;		/* how long one takes */

static unsigned long some_us(void) { return (unsigned long)rand() % (build_us + build_us / 4 + 1); }

static int scene_whole(void)
{
	struct life l;

	if (life_start(&l, "then=stay"))
		return -1;
	if (rand() % 2 && life_wait(&l, XEN_DOMINF_blocked, XEN_DOMINF_blocked))
		return -1;
	return life_end(&l) || life_is_gone(&l) ? -1 : 0;
}

static int scene_crash(void)
{
	const uint32_t crashed = XEN_DOMINF_shutdown | SHUTDOWN_crash << XEN_DOMINF_shutdownshift;
	struct life l;

	if (life_start(&l, "then=crash") ||
	    life_wait(&l, XEN_DOMINF_shutdown | XEN_DOMINF_shutdownmask << XEN_DOMINF_shutdownshift, crashed))
		return -1;
	return life_end(&l) || life_is_gone(&l) ? -1 : 0;
}

/* Whatever there is beside domain 0. */
static int others_end(bool *found)
{
	struct xen_domctl_getdomaininfo info;
	int n = hyp_domain_list(hyp, 1, 1, &info);

	*found = n > 0;
	if (n <= 0)
		return n ? wrong("list", n) : 0;
	n = domctl_destroy(hyp, info.domain);
	if (n && n != -ESRCH)
		return wrong("destroy", n);
	return 0;
}

/* All are gone: those that were still held by a process that just died, a little later. */
static int others_are_gone(void)
{
	bool found = true;

	for (int ms = 0; found && ms < PATIENCE_MS; ms++) {
		if (others_end(&found))
			return -1;
		if (found)
			nap_us(1000);
	}
	if (found)
		printf("a domain is left\n");
	return found ? -1 : 0;
}

static int scene_cut(void)
{
	unsigned long from = now_us(), after = some_us();
	pid_t child = child_run(child_build, "then=stay");
	bool found = false;
	int rc = 0;

	nap_us(after);
	while (!found && !rc && now_us() - from < build_us * 2)
		rc = others_end(&found);
	waitpid(child, NULL, 0);
	return rc ? rc : others_are_gone();
}

static int scene_killed(void)
{
	pid_t child = child_run(child_build, "then=stay");

	nap_us(some_us());
	child_kill(child);
	return others_are_gone();
}

static int scene_foreign(void)
{
	struct life l;
	int rc = life_build(&l, "then=stay");

	if (rc || (rc = life_map(&l)))
		return wrong("map", rc);
	if (life_end(&l) || life_is_zombie(&l))
		return -1;
	memset(l.frames, rand(), FRAMES * 4096);	/* still there */
	life_unmap(&l);
	return life_is_gone(&l);
}

static int scene_grants(void)
{
	struct life l;
	int rc = life_start(&l, "then=stay");

	if (rc || (rc = life_grants_map(&l)))
		return wrong("map grants", rc);
	if (life_end(&l) || life_is_zombie(&l))
		return -1;
	for (int i = 0; i < GRANTS; i++)
		memset(l.grants[i], rand(), 4096);
	life_grants_unmap(&l);
	return life_is_gone(&l);
}

static int scene_holder(void)
{
	struct life l;
	pid_t child;
	int status;

	if (life_start(&l, "then=stay"))
		return -1;
	child = child_run(child_hold, &l);
	if (waitpid(child, &status, WUNTRACED) < 0 || !WIFSTOPPED(status)) {
		printf("the holder could not map\n");
		return -1;
	}
	if (life_end(&l) || life_is_zombie(&l))
		return -1;
	child_kill(child);
	return life_is_gone(&l);
}

static int scene_race(void)
{
	struct life l;
	pid_t child;

	if (life_start(&l, "then=stay"))
		return -1;
	child = child_run(child_race, &l);
	nap_us(some_us());
	if (life_end(&l))
		return -1;
	waitpid(child, NULL, 0);
	return life_is_gone(&l);
}

/* Many at once: how many is the scene's own matter. */
static int scene_crowd(void)
{
	static struct life crowd[CROWD];
	int rc = 0, n = 0;

	while (n < CROWD && !rc)
		rc = life_start(&crowd[n++], "then=stay");
	for (int i = 0; i < n && !rc; i++)
		rc = life_wait(&crowd[i], XEN_DOMINF_blocked, XEN_DOMINF_blocked);
	for (int i = 0; i < n; i++)
		rc |= life_end(&crowd[i]);
	for (int i = 0; i < n; i++)
		rc |= life_is_gone(&crowd[i]);
	return rc ? -1 : 0;
}

/* ---- All of them ---- */

/* The hypervisor's table of numbers grows when one is used for the first time, and stays: that's no leak. */
static int numbers_use_all(void)
{
	struct xen_domctl_createdomain create = { .max_vcpus = 1, .max_evtchn_port = 1, .grant_opts = 1 };

	for (domid_t want = NUMBERS_STEP; want < DOMID_FIRST_RESERVED; want += NUMBERS_STEP) {
		domid_t id;
		int rc = domctl_create(hyp, &create, want, &id);

		if (!rc)
			rc = domctl_destroy(hyp, id);
		if (rc)
			return wrong("a bare domain", rc);
	}
	return 0;
}

static int lives_repeat(int (*scene)(void), unsigned long count)
{
	uint64_t before, after = 0;

	if (numbers_use_all() || scene())	/* what is made once and kept for ever */
		return -1;
	before = free_pages();
	for (unsigned long i = 0; i < count; i++)
		if (scene()) {
			printf("that was life %lu\n", i + 1);
			return -1;
		}
	for (int ms = 0; ms < PATIENCE_MS && (after = free_pages()) != before; ms++)
		nap_us(1000);
	if (after == before)
		return others_are_gone();
	printf("%lu pages were free before, %lu after\n", (unsigned long)before, (unsigned long)after);
	return -1;
}

static int lives_hold(unsigned long count)
{
	struct life l;
	char c;

	while (count--) {
		int rc = life_build(&l, "then=stay");

		if (rc || (rc = life_map(&l)) || (rc = life_grants_map(&l)))
			return wrong("hold", rc);
		if (life_end(&l) || life_is_zombie(&l))
			return -1;
	}
	printf("HELD\n");
	fflush(stdout);
	while (read(STDIN_FILENO, &c, 1) > 0)
		;
	return 0;
}

static int measure(void)
{
	unsigned long from = now_us();
	struct life l;

	if (life_build(&l, "then=stay"))
		return -1;
	build_us = now_us() - from;
	return life_end(&l) || life_is_gone(&l) ? -1 : 0;
}

static int run(const char *name, unsigned long count)
{
	static const struct { const char *name; int (*scene)(void); } scenes[] = {
		{ "whole", scene_whole }, { "crash", scene_crash }, { "cut", scene_cut },
		{ "killed", scene_killed }, { "foreign", scene_foreign }, { "grants", scene_grants },
		{ "holder", scene_holder }, { "race", scene_race }, { "crowd", scene_crowd },
	};

	if (!strcmp(name, "hold"))
		return lives_hold(count);
	for (size_t i = 0; i < sizeof(scenes) / sizeof(scenes[0]); i++)
		if (!strcmp(name, scenes[i].name))
			return measure() || lives_repeat(scenes[i].scene, count) ? 1 : 0;
	printf("no scenario '%s'\n", name);
	return 1;
}

int main(int argc, char **argv)
{
	struct fault f = { 0 };
	int rc;

	if (argc != 5) {
		fprintf(stderr, "usage: lives SCENARIO COUNT SEED KERNEL\n");
		return 2;
	}
	srand((unsigned int)strtoul(argv[3], NULL, 0));
	rc = image_load(&image, argv[4], NULL, &f);
	if (rc) {
		printf("%s: %s\n", argv[4], f.text);
		return 1;
	}
	rc = hyp_open(&hyp);
	if (rc) {
		wrong("no hypervisor", rc);
		return 1;
	}
	rc = run(argv[1], strtoul(argv[2], NULL, 0));
	hyp_close(hyp);
	image_free(&image);
	return rc ? 1 : 0;
}
