/* An event loop that is notified of its behaviors as of all other events.
 *
 * The loop has a timer and a lane. Each tick of the timer schedules a job, which the
 * workers run; its result goes to the cown that is pinned to the lane, and so back to
 * the loop's own thread. Where the system has poll, the lane is one more descriptor in
 * it, beside sockets and pipes; elsewhere the loop waits on the lane itself.
 *
 *   cc eventloop.c $(pkg-config --cflags --libs boc) -o eventloop && ./eventloop
 */
#include <boc/boc.h>

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#if !defined(_WIN32)
#include <poll.h>
#endif

#define JOBS 20
#define TICK UINT64_C(2000000) /* ns */

typedef struct loop {
  boc_runtime *runtime;
  boc_lane *lane;
  boc_cown *window;   /* pinned: only the loop's thread reads its contents */
  uint64_t next_tick; /* of boc_now() */
  unsigned started;
} loop;

/* What the loop shows; the window's payload. */
typedef struct window {
  unsigned results;
  uint64_t steps;
  unsigned elsewhere; /* results that arrived on another thread */
} window;

/* A job: first a behavior over no cown, then one over the window. */
typedef struct job {
  loop *owner;
  unsigned start;
  unsigned steps;
} job;

static const boc_cown_type window_type = {
    .name = "window",
    .payload_size = sizeof(window),
};

static void check(boc_status status, const char *what) {
  if (status == BOC_OK)
    return;
  fprintf(stderr, "eventloop: %s: %s\n", what, boc_status_text(status));
  exit(EXIT_FAILURE);
}

/* How many steps n takes to 1, halved if even, else tripled plus one. */
static unsigned collatz(uint64_t n) {
  unsigned steps = 0;
  for (; n != 1; steps++)
    n = n % 2 ? 3 * n + 1 : n / 2;
  return steps;
}

static void show(boc_behavior *self, void *env) {
  const job *done = env;
  window *here = boc_cown_payload(boc_behavior_cown(self, 0));
  here->results++;
  here->steps += done->steps;
  here->elsewhere += boc_worker_index(done->owner->runtime) >= 0;
  printf("%u takes %u steps\n", done->start, done->steps);
}

static void compute(boc_behavior *self, void *env);
static const boc_behavior_type compute_type = {.name = "compute", .body = compute};
static const boc_behavior_type show_type = {.name = "show", .body = show};

static void schedule(const boc_behavior_type *type, job what, boc_cown *cown) {
  boc_access access = {cown, BOC_WRITE};
  boc_behavior *behavior;
  check(boc_behavior_new(what.owner->runtime, type, sizeof what, &access, cown ? 1 : 0,
                         &behavior),
        type->name);
  *(job *)boc_behavior_env(behavior) = what;
  boc_behavior_schedule(behavior);
}

static void compute(boc_behavior *self, void *env) {
  job mine = *(job *)env;
  (void)self;
  mine.steps = collatz(mine.start);
  schedule(&show_type, mine, mine.owner->window);
}

/* Sleeps until the lane has something or `timeout` ns have passed. */
static void wait_for_events(loop *self, int64_t timeout) {
#if !defined(_WIN32)
  struct pollfd descriptors[] = {{-1, POLLIN, 0}}; /* sockets and pipes go here too */
  check(boc_lane_descriptor(self->lane, &descriptors[0].fd), "descriptor");
  poll(descriptors, 1, (int)((timeout + 999999) / 1000000));
#else
  boc_status status = boc_lane_wait(self->lane, timeout);
  check(status == BOC_TIMEOUT ? BOC_OK : status, "wait");
#endif
}

static void tick(loop *self) {
  self->next_tick += TICK;
  if (self->started < JOBS)
    schedule(&compute_type, (job){self, ++self->started, 0}, NULL);
}

static void run(loop *self) {
  self->next_tick = boc_now();
  for (size_t shown = 0, ran; shown < JOBS; shown += ran) {
    uint64_t now = boc_now();
    if (now < self->next_tick)
      wait_for_events(self, (int64_t)(self->next_tick - now));
    if (boc_now() >= self->next_tick)
      tick(self);
    /* A millisecond at most, so that the timer need not wait. */
    boc_status status = boc_lane_pump(self->lane, 1000000, SIZE_MAX, &ran);
    check(status == BOC_TIMEOUT ? BOC_OK : status, "pump");
  }
}

int main(void) {
  loop self = {NULL, NULL, NULL, 0, 0};
  uint64_t expected = 0;
  check(boc_runtime_new(NULL, &self.runtime), "start");
  check(boc_lane_new(NULL, &self.lane), "lane");
  check(boc_cown_new(&window_type, &self.window), "window");
  check(boc_cown_pin(self.window, self.lane), "pin");

  run(&self);
  boc_runtime_free(self.runtime);

  for (unsigned n = 1; n <= JOBS; n++)
    expected += collatz(n);
  const window *shown = boc_cown_payload(self.window);
  int right = shown->results == JOBS && shown->steps == expected;
  right = right && shown->elsewhere == 0;
  boc_cown_drop(self.window);
  boc_lane_free(self.lane);
  return right ? EXIT_SUCCESS : EXIT_FAILURE;
}
