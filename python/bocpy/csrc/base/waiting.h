/* Waiting: how a Python thread waits for something without being deaf to signals.
 *
 * A waiter is one event. Whoever waits lets go of its interpreter; a signal handler
 * that is due runs at once, and if it raises, the wait ends with its exception.
 * waiting.c over waiting_posix.c or waiting_win.c.
 *
 * A thread whose last wait was short looks for a while before it sleeps: a wake-up
 * costs the thread that signals about 12 µs and comes 25 to 50 µs later, and that
 * thread would fall asleep meanwhile. A signal makes system calls only if the waiting
 * thread sleeps.
 *
 * Ordering: what was written before the signal is seen after the wait that it ended.
 */
#ifndef BOCPY_WAITING_H
#define BOCPY_WAITING_H

#include "sync.h"

typedef struct bocpy_waiter bocpy_waiter;

/* Once per process, before any other call here. -1 with an exception. */
int bocpy_waiting_init(void);

/* A waiter that has not been signalled. NULL with an exception. Attached. */
bocpy_waiter *bocpy_waiter_new(void);

/* The same, and each signal makes the first of `handles` readable: for whoever polls
 * that. It may be signalled more than once. */
bocpy_waiter *bocpy_waiter_new_polled(void);

/* Gives it back. If it is ever signalled, it has been by now. Attached. */
void bocpy_waiter_free(bocpy_waiter *waiter);

/* In the child of a fork: the parent signals the events in the pool too. -1 with an
 * exception. */
int bocpy_waiters_forget(void);

/* Signals it: once at most. Any thread. */
void bocpy_waiter_signal(bocpy_waiter *waiter);

/* 0 signalled; 1 `timeout` ns have passed (negative: they never do); -1 with the
 * exception that a signal handler raised. Attached. */
int bocpy_waiter_wait(bocpy_waiter *waiter, int64_t timeout);

/* Looks for a while, `timeout` ns at most, if this thread's waits are short: until the
 * waiter is signalled or `*other` is set. Takes nothing. Attached. */
void bocpy_waiter_spin(const bocpy_waiter *waiter, const atomic_bool *other,
                       int64_t timeout);

/* Notes how a wait that began at `begun` has ended, for the next ones. */
void bocpy_waiter_note(uint64_t begun, bool signalled);

/* The same as bocpy_waiter_wait; 2 if `wakeup`, which is polled, has been signalled
 * first: it is left as it is. */
int bocpy_waiter_wait_or(bocpy_waiter *waiter, bocpy_waiter *wakeup, int64_t timeout);

/* Takes the signal if there is one. */
bool bocpy_waiter_take(bocpy_waiter *waiter);

/* Waits for a signal that is under way, come what may. Attached. */
void bocpy_waiter_settle(bocpy_waiter *waiter);

/* Seconds, as Python callers give them, to ns; None is "never". -1 with TypeError for
 * what is no number, ValueError for NaN. Negative numbers mean 0. */
int bocpy_parse_timeout(PyObject *seconds, int64_t *out_timeout);

/* ---- of the platform: without a thread state ------------------------------------- */

struct bocpy_waiter {
  struct bocpy_waiter *next; /* in the pool */
  atomic_uchar state;        /* waiting.c */
  bool slept;                /* the signal comes, or came, with an event */
  intptr_t handles[2];
};

bool bocpy_event_init(bocpy_waiter *waiter);
void bocpy_event_fini(bocpy_waiter *waiter);
void bocpy_event_set(bocpy_waiter *waiter);
/* Takes the signal if there is one. */
bool bocpy_event_take(bocpy_waiter *waiter);

/* Where CPython's signal handler writes that a signal has come: from `to` to `back` it
 * is `event`. `back` hands on what came to the descriptor that there was before. Main
 * thread, attached. */
typedef int bocpy_signals;
bocpy_signals bocpy_signals_to(bocpy_waiter *event);
void bocpy_signals_back(bocpy_waiter *event, bocpy_signals before);

/* Sleeps until the event is set, or that of `wakeup`, a signal has been written to
 * `signals` (either may be NULL), or `timeout` ns have passed (negative: never); may
 * return early for no reason. */
void bocpy_event_sleep(bocpy_waiter *waiter, bocpy_waiter *wakeup,
                       bocpy_waiter *signals, int64_t timeout);

/* Makes somebody else's descriptor readable (on Windows, the other end of a socket). */
void bocpy_descriptor_write(intptr_t descriptor);

/* Whether the event is set. */
bool bocpy_event_is_set(bocpy_waiter *waiter);

#endif
