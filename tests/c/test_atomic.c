/* Atomics: what each operation returns and leaves, and that updates are not lost. */
#include "harness.h"

#define EACH_ORDER(X) X(relaxed) X(acquire) X(release) X(acq_rel)

static void loads_and_stores(void) {
  boci_atomic_u32 number;
  boci_atomic_word word;
  boci_atomic_ptr pointer;
  const boci_atomic_word *constant = &word;
  boci_init(&number, 1);
  boci_init(&word, UINTPTR_MAX);
  boci_init(&pointer, &word);
  CHECK_EQ(boci_load_relaxed(&number), 1);
  CHECK(boci_load_acquire(constant) == UINTPTR_MAX);
  CHECK(boci_load_acquire(&pointer) == &word);
  boci_store_relaxed(&number, UINT32_MAX);
  boci_store_release(&word, 5);
  boci_store_release(&pointer, NULL);
  CHECK(boci_load_acquire(&number) == UINT32_MAX);
  CHECK_EQ(boci_load_relaxed(constant), 5);
  CHECK(boci_load_relaxed(&pointer) == NULL);
}

static void numbers_return_the_old_value(void) {
  boci_atomic_u32 number;
  boci_atomic_word word;
#define NUMBER(order)                                                                  \
  boci_init(&number, 10);                                                              \
  CHECK_EQ(boci_add_##order(&number, 5), 10);                                          \
  CHECK_EQ(boci_sub_##order(&number, 16), 15);                                         \
  CHECK_EQ(boci_swap_##order(&number, 12), UINT32_MAX);                                \
  CHECK_EQ(boci_or_##order(&number, 3), 12);                                           \
  CHECK_EQ(boci_and_##order(&number, 9), 15);                                          \
  CHECK_EQ(boci_load_relaxed(&number), 9);                                             \
  boci_init(&word, 0);                                                                 \
  CHECK(boci_sub_##order(&word, 1) == 0);                                              \
  CHECK(boci_add_##order(&word, 2) == UINTPTR_MAX);                                    \
  CHECK(boci_or_##order(&word, 6) == 1);                                               \
  CHECK(boci_and_##order(&word, ~(uintptr_t)1) == 7);                                  \
  CHECK(boci_swap_##order(&word, 0) == 6);
  EACH_ORDER(NUMBER)
#undef NUMBER
}

static void strong_cas_tells_what_was_there(void) {
  boci_atomic_word word;
  boci_atomic_ptr pointer;
  int a, b;
#define STRONG(order)                                                                  \
  do {                                                                                 \
    uintptr_t expected = 1;                                                            \
    void *seen = &b;                                                                   \
    boci_init(&word, 2);                                                               \
    boci_init(&pointer, &a);                                                           \
    CHECK(!boci_cas_strong_##order(&word, &expected, 3) && expected == 2);             \
    CHECK(boci_cas_strong_##order(&word, &expected, 3) && expected == 2);              \
    CHECK(boci_load_relaxed(&word) == 3);                                              \
    CHECK(!boci_cas_strong_##order(&pointer, &seen, &b) && seen == &a);                \
    CHECK(boci_cas_strong_##order(&pointer, &seen, &b));                               \
    CHECK(boci_swap_##order(&pointer, NULL) == &b);                                    \
  } while (0);
  EACH_ORDER(STRONG)
#undef STRONG
}

static void weak_cas_succeeds_at_last(void) {
  boci_atomic_u32 number;
#define WEAK(order)                                                                    \
  do {                                                                                 \
    uint32_t expected = 8;                                                             \
    boci_init(&number, 7);                                                             \
    CHECK(!boci_cas_weak_##order(&number, &expected, 9) && expected == 7);             \
    while (!boci_cas_weak_##order(&number, &expected, 9))                              \
      CHECK_EQ(expected, 7);                                                           \
    CHECK_EQ(boci_load_relaxed(&number), 9);                                           \
  } while (0);
  EACH_ORDER(WEAK)
#undef WEAK
}

static void fences_and_pause_return(void) {
  boci_fence_acquire();
  boci_fence_release();
  boci_fence_seq_cst();
  boci_pause();
}

/* Every kind of update by several threads: none is lost. */

enum { THREADS = 3, ROUNDS = 20 };

typedef struct shared {
  boci_atomic_u32 added, by_cas;
  boci_atomic_word bits, both;
} shared;

static void update(void *arg, unsigned index) {
  shared *all = arg;
  for (uint32_t i = 0; i < ROUNDS; i++) {
    boci_add_relaxed(&all->added, 2);
    boci_sub_relaxed(&all->added, 1);
    boci_add_acq_rel(&all->both, 1);
    uint32_t seen = boci_load_relaxed(&all->by_cas);
    while (!boci_cas_weak_relaxed(&all->by_cas, &seen, seen + 1)) {
    }
  }
  boci_or_release(&all->bits, (uintptr_t)1 << index);
  boci_and_release(&all->bits, ~((uintptr_t)1 << (index + 8)));
}

static void no_update_is_lost(void) {
  shared all;
  boci_init(&all.added, 0);
  boci_init(&all.by_cas, 0);
  boci_init(&all.both, 0);
  boci_init(&all.bits, (uintptr_t)0xff00);
  test_threads(THREADS, update, &all);
  CHECK_EQ(boci_load_relaxed(&all.added), THREADS * ROUNDS);
  CHECK_EQ(boci_load_relaxed(&all.by_cas), THREADS * ROUNDS);
  CHECK_EQ(boci_load_relaxed(&all.both), THREADS * ROUNDS);
  CHECK_EQ(boci_load_relaxed(&all.bits), 0xf807);
}

/* A swapped pointer has one owner at a time. */

typedef struct token {
  int uses;
} token;

typedef struct exchange {
  boci_atomic_ptr slot;
  token token;
} exchange;

static void use_token(void *arg, unsigned index) {
  exchange *place = arg;
  (void)index;
  for (int uses = 0; uses < ROUNDS;) {
    token *mine = boci_swap_acquire(&place->slot, NULL);
    if (!mine) {
      boci_os_yield();
      continue;
    }
    mine->uses++;
    uses++;
    boci_store_release(&place->slot, mine);
  }
}

static void a_token_has_one_owner(void) {
  exchange place;
  place.token.uses = 0;
  boci_init(&place.slot, &place.token);
  test_threads(THREADS, use_token, &place);
  CHECK_EQ(place.token.uses, THREADS * ROUNDS);
}

/* Message passing: a thread that sees the flag sees everything that was written before
 * it. */

typedef struct message {
  int text;
  boci_atomic_u32 sent;
} message;

static void pass_message(void *arg, unsigned index) {
  message *mail = arg;
  if (index == 0) {
    mail->text = 42;
    boci_store_release(&mail->sent, 1);
  } else {
    TEST_WAIT(boci_load_acquire(&mail->sent) == 1);
    CHECK_EQ(mail->text, 42);
  }
}

static void release_is_seen_by_acquire(void) {
  message mail;
  mail.text = 0;
  boci_init(&mail.sent, 0);
  test_threads(2, pass_message, &mail);
}

/* Store buffering: with a fence in both halves, one of the two sees the other's
 * store. */

typedef struct halves {
  boci_atomic_u32 flag[2];
  uint32_t seen[2];
} halves;

static void store_then_load(void *arg, unsigned index) {
  halves *both = arg;
  boci_store_relaxed(&both->flag[index], 1);
  boci_fence_seq_cst();
  both->seen[index] = boci_load_relaxed(&both->flag[1 - index]);
}

static void fences_order_store_and_load(void) {
  halves both;
  boci_init(&both.flag[0], 0);
  boci_init(&both.flag[1], 0);
  test_threads(2, store_then_load, &both);
  CHECK(both.seen[0] + both.seen[1] >= 1);
}

static const test_case cases[] = {
    TEST_ONCE(loads_and_stores),
    TEST_ONCE(numbers_return_the_old_value),
    TEST_ONCE(strong_cas_tells_what_was_there),
    TEST_ONCE(weak_cas_succeeds_at_last),
    TEST_ONCE(fences_and_pause_return),
    TEST_RACE(no_update_is_lost, 2),
    TEST_RACE(a_token_has_one_owner, 2),
    TEST_RACE(release_is_seen_by_acquire, 1),
    TEST_RACE(fences_order_store_and_load, 1),
};
TEST_MAIN(cases)
