/* Commands that change something: they ask xend, wait, and say how it went. */
#ifndef XM_JOB_H
#define XM_JOB_H

#include "xend/job.h"
#include "xm/xm.h"

/* The job `command` with the words up to NULL.  Says what went wrong, with the usage of old
 * unless the row is XM_NO_USAGE; gives the exit status. */
int xm_job(struct xm_args *a, const char *command, ...) __attribute__((sentinel));
/* The same, giving what xend answered (malloc()ed) when the status is XM_OK. */
int xm_job_run(struct xm_args *a, const struct job_request *r, char **result);

#endif
