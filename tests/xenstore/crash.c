/*
 * crash DAEMON KILLS: kill xenstored under load, again and again; whatever it had acknowledged
 * must be there afterwards, and what it had not must be there whole or not at all.
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "daemon.h"
#include "xenstore/xs.h"

#define WRITERS 3
#define KEYS 25
#define TOGETHER 3	/* nodes of one transaction */

/* A key's content: a number, or 0: it is not there.  What was sent last may have happened. */
struct key {
	unsigned long acked, sent;
};

static struct key keys[WRITERS][KEYS], together;
static atomic_ulong acks;
static atomic_bool stop;

static unsigned int rng(unsigned int *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 17;
	*state ^= *state << 5;
	return *state;
}

static void path_of(char *path, unsigned int w, unsigned int k)
{
	sprintf(path, "/crash/%u/dir%u/key%u", w, k % 5, k);
}

/* One write or removal at a time, each remembered before it is sent and after it is answered. */
static void *writer(void *arg)
{
	unsigned int w = (unsigned int)(size_t)arg, state = (unsigned int)time(NULL) + w * 77 + 1;
	static atomic_ulong next = 1;
	char path[64], value[32];
	struct xs *xs;

	if (xs_open(&xs, XS_OPEN_SOCKET_ONLY))
		return NULL;
	for (int rc = 0; !rc && !stop;) {
		unsigned int k = rng(&state) % KEYS;
		struct key *key = &keys[w][k];
		unsigned long v = rng(&state) % 6 ? atomic_fetch_add(&next, 1) : 0;

		path_of(path, w, k);
		key->sent = v;
		rc = v ? xs_write(xs, XS_TXN_NONE, path, value, (size_t)sprintf(value, "%lu", v)) :
			xs_rm(xs, XS_TXN_NONE, path);
		if (rc == -ENOENT)
			rc = 0;		/* the directory is not there yet: so is the key */
		if (!rc) {
			key->acked = v;
			acks++;
		}
	}
	xs_close(xs);
	return NULL;
}

static int write_together(struct xs *xs, uint32_t t, void *ctx)
{
	char path[64], value[32];
	int rc = 0;

	for (int i = 0; !rc && i < TOGETHER; i++) {
		sprintf(path, "/crash/txn/%d/value", i);
		rc = xs_write(xs, t, path, value, (size_t)sprintf(value, "%lu", together.sent));
	}
	return rc;
}

static void *transactor(void *arg)
{
	struct xs *xs;

	if (xs_open(&xs, XS_OPEN_SOCKET_ONLY))
		return NULL;
	for (int rc = 0; !rc && !stop;) {
		together.sent++;
		rc = xs_txn(xs, write_together, NULL);
		if (!rc) {
			together.acked = together.sent;
			acks++;
		}
	}
	xs_close(xs);
	return NULL;
}

static unsigned long number_read(struct xs *xs, const char *path)
{
	char *value;
	unsigned long v;
	int rc = xs_read(xs, XS_TXN_NONE, path, &value, NULL);

	if (rc == -ENOENT)
		return 0;
	if (rc)
		die("read %s: %s", path, strerror(-rc));
	v = strtoul(value, NULL, 10);
	free(value);
	return v;
}

static int key_check(struct xs *xs, const char *path, struct key *key)
{
	unsigned long v = number_read(xs, path);
	int lost = v != key->acked && v != key->sent;

	if (lost)
		printf("# %s is %lu, acknowledged %lu, last sent %lu\n", path, v, key->acked,
		       key->sent);
	key->acked = key->sent = v;
	return lost;
}

static int all_check(void)
{
	static const char *const check[] = { "check" };
	struct key whole = together;
	char path[64], *answer;
	struct xs *xs;
	int lost = 0;

	if (xs_open(&xs, XS_OPEN_SOCKET_ONLY))
		die("the new daemon can't be reached");
	for (unsigned int w = 0; w < WRITERS; w++)
		for (unsigned int k = 0; k < KEYS; k++) {
			path_of(path, w, k);
			lost += key_check(xs, path, &keys[w][k]);
		}
	for (int i = 0; i < TOGETHER; i++) {
		sprintf(path, "/crash/txn/%d/value", i);
		/* The first decides whether it happened; the others must agree. */
		lost += key_check(xs, path, &whole);
	}
	together = whole;
	if (xs_control(xs, check, 1, &answer))
		die("check can't be asked");
	if (strncmp(answer, "OK", 2)) {
		printf("# check: %s\n", answer);
		lost++;
	}
	free(answer);
	xs_close(xs);
	return lost;
}

static int round_run(struct daemon *d, unsigned int *state)
{
	struct timespec life = { 0, 200000 + (long)(rng(state) % 12000000) };
	pthread_t thread[WRITERS + 1];

	stop = false;
	for (size_t w = 0; w < WRITERS; w++)
		pthread_create(&thread[w], NULL, writer, (void *)w);
	pthread_create(&thread[WRITERS], NULL, transactor, NULL);
	nanosleep(&life, NULL);
	daemon_kill(d, SIGKILL);
	stop = true;
	for (int i = 0; i <= WRITERS; i++)
		pthread_join(thread[i], NULL);
	daemon_start(d, NULL);
	return all_check();
}

int main(int argc, char **argv)
{
	unsigned int kills = argc > 2 ? (unsigned int)atoi(argv[2]) : 20, state = 12345, lost = 0;
	struct daemon d;

	signal(SIGPIPE, SIG_IGN);
	daemon_place(&d, argv[1]);
	daemon_start(&d, NULL);
	for (unsigned int i = 0; i < kills; i++)
		lost += (unsigned int)round_run(&d, &state);
	printf("# %lu acknowledged writes, %u kills\n", atomic_load(&acks), kills);
	tap(acks > kills, "the load reached the daemon");
	tap(!lost, "%u kills under load lose nothing that was acknowledged", kills);
	daemon_remove(&d);
	return tap_end();
}
