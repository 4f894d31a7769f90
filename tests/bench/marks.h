/*
 * Marks: places in tests/bench/tsc.c's program that do nothing but be executed, for tests/bench/share.c to see.
 * Mark 0 ends what the one before it began.
 */
#ifndef BENCH_MARKS_H
#define BENCH_MARKS_H

#ifndef MARKS_AT
#error "The makefile says where they are, to the linker as well; no other program has code there."
#endif
#define MARK_SIZE 16
#define MARKS 64

#endif
