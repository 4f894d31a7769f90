/*
 * hotplug.h - running the scripts of /etc/xen/scripts, and other programs for a short while.
 *
 * A program gets a process group, an environment and nothing else of ours; it dies with its
 * parent, and its whole group is killed when its time is over.  What it says goes to
 * /var/log/xen/xen-hotplug.log, and its last lines to the caller, for the error that a person
 * reads.  Runs in workers, and in the daemon only before it answers anybody.
 */
#ifndef XEND_HOTPLUG_H
#define XEND_HOTPLUG_H

#include <stddef.h>
#include "xenstore/buf.h"

#define HOTPLUG_DIR "/etc/xen/scripts"
#define HOTPLUG_LOG "/var/log/xen/xen-hotplug.log"
#define HOTPLUG_ARGS 16
#define HOTPLUG_ENV 16
#define HOTPLUG_PATH 512

struct hotplug {
	char path[HOTPLUG_PATH];		/* absolute */
	char *arg[HOTPLUG_ARGS];		/* after the path; malloc()ed */
	size_t args;
	char *env[HOTPLUG_ENV];			/* "NAME=value"; malloc()ed */
	size_t envs;
};

/* From a script as configurations name it: `vif-bridge bridge=xenbr1` - a file of HOTPLUG_DIR
 * (or of the directory that stands in for it) or an absolute path, and its arguments.  0, -EINVAL:
 * no name, or too long or too many words, -ENOMEM.  hotplug_free() in every case. */
int hotplug_parse(struct hotplug *h, const char *text);
/* One more; copied.  0, -EINVAL: there are too many, -ENOMEM. */
int hotplug_arg(struct hotplug *h, const char *word);
int hotplug_env(struct hotplug *h, const char *name, const char *value);
void hotplug_free(struct hotplug *h);

/* Where scripts are: HOTPLUG_DIR, or XEN_SCRIPT_DIR of the environment. */
const char *hotplug_dir(void);

/* Runs it to its end.  Its exit status (128 + signal when it was killed), -ETIMEDOUT when it was
 * killed after limit_ms, or -errno when it could not be started.  said gets what it printed, at
 * most the last lines of it. */
int hotplug_run(const struct hotplug *h, int limit_ms, struct buf *said);

#endif
