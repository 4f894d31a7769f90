/*
 * roster.h - reads who is there: domains from the hypervisor, their names from XenStore, halted
 * ones from disk.  What `xm list` and xend alike look at; works without any daemon but xenstored,
 * and with made-up names even without that.
 */
#ifndef XEND_ROSTER_H
#define XEND_ROSTER_H

#include "xend/config.h"
#include "xend/domain.h"

struct hyp;
struct xs;

/* All domains, running and halted, sorted by name; xs NULL: no names.  0 or -errno. */
int roster_read(struct hyp *h, struct xs *xs, struct dom_list *l);
/* The same without those that are only on disk. */
int roster_read_running(struct hyp *h, struct xs *xs, struct dom_list *l);
/* The same two, but with the names that a running xend tells (names.h): far quicker where there are
 * many, and a moment late where another program renames.  For those who only look. */
int roster_read_all_told(struct hyp *h, struct xs *xs, struct dom_list *l);
int roster_read_told(struct hyp *h, struct xs *xs, struct dom_list *l);
/* Is that still its name?  Asks XenStore. */
bool roster_is_called(struct xs *xs, const struct dom *d);

/* Fills start_time of running domains (Domain-0's from /proc/uptime); -1 where nobody knows. */
void roster_start_time(struct xs *xs, struct dom *d);
void roster_start_times(struct xs *xs, struct dom *const *d, size_t count);

/* All vcpus of a running domain.  The affinity maps belong to *v; one roster_vcpus_free()
 * frees all.  cpus: how many the host has.  Returns the count, or -errno. */
int roster_vcpus(struct hyp *h, const struct dom *d, unsigned cpus, struct dom_vcpu **v);
void roster_vcpus_free(struct dom_vcpu *v);

/* The configuration a domain runs with, or would start with; -ENOENT: nobody wrote it down
 * (another toolstack's domain).  The caller frees. */
int roster_config(struct xs *xs, const struct dom *d, struct sxp **config);

/* /vm/<uuid>[/rest] into path. */
#define ROSTER_PATH 512
const char *roster_vm_path(const struct dom *d, const char *rest, char path[ROSTER_PATH]);

#endif
