/* The dining philosophers: a fork is a cown, a meal a behavior over two of them.
 *
 * A philosopher who takes one fork and waits for the other may wait forever, if all do
 * so. A behavior gets both forks or waits for both, so that nobody can hold one and
 * starve. Each meal schedules the philosopher's next one, from inside its body.
 *
 *   cc dining.c $(pkg-config --cflags --libs boc) -o dining && ./dining
 */
#include <boc/boc.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define PHILOSOPHERS 5
#define MEALS 20000

/* What a philosopher needs to eat again; the two forks are the behavior's cowns. */
typedef struct seat {
  boc_runtime *room;
  uint64_t hungry; /* meals still to come, this one included */
} seat;

static const boc_cown_type fork_type = {
    .name = "fork",
    .payload_size = sizeof(uint64_t), /* how often it was used */
};

static void check(boc_status status, const char *what) {
  if (status == BOC_OK)
    return;
  fprintf(stderr, "dining: %s: %s\n", what, boc_status_text(status));
  exit(EXIT_FAILURE);
}

static void eat(boc_behavior *self, void *env);
static const boc_behavior_type meal_type = {.name = "meal", .body = eat};

static void sit_down(seat here, boc_cown *left, boc_cown *right) {
  boc_access forks[] = {{left, BOC_WRITE}, {right, BOC_WRITE}};
  boc_behavior *meal;
  check(boc_behavior_new(here.room, &meal_type, sizeof here, forks, 2, &meal), "meal");
  *(seat *)boc_behavior_env(meal) = here;
  boc_behavior_schedule(meal);
}

/* The body of a meal: it holds both forks. */
static void eat(boc_behavior *self, void *env) {
  seat here = *(seat *)env;
  boc_cown *left = boc_behavior_cown(self, 0), *right = boc_behavior_cown(self, 1);
  ++*(uint64_t *)boc_cown_payload(left);
  ++*(uint64_t *)boc_cown_payload(right);
  if (--here.hungry > 0)
    sit_down(here, left, right);
}

int main(void) {
  boc_runtime *room;
  boc_cown *forks[PHILOSOPHERS];
  check(boc_runtime_new(NULL, &room), "start");
  for (int i = 0; i < PHILOSOPHERS; i++)
    check(boc_cown_new(&fork_type, &forks[i]), "lay the table");

  for (int i = 0; i < PHILOSOPHERS; i++)
    sit_down((seat){room, MEALS}, forks[i], forks[(i + 1) % PHILOSOPHERS]);
  check(boc_runtime_quiesce(room, BOC_FOREVER), "wait");

  int wrong = 0;
  for (int i = 0; i < PHILOSOPHERS; i++) {
    uint64_t used = *(uint64_t *)boc_cown_payload(forks[i]);
    printf("fork %d was used %" PRIu64 " times\n", i, used);
    wrong += used != 2 * MEALS;
    boc_cown_drop(forks[i]);
  }
  boc_runtime_free(room);
  return wrong ? EXIT_FAILURE : EXIT_SUCCESS;
}
