/* Doubly linked circular lists, embedded in what they link.  The caller holds the list's lock. */
#ifndef HV_LIST_H
#define HV_LIST_H

#include "types.h"

struct list { struct list *next, *prev; };

#define LIST_INIT(l) { &(l), &(l) }
#define list_entry(l, type, member) container_of(l, type, member)
#define list_for_each(pos, head, member)					\
	for (pos = list_entry((head)->next, __typeof__(*pos), member);		\
	     &pos->member != (head);						\
	     pos = list_entry(pos->member.next, __typeof__(*pos), member))
#define list_for_each_safe(pos, tmp, head, member)				\
	for (pos = list_entry((head)->next, __typeof__(*pos), member),		\
	     tmp = list_entry(pos->member.next, __typeof__(*pos), member);	\
	     &pos->member != (head);						\
	     pos = tmp, tmp = list_entry(tmp->member.next, __typeof__(*tmp), member))

static inline void list_init(struct list *l) { l->next = l->prev = l; }
static inline bool list_empty(const struct list *l) { return l->next == l; }

static inline void list_insert_between(struct list *l, struct list *prev, struct list *next)
{
	l->prev = prev;
	l->next = next;
	prev->next = l;
	next->prev = l;
}

static inline void list_add(struct list *head, struct list *l)
{
	list_insert_between(l, head, head->next);
}

static inline void list_add_tail(struct list *head, struct list *l)
{
	list_insert_between(l, head->prev, head);
}

/* Unlinks and leaves `l` a list of its own, so that a second removal does no harm. */
static inline void list_del(struct list *l)
{
	l->prev->next = l->next;
	l->next->prev = l->prev;
	list_init(l);
}

#endif
