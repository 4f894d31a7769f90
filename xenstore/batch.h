/* batch.h - the bracket around everything that is to happen whole or not at all. */
#ifndef XENSTORE_BATCH_H
#define XENSTORE_BATCH_H

/*
 * End what has changed since the last end.  0: queue the events that fired, and commit.
 * -errno: undo it all, as if nothing had been asked.
 */
void batch_end(int rc);

#endif
