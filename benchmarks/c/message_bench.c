/* Messages, and waking a thread that sleeps, beside a bare mutex and condition.
 *
 *   self           one thread sends a message and receives it: nanoseconds a message
 *   stream         one thread sends, another receives
 *   ping_pong      two threads send each other a message in turn: nanoseconds there and
 *                  back; ping_pong_bare: by a mutex and two conditions
 *   wake_receiver  from before the send until the receiver, which was parked, has the
 *                  message; the median of N
 *   wake_worker    from before the schedule until the body runs on the only worker,
 *                  which was parked
 *   wake_bare      from before locking a mutex, to set a flag and signal a condition,
 *                  until the waiter has seen it
 *
 * Between two wake-ups the waker sleeps long enough for the other thread to park.
 */
#include "bench.h"

#include <boc/boc.h>

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

enum { MESSAGES = 1000000, ROUND_TRIPS = 50000, WAKES = 1000, REST = 300000 /* ns */ };

static const boc_tag tags[] = {{"there", 5}, {"back", 4}};

static boc_mailbox *mailbox_new(void) {
  boc_mailbox *mailbox;
  bench_check(boc_mailbox_new(NULL, &mailbox) == BOC_OK, "boc_mailbox_new");
  return mailbox;
}

static void send(boc_mailbox *mailbox, boc_tag tag) {
  boc_status status;
  while ((status = boc_mailbox_send(mailbox, tag, mailbox)) == BOC_FULL)
    sched_yield();
  bench_check(status == BOC_OK, "boc_mailbox_send");
}

static void receive(boc_mailbox *mailbox, boc_tag tag) {
  size_t index;
  void *payload;
  bench_check(boc_mailbox_receive(mailbox, &tag, 1, BOC_FOREVER, NULL, &index,
                                  &payload) == BOC_OK,
              "boc_mailbox_receive");
}

/* ---- throughput ------------------------------------------------------------------ */

typedef struct helper {
  boc_mailbox *mailbox;
  size_t n;
} helper;

static double self(const bench_options *options, size_t n) {
  boc_mailbox *mailbox = mailbox_new();
  (void)options;
  const uint64_t begin = bench_now();
  for (size_t i = 0; i < n; i++) {
    send(mailbox, tags[0]);
    receive(mailbox, tags[0]);
  }
  const uint64_t end = bench_now();
  boc_mailbox_free(mailbox);
  return (double)(end - begin) / (double)n;
}

static double with_helper(void *(*help)(void *), void (*mine)(helper *all), size_t n) {
  helper all = {mailbox_new(), n};
  pthread_t thread;
  const uint64_t begin = bench_now();
  bench_check(pthread_create(&thread, NULL, help, &all) == 0, "pthread_create");
  mine(&all);
  pthread_join(thread, NULL);
  const uint64_t end = bench_now();
  boc_mailbox_free(all.mailbox);
  return (double)(end - begin) / (double)n;
}

static void *receive_all(void *arg) {
  const helper *all = arg;
  for (size_t i = 0; i < all->n; i++)
    receive(all->mailbox, tags[0]);
  return NULL;
}

static void send_all(helper *all) {
  for (size_t i = 0; i < all->n; i++)
    send(all->mailbox, tags[0]);
}

static double stream(const bench_options *options, size_t n) {
  (void)options;
  return with_helper(receive_all, send_all, n);
}

static void *answer_all(void *arg) {
  const helper *all = arg;
  for (size_t i = 0; i < all->n; i++) {
    receive(all->mailbox, tags[0]);
    send(all->mailbox, tags[1]);
  }
  return NULL;
}

static void ask_all(helper *all) {
  for (size_t i = 0; i < all->n; i++) {
    send(all->mailbox, tags[0]);
    receive(all->mailbox, tags[1]);
  }
}

static double ping_pong(const bench_options *options, size_t n) {
  (void)options;
  return with_helper(answer_all, ask_all, n);
}

/* Whose turn it is, 0 or 1. */
typedef struct table {
  pthread_mutex_t mutex;
  pthread_cond_t turned[2];
  int turn;
  size_t n;
} table;

static void take_turns(table *all, int who) {
  for (size_t i = 0; i < all->n; i++) {
    pthread_mutex_lock(&all->mutex);
    while (all->turn != who)
      pthread_cond_wait(&all->turned[who], &all->mutex);
    all->turn = !who;
    pthread_cond_signal(&all->turned[!who]);
    pthread_mutex_unlock(&all->mutex);
  }
}

static void *take_second_turns(void *arg) {
  take_turns(arg, 1);
  return NULL;
}

static double ping_pong_bare(const bench_options *options, size_t n) {
  table all = {.mutex = PTHREAD_MUTEX_INITIALIZER,
               .turned = {PTHREAD_COND_INITIALIZER, PTHREAD_COND_INITIALIZER},
               .n = n};
  pthread_t thread;
  (void)options;
  const uint64_t begin = bench_now();
  bench_check(pthread_create(&thread, NULL, take_second_turns, &all) == 0,
              "pthread_create");
  take_turns(&all, 0);
  pthread_join(thread, NULL);
  return (double)(bench_now() - begin) / (double)n;
}

/* ---- wake-ups -------------------------------------------------------------------- */

/* A thread that sleeps, and writes into `woken` when it was woken. */
typedef struct sleeper {
  boc_mailbox *mailbox;
  boc_runtime *runtime;
  pthread_mutex_t mutex;
  pthread_cond_t cond;
  bool flag;
  size_t n;
  _Atomic uint64_t woken;
} sleeper;

static int compare(const void *left, const void *right) {
  const double a = *(const double *)left, b = *(const double *)right;
  return (a > b) - (a < b);
}

static void pause_shortly(void) {
  const struct timespec pause = {0, REST};
  nanosleep(&pause, NULL);
}

static double time_wake(sleeper *all, void (*wake)(sleeper *all)) {
  pause_shortly();
  atomic_store(&all->woken, 0);
  const uint64_t begin = bench_now();
  wake(all);
  uint64_t woken;
  while ((woken = atomic_load(&all->woken)) == 0)
    sched_yield();
  return (double)(woken - begin);
}

static double median_wake(sleeper *all, void (*wake)(sleeper *all), size_t n) {
  double *times = bench_calloc(n, sizeof *times);
  for (size_t i = 0; i < n; i++)
    times[i] = time_wake(all, wake);
  qsort(times, n, sizeof *times, compare);
  const double median = times[n / 2];
  free(times);
  return median;
}

static double wake_helper(sleeper *all, void *(*sleep)(void *),
                          void (*wake)(sleeper *all), size_t n) {
  pthread_t thread;
  all->n = n;
  bench_check(pthread_create(&thread, NULL, sleep, all) == 0, "pthread_create");
  const double median = median_wake(all, wake, n);
  pthread_join(thread, NULL);
  return median;
}

static void *receive_and_note(void *arg) {
  sleeper *all = arg;
  for (size_t i = 0; i < all->n; i++) {
    receive(all->mailbox, tags[0]);
    atomic_store(&all->woken, bench_now());
  }
  return NULL;
}

static void send_to_sleeper(sleeper *all) { send(all->mailbox, tags[0]); }

static double wake_receiver(const bench_options *options, size_t n) {
  sleeper all = {.mailbox = mailbox_new()};
  (void)options;
  const double median = wake_helper(&all, receive_and_note, send_to_sleeper, n);
  boc_mailbox_free(all.mailbox);
  return median;
}

static void *wait_and_note(void *arg) {
  sleeper *all = arg;
  for (size_t i = 0; i < all->n; i++) {
    pthread_mutex_lock(&all->mutex);
    while (!all->flag)
      pthread_cond_wait(&all->cond, &all->mutex);
    all->flag = false;
    pthread_mutex_unlock(&all->mutex);
    atomic_store(&all->woken, bench_now());
  }
  return NULL;
}

static void signal_sleeper(sleeper *all) {
  pthread_mutex_lock(&all->mutex);
  all->flag = true;
  pthread_cond_signal(&all->cond);
  pthread_mutex_unlock(&all->mutex);
}

static double wake_bare(const bench_options *options, size_t n) {
  sleeper all = {.mutex = PTHREAD_MUTEX_INITIALIZER, .cond = PTHREAD_COND_INITIALIZER};
  (void)options;
  return wake_helper(&all, wait_and_note, signal_sleeper, n);
}

static void note_time(boc_behavior *self_, void *arg) {
  (void)self_;
  atomic_store(&((sleeper *)arg)->woken, bench_now());
}

static void schedule_note(sleeper *all) {
  bench_check(boc_when(all->runtime, NULL, 0, note_time, all) == BOC_OK, "boc_when");
}

static double wake_worker(const bench_options *options, size_t n) {
  boc_runtime_options wanted = BOC_RUNTIME_OPTIONS_INIT;
  sleeper all = {.n = n};
  (void)options;
  wanted.workers = 1;
  bench_check(boc_runtime_new(&wanted, &all.runtime) == BOC_OK, "boc_runtime_new");
  const double median = median_wake(&all, schedule_note, n);
  boc_runtime_free(all.runtime);
  return median;
}

static const bench_workload workloads[] = {
    {"self", self, MESSAGES, NULL},
    {"stream", stream, MESSAGES, NULL},
    {"ping_pong", ping_pong, ROUND_TRIPS, NULL},
    {"ping_pong_bare", ping_pong_bare, ROUND_TRIPS, NULL},
    {"wake_receiver", wake_receiver, WAKES, NULL},
    {"wake_worker", wake_worker, WAKES, NULL},
    {"wake_bare", wake_bare, WAKES, NULL},
};

int main(int argc, char **argv) {
  return bench_main(argc, argv, "message", 2, workloads,
                    sizeof workloads / sizeof *workloads);
}
