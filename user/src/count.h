/* SPDX-License-Identifier: MIT */
/* What the files of the counters share. */
#ifndef PERFRING_COUNT_INTERNAL_H
#define PERFRING_COUNT_INTERNAL_H

#include "internal.h"
#include "count_arch.h"
#include "count_self.h"

struct count_event {
	int fd;				/* -1: not open */
	int error;			/* why */
	unsigned int wanted;		/* index of the leader that was asked for */
	unsigned int leader;		/* index of the one it got: the first that is open */
	bool grouped;			/* has or had company: its leader speaks for all */
	bool weak;			/* alone where the group cannot be */
	bool self;			/* its register may be read, and is quicker */
	bool user_only;
	enum perfring_count_method method;
	struct perf_event_mmap_page *page;	/* never written */
	struct count_self base;		/* what perfring_count_reset() saw */
	struct count_self last;		/* what was read last */
	bool lost;			/* pinned, and lost its place: nothing can be read */
	uint32_t self_ns;
	uint32_t read_ns;
	struct perf_event_attr attr;
	double scale;
	char *unit;			/* or NULL */
	char *name;
};

struct perfring_count {
	unsigned int nr;
	bool started;
	bool foreign;			/* started by execve(2), not by us alone */
	bool still;			/* stopped, and each last is what they say */
	size_t page_size;
	/*
	 * Whose registers these are: the address of something that only one thread has.  A page
	 * of its own, for it is zero in a child of fork(2), where the events' pages are not.
	 */
	const char **owner;
	uint64_t *words;		/* of a group's read(2) */
	struct count_event event[];
};

/* count_open.c */

struct count_want {
	struct perf_event_attr attr;
	const char *name;		/* NULL: of type and config */
	const char *unit;		/* NULL: none */
	double scale;
	unsigned int leader;		/* index of its group's first event; its own: alone */
	bool weak;			/* alone where the group cannot be */
};

int perfring_count_open_wants(const struct count_want *wants, unsigned int nr, pid_t pid, int cpu,
			      const struct perfring_count_opts *own, struct perfring_count **out);

int perfring_count_opts_take(struct perfring_count_opts *own,
			     const struct perfring_count_opts *given);

/*
 * State and scaled of what was read.  Clocks have steps: what is short may have run for no
 * time, and has counted all the same.
 */
void perfring_count_judge(struct perfring_count_value *value);

/* What kind of refusal is it? */
enum perfring_count_state perfring_count_error_state(int error);

/* count_page.c */
void perfring_count_pages(struct perfring_count *count, pid_t pid, enum perfring_count_self policy);
void perfring_count_unmap(struct perfring_count *count, struct count_event *event);

/* count.c */

/* Bring event->last up to date, by the kernel's word. */
int perfring_count_ask(struct perfring_count *count, unsigned int index);
/* All of them, by the best way. */
int perfring_count_ask_all(struct perfring_count *count);
/* What @event counted from @base to its last. */
void perfring_count_value(const struct count_event *event, const struct count_self *base,
			  struct perfring_count_value *value);

extern _Thread_local char perfring_count_here
	__attribute__((tls_model("initial-exec"), visibility("hidden")));

/* Is the calling thread the one whose registers count? */
static inline bool perfring_count_mine(const struct perfring_count *count)
{
	return *count->owner == &perfring_count_here;
}

#endif /* PERFRING_COUNT_INTERNAL_H */
