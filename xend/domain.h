/*
 * domain.h - what domains there are, by asking: the hypervisor for what runs, XenStore for names,
 * the store of managed domains for what is halted.  No daemon is needed, nothing is kept.
 *
 * The structs are plain data; printing them is for others.  Needs a hyp and an xs handle only in
 * the functions that take them.
 */
#ifndef XEND_DOMAIN_H
#define XEND_DOMAIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DOM_HALTED (-1)			/* the domid of a managed domain that doesn't run */
#define DOM_NO_LIMIT UINT64_MAX		/* max_kib of a domain that may have all there is */
#define DOM_UUID_TEXT 37		/* bytes of "06ed00fe-1162-…" and its NUL */
#define DOM_NAME_MAX 255		/* bytes of a name, without its NUL */

/* Why a domain shut down: sched.h's SHUTDOWN_*, kept in the flags' second half. */
struct dom {
	int domid;			/* or DOM_HALTED */
	uint8_t uuid[16];
	char *name;			/* never NULL */
	bool is_managed;		/* has a directory under /var/lib/xend/domains */
	bool is_suspended;		/* halted, but its state is kept: managed_state_open() */
	bool has_name;			/* false: XenStore knows none, name is made up */
	uint32_t flags;			/* XEN_DOMINF_*; 0 when halted */
	uint64_t mem_kib, max_kib;	/* what it has, what it may have; halted: configured */
	uint64_t cpu_time_ns;
	unsigned vcpus_online, vcpus;	/* running; all */
	uint32_t ssidref, cpupool;
	double start_time;		/* seconds since 1970; < 0: unknown */
};

struct dom_list {
	struct dom *dom;
	size_t count;
};

struct dom_vcpu {
	unsigned vcpu, cpu;		/* cpu: where it runs or last ran */
	bool is_online, is_blocked, is_running;
	uint64_t cpu_time_ns;
	const uint8_t *affinity;	/* hard, a bit per cpu, (cpus + 7) / 8 bytes; NULL: any */
};

/* Xen-API's power states, the N in (status N). */
enum dom_status {
	DOM_STATUS_HALTED, DOM_STATUS_PAUSED, DOM_STATUS_RUNNING, DOM_STATUS_SUSPENDED,
	DOM_STATUS_SHUTDOWN, DOM_STATUS_UNKNOWN,
};

enum dom_status dom_status(const struct dom *d);
/* "halted" … "unknown", as `xm list --state=` knows them; -1 for another word. */
int dom_status_parse(const char *word);
/* "-b----": running blocked paused shutdown crashed dying; "" when halted. */
void dom_state(const struct dom *d, char state[7]);

void dom_uuid_print(const uint8_t uuid[16], char text[DOM_UUID_TEXT]);
/* With or without dashes, any case.  0 or -EINVAL. */
int dom_uuid_parse(const char *text, uint8_t uuid[16]);
/* A random one (RFC 4122, version 4). */
int dom_uuid_new(uint8_t uuid[16]);
/* Letters, digits and _ - . : / +, at least one, at most DOM_NAME_MAX. */
bool dom_name_is_valid(const char *name);
#define DOM_NAME_RULE "A name has letters, digits and _ - . : / + and nothing else."

/* By name, byte order. */
void dom_list_sort(struct dom_list *l);
void dom_list_free(struct dom_list *l);
/* As xend looked names up: a running domain's name, a halted one's, a domid, a UUID.
 * Lent; NULL when nobody is called so. */
struct dom *dom_list_find(const struct dom_list *l, const char *word);
struct dom *dom_list_find_domid(const struct dom_list *l, int domid);

#endif
