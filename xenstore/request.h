/*
 * request.h - one table row per kind of request; each request is one batch.
 */
#ifndef XENSTORE_REQUEST_H
#define XENSTORE_REQUEST_H

#include <stddef.h>
#include <stdint.h>
#include <stdbool.h>

struct conn;

/*
 * Handle the whole request of len bytes (header and payload): do it, queue the answer, commit.
 * 0; or -EINPROGRESS if it must wait (the client is parked then): hand it in again later.
 */
int request_handle(struct conn *c, const char *frame, size_t len);

/* Name of a request type, or "?". */
const char *request_name(uint32_t type);

#endif
