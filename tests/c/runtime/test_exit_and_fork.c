/* Exit and fork: a program that exits, forks or loses a thread in the middle of bodies
 * ends, or reports why not. Also the signal masks of threads and of children of bodies.
 */
#define _POSIX_C_SOURCE 200809L /* pthread_sigmask, fork; before the first header */

#include "child_process.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <boc/boc.h>

#if TEST_HAS_CHILD_PROCESS
#include <pthread.h>

static const boc_cown_type plain = {.name = "plain", .payload_size = sizeof(int)};

static boc_runtime *new_runtime(unsigned workers, unsigned compensating) {
  boc_runtime_options options = BOC_RUNTIME_OPTIONS_INIT;
  boc_runtime *runtime = NULL;
  options.workers = workers;
  options.compensating_workers = compensating;
  CHECK_EQ(boc_runtime_new(&options, &runtime), BOC_OK);
  return runtime;
}

static void run_body(boc_runtime *runtime, void (*body)(boc_behavior *, void *),
                     void *arg) {
  CHECK_EQ(boc_when(runtime, NULL, 0, body, arg), BOC_OK);
  CHECK_EQ(boc_runtime_quiesce(runtime, BOC_FOREVER), BOC_OK);
}

static void check_exit(void (*doing)(const void *), int wanted) {
  char text[4096];
  const int status = test_in_child(doing, NULL, text, sizeof text);
  if (!WIFEXITED(status) || WEXITSTATUS(status) != wanted)
    fprintf(stderr, "status %d, said: %s\n", status, text);
  CHECK(WIFEXITED(status));
  CHECK_EQ(WEXITSTATUS(status), wanted);
}

static void check_panic(void (*doing)(const void *), const char *wanted) {
  char text[4096];
  const int status = test_in_child(doing, NULL, text, sizeof text);
  if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGABRT || !strstr(text, wanted))
    fprintf(stderr, "status %d, said: %s\n", status, text);
  CHECK(WIFSIGNALED(status));
  CHECK_EQ(WTERMSIG(status), SIGABRT);
  CHECK(strstr(text, wanted) != NULL);
}

/* ---- exit ------------------------------------------------------------------------ */

static boci_atomic_u32 running;

static void exit_here(boc_behavior *self, void *arg) {
  (void)self;
  (void)arg;
  exit(3);
}

static void stay_busy(boc_behavior *self, void *arg) {
  (void)self;
  (void)arg;
  boci_store_relaxed(&running, 1);
  for (;;)
    boci_os_yield();
}

static void exit_in_a_body(const void *unused) {
  (void)unused;
  run_body(new_runtime(2, 0), exit_here, NULL);
}

static void exit_while_bodies_run(const void *unused) {
  (void)unused;
  boci_init(&running, 0);
  CHECK_EQ(boc_when(new_runtime(2, 0), NULL, 0, stay_busy, NULL), BOC_OK);
  TEST_WAIT(boci_load_relaxed(&running));
  exit(4);
}

static void exit_in_a_body_while_another_runs(const void *unused) {
  (void)unused;
  boci_init(&running, 0);
  boc_runtime *runtime = new_runtime(2, 0);
  CHECK_EQ(boc_when(runtime, NULL, 0, stay_busy, NULL), BOC_OK);
  TEST_WAIT(boci_load_relaxed(&running));
  run_body(runtime, exit_here, NULL);
}

static boc_runtime *freed_at_exit;

static void free_at_exit(void) { boc_runtime_free(freed_at_exit); }

/* As a static C++ object does that owns a runtime. */
static void exit_that_frees_the_runtime(const void *unused) {
  (void)unused;
  freed_at_exit = new_runtime(2, 0);
  atexit(free_at_exit);
  run_body(freed_at_exit, exit_here, NULL);
}

static void exits_end_the_program(void) {
  check_exit(exit_in_a_body, 3);
  check_exit(exit_while_bodies_run, 4);
  check_exit(exit_in_a_body_while_another_runs, 3);
  check_panic(exit_that_frees_the_runtime, "not in a body of the runtime itself");
}

/* ---- a thread that ends ---------------------------------------------------------- */

static void end_the_thread(boc_behavior *self, void *arg) {
  (void)self;
  (void)arg;
  pthread_exit(NULL);
}

static void end_a_worker(const void *unused) {
  (void)unused;
  run_body(new_runtime(1, 0), end_the_thread, NULL);
}

static void cancel_itself(boc_behavior *self, void *arg) {
  (void)self;
  (void)arg;
  pthread_cancel(pthread_self());
  for (;;)
    pthread_testcancel();
}

static void cancel_a_worker(const void *unused) {
  (void)unused;
  run_body(new_runtime(1, 0), cancel_itself, NULL);
}

static void a_body_that_ends_its_thread_is_told(void) {
  check_panic(end_a_worker, "a body has ended its thread");
  check_panic(cancel_a_worker, "a body has ended its thread");
}

/* ---- fork ------------------------------------------------------------------------ */

static int wait_for(pid_t child) {
  int status = -1;
  CHECK(child > 0);
  CHECK(waitpid(child, &status, 0) == child);
  CHECK(WIFEXITED(status));
  return WEXITSTATUS(status);
}

static void count(boc_behavior *self, void *arg) {
  (void)self;
  boci_add_relaxed((boci_atomic_u32 *)arg, 1);
}

/* Things that a child may do: use a runtime of its own, over cowns that it had. */
static int work_in_child(boc_cown *cown) {
  boci_atomic_u32 counted;
  boci_init(&counted, 0);
  boc_runtime *runtime = new_runtime(2, 1);
  for (int i = 0; i < 100; i++)
    CHECK_EQ(boc_when(runtime, &cown, 1, count, &counted), BOC_OK);
  CHECK_EQ(boc_runtime_quiesce(runtime, BOC_FOREVER), BOC_OK);
  boc_runtime_free(runtime);
  boc_cown_drop(cown);
  return boci_load_relaxed(&counted) == 100 ? 7 : 8;
}

static void fork_with_a_runtime(const void *unused) {
  (void)unused;
  boc_cown *cown;
  boci_atomic_u32 counted;
  boci_init(&counted, 0);
  boc_runtime *runtime = new_runtime(2, 0);
  CHECK_EQ(boc_cown_new(&plain, &cown), BOC_OK);
  run_body(runtime, count, &counted);
  const pid_t child = fork();
  if (child == 0)
    _exit(work_in_child(cown));
  CHECK_EQ(wait_for(child), 7);
  run_body(runtime, count, &counted);
  boc_runtime_free(runtime);
  boc_cown_drop(cown);
  CHECK_EQ(boci_load_relaxed(&counted), 2);
}

/* The workers belong to the parent: calls that would wait for them are refused, or do
 * nothing. */
static void use_the_parents_runtime(const void *unused) {
  (void)unused;
  boc_runtime *runtime = new_runtime(2, 0);
  const pid_t child = fork();
  if (child == 0) {
    int wrong = boc_runtime_quiesce(runtime, BOC_FOREVER) != BOC_BAD_STATE;
    wrong += boc_runtime_set_workers(runtime, 1) != BOC_BAD_STATE;
    boc_runtime_free(runtime);
    _exit(wrong);
  }
  CHECK_EQ(wait_for(child), 0);
  boc_runtime_free(runtime);
}

static void fork_in_body(boc_behavior *self, void *arg) {
  (void)self;
  const pid_t child = fork();
  if (child == 0)
    _exit(work_in_child(arg));
  CHECK_EQ(wait_for(child), 7);
}

static void exec_in_body(boc_behavior *self, void *arg) {
  (void)self;
  (void)arg;
  const pid_t child = fork();
  if (child == 0) {
    execl("/bin/sh", "sh", "-c", "exit 9", (char *)NULL);
    _exit(1);
  }
  CHECK_EQ(wait_for(child), 9);
}

static void fork_in_a_body(const void *unused) {
  (void)unused;
  boc_cown *cown;
  boc_runtime *runtime = new_runtime(2, 0);
  CHECK_EQ(boc_cown_new(&plain, &cown), BOC_OK);
  run_body(runtime, exec_in_body, NULL);
  run_body(runtime, fork_in_body, cown);
  boc_runtime_free(runtime);
  boc_cown_drop(cown);
}

static void return_in_child(boc_behavior *self, void *arg) {
  (void)self;
  const pid_t child = fork();
  if (child == 0) {
    *(int *)arg = 1; /* the parent has another one */
    return;
  }
  CHECK_EQ(wait_for(child), 0);
}

static void not_in_child(boc_behavior *self, void *arg) {
  (void)self;
  if (*(int *)arg == 1)
    _exit(9);
}

/* The child's body ends, and with it the child, which runs nothing that was scheduled.
 * A static object owns the runtime. */
static void fork_in_a_body_that_returns(const void *unused) {
  (void)unused;
  int forked = 0;
  boc_cown *cown;
  freed_at_exit = new_runtime(2, 0);
  atexit(free_at_exit);
  CHECK_EQ(boc_cown_new(&plain, &cown), BOC_OK);
  CHECK_EQ(boc_when(freed_at_exit, &cown, 1, return_in_child, &forked), BOC_OK);
  for (int i = 0; i < 100; i++)
    CHECK_EQ(boc_when(freed_at_exit, &cown, 1, not_in_child, &forked), BOC_OK);
  CHECK_EQ(boc_runtime_quiesce(freed_at_exit, BOC_FOREVER), BOC_OK);
  boc_cown_drop(cown);
  CHECK_EQ(forked, 0);
}

static void children_have_what_is_their_own(void) {
  check_exit(fork_with_a_runtime, 0);
  check_exit(use_the_parents_runtime, 0);
  check_exit(fork_in_a_body, 0);
  check_exit(fork_in_a_body_that_returns, 0);
}

/* ---- the signal mask ------------------------------------------------------------- */

static bool is_blocked_here(void) {
  sigset_t now;
  CHECK(pthread_sigmask(SIG_SETMASK, NULL, &now) == 0);
  return sigismember(&now, SIGUSR1) == 1;
}

static void set_blocked_here(bool blocked) {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGUSR1);
  CHECK(pthread_sigmask(blocked ? SIG_BLOCK : SIG_UNBLOCK, &set, NULL) == 0);
}

typedef struct seen_masks {
  boc_runtime *runtime;
  boci_parker parker;
  bool here, child, compensating;
} seen_masks;

static void look_at_compensating(boc_behavior *self, void *arg) {
  seen_masks *seen = arg;
  (void)self;
  seen->compensating = is_blocked_here();
  boci_parker_unpark(&seen->parker);
}

/* While it blocks, a compensating worker runs the other body. */
static void look_at_masks(boc_behavior *self, void *arg) {
  seen_masks *seen = arg;
  (void)self;
  seen->here = is_blocked_here();
  const pid_t child = fork();
  if (child == 0)
    _exit(is_blocked_here());
  seen->child = wait_for(child) != 0;
  CHECK_EQ(boc_when(seen->runtime, NULL, 0, look_at_compensating, seen), BOC_OK);
  boc_worker_block_begin();
  CHECK(boci_parker_park(&seen->parker, BOCI_NEVER));
  boc_worker_block_end();
}

static void check_masks(bool blocked) {
  seen_masks seen = {.runtime = NULL};
  CHECK_EQ(boci_parker_init(&seen.parker), BOC_OK);
  set_blocked_here(blocked);
  seen.runtime = new_runtime(1, 1);
  set_blocked_here(!blocked); /* the workers have started already */
  run_body(seen.runtime, look_at_masks, &seen);
  boc_runtime_free(seen.runtime);
  set_blocked_here(false);
  CHECK(seen.here == blocked);
  CHECK(seen.child == blocked);
  CHECK(seen.compensating == blocked);
  boci_parker_fini(&seen.parker);
}

static void workers_have_the_mask_of_their_maker(void) {
  check_masks(false);
  check_masks(true);
}

#else
static void exits_end_the_program(void) {}
static void a_body_that_ends_its_thread_is_told(void) {}
static void children_have_what_is_their_own(void) {}
static void workers_have_the_mask_of_their_maker(void) {}
#endif

static const test_case cases[] = {
    TEST_ALONE(exits_end_the_program),
    TEST_ALONE(a_body_that_ends_its_thread_is_told),
    TEST_ALONE(children_have_what_is_their_own),
    TEST_ALONE(workers_have_the_mask_of_their_maker),
};
TEST_MAIN(cases)
