/* Misuse: a forbidden use of a behavior, a cown or a scope ends the program with a text
 * that names it. Each case runs in a child. Builds with -Dchecks=true find all of them,
 * others only those that cost nothing to find. */
#include "child_process.h"

#include <stdio.h>
#include <string.h>

#include <boc/boc.h>

#if TEST_HAS_CHILD_PROCESS

static const boc_cown_type plain = {.name = "plain", .payload_size = sizeof(int)};

typedef struct fixture {
  boc_runtime *runtime;
  boc_cown *cown;
} fixture;

static boc_behavior *deferred;

static void do_nothing(boc_behavior *self, void *env) {
  (void)self;
  (void)env;
}

static void defer_it(boc_behavior *self, void *env) {
  (void)env;
  boc_behavior_defer(self);
  deferred = self;
}

static void defer_twice(boc_behavior *self, void *env) {
  defer_it(self, env);
  boc_behavior_defer(self);
}

static void complete_itself(boc_behavior *self, void *env) {
  (void)env;
  boc_behavior_complete(self);
}

static boc_behavior *new_behavior(const fixture *f,
                                  void (*body)(boc_behavior *, void *)) {
  static boc_behavior_type type = {.name = "misused"};
  const boc_access access = {f->cown, BOC_WRITE};
  boc_behavior *behavior = NULL;
  type.body = body;
  CHECK_EQ(boc_behavior_new(f->runtime, &type, 8, &access, 1, &behavior), BOC_OK);
  return behavior;
}

static void run(const fixture *f, boc_behavior *behavior) {
  boc_behavior_schedule(behavior);
  CHECK_EQ(boc_runtime_quiesce(f->runtime, BOC_FOREVER), BOC_OK);
}

static void drop_a_cown_twice(fixture *f) {
  boc_cown_drop(f->cown);
  boc_cown_drop(f->cown);
}

/* Other cowns are made and freed between the two drops. */
static void drop_a_cown_twice_later(fixture *f) {
  boc_cown_drop(f->cown);
  for (int i = 0; i < 100; i++) {
    boc_cown *other;
    CHECK_EQ(boc_cown_new(&plain, &other), BOC_OK);
    boc_cown_drop(other);
  }
  boc_cown *living;
  CHECK_EQ(boc_cown_new(&plain, &living), BOC_OK);
  boc_cown_drop(f->cown);
}

static void schedule_over_a_freed_cown(fixture *f) {
  boc_cown_drop(f->cown);
  new_behavior(f, do_nothing);
}

static void hold_a_freed_cown(fixture *f) {
  boc_cown_drop(f->cown);
  boc_cown_hold(f->cown);
}

static void schedule_twice(fixture *f) {
  boc_behavior *behavior = new_behavior(f, do_nothing);
  run(f, behavior);
  boc_behavior_schedule(behavior);
}

static void schedule_or_run_twice(fixture *f) {
  boc_behavior *behavior = new_behavior(f, do_nothing);
  CHECK(boc_behavior_schedule_or_run(behavior));
  boc_behavior_schedule_or_run(behavior);
}

static void schedule_all_twice(fixture *f) {
  boc_behavior *behavior = new_behavior(f, do_nothing);
  run(f, behavior);
  boc_behavior_schedule_all(&behavior, 1);
}

static void schedule_what_is_freed(fixture *f) {
  boc_behavior *behavior = new_behavior(f, do_nothing);
  boc_behavior_free(behavior);
  boc_behavior_schedule(behavior);
}

static void free_twice(fixture *f) {
  boc_behavior *behavior = new_behavior(f, do_nothing);
  boc_behavior_free(behavior);
  boc_behavior_free(behavior);
}

/* Others that are made and freed in between do not get its memory. */
static void free_twice_later(fixture *f) {
  boc_behavior *behavior = new_behavior(f, do_nothing);
  boc_behavior_free(behavior);
  for (int i = 0; i < 100; i++)
    run(f, new_behavior(f, do_nothing));
  new_behavior(f, do_nothing);
  boc_behavior_free(behavior);
}

static void free_what_is_scheduled(fixture *f) {
  boc_behavior *behavior = new_behavior(f, do_nothing);
  run(f, behavior);
  boc_behavior_free(behavior);
}

static void complete_twice(fixture *f) {
  boc_behavior_schedule_or_run(new_behavior(f, defer_it));
  boc_behavior_complete(deferred);
  boc_behavior_complete(deferred);
}

static void complete_without_deferring(fixture *f) {
  run(f, new_behavior(f, complete_itself));
}

static void defer_one_twice(fixture *f) { run(f, new_behavior(f, defer_twice)); }

static void defer_outside_of_the_body(fixture *f) {
  boc_behavior_defer(new_behavior(f, do_nothing));
}

static void drop_a_scope_twice(fixture *f) {
  boc_scope *scope;
  (void)f;
  CHECK_EQ(boc_scope_new(NULL, NULL, &scope), BOC_OK);
  boc_scope_drop(scope);
  boc_scope_drop(scope);
}

static void hold_a_scope_that_is_gone(fixture *f) {
  boc_scope *scope;
  (void)f;
  CHECK_EQ(boc_scope_new(NULL, NULL, &scope), BOC_OK);
  boc_scope_drop(scope);
  boc_scope_hold(scope);
}

static const struct misuse {
  const char *name, *text;
  void (*doing)(fixture *f);
  bool always; /* found without -Dchecks=true, too */
} misuses[] = {
    {"drop a cown twice", "a cown that somebody holds", drop_a_cown_twice, true},
    {"drop a cown twice, later", "a cown that somebody holds", drop_a_cown_twice_later,
     false},
    {"schedule over a freed cown", "a cown that somebody holds",
     schedule_over_a_freed_cown, true},
    {"hold a freed cown", "a cown that somebody holds", hold_a_freed_cown, true},
    {"schedule twice", "scheduled once", schedule_twice, false},
    {"schedule or run twice", "scheduled once", schedule_or_run_twice, false},
    {"schedule all twice", "scheduled once", schedule_all_twice, false},
    {"schedule what is freed", "not after its end", schedule_what_is_freed, false},
    {"free twice", "boc_behavior_free", free_twice, false},
    {"free twice, later", "boc_behavior_free", free_twice_later, false},
    {"free what is scheduled", "boc_behavior_free", free_what_is_scheduled, false},
    {"complete twice", "boc_behavior_complete", complete_twice, false},
    {"complete without deferring", "boc_behavior_complete", complete_without_deferring,
     false},
    {"defer twice", "boc_behavior_defer: once", defer_one_twice, false},
    {"defer outside of the body", "boc_behavior_defer: in", defer_outside_of_the_body,
     false},
    {"drop a scope twice", "boc_scope_drop", drop_a_scope_twice, false},
    {"hold a scope that is gone", "boc_scope_hold", hold_a_scope_that_is_gone, false},
};

static void run_misuse(const void *arg) {
  const struct misuse *misuse = arg;
  fixture f;
  boc_runtime_options options = BOC_RUNTIME_OPTIONS_INIT;
  options.workers = 1;
  CHECK_EQ(boc_runtime_new(&options, &f.runtime), BOC_OK);
  CHECK_EQ(boc_cown_new(&plain, &f.cown), BOC_OK);
  misuse->doing(&f);
  boc_runtime_quiesce(f.runtime, INT64_C(1000000000));
}

static void each_is_told(void) {
  for (size_t i = 0; i < sizeof misuses / sizeof misuses[0]; i++) {
    char text[4096];
#if !defined(BOC_CHECKS)
    if (!misuses[i].always)
      continue;
#endif
    const int status = test_in_child(run_misuse, &misuses[i], text, sizeof text);
    if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGABRT ||
        !strstr(text, misuses[i].text)) {
      fprintf(stderr, "%s: status %d, said: %s\n", misuses[i].name, status, text);
      CHECK(!"a misuse is told");
    }
  }
}

#else
static void each_is_told(void) {}
#endif

static const test_case cases[] = {
    TEST_ALONE(each_is_told),
};
TEST_MAIN(cases)
