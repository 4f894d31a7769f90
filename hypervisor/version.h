/* What this build is: version.c answers guests with it, the boot log begins with it. */
#ifndef HV_VERSION_H
#define HV_VERSION_H

extern const char build_version[];	/* Xylem's own, "0.1" */
extern const char build_extraversion[];	/* behind 4.17: ".0-xylem0.1" */
extern const char build_compiler[], build_date[], build_changeset[];

#endif
