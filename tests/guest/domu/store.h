/* The guest's end of XenStore: just enough to be told to shut down. */
#ifndef DOMU_STORE_H
#define DOMU_STORE_H

/* Waits until control/shutdown says something, answers by emptying it, and gives what it said. */
const char *store_await_shutdown(void);

#endif
