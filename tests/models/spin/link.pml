/* Linking and hand-off, whole: every interleaving of three behaviors over three cowns,
 * in every mix of readers and writers, where each atomic operation of request.c and
 * behavior.c is one step. Relacy draws schedules of the sources themselves and knows
 * memory orders; this is a copy and knows none, but leaves no schedule out.
 *
 * Threads schedule the behaviors, and others run them. Shown: all of them run; none runs
 * beside one that it conflicts with, nor before one that was scheduled before it; no behavior comes between two that were scheduled as one; none is touched after it was freed.
 *
 *   RING                 behavior b is over cowns b and b + 1
 *   SAME_TWO             two are over the same two cowns, the last over one of them
 *   FRESH                cown 2 is made with behavior 0; behavior 1 is over it too
 *   THREE_THREADS        each is scheduled by a thread of its own
 *   ONE_AFTER_THE_OTHER  the first two are scheduled by one thread
 *   TWO_AS_ONE           they are scheduled as one step
 *
 * Names of functions stand where their steps are. The other words in #ifdef are mutants:
 * run_spin.py has the list of them.
 */
#ifdef FRESH_IS_KNOWN_BEFORE_IT_IS_LINKED /* so another thread may name it any time */
#undef ONE_AFTER_THE_OTHER
#define THREE_THREADS
#endif

#define BEHAVIORS 3
#define COWNS 3

/* Requests have numbers from 1; one for each behavior and cown. */
#define REQUEST(b, c) ((b) * COWNS + (c) + 1)
#define BEHAVIOR(r) (((r) - 1) / COWNS)
#define COWN(r) (((r) - 1) % COWNS)
#define REQUESTS (BEHAVIORS * COWNS + 1)

#define ABSENT 0
#define READS 1
#define WRITES 2

/* How each behavior has each cown: two bits a request, known to every process, so that
 * looking there is no step. */
#define MODE(r) ((modes >> (2 * (r))) & 3)

/* A request's word. */
bool ready[REQUESTS], granted[REQUESTS], writer_next[REQUESTS];
byte successor[REQUESTS];

/* A cown. */
byte tail[COWNS], readers[COWNS], writer[COWNS];
bool writer_waits[COWNS];

/* A behavior. */
byte pending[BEHAVIORS];
bool runnable[BEHAVIORS], running[BEHAVIORS], ended[BEHAVIORS], freed[BEHAVIORS];

#define CONFLICT_ON(a, b, c) \
  (MODE(REQUEST(a, c)) + MODE(REQUEST(b, c)) > 2 && MODE(REQUEST(a, c)) != ABSENT && \
   MODE(REQUEST(b, c)) != ABSENT)
#define CONFLICT(a, b) \
  (CONFLICT_ON(a, b, 0) || CONFLICT_ON(a, b, 1) || CONFLICT_ON(a, b, 2))
#define ALIVE(r) assert(!freed[BEHAVIOR(r)])

/* Which requests are linked, and how many of a behavior: all but that of a fresh cown. */
#ifdef FRESH
#define FRESH_REQUEST REQUEST(0, 2)
#else
#define FRESH_REQUEST 0
#endif
#define IS_LINKED(r) (MODE(r) != ABSENT && (r) != FRESH_REQUEST)
#define LINKED(b) \
  (IS_LINKED(REQUEST(b, 0)) + IS_LINKED(REQUEST(b, 1)) + IS_LINKED(REQUEST(b, 2)))

/* boci_behavior_resolve */
inline resolve(b, count) {
  atomic {
    assert(!freed[b] && pending[b] >= count);
    pending[b] = pending[b] - count;
    if
    :: pending[b] == 0 -> runnable[b] = true
    :: else
    fi
  }
}

/* mark_granted: `next` is the reader to be granted with it, or 0. */
inline mark_granted(r, next) {
  readers[COWN(r)]++;
  atomic {
    ALIVE(r);
    granted[r] = true;
    next = (writer_next[r] -> 0 : successor[r])
  }
}

/* grant_run, of `at` and those behind it */
inline grant_run(at, next) {
  do
  :: at != 0 ->
    mark_granted(at, next);
    resolve(BEHAVIOR(at), 1);
    atomic { at = next; next = 0 }
  :: else -> break
  od
}

/* enter_queue: whether `first` has its cown, in `got` */
inline enter(first) {
  if
  :: MODE(first) == READS -> /* enter_reader */
    mark_granted(first, at);
    grant_run(at, next);
    got = true
  :: else -> /* enter_writer */
    if
    :: atomic { readers[COWN(first)] == 0 && !writer_waits[COWN(first)] -> got = true }
    :: atomic { else -> got = false };
      writer[COWN(first)] = first;
#ifdef WRITER_DOES_NOT_LOOK_AGAIN
      atomic { writer_waits[COWN(first)] = true }
#else
      atomic {
        got = (readers[COWN(first)] == 0);
        writer_waits[COWN(first)] = !got
      }
#endif
    fi
  fi
}

/* follow_predecessor: `first` comes behind `previous` */
inline follow(first) {
  if
  :: MODE(previous) == READS -> /* follow_reader */
    atomic {
      ALIVE(previous);
      was_granted = granted[previous];
      successor[previous] = first;
      writer_next[previous] = (MODE(first) == WRITES)
    };
#ifdef NEWCOMER_IS_LOOKED_AT_AFTER_ITS_LINK
    ALIVE(first);
#endif
    if
    :: atomic { was_granted && MODE(first) == READS -> was_granted = false };
#ifndef READER_BEHIND_A_GRANTED_ONE_IS_FORGOTTEN
      enter(first)
#endif
    :: atomic { else -> was_granted = false }
    fi
  :: else ->
    atomic {
      ALIVE(previous);
      successor[previous] = first;
      writer_next[previous] = (MODE(first) == WRITES)
    }
  fi
}

inline swap_tail(first, last) {
  atomic {
    got = false;
    previous = tail[COWN(first)];
    tail[COWN(first)] = last
  }
}

inline wait_ready() {
#ifndef NOBODY_WAITS_FOR_READY
  ready[previous];
#endif
  ALIVE(previous)
}

/* boci_request_link */
inline link(first, last) {
  swap_tail(first, last);
  if
  :: previous == 0 -> enter(first)
  :: else ->
    wait_ready();
    follow(first)
  fi
}

/* boci_request_link_only */
inline link_only(first) {
  swap_tail(first, first);
#ifndef READY_AFTER_THE_ONLY_LINK
  if
  :: previous == 0
  :: else -> wait_ready()
  fi;
  ready[first] = true;
#endif
  if
  :: previous == 0 -> enter(first)
  :: else -> follow(first)
  fi
#ifdef READY_AFTER_THE_ONLY_LINK
  ;
  ALIVE(first);
  ready[first] = true
#endif
}

/* boci_request_link_fresh */
inline link_fresh(r) {
  ALIVE(r);
  ready[r] = true;
  tail[COWN(r)] = r
}

#define LINKING_VARIABLES \
  byte previous, at, next, c, count; \
  bool got, was_granted

/* boci_behavior_link_many */
inline link_many(b) {
  atomic { pending[b] = LINKED(b) + 1; count = 1 };
  for (c : 0 .. COWNS - 1) {
    if
    :: IS_LINKED(REQUEST(b, c)) ->
      link(REQUEST(b, c), REQUEST(b, c));
      atomic { count = count + got; got = false };
#ifdef READY_BEFORE_ALL_ARE_LINKED
      ready[REQUEST(b, c)] = true
#endif
    :: else
    fi
  };
  for (c : 0 .. COWNS - 1) {
    if
    :: IS_LINKED(REQUEST(b, c)) -> ready[REQUEST(b, c)] = true
    :: else
    fi
  };
  resolve(b, count)
}

/* boci_behavior_link_fresh */
inline link_fresh_of(b) {
#ifdef FRESH
  if
  :: b == 0 -> link_fresh(FRESH_REQUEST)
  :: else
  fi
#else
  skip
#endif
}

/* boci_behavior_link */
inline link_behavior(b) {
#ifndef FRESH_IS_LINKED_AFTER_THE_OTHERS
  link_fresh_of(b);
#endif
  if
  :: LINKED(b) > 1 -> link_many(b)
  :: else ->
    c = (MODE(REQUEST(b, 0)) != ABSENT -> 0 : (MODE(REQUEST(b, 1)) != ABSENT -> 1 : 2));
    pending[b] = 1;
    link_only(REQUEST(b, c));
    if
    :: got -> resolve(b, 1)
    :: else
    fi
  fi
#ifdef FRESH_IS_LINKED_AFTER_THE_OTHERS
  ;
  link_fresh_of(b)
#endif
}

/* Schedules behavior `b`, and afterwards those up to `last`. */
proctype scheduler(byte b, last; int modes) {
  LINKING_VARIABLES;
  do
  :: link_behavior(b);
    atomic { b++; if :: b > last -> break :: else fi }
  od
}

/* boci_behavior_link_all, of behaviors 0 and 1 */
proctype scheduler_of_two(int modes) {
  LINKING_VARIABLES;
  byte first, last;
  link_fresh_of(0);
  atomic {
    pending[0] = LINKED(0) + 1;
    pending[1] = LINKED(1) + 1;
    for (c : 0 .. COWNS - 1) { /* chain_run */
      if
      :: IS_LINKED(REQUEST(0, c)) && MODE(REQUEST(1, c)) != ABSENT ->
        successor[REQUEST(0, c)] = REQUEST(1, c);
        writer_next[REQUEST(0, c)] = (MODE(REQUEST(1, c)) == WRITES)
      :: else
      fi
    }
  };
  for (c : 0 .. COWNS - 1) { /* link_runs */
    first = (IS_LINKED(REQUEST(0, c)) -> REQUEST(0, c) : REQUEST(1, c));
    last = (MODE(REQUEST(1, c)) != ABSENT -> REQUEST(1, c) : REQUEST(0, c));
    if
    :: MODE(first) != ABSENT ->
      link(first, last);
      if
      :: got -> resolve(BEHAVIOR(first), 1)
      :: else
      fi;
#ifdef TWO_ARE_READY_COWN_BY_COWN
      ready[first] = true;
      ready[last] = true
#endif
    :: else
    fi
  };
  first = 0;
  last = 0;
  for (c : 0 .. COWNS - 1) {
    ready[REQUEST(0, c)] = (MODE(REQUEST(0, c)) != ABSENT); /* a fresh one has it */
    ready[REQUEST(1, c)] = (MODE(REQUEST(1, c)) != ABSENT)
  };
  resolve(0, 1);
  resolve(1, 1)
}

/* leave_queue: the successor of `mine`, in `at`; 0: the queue is empty */
inline leave_queue(mine) {
  at = successor[mine];
  if
  :: at != 0
  :: else ->
    atomic {
      left = (tail[COWN(mine)] == mine);
      tail[COWN(mine)] = (left -> 0 : tail[COWN(mine)])
    };
    if
    :: atomic { left -> left = false }
    :: else ->
#ifndef RELEASE_DOES_NOT_WAIT_FOR_ITS_SUCCESSOR
      atomic { successor[mine] != 0 -> at = successor[mine] } /* wait_successor */
#endif
    fi
  fi
}

/* release_reader */
inline release_reader(mine) {
  leave_queue(mine);
  if
  :: at != 0 && MODE(at) == WRITES ->
#ifndef MARK_COMES_BEFORE_THE_WRITER
    writer[COWN(mine)] = at;
#endif
    atomic {
      readers[COWN(mine)]--;
      assert(!writer_waits[COWN(mine)]);
      writer_waits[COWN(mine)] = true;
      last = (readers[COWN(mine)] == 0)
    };
#ifdef MARK_COMES_BEFORE_THE_WRITER
    writer[COWN(mine)] = at;
#endif
  :: else ->
    atomic {
      readers[COWN(mine)]--;
      last = (readers[COWN(mine)] == 0 && writer_waits[COWN(mine)])
    }
  fi;
  at = 0;
  if
  :: last ->
    at = writer[COWN(mine)];
    atomic {
      assert(readers[COWN(mine)] == 0);
      writer_waits[COWN(mine)] = false;
      last = false
    };
    assert(at != 0 && MODE(at) == WRITES);
    resolve(BEHAVIOR(at), 1);
    at = 0
  :: else
  fi
}

/* boci_request_release */
inline release(mine) {
  if
  :: MODE(mine) == READS -> release_reader(mine)
  :: else ->
    leave_queue(mine);
    if
    :: at == 0
    :: at != 0 && MODE(at) == READS -> grant_run(at, next)
    :: else ->
      resolve(BEHAVIOR(at), 1);
      at = 0
    fi
  fi
}

inline check_beside(b, other) {
  assert(other == b || !CONFLICT(b, other) || !running[other])
}

inline check_order(b) {
  check_beside(b, 0);
  check_beside(b, 1);
  check_beside(b, 2);
#ifdef ONE_AFTER_THE_OTHER
  assert(b != 1 || !CONFLICT(0, 1) || ended[0])
#endif
#ifdef TWO_AS_ONE
  assert(b != 2 || !CONFLICT(2, 0) || !CONFLICT(2, 1) || ended[0] == ended[1])
#endif
}

/* Runs behavior `b` once it is ready, and hands its cowns on: boci_behavior_end. */
proctype runner(byte b; int modes) {
  byte at, next, c;
  bool left, last;
  atomic {
    runnable[b];
    check_order(b);
    running[b] = true
  };
  atomic { running[b] = false; ended[b] = true };
  for (c : 0 .. COWNS - 1) {
    if
    :: MODE(REQUEST(b, c)) != ABSENT -> release(REQUEST(b, c))
    :: else
    fi
  };
  freed[b] = true
}

inline write(b, c) {
  modes = modes | (WRITES << (2 * REQUEST(b, c)))
}

inline draw(b, c) {
  if
  :: modes = modes | (READS << (2 * REQUEST(b, c)))
  :: write(b, c)
  fi
}

init {
  byte b, c;
  int modes;
  atomic {
    for (b : 0 .. BEHAVIORS - 1) {
      for (c : 0 .. COWNS - 1) {
#ifdef RING
        if
        :: c == b || c == (b + 1) % COWNS -> draw(b, c)
        :: else
        fi
#endif
#ifdef FRESH
        if
        :: c == 0 || (c == 2 && b == 1) -> draw(b, c)
        :: c == 2 && b == 1
        :: (c == 1 && b != 1) || (c == 2 && b == 0) -> write(b, c)
        :: else
        fi
#endif
#ifdef SAME_TWO
        if
        :: c == 0 || (c == 1 && b < 2) -> draw(b, c)
        :: else
        fi
#endif
      }
    };
    c = 0;
    b = 0;
    run runner(0, modes);
    run runner(1, modes);
    run runner(2, modes);
#ifdef THREE_THREADS
    run scheduler(0, 0, modes);
    run scheduler(1, 1, modes);
#endif
#ifdef ONE_AFTER_THE_OTHER
    run scheduler(0, 1, modes);
#endif
#ifdef TWO_AS_ONE
    run scheduler_of_two(modes);
#endif
    run scheduler(2, 2, modes)
  }
}
