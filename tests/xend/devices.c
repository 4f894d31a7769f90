/*
 * devices [DAEMON]: devices come and go against a real xenstored, with a made-up kernel and a made-up guest:
 * a thread that answers as xen-blkback, xen-netback and their front-ends would.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "tests/xenstore/daemon.h"
#include "xenstore/xs.h"
#include "xend/device_attach.h"
#include "xend/device_wait.h"
#include "xend/domain.h"

static struct daemon daemon_of_ours;
static char sys[160], scripts[160];
static struct xs *xs;
static struct fault fault;

static const struct device_owner owner = { .domid = 5, .name = "web", .uuid = { 1, 2, 3 } };
static const struct device_name disk = { &device_vbd, 5, 0, 51712 };
static const struct device_name vif = { &device_vif, 5, 0, 0 };

/* What the made-up guest does: connects and lets go, or holds on to what it has. */
static atomic_bool guest_is_up, guest_refuses, stop;

/* ------------------------------------------------- the kernel and the guest */

static void put(struct xs *k, const char *dir, const char *node, const char *value)
{
	char path[256];

	snprintf(path, sizeof path, "%s/%s", dir, node);
	if (xs_write(k, XS_TXN_NONE, path, value, strlen(value)) < 0)
		return;
}

static int state_of(struct xs *k, const char *dir)
{
	uint64_t state;

	return xs_get_u64(k, XS_TXN_NONE, dir, "state", &state) < 0 ? 0 : (int)state;
}

struct change { const char *dir, *state; int from; };

static int change_body(struct xs *k, uint32_t t, void *ctx)
{
	const struct change *c = ctx;
	char path[256];
	uint64_t state;
	int rc = xs_get_u64(k, t, c->dir, "state", &state);

	if (rc < 0 || state != (uint64_t)c->from)
		return rc < 0 ? rc : -ENOENT;
	snprintf(path, sizeof path, "%s/state", c->dir);
	return xs_write(k, t, path, c->state, strlen(c->state));
}

/* As a kernel does it: what has gone meanwhile does not come back. */
static void state_change(struct xs *k, const char *dir, int from, const char *state)
{
	xs_txn(k, change_body, &(struct change){ dir, state, from });
}

static void half(const struct device_name *n, const char *rest, char path[256])
{
	snprintf(path, 256, "%s/bus/xen-backend/devices/%s-%" PRIu32 "-%" PRIu32 "%s", sys, n->class->name,
		 n->domid, n->id, rest);
}

static void half_remove(const struct device_name *n)
{
	char path[256];

	half(n, "/physical_device", path);
	unlink(path);
	half(n, "", path);
	rmdir(path);
	snprintf(path, sizeof path, "%s/class/net/vif5.0", sys);
	if (n->class == &device_vif)
		rmdir(path);
}

static void guest_step(struct xs *k, const struct device_name *n, const char *front, const char *back)
{
	char error[128];

	if (guest_is_up && state_of(k, front) == DEVICE_INITIALISING && state_of(k, back) == DEVICE_INIT_WAIT) {
		state_change(k, front, DEVICE_INITIALISING, "4");
		state_change(k, back, DEVICE_INIT_WAIT, "4");
	}
	if (state_of(k, back) != DEVICE_CLOSING || state_of(k, front) != DEVICE_CONNECTED)
		return;
	if (guest_refuses) {
		snprintf(error, sizeof error, "/local/domain/5/error/device/%s/%" PRIu32, n->class->name, n->id);
		put(k, error, "error", "16 Device in use; refusing to close");
	} else {
		state_change(k, front, DEVICE_CONNECTED, "6");
	}
}

static void kernel_step(struct xs *k, const struct device_name *n)
{
	char front[DEVICE_PATH], back[DEVICE_PATH], path[256], *number, *online;

	device_front(n, front);
	device_back(n, back);
	if (state_of(k, back) == DEVICE_INITIALISING) {
		half(n, "", path);
		mkdir(path, 0755);
		snprintf(path, sizeof path, "%s/class/net/vif5.0", sys);
		if (n->class == &device_vif)
			mkdir(path, 0755);
		state_change(k, back, DEVICE_INITIALISING, "2");
	}
	number = xs_get(k, XS_TXN_NONE, back, "physical-device");
	half(n, "/physical_device", path);
	if (number && access(path, F_OK) < 0)
		close(open(path, O_CREAT | O_WRONLY, 0644));
	free(number);
	guest_step(k, n, front, back);
	online = xs_get(k, XS_TXN_NONE, back, "online");
	half(n, "", path);
	if (access(path, F_OK) == 0 &&
	    (state_of(k, front) == 0 || (state_of(k, front) == 6 && online && *online == '0'))) {
		state_change(k, back, state_of(k, back), "6");
		half_remove(n);		/* xend takes the nodes away once it sees that */
	}
	free(online);
}

static void *kernel(void *arg)
{
	struct xs *k;

	if (xs_open(&k, XS_OPEN_SOCKET_ONLY))
		return NULL;
	while (!stop) {
		kernel_step(k, &disk);
		kernel_step(k, &vif);
		usleep(10000);
	}
	xs_close(k);
	return NULL;
}

/* ---------------------------------------------------------------- the tests */

static void script_write(const char *name, const char *text)
{
	char path[256];
	FILE *f;

	snprintf(path, sizeof path, "%s/%s", scripts, name);
	f = fopen(path, "w");
	if (!f)
		die("write %s", path);
	fprintf(f, "#!/bin/sh\n%s\n", text);
	fclose(f);
	chmod(path, 0755);
}

static void places_make(const char *top)
{
	char path[1024];

	snprintf(sys, sizeof sys, "%s/sys", top);
	snprintf(scripts, sizeof scripts, "%s/scripts", top);
	snprintf(path, sizeof path, "mkdir -p %s/bus/xen-backend/devices %s/bus/xen-backend/drivers/vbd "
		 "%s/bus/xen-backend/drivers/vif %s/class/net %s", sys, sys, sys, sys, scripts);
	if (system(path))
		die("%s", path);
	setenv("XEN_SYS", sys, 1);
	setenv("XEN_SCRIPT_DIR", scripts, 1);
	snprintf(path, sizeof path, "%s/xend-config.sxp", top);
	setenv("XEND_CONFIG", path, 1);
	FILE *f = fopen(path, "w");
	if (!f)
		die("write %s", path);
	fputs("(device-create-timeout 2)\n(device-destroy-timeout 2)\n", f);
	fclose(f);
}

/* The store's own clients are not on the PATH: a script here talks to it by the test's own hand. */
static char *store_word(const char *program)
{
	static char word[4200];

	snprintf(word, sizeof word, "XENSTORED_PATH=%s %s write", daemon_of_ours.socket, program);
	return word;
}

static const char *self;

static void scripts_make(void)
{
	char text[9000];

	snprintf(text, sizeof text, "echo \"$1 $XENBUS_PATH $vif\" >>%s/log\n[ $1 = remove ] || %s "
		 "$XENBUS_PATH/physical-device 7:7 $XENBUS_PATH/hotplug-status connected", scripts,
		 store_word(self));
	script_write("block", text);
	snprintf(text, sizeof text, "echo \"$* $XENBUS_PATH $vif\" >>%s/log\n[ $1 = offline ] || %s "
		 "$XENBUS_PATH/hotplug-status connected", scripts, store_word(self));
	script_write("vif-bridge", text);
	snprintf(text, sizeof text, "%s $XENBUS_PATH/hotplug-error 'somebody has it' "
		 "$XENBUS_PATH/hotplug-status busy; exit 1", store_word(self));
	script_write("block-busy", text);
	script_write("block-mute", "echo first; echo 'these are my words' >&2; exit 7");
	script_write("block-hang", "echo hanging; sleep 100");
	script_write("block-silent", "exit 0");
}

static struct config config;

static int plan(struct device *d, const struct device_name *n, const char *text)
{
	struct config_error err;
	struct sxp_error sxp_err;
	struct sxp *s;

	config_free(&config);
	if (sxp_parse(text, strlen(text), &s, NULL, &sxp_err) || config_from_sxp(&config, s, &err))
		die("%s is no configuration", text);
	sxp_free(s);
	fault = (struct fault){ 0 };
	return device_plan(d, n, &config.device[0], &owner, &fault);
}

static int attach(const struct device_name *n, const char *text)
{
	struct device d;
	int rc = plan(&d, n, text);

	if (rc == 0)
		rc = device_attach(xs, &d, &fault);
	device_free(&d);
	return rc;
}

#define DISK "(vm (device (vbd (uname phy:x) (dev xvda) (mode w))))"
#define DISK_BY(script) "(vm (device (vbd (uname phy:x) (dev xvda) (mode w) (script " script "))))"

static bool log_is(const char *wanted)
{
	char path[256], text[1024] = "";
	FILE *f;

	snprintf(path, sizeof path, "%s/log", scripts);
	f = fopen(path, "r");
	if (f) {
		text[fread(text, 1, sizeof text - 1, f)] = '\0';
		fclose(f);
	}
	unlink(path);
	if (strcmp(text, wanted))
		printf("# the log is: %s", text);
	return !strcmp(text, wanted);
}

/* No node, no half of the kernel's: as if nothing had ever been. */
static bool nothing_is_left(void)
{
	char path[256];
	bool is_clean;

	half(&disk, "", path);
	is_clean = access(path, F_OK) < 0;
	half(&vif, "", path);
	is_clean &= access(path, F_OK) < 0;
	is_clean &= xs_exists(xs, XS_TXN_NONE, "/local/domain/0/backend") == 0;
	is_clean &= xs_exists(xs, XS_TXN_NONE, "/local/domain/5/device/vbd") == 0;
	is_clean &= xs_exists(xs, XS_TXN_NONE, "/local/domain/5/device/vif") == 0;
	return is_clean & (xs_exists(xs, XS_TXN_NONE, DEVICE_LEAVING) == 0);
}

static bool perms_are(const char *path, uint32_t owner_domid, uint32_t reader)
{
	struct xs_perm *perm;
	int n = xs_get_perms(xs, XS_TXN_NONE, path, &perm);
	bool good = n == 2 && perm[0].domid == owner_domid && perm[0].access == 'n' &&
		    perm[1].domid == reader && perm[1].access == 'r';

	if (n >= 0)
		free(perm);
	return good;
}

static void test_attach(void)
{
	struct device_list l;

	tap(attach(&disk, DISK) == 0, "a disk is attached when the driver and the script have done their part");
	tap(log_is("add backend/vbd/5/51712 \n"), "the script was told which");
	tap(perms_are("/local/domain/5/device/vbd/51712/state", 5, 0) &&
	    perms_are("/local/domain/0/backend/vbd/5/51712/state", 0, 5), "each end may write its own part only");
	tap(attach(&disk, DISK) == -EEXIST &&
	    !strcmp(fault.text, "Device xvda (51712, vbd) is already connected."), "not twice");
	tap(device_list_read(xs, 5, NULL, &l) == 0 && l.count == 1 && l.name[0].id == 51712, "it is listed");
	device_list_free(&l);
	tap(device_detach(xs, &disk, false, &fault) == 0 && nothing_is_left(),
	    "before the guest has seen it, it goes without asking");
	tap(log_is("remove backend/vbd/5/51712 \n"), "and the script is told");
}

static void test_refusals(void)
{
	tap(attach(&disk, DISK_BY("block-busy")) == -EBUSY && !strcmp(fault.text,
	    "Device 51712 (vbd) could not be connected.\nsomebody has it"), "busy is said in the script's words");
	tap(nothing_is_left(), "and leaves nothing");
	tap(attach(&disk, DISK_BY("block-mute")) == -ENODEV && strstr(fault.text, "these are my words"),
	    "one that only writes to stderr is heard too");
	tap(attach(&disk, DISK_BY("block-hang")) == -ETIMEDOUT &&
	    strstr(fault.text, "Hotplug scripts not working.") && strstr(fault.text, "hanging"),
	    "one that hangs is killed after the time limit");
	tap(attach(&disk, DISK_BY("block-silent")) == -ETIMEDOUT &&
	    strstr(fault.text, "Hotplug scripts not working."), "one that says nothing is waited for, not for ever");
	tap(nothing_is_left(), "none leaves anything");
}

static void test_guest(void)
{
	guest_is_up = true;
	tap(attach(&disk, DISK) == 0, "a running guest is given a disk");
	for (int i = 0; i < 300 && device_back_state(xs, &disk) != DEVICE_CONNECTED; i++)
		usleep(10000);
	guest_refuses = true;
	tap(device_detach(xs, &disk, false, &fault) == -EBUSY && !strcmp(fault.text, "Device 51712 (vbd) could "
	    "not be disconnected. The guest says: Device in use; refusing to close"),
	    "a guest that holds on to it is heard at once");
	guest_refuses = false;
}

static bool is_alive(void *ctx, uint32_t domid, const char *uuid)
{
	return *(bool *)ctx;
}

static void test_leaving(void)
{
	struct device_orphan orphan[4];
	bool alive = true;
	int n = 0;

	for (int i = 0; i < 300 && n == 0; i++) {
		n = device_orphans(xs, is_alive, &alive, orphan, 4);
		usleep(10000);
	}
	tap(n == 1 && orphan[0].domid == 5, "when it has let go later, that is seen");
	tap(device_reap_left(xs, 5) == 0 && nothing_is_left(), "and the rest is removed");
}

static void test_force(void)
{
	guest_refuses = true;
	tap(attach(&disk, DISK) == 0 && device_detach(xs, &disk, true, &fault) == 0 && nothing_is_left(),
	    "by force it goes whatever the guest says");
	guest_refuses = false;
	log_is("");
}

static void test_vif(void)
{
	tap(attach(&vif, "(vm (device (vif (script 'vif-bridge bridge=lan'))))") == 0, "an interface is attached");
	tap(log_is("online bridge=lan backend/vif/5/0 vif5.0\n"), "its script has its name and the words behind");
	tap(device_detach(xs, &vif, false, &fault) == 0 && nothing_is_left(), "and detached");
	tap(log_is("offline bridge=lan backend/vif/5/0 vif5.0\n"), "as the script is told");
}

static void test_death(void)
{
	struct device_orphan orphan[4];
	char uuid[DOM_UUID_TEXT];
	bool alive = true;

	dom_uuid_print(owner.uuid, uuid);
	tap(attach(&disk, DISK) == 0 && attach(&vif, "(vm (device (vif)))") == 0, "a guest with two devices");
	tap(device_orphans(xs, is_alive, &alive, orphan, 4) == 0, "that lives has no orphans");
	alive = false;
	tap(device_orphans(xs, is_alive, &alive, orphan, 4) == 1 && orphan[0].domid == 5 &&
	    !strcmp(orphan[0].uuid, uuid), "when it is dead, it has");
	tap(device_remove_all(xs, 5, "00000000-0000-0000-0000-000000000001") == 0 && !nothing_is_left(),
	    "another domain's are not touched");
	tap(device_remove_all(xs, 5, uuid) == 0 && nothing_is_left(), "its own are all removed");
	tap(device_remove_all(xs, 5, uuid) == 0, "once more is no error");
}

/* Called by the scripts: pairs of paths and values. */
static int write_pairs(int argc, char **argv)
{
	struct xs *w;

	if (xs_open(&w, XS_OPEN_SOCKET_ONLY))
		return 1;
	for (int i = 0; i + 1 < argc; i += 2)
		if (xs_write(w, XS_TXN_NONE, argv[i], argv[i + 1], strlen(argv[i + 1])) < 0)
			return 1;
	xs_close(w);
	return 0;
}

int main(int argc, char **argv)
{
	pthread_t thread;
	char absolute[4096], program[4096];
	const char *top = getenv("O");

	if (argc > 1 && !strcmp(argv[1], "write"))
		return write_pairs(argc - 2, argv + 2);
	self = realpath(argv[0], absolute);
	if (!self)
		die("find %s", argv[0]);
	snprintf(program, sizeof program, "%s/xenstored", top ? top : "build");
	signal(SIGPIPE, SIG_IGN);
	daemon_place(&daemon_of_ours, argc > 1 ? argv[1] : program);
	daemon_start(&daemon_of_ours, NULL);
	setenv("XENSTORED_PATH", daemon_of_ours.socket, 1);
	places_make(daemon_of_ours.dir);
	scripts_make();
	if (xs_open(&xs, XS_OPEN_SOCKET_ONLY) || pthread_create(&thread, NULL, kernel, NULL))
		die("reach the store");
	put(xs, "/local/domain/5", "name", "web");
	test_attach();
	test_refusals();
	test_guest();
	test_leaving();
	test_force();
	test_vif();
	test_death();
	stop = true;
	pthread_join(thread, NULL);
	xs_close(xs);
	config_free(&config);
	daemon_remove(&daemon_of_ours);
	return tap_end();
}
