/* Waiting: how a Python thread waits and still handles signals.
 *
 * A waiter is one event. A thread that waits detaches from its interpreter. A signal
 * handler that is due runs at once, and if it raises, the wait ends with its exception.
 * waiting.c stands on waiting_posix.c or waiting_win.c.
 *
 * A thread whose last wait was short spins for a while before it sleeps: a wake-up
 * costs the signalling thread about 12 µs and takes 25 to 50 µs, in which the
 * signalling thread would fall asleep itself. A signal makes system calls only if the
 * waiting thread sleeps.
 *
 * Ordering: what a thread wrote before the signal is visible after the wait.
 */
#ifndef BOCPY_WAITING_H
#define BOCPY_WAITING_H

#include "sync.h"

typedef struct bocpy_waiter bocpy_waiter;

/* Once per process, before any other call here. -1 with an exception. */
int bocpy_waiting_init(void);

/* A waiter that has not been signalled. NULL with an exception. Attached. */
bocpy_waiter *bocpy_waiter_new(void);

/* The same, for users that poll: each signal makes the first of `handles` readable. It
 * may be signalled more than once. */
bocpy_waiter *bocpy_waiter_new_polled(void);

/* Gives it back to the pool. No thread may signal it afterwards. Attached. */
void bocpy_waiter_free(bocpy_waiter *waiter);

/* In the child of a fork: drops the pool, whose events the parent signals, too. -1 with
 * an exception. */
int bocpy_waiters_forget(void);

/* Signals it, once at most. Any thread. */
void bocpy_waiter_signal(bocpy_waiter *waiter);

/* 0 signalled; 1 `timeout` ns have passed (negative: they never do); -1 with the
 * exception that a signal handler raised. Attached. */
int bocpy_waiter_wait(bocpy_waiter *waiter, int64_t timeout);

/* Spins for a while, `timeout` ns at most, if this thread's waits are short: until the
 * waiter is signalled or `*other` is set. Does not take the signal. Attached. */
void bocpy_waiter_spin(const bocpy_waiter *waiter, const atomic_bool *other,
                       int64_t timeout);

/* Notes how a wait that began at `begun` has ended, for the next ones. */
void bocpy_waiter_note(uint64_t begun, bool signalled);

/* As bocpy_waiter_wait; 2 if `wakeup`, a polled waiter, was signalled first: that
 * signal stays. */
int bocpy_waiter_wait_or(bocpy_waiter *waiter, bocpy_waiter *wakeup, int64_t timeout);

/* Takes the signal if there is one. */
bool bocpy_waiter_take(bocpy_waiter *waiter);

/* Waits for a signal that is certain to come; signal handlers do not end the wait.
 * Attached. */
void bocpy_waiter_settle(bocpy_waiter *waiter);

/* Converts the seconds of a Python caller to ns; None means never. -1 with TypeError
 * for objects that are not numbers, ValueError for NaN; the error names the call
 * `what`. Negative numbers mean 0. */
int bocpy_parse_timeout(PyObject *seconds, const char *what, int64_t *out_timeout);

/* Refuses a number of seconds that is a moment of time.time(), within a year of now:
 * as a duration it would be half a century. -1 with ValueError that names `what`. */
int bocpy_check_duration(double seconds, const char *what);

/* ---- of the platform: without a thread state ------------------------------------- */

struct bocpy_waiter {
  struct bocpy_waiter *next; /* the next one in the pool */
  atomic_uchar state;        /* see waiting.c */
  bool slept;                /* the signal also sets the event */
  atomic_int signalled_on;   /* the processor that set the event, or -1 */
  intptr_t handles[2];
};

bool bocpy_event_init(bocpy_waiter *waiter);
/* An event for bocpy_signals_to. */
bool bocpy_signal_event_init(bocpy_waiter *waiter);
void bocpy_event_fini(bocpy_waiter *waiter);
void bocpy_event_set(bocpy_waiter *waiter);
/* Takes the signal if there is one. */
bool bocpy_event_take(bocpy_waiter *waiter);

/* Where CPython's signal handler writes signals: from `to` to `back`, into `event`.
 * `back` passes on what came to the previous descriptor. Main thread, attached. */
typedef int bocpy_signals;
bocpy_signals bocpy_signals_to(bocpy_waiter *event);
void bocpy_signals_back(bocpy_waiter *event, bocpy_signals before);

/* Sleeps until the event is set, or that of `wakeup`, a signal has been written to
 * `signals` (either may be NULL), or `timeout` ns have passed (negative: never); may
 * return early for no reason. */
void bocpy_event_sleep(bocpy_waiter *waiter, bocpy_waiter *wakeup,
                       bocpy_waiter *signals, int64_t timeout);

/* Makes a descriptor of other code readable (on Windows, the other end of a socket). */
void bocpy_descriptor_write(intptr_t descriptor);

/* The number of the processor that this thread runs on; -1 if the system does not
 * tell. */
int bocpy_processor(void);

/* Whether the event is set. */
bool bocpy_event_is_set(bocpy_waiter *waiter);

#endif
