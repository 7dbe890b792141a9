/* Gate: many pass at the same time, until one closes it and is alone inside.
 *
 * Who passes counts itself in and out on one of several words, chosen by the address of
 * its stack, so that threads rarely meet. Each word holds twice its count, plus one
 * while the gate is closed. Count and mark are one word: whoever enters learns by the
 * same operation whether the gate is closed, and no fence is needed.
 *
 * Threads: any. Inside nobody blocks or closes; closers take turns by a lock of their
 * own, which nobody inside may take. Who finds the gate closed waits for that lock.
 * Ordering: [R24] what was done inside is over; [A24] the closer has seen all of it.
 *   [R25] what the closer changed; [A25] who enters afterwards sees it.
 */
#ifndef BOCI_GATE_H
#define BOCI_GATE_H

#include "atomic.h"
#include "park.h"
#include "spin.h"

#define BOCI_GATE_WORDS 8u

typedef struct boci_gate {
  struct {
    boci_atomic_word word;
    char apart[64 - sizeof(boci_atomic_word)];
  } ways[BOCI_GATE_WORDS];
  boci_mutex closers;
} boci_gate;

static inline boc_status boci_gate_init(boci_gate *gate) {
  for (unsigned i = 0; i < BOCI_GATE_WORDS; i++)
    boci_init(&gate->ways[i].word, 0);
  return boci_mutex_init(&gate->closers);
}

static inline void boci_gate_fini(boci_gate *gate) { boci_mutex_fini(&gate->closers); }

static inline boci_atomic_word *boci_gate_way(boci_gate *gate) {
  char here;
  const uint32_t page = (uint32_t)((uintptr_t)&here >> 16);
  return &gate->ways[(page * UINT32_C(0x9E3779B1)) >> 29].word;
}

static inline void boci_gate_leave(boci_atomic_word *way) {
  boci_sub_release(way, 2); /* [R24] */
}

/* What to leave by. */
static inline boci_atomic_word *boci_gate_enter(boci_gate *gate) {
  boci_atomic_word *way = boci_gate_way(gate);
  while (boci_add_acquire(way, 2) & 1) { /* [A25] */
    boci_gate_leave(way);
    boci_mutex_lock(&gate->closers);
    boci_mutex_unlock(&gate->closers);
  }
  return way;
}

/* Returns, with the closers' lock, when all have left. */
static inline void boci_gate_close(boci_gate *gate) {
  boci_mutex_lock(&gate->closers);
  for (unsigned i = 0; i < BOCI_GATE_WORDS; i++)
    boci_or_acquire(&gate->ways[i].word, 1); /* [A24] */
  for (unsigned i = 0, tries = 0; i < BOCI_GATE_WORDS; i++)
    while (boci_load_acquire(&gate->ways[i].word) != 1)
      boci_spin_once(&tries); /* [A24] */
}

static inline void boci_gate_open(boci_gate *gate) {
  for (unsigned i = 0; i < BOCI_GATE_WORDS; i++)
    boci_and_release(&gate->ways[i].word, ~(uintptr_t)1); /* [R25] */
  boci_mutex_unlock(&gate->closers);
}

/* Without closing: returns when all have left who may have entered before the call.
 * Those who enter fence ([F4]) before they look at what the caller has changed. */
static inline void boci_gate_wait_out(boci_gate *gate) {
  boci_fence_seq_cst(); /* [F4] */
  for (unsigned i = 0, tries = 0; i < BOCI_GATE_WORDS; i++)
    while (boci_load_acquire(&gate->ways[i].word) != 0)
      boci_spin_once(&tries); /* [A24] */
}

#endif
