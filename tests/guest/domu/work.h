/* then=work: a guest that works for ever, and tells of every round whether all was right. */
#ifndef DOMU_WORK_H
#define DOMU_WORK_H

_Noreturn void work(void);

#endif
