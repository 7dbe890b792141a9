/* Messages: the contract, then races of senders, receivers, drains and new tags. */
#include "harness.h"

#include <boc/message.h>

#define TAG(text) ((boc_tag){text, sizeof(text) - 1})
#define MS INT64_C(1000000)

static boc_mailbox *open_mailbox(boc_mailbox_options options) {
  boc_mailbox *mailbox = NULL;
  options.size = sizeof(options);
  CHECK_EQ(boc_mailbox_new(&options, &mailbox), BOC_OK);
  return mailbox;
}

static boc_mailbox *plain(void) {
  return open_mailbox((boc_mailbox_options){.capacity = 64});
}

static boc_status send(boc_mailbox *mailbox, boc_tag tag, uintptr_t value) {
  return boc_mailbox_send(mailbox, tag, (void *)value);
}

/* The message that arrives, or 0. */
static uintptr_t receive(boc_mailbox *mailbox, const boc_tag *tags, size_t count,
                         int64_t timeout, size_t *out_index) {
  void *payload = NULL;
  const boc_status status =
      boc_mailbox_receive(mailbox, tags, count, timeout, NULL, out_index, &payload);
  CHECK(status == BOC_OK || status == BOC_TIMEOUT);
  return (uintptr_t)payload;
}

static boc_status try_one(boc_mailbox *mailbox, boc_tag tag, int64_t timeout) {
  size_t index;
  void *payload;
  return boc_mailbox_receive(mailbox, &tag, 1, timeout, NULL, &index, &payload);
}

/* ---- one thread ------------------------------------------------------------------ */

static void messages_of_a_tag_keep_their_order(void) {
  boc_mailbox *mailbox = plain();
  const boc_tag tags[] = {TAG("a"), TAG("b")};
  size_t index = 9;
  for (uintptr_t i = 1; i <= 5; i++) {
    CHECK_EQ(send(mailbox, tags[0], i), BOC_OK);
    CHECK_EQ(send(mailbox, tags[1], 100 + i), BOC_OK);
  }
  for (uintptr_t i = 1; i <= 5; i++)
    CHECK_EQ(receive(mailbox, &tags[1], 1, 0, &index), 100 + i);
  CHECK_EQ(index, 0);
  for (uintptr_t i = 1; i <= 5; i++) {
    CHECK_EQ(receive(mailbox, tags, 2, BOC_FOREVER, &index), i);
    CHECK_EQ(index, 0);
  }
  CHECK_EQ(try_one(mailbox, tags[0], 0), BOC_TIMEOUT);
  boc_mailbox_free(mailbox);
}

static void several_tags_are_served_in_turn(void) {
  boc_mailbox *mailbox = plain();
  const boc_tag tags[] = {TAG("a"), TAG("b"), TAG("c")};
  unsigned served[3] = {0};
  size_t index = 0;
  for (int i = 0; i < 60; i++)
    for (int tag = 0; tag < 3; tag++)
      CHECK_EQ(send(mailbox, tags[tag], 1), BOC_OK);
  for (int i = 0; i < 60; i++, served[index]++)
    CHECK_EQ(receive(mailbox, tags, 3, 0, &index), 1);
  for (int tag = 0; tag < 3; tag++)
    CHECK(served[tag] >= 15 && served[tag] <= 25);
  boc_mailbox_free(mailbox);
}

static void there_are_sixteen_tags(void) {
  boc_mailbox *mailbox = plain();
  char names[17];
  for (int i = 0; i < 17; i++) {
    names[i] = (char)('a' + i);
    const boc_tag tag = {&names[i], 1};
    CHECK_EQ(i % 2 ? send(mailbox, tag, 1) : try_one(mailbox, tag, 0),
             i == 16 ? BOC_NOT_FOUND
             : i % 2 ? BOC_OK
                     : BOC_TIMEOUT);
  }
  CHECK_EQ(send(mailbox, (boc_tag){&names[16], 1}, 1), BOC_NOT_FOUND);
  CHECK_EQ(send(mailbox, (boc_tag){&names[0], 1}, 1), BOC_OK);
  boc_mailbox_free(mailbox);
}

static void count_drop(void *ctx, void *payload) {
  boci_add_relaxed((boci_atomic_u32 *)ctx, (uint32_t)(uintptr_t)payload);
}

static void full_closed_and_dropped(void) {
  boci_atomic_u32 dropped;
  boci_init(&dropped, 0);
  boc_mailbox *mailbox = open_mailbox(
      (boc_mailbox_options){.capacity = 2, .drop = count_drop, .ctx = &dropped});
  const boc_tag a = TAG("a"), b = TAG("b");
  CHECK_EQ(send(mailbox, a, 1), BOC_OK);
  CHECK_EQ(send(mailbox, a, 2), BOC_OK);
  CHECK_EQ(send(mailbox, a, 4), BOC_FULL);
  boc_mailbox_drain(mailbox, &a, 1);
  CHECK_EQ(boci_load_relaxed(&dropped), 3);
  CHECK_EQ(send(mailbox, a, 8), BOC_OK);
  CHECK_EQ(boc_mailbox_set_tags(mailbox, &b, 1), BOC_OK);
  CHECK_EQ(boci_load_relaxed(&dropped), 11);
  CHECK_EQ(send(mailbox, b, 16), BOC_OK);
  CHECK_EQ(send(mailbox, b, 32), BOC_OK);
  boc_mailbox_close(mailbox);
  CHECK_EQ(send(mailbox, b, 64), BOC_CLOSED);
  CHECK_EQ(try_one(mailbox, b, BOC_FOREVER), BOC_OK);
  boc_mailbox_free(mailbox);
  CHECK_EQ(boci_load_relaxed(&dropped), 43);
}

#if defined(BOC_TINY)
#define DEFAULT_CAPACITY 4
#else
#define DEFAULT_CAPACITY 16384
#endif

static void a_tag_has_room_for_many(void) {
  boc_mailbox *mailbox = open_mailbox((boc_mailbox_options){.capacity = 0});
  for (int i = 0; i < DEFAULT_CAPACITY; i++)
    CHECK_EQ(send(mailbox, TAG("a"), 1), BOC_OK);
  CHECK_EQ(send(mailbox, TAG("a"), 1), BOC_FULL);
  CHECK_EQ(send(mailbox, TAG("b"), 1), BOC_OK);
  boc_mailbox_free(mailbox);
}

static void bad_tags_change_nothing(void) {
  boc_mailbox *mailbox = plain();
  boc_tag many[17] = {TAG("x"), TAG("x")};
  CHECK_EQ(send(mailbox, TAG("a"), 7), BOC_OK);
  CHECK_EQ(boc_mailbox_set_tags(mailbox, many, 17), BOC_FULL);
  CHECK_EQ(boc_mailbox_set_tags(mailbox, many, 2), BOC_BAD_ARGUMENT);
  CHECK_EQ(try_one(mailbox, TAG("a"), 0), BOC_OK);
  boc_mailbox_free(mailbox);
}

static void every_failing_allocation_is_refused(void) {
  for (uintptr_t fail_at = 1, failed = 1; failed; fail_at++) {
    test_memory memory;
    boc_mailbox *mailbox;
    test_memory_init(&memory, fail_at);
    const boc_mailbox_options options = {sizeof(options), 4, 4, NULL, NULL,
                                         &memory.base};
    if (boc_mailbox_new(&options, &mailbox) == BOC_OK) {
      const boc_tag tags[] = {TAG("a"), TAG("b")};
      const bool sent = send(mailbox, tags[0], 7) == BOC_OK;
      if (boc_mailbox_set_tags(mailbox, tags, 2) == BOC_NO_MEMORY && sent)
        CHECK_EQ(try_one(mailbox, tags[0], 0), BOC_OK);
      boc_mailbox_free(mailbox);
    }
    failed = test_memory_failed(&memory);
    test_memory_fini(&memory);
  }
}

static void a_timeout_is_neither_early_nor_late(void) {
  boc_mailbox *mailbox = plain();
  const uint64_t begun = boci_os_now();
  CHECK_EQ(try_one(mailbox, TAG("a"), 20 * MS), BOC_TIMEOUT);
  const uint64_t passed = boci_os_now() - begun;
  CHECK(passed >= (uint64_t)(20 * MS) && passed < TEST_TIMEOUT);
  boc_mailbox_free(mailbox);
}

static void a_cancel_is_kept_for_the_next_wait(void) {
  boc_mailbox *mailbox = plain();
  const boc_tag tag = TAG("a");
  boc_receive_token token = {0};
  size_t index;
  void *payload;
  boc_mailbox_cancel(mailbox, &token);
  CHECK_EQ(boc_mailbox_receive(mailbox, &tag, 1, BOC_FOREVER, &token, &index, &payload),
           BOC_CANCELLED);
  CHECK_EQ(boc_mailbox_receive(mailbox, &tag, 1, MS, &token, &index, &payload),
           BOC_TIMEOUT);
  boc_mailbox_free(mailbox);
}

static void count_ready(void *ctx) { ++*(unsigned *)ctx; }

static void a_watch_is_told_once(void) {
  boc_mailbox *mailbox = plain();
  const boc_tag a = TAG("a"), b = TAG("b");
  unsigned told = 0;
  boc_mailbox_waiter watch = {.notify = count_ready, .ctx = &told};
  CHECK_EQ(boc_mailbox_add_waiter(mailbox, &a, 1, &watch), BOC_OK);
  CHECK_EQ(send(mailbox, b, 1), BOC_OK);
  CHECK_EQ(told, 0);
  CHECK_EQ(send(mailbox, a, 1), BOC_OK);
  CHECK_EQ(send(mailbox, a, 2), BOC_OK);
  CHECK_EQ(told, 1);
  CHECK_EQ(boc_mailbox_remove_waiter(mailbox, &watch), BOC_OK);
  CHECK_EQ(boc_mailbox_add_waiter(mailbox, &a, 1, &watch), BOC_OK);
  CHECK_EQ(told, 2);
  CHECK_EQ(boc_mailbox_remove_waiter(mailbox, &watch), BOC_OK);
  boc_mailbox_drain(mailbox, &a, 1);
  CHECK_EQ(boc_mailbox_add_waiter(mailbox, &a, 1, &watch), BOC_OK);
  CHECK_EQ(boc_mailbox_remove_waiter(mailbox, &watch), BOC_WOULD_BLOCK);
  CHECK_EQ(boc_mailbox_add_waiter(mailbox, &a, 1, &watch), BOC_OK);
  CHECK_EQ(boc_mailbox_set_tags(mailbox, &b, 1), BOC_OK);
  CHECK_EQ(told, 3);
  CHECK_EQ(boc_mailbox_remove_waiter(mailbox, &watch), BOC_NOT_FOUND);
  boc_mailbox_free(mailbox);
}

/* ---- races ----------------------------------------------------------------------- */

enum { SENDERS = 2, RECEIVERS = 2, EACH = 6 };

typedef struct traffic {
  boc_mailbox *mailbox;
  boci_atomic_u32 taken[SENDERS * EACH];
  boci_atomic_u32 seen;
  boc_receive_token token;
} traffic;

static const boc_tag two[] = {{"left", 4}, {"right", 5}};

static void setup(traffic *all) {
  *all = (traffic){.mailbox = plain()};
  for (int i = 0; i < SENDERS * EACH; i++)
    boci_init(&all->taken[i], 0);
  boci_init(&all->seen, 0);
}

/* Single messages and bursts, to one tag after the other. */
static void send_some(traffic *all, unsigned sender) {
  test_random random = test_random_stream(sender);
  for (unsigned i = 0; i < EACH; i++) {
    if (test_draw(&random, 2))
      boci_os_yield();
    CHECK_EQ(send(all->mailbox, two[i % 2], 1 + sender * EACH + i), BOC_OK);
  }
}

/* Without timeout: a lost wake-up would be a hang. Each takes exactly its share. */
static void receive_some(traffic *all, unsigned receiver) {
  int latest[SENDERS][2];
  size_t index = 0;
  for (int i = 0; i < SENDERS * 2; i++)
    latest[i / 2][i % 2] = -1;
  for (unsigned i = 0; i < SENDERS * EACH / RECEIVERS; i++) {
    const uintptr_t got = receive(all->mailbox, two, 2, BOC_FOREVER, &index) - 1;
    CHECK_EQ(boci_add_relaxed(&all->taken[got], 1), 0);
    CHECK_EQ(index, got % EACH % 2);
    CHECK((int)got > latest[got / EACH][index]);
    latest[got / EACH][index] = (int)got;
    (void)receiver;
  }
}

static void send_or_receive(void *arg, unsigned index) {
  if (index < SENDERS)
    send_some(arg, index);
  else
    receive_some(arg, index);
}

static void nothing_is_lost(void) {
  traffic all;
  setup(&all);
  test_threads(SENDERS + RECEIVERS, send_or_receive, &all);
  boc_mailbox_free(all.mailbox);
}

/* Receivers of one tag each, and one of both tags, which must pass on its
 * notifications. It may take two messages of one tag: a third one is there for the
 * other receiver. */
static void mixed(void *arg, unsigned index) {
  traffic *all = arg;
  size_t at;
  if (index == 0)
    for (int i = 0; i < 6; i++)
      CHECK_EQ(send(all->mailbox, two[i % 2], 1), BOC_OK);
  else if (index < 3)
    CHECK_EQ(receive(all->mailbox, &two[index - 1], 1, BOC_FOREVER, &at), 1);
  else
    for (int i = 0; i < 2; i++)
      receive(all->mailbox, two, 2, 2 * MS, &at);
}

static void who_takes_another_tag_passes_on(void) {
  traffic all;
  setup(&all);
  test_threads(4, mixed, &all);
  boc_mailbox_free(all.mailbox);
}

static void ping_pong(void *arg, unsigned index) {
  traffic *all = arg;
  size_t at;
  for (int i = 0; i < EACH; i++) {
    if (index == 0)
      CHECK_EQ(send(all->mailbox, two[0], 1), BOC_OK);
    CHECK_EQ(receive(all->mailbox, &two[index == 0], 1, BOC_FOREVER, &at), 1);
    if (index == 1)
      CHECK_EQ(send(all->mailbox, two[1], 1), BOC_OK);
  }
}

static void single_wake_ups_arrive(void) {
  traffic all;
  setup(&all);
  test_threads(2, ping_pong, &all);
  boc_mailbox_free(all.mailbox);
}

/* One waits for a tag that is removed, one for a tag that stays, while others drain. */
static void change(void *arg, unsigned index) {
  traffic *all = arg;
  size_t at;
  void *payload;
  if (index == 0) {
    const boc_status got = boc_mailbox_receive(all->mailbox, &two[0], 1, BOC_FOREVER,
                                               &all->token, &at, &payload);
    CHECK(got == BOC_NOT_FOUND || got == BOC_CANCELLED);
  } else if (index == 1) {
    CHECK_EQ(receive(all->mailbox, &two[1], 1, BOC_FOREVER, &at), 1);
  } else {
    boc_mailbox_drain(all->mailbox, two, 2);
    CHECK_EQ(boc_mailbox_set_tags(all->mailbox, &two[1], 1), BOC_OK);
    CHECK_EQ(send(all->mailbox, two[1], 1), BOC_OK);
    boc_mailbox_cancel(all->mailbox, &all->token);
  }
}

static void changes_reach_who_waits(void) {
  traffic all;
  setup(&all);
  test_threads(3, change, &all);
  boc_mailbox_free(all.mailbox);
}

/* Senders and receivers while tags are replaced: each message is received or dropped,
 * once. */
static void replace(void *arg, unsigned index) {
  traffic *all = arg;
  size_t at;
  if (index == 0)
    for (uintptr_t i = 0; i < EACH; i++)
      CHECK_EQ(send(all->mailbox, two[i % 2], 1), BOC_OK);
  else if (index == 1)
    for (int i = 0; i < EACH; i++)
      boci_add_relaxed(&all->seen, (uint32_t)receive(all->mailbox, two, 2, 0, &at));
  else
    for (int i = 0; i < 3; i++)
      CHECK_EQ(boc_mailbox_set_tags(all->mailbox, two, 2), BOC_OK);
}

static void each_is_received_or_dropped(void) {
  traffic all;
  setup(&all);
  boc_mailbox_free(all.mailbox);
  all.mailbox = open_mailbox(
      (boc_mailbox_options){.capacity = 8, .drop = count_drop, .ctx = &all.seen});
  test_threads(3, replace, &all);
  boc_mailbox_free(all.mailbox);
  CHECK_EQ(boci_load_relaxed(&all.seen), EACH);
}

static void wait_for_close(void *arg, unsigned index) {
  traffic *all = arg;
  if (index == 0)
    boc_mailbox_close(all->mailbox);
  else
    CHECK_EQ(try_one(all->mailbox, two[index % 2], BOC_FOREVER), BOC_CLOSED);
}

static void closing_wakes_all(void) {
  traffic all;
  setup(&all);
  test_threads(4, wait_for_close, &all);
  boc_mailbox_free(all.mailbox);
}

static const test_case cases[] = {
    TEST_ONCE(messages_of_a_tag_keep_their_order),
    TEST_ONCE(several_tags_are_served_in_turn),
    TEST_ONCE(there_are_sixteen_tags),
    TEST_ONCE(full_closed_and_dropped),
    TEST_ONCE(a_tag_has_room_for_many),
    TEST_ONCE(bad_tags_change_nothing),
    TEST_ONCE(every_failing_allocation_is_refused),
    TEST_ONCE(a_timeout_is_neither_early_nor_late),
    TEST_ONCE(a_cancel_is_kept_for_the_next_wait),
    TEST_ONCE(a_watch_is_told_once),
    TEST_RACE(nothing_is_lost, 1),
    TEST_RACE(who_takes_another_tag_passes_on, 1),
    TEST_RACE(single_wake_ups_arrive, 1),
    TEST_RACE(changes_reach_who_waits, 1),
    TEST_RACE(each_is_received_or_dropped, 1),
    TEST_RACE(closing_wakes_all, 1),
};

TEST_MAIN(cases)
