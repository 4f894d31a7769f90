/* xm doctor: is this host all right?  Each finding names what is wrong and what to do. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>
#include "xenstore/hyp.h"
#include "xenstore/xs.h"
#include "xend/host.h"
#include "xend/job.h"
#include "xend/lock.h"
#include "xend/managed.h"
#include "xend/roster.h"
#include "xend/settings.h"
#include "xm/groups.h"
#include "xm/json.h"
#include "xm/open.h"

#define DISK_LEAST_MIB 100
#define MEMORY_LEAST_MIB 64

enum grade { GRADE_GOOD, GRADE_DOUBT, GRADE_BAD };

struct doctor {
	struct json *json;
	unsigned bad;
	struct hyp *hyp;
	struct xs *xs;
};

static void find(struct doctor *d, enum grade grade, const char *what, const char *remedy,
		 const char *format, ...) __attribute__((format(printf, 5, 6)));

/* One finding; remedy NULL where nothing needs one. */
static void find(struct doctor *d, enum grade grade, const char *what, const char *remedy,
		 const char *format, ...)
{
	static const char *const words[] = { "ok", "warning", "problem" };
	static const enum xm_colour colours[] = { XM_GREEN, XM_YELLOW, XM_RED };
	char text[512];
	va_list va;

	va_start(va, format);
	vsnprintf(text, sizeof text, format, va);
	va_end(va);
	d->bad += grade == GRADE_BAD;
	if (d->json) {
		json_map(d->json, NULL);
		json_text(d->json, "check", what);
		json_text(d->json, "grade", words[grade]);
		json_text(d->json, "finding", text);
		json_text(d->json, "remedy", remedy);
		json_end_map(d->json);
		return;
	}
	printf("%s%-8s%s %-12s %s\n", xm_colour(stdout, colours[grade]), words[grade],
	       xm_colour(stdout, XM_PLAIN), what, text);
	if (remedy)
		printf("%-21s -> %s\n", "", remedy);
}

static void check_hypervisor(struct doctor *d)
{
	struct sysctl_version v;
	int rc = hyp_open(&d->hyp);

	if (rc < 0) {
		d->hyp = NULL;
		find(d, GRADE_BAD, "hypervisor", "Boot through the hypervisor's GRUB entry; then "
		     "modprobe xen-privcmd.", "not reachable: %s", strerror(-rc));
		return;
	}
	rc = sysctl_version(d->hyp, &v);
	if (rc == -EACCES)
		find(d, GRADE_BAD, "hypervisor", "Install a hypervisor that these tools know, or "
		     "newer tools.", "speaks another version of the control interface");
	else if (rc < 0)
		find(d, GRADE_BAD, "hypervisor", "Run this in the privileged domain, as root.",
		     "refuses: %s", strerror(-rc));
	else
		find(d, GRADE_GOOD, "hypervisor", NULL, "version %u.%u%s", v.major, v.minor, v.extra);
}

static void check_devices(struct doctor *d)
{
	static const struct {
		const char *path, *remedy;
	} devices[] = {
		{ "/dev/xen/privcmd", "modprobe xen-privcmd" },
		{ "/dev/xen/evtchn", "modprobe xen-evtchn" },
		{ "/dev/xen/gntdev", "modprobe xen-gntdev" },
		{ "/proc/xen/capabilities", "mount -t xenfs xenfs /proc/xen" },
	};
	unsigned missing = 0;

	for (size_t i = 0; i < sizeof devices / sizeof *devices; i++)
		if (access(devices[i].path, F_OK) < 0) {
			find(d, GRADE_BAD, "modules", devices[i].remedy, "%s is missing",
			     devices[i].path);
			missing++;
		}
	if (!missing)
		find(d, GRADE_GOOD, "modules", NULL, "all devices are there");
}

static void check_store(struct doctor *d)
{
	int rc = xs_open(&d->xs, XS_OPEN_SOCKET_ONLY);
	int domains;
	char **names;

	if (rc < 0) {
		d->xs = NULL;
		find(d, GRADE_BAD, "xenstored", "Start it: /etc/init.d/xencommons start. If it "
		     "died, guests lose their devices' control until the host is restarted.",
		     "does not answer: %s", strerror(-rc));
		return;
	}
	domains = xs_directory(d->xs, XS_TXN_NONE, "/local/domain", &names);
	if (domains < 0) {
		find(d, GRADE_BAD, "xenstored", "Restart the host, or look at its log.",
		     "has no /local/domain: %s", strerror(-domains));
		return;
	}
	free(names);
	find(d, GRADE_GOOD, "xenstored", NULL, "answers; it knows %d domain%s", domains,
	     domains == 1 ? "" : "s");
}

/* Does that process run, and is it what we take it for?  Zombies and recycled numbers are not. */
static bool is_process(pid_t pid, const char *name)
{
	char path[48], comm[17] = "", state = 'Z';
	FILE *f;

	snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
	f = pid > 1 ? fopen(path, "re") : NULL;
	if (!f)
		return false;
	if (fscanf(f, "%*d (%16[^)]) %c", comm, &state) != 2)
		state = 'Z';
	fclose(f);
	return state != 'Z' && !strncmp(comm, name, strlen(comm));
}

static void check_daemon(struct doctor *d, const char *name, const char *pid_file,
			 const char *remedy)
{
	pid_t pid = 0;
	int held = lock_is_held(pid_file, &pid);

	if (held == 1)
		find(d, GRADE_GOOD, name, NULL, "runs, pid %d", (int)pid);
	else if (held == 0 && is_process(pid, name))
		find(d, GRADE_GOOD, name, NULL, "runs, pid %d (another make)", (int)pid);
	else if (held == 0)
		find(d, GRADE_BAD, name, remedy, "died (its pid file says %d)", (int)pid);
	else
		find(d, GRADE_BAD, name, remedy, "is not running");
}

static void check_disk(struct doctor *d)
{
	static const char *const paths[] = { "/var/lib/xend", "/var/log/xen", "/var/run", "/tmp" };

	for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
		struct statvfs st;
		unsigned long long mib;

		if (statvfs(paths[i], &st) < 0)
			continue;
		mib = (unsigned long long)st.f_bavail * st.f_frsize >> 20;
		if (mib < DISK_LEAST_MIB)
			find(d, GRADE_DOUBT, "disk", "Make room; kernels are cached in "
			     "/var/lib/xend/kernels and may be deleted.", "%s has %llu MiB left",
			     paths[i], mib);
	}
}

static void check_memory(struct doctor *d)
{
	struct xen_sysctl_physinfo phys;

	if (!d->hyp || sysctl_physinfo(d->hyp, &phys) < 0)
		return;
	if (phys.free_pages / 256 < MEMORY_LEAST_MIB)
		find(d, GRADE_DOUBT, "memory", "Give some of Domain-0's to guests: xm mem-set "
		     "Domain-0 MIB; or boot with dom0_mem=.", "%llu MiB are free for guests",
		     (unsigned long long)phys.free_pages / 256);
	else
		find(d, GRADE_GOOD, "memory", NULL, "%llu MiB are free for guests",
		     (unsigned long long)phys.free_pages / 256);
}

/* What holds a dead domain: pages that someone still has mapped, often a backend in dom0. */
static void explain_zombie(struct doctor *d, const struct dom *z)
{
	char path[64];
	char **names = NULL;
	int vbds, vifs;

	snprintf(path, sizeof path, "/local/domain/0/backend/vbd/%d", z->domid);
	vbds = d->xs ? xs_directory(d->xs, XS_TXN_NONE, path, &names) : 0;
	if (vbds > 0)
		free(names);
	snprintf(path, sizeof path, "/local/domain/0/backend/vif/%d", z->domid);
	vifs = d->xs ? xs_directory(d->xs, XS_TXN_NONE, path, &names) : 0;
	if (vifs > 0)
		free(names);
	if (vbds > 0 || vifs > 0)
		find(d, GRADE_BAD, "zombie", "Its devices in Domain-0 hold it: see xenstore-ls "
		     "/local/domain/0/backend; remove what is left there.",
		     "domain %d is dead but holds %llu KiB; %d disks and %d interfaces are still "
		     "connected", z->domid, (unsigned long long)z->mem_kib, vbds > 0 ? vbds : 0,
		     vifs > 0 ? vifs : 0);
	else
		find(d, GRADE_BAD, "zombie", "A process in Domain-0 has its memory mapped: often "
		     "xenconsoled, a device model or a debugger; restart xenconsoled.",
		     "domain %d is dead but holds %llu KiB, and has no devices", z->domid,
		     (unsigned long long)z->mem_kib);
}

static void check_domains(struct doctor *d)
{
	struct dom_list l;
	unsigned zombies = 0, nameless = 0;

	if (!d->hyp || roster_read_running(d->hyp, d->xs, &l) < 0)
		return;
	for (size_t i = 0; i < l.count; i++) {
		if (l.dom[i].flags & XEN_DOMINF_dying) {
			explain_zombie(d, &l.dom[i]);
			zombies++;
		} else if (!l.dom[i].has_name && d->xs) {
			find(d, GRADE_DOUBT, "domains", "If nobody is building it, destroy it by "
			     "its number.", "domain %d has no name in XenStore", l.dom[i].domid);
			nameless++;
		}
	}
	if (!zombies && !nameless)
		find(d, GRADE_GOOD, "domains", NULL, "%zu run%s, none is a zombie", l.count,
		     l.count == 1 ? "s" : "");
	dom_list_free(&l);
}

static void check_managed(struct doctor *d)
{
	struct managed_list l;
	size_t broken = 0;
	int rc = managed_list(&l, &broken);

	if (rc < 0) {
		find(d, GRADE_BAD, "managed", "Check the file system.", "%s: %s", managed_path(),
		     strerror(-rc));
		return;
	}
	if (broken)
		find(d, GRADE_BAD, "managed", "Restore config.sxp from a backup, or remove the "
		     "directory.", "%zu configuration%s in %s cannot be read", broken,
		     broken == 1 ? "" : "s", managed_path());
	managed_list_free(&l);
}

static void check_settings(struct doctor *d)
{
	if (settings_load() < 0)
		find(d, GRADE_BAD, "settings", "Correct the file; xend will not start with it.",
		     "%s", settings_error());
}

static int cmd_doctor(struct xm_args *a)
{
	struct doctor d = { .json = xm_opt(a, "json") ? json_open(stdout, true) : NULL };

	if (d.json)
		json_list(d.json, NULL);
	check_hypervisor(&d);
	check_devices(&d);
	check_store(&d);
	check_daemon(&d, "xend", XEND_PID_FILE, "xend start");
	check_daemon(&d, "xenconsoled", XENCONSOLED_PID_FILE, "xenconsoled --log=guest");
	check_settings(&d);
	check_memory(&d);
	check_disk(&d);
	check_domains(&d);
	check_managed(&d);
	if (d.json) {
		json_end_list(d.json);
		json_close(d.json);
	}
	xs_close(d.xs);
	hyp_close(d.hyp);
	return d.bad ? XM_FAILED : XM_OK;
}

const struct xm_command doctor_commands[] = {
	{ "doctor", "[--json]", 0, 0, cmd_doctor,
	  "Check this host, and say what to do about what is wrong.", xm_json_option, XM_ADDED,
	  XM_HOST },
	{ 0 },
};
