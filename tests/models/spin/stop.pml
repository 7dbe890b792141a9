/* Quiescence and stop with a compensating worker, whole: every interleaving of the
 * workers' loop (worker.c, idle_policy.c, parked_workers.c), blocking and retiring
 * (blocking.c), the sums for the waiters (quiescence.c, waiters.c) and the numbered steps
 * of boc_runtime_free.
 *
 * Behaviors A and B come in pairs: A schedules B and blocks until B's body has run, so
 * that on a runtime of one worker B needs the compensating worker. A thread outside
 * schedules the first A, unless the stop has begun: then it is refused. Another stops the
 * runtime.
 *
 * Shown: a waiter is notified only if there was a quiet moment since it asked; the stop
 * ends, with both workers joined; what was accepted has run by then; no thread sleeps for
 * ever. Memory orders are Relacy's, in model_sleep.c and model_quiescence.c.
 *
 *   TWO_PAIRS   the first B schedules a second A: the compensating worker comes again
 *   POKED       the thread outside pokes the compensating worker as soon as there is one
 *   ASKS_FIRST  the thread that stops the runtime waits for quiescence before, and then schedules
 *               one more behavior
 *
 * What is invisible to others while a mutex is held is one step. Names of
 * functions stand where their steps are. The other words in #ifdef are mutants: run_spin.py
 * has the list of them.
 */
#define WORKERS 1
#define ALL 2 /* with the compensating worker */
#define MAX_SEARCHERS 1
#define NOBODY ALL

/* Behaviors are bits, queues sets of them: their order is no matter here. */
#define FIRST_A 1
#define FIRST_B 2
#define SECOND_A 4
#define SECOND_B 8
#define LAST 16
#define LOWEST(set) ((set) & -(set))
#define BLOCKS(b) ((b) == FIRST_A || (b) == SECOND_A)
#define ANSWER(b) ((b) << 1)

/* Where behaviors wait, and which have run. */
byte shared, queue[ALL], ran, accepted;

/* Of boci_parked_workers; any of the parked may be woken. */
byte parked_count, searchers;
bool parked[ALL], searching[ALL], token[ALL];

/* Of boci_blocking. */
bool blocking_locked, blocking_stopped, retired[ALL];
byte blocked, awake, excess;

/* Of boc_runtime and its one waiter. */
bool closing, stopping, waiters_locked, waiting, listed, notified;
byte started = WORKERS;
bool ended[ALL];
byte scheduled_outside, scheduled[ALL], finished[ALL];
#ifdef POKED
bool poked;
#endif

/* What the model itself knows. */
byte in_flight;
bool was_quiet; /* since the waiter has asked */
byte calls;     /* of threads outside: none of them may overlap the stop */

/* make_searcher_locked */
inline make_searcher(who) {
  assert(parked[who]);
  parked[who] = false;
  parked_count--;
  searching[who] = true;
  searchers++
}

/* boci_parker_unpark, of whom make_searcher_locked has chosen */
inline unpark_other() {
  atomic {
    if
    :: other != NOBODY -> token[other] = true; other = NOBODY
    :: else
    fi
  }
}

/* boci_parked_wake_one */
inline wake_one() {
  if
  :: searchers == 0 && parked_count > 0 ->
    atomic { /* wake_one_slow */
      if
      :: searchers == 0 && parked[0] -> other = 0; make_searcher(0)
      :: searchers == 0 && parked[1] -> other = 1; make_searcher(1)
      :: else
      fi
    };
    unpark_other()
  :: else
  fi
}

/* boci_parked_wake */
inline wake(who) {
  atomic {
    if
    :: parked[who] -> make_searcher(who); other = who
    :: else
    fi
  };
  unpark_other()
}

/* boc_behavior_schedule, in a body */
inline schedule(b) {
#ifdef SCHEDULE_IS_COUNTED_AFTER_ITS_PUSH
  queue[self] = queue[self] | (b);
  wake_one();
  atomic { scheduled[self]++; in_flight++; accepted = accepted | (b) }
#else
  atomic { scheduled[self]++; in_flight++; accepted = accepted | (b) };
  queue[self] = queue[self] | (b);
  wake_one()
#endif
}

/* is_quiescent, in `quiet` */
inline look_whether_quiet() {
  seen = started;
#ifndef SCHEDULED_IS_SUMMED_FIRST
  sum = finished[0];
  sum = sum + (seen > 1 -> finished[1] : 0);
#endif
#ifndef STARTED_IS_NOT_READ_AGAIN
  seen = (seen == started -> seen : 0);
#endif
  sum = sum - scheduled_outside;
  sum = sum - scheduled[0];
  sum = sum - (seen > 1 -> scheduled[1] : 0);
#ifdef SCHEDULED_IS_SUMMED_FIRST
  sum = sum + finished[0];
  sum = sum + (seen > 1 -> finished[1] : 0);
#endif
  atomic { quiet = (seen != 0 && sum == 0); sum = 0; seen = 0 }
}

/* boci_quiescence_check */
inline check_quiescence() {
  if
  :: waiting ->
    atomic { !waiters_locked -> waiters_locked = true };
    if
    :: listed ->
      look_whether_quiet();
      atomic {
        if
        :: quiet -> /* notify_all_locked */
          assert(was_quiet);
          listed = false;
          waiting = false;
          notified = true;
          quiet = false
        :: else
        fi;
        waiters_locked = false
      }
    :: else -> waiters_locked = false
    fi
  :: else
  fi
}

/* work_visible, in `found` */
inline look_for_work() {
  found = (shared != 0);
  found = (found || queue[0] != 0);
  found = (found || (started > 1 && queue[1] != 0))
}

/* called_away is `away`, after look_whether_away, or CALLED_BACK */
#define CALLED_BACK (self >= WORKERS && excess > 0)
inline look_whether_away() {
#ifdef POKED
  away = (self >= WORKERS && poked);
  away = (away || stopping)
#else
  away = stopping
#endif
}

inline take(set) {
  atomic {
    if
    :: behavior == 0 -> behavior = LOWEST(set); set = set & ~behavior
    :: else
    fi
  }
}

/* boci_find_own */
inline find() {
  take(queue[self]);
  take(shared)
}

/* find_anywhere */
inline look() {
  find();
  if
  :: self == 1 || started > 1 -> take(queue[1 - self]) /* steal_half */
  :: else
  fi
}

inline park() {
  atomic { token[self] -> token[self] = false };
  assert(!parked[self])
}

/* park_worker_once */
inline sleep_once() {
  atomic { /* boci_parked_prepare_park */
    parked[self] = true;
    parked_count++;
    searchers = searchers - searching[self];
    searching[self] = false
  };
  check_quiescence();
  look_for_work();
  look_whether_away();
  if
  :: found || away || CALLED_BACK ->
    atomic { /* boci_parked_cancel_park */
      found = false;
      away = false;
      if
      :: parked[self] -> parked[self] = false; parked_count--; other = self
      :: else
      fi
    };
    if
    :: other == self -> other = NOBODY
    :: else -> park()
    fi
  :: else -> park()
  fi
}

/* boci_find_or_park */
inline search() {
  do
  :: behavior != 0 -> break
  :: else ->
    look_whether_away();
    if
    :: atomic { away || CALLED_BACK -> away = false; break }
    :: else
    fi;
    if
    :: !searching[self] && searchers < MAX_SEARCHERS -> /* boci_parked_start_searching */
      atomic { searching[self] = true; searchers++ }
    :: else
    fi;
    if
    :: searching[self] -> look()
    :: else
    fi;
    if
    :: behavior == 0 ->
      look_whether_away();
      if
      :: atomic { away || CALLED_BACK -> away = false; break }
      :: else
      fi;
      sleep_once()
    :: else
    fi
  od;
  if
  :: searching[self] -> /* stop_searching */
    atomic { searching[self] = false; searchers-- };
    look_for_work();
    if
    :: found -> found = false; wake_one()
    :: else
    fi
  :: else
  fi
}

/* update_excess_locked */
inline count_excess() {
  excess = (awake > blocked && !blocking_stopped -> awake - blocked : 0)
}

/* recall_retired_locked */
inline recall() {
  retired[1] = false;
  token[1] = true
}

/* boc_worker_block_begin */
inline block_begin() {
  atomic { !blocking_locked -> blocking_locked = true; blocked++ };
  if
  :: awake < blocked && !blocking_stopped && retired[1] -> atomic { recall(); awake++ }
  :: awake < blocked && !blocking_stopped && !retired[1] && started < ALL ->
    run worker(started); /* start_worker_locked */
    atomic { started++; awake++ }
  :: else
  fi;
  atomic { count_excess(); blocking_locked = false };
  wake_one()
}

/* boc_worker_block_end */
inline block_end() {
  atomic { !blocking_locked -> blocked--; count_excess() }
}

/* boci_blocking_retire, once it has retired */
inline retire() {
  do /* boci_enqueue_drain */
  :: queue[self] != 0 ->
    take(queue[self]);
    atomic { shared = shared | behavior; behavior = 0 }
  :: else -> break
  od;
#ifndef RETIRING_WORKER_WAKES_NOBODY
  wake_one();
#endif
  do
  :: atomic { !blocking_locked && !retired[self] -> break }
  :: atomic { !blocking_locked && retired[self] -> skip };
    atomic { token[self] -> token[self] = false };
#ifdef RECALL_IS_NOT_LOOKED_FOR
    break;
#endif
#ifdef POKED
    poked = false
#endif
  od;
#ifndef TOKEN_OF_A_POKE_IS_LEFT
  token[self] = false /* boci_parker_park, to take the token */
#endif
}

inline run_body() {
  if
  :: BLOCKS(behavior) ->
    schedule(ANSWER(behavior));
    block_begin();
    (ran & ANSWER(behavior)) != 0;
    block_end()
#ifdef TWO_PAIRS
  :: behavior == FIRST_B -> schedule(SECOND_A)
#endif
  :: else
  fi;
  assert((ran & behavior) == 0);
  ran = ran | behavior
}

/* worker_loop */
proctype worker(byte self) {
  byte behavior, other = NOBODY, seen;
  short sum;
  bool quiet, found, away;
  if
  :: self >= WORKERS -> !blocking_locked /* boci_blocking_wait_until_published */
  :: else
  fi;
  search();
  do
  :: behavior == 0 && stopping -> break
  :: else ->
    if
    :: behavior != 0 ->
      run_body();
      atomic {
        finished[self]++;
        in_flight--;
        was_quiet = (was_quiet || in_flight == 0);
        behavior = 0
      }
    :: else
    fi;
#ifdef POKED
    if
    :: self >= WORKERS -> poked = false
    :: else
    fi;
#endif
    if
    :: self >= WORKERS && excess > 0 ->
      atomic { /* enter_retirement */
        !blocking_locked;
#ifdef WORKER_RETIRES_AFTER_THE_STOP
        found = (awake > blocked);
#else
        found = (awake > blocked && !blocking_stopped);
#endif
        awake = awake - found;
        retired[self] = found;
        count_excess()
      };
      if
      :: found -> found = false; retire()
      :: else
      fi
    :: else
    fi;
    find();
    if
    :: behavior == 0 -> search()
    :: else
    fi
  od;
  ended[self] = true
}

/* boc_behavior_schedule, of a thread outside */
inline schedule_outside(b) {
  atomic {
    if
    :: closing
    :: else ->
      calls++;
      inside = true;
      scheduled_outside++;
      in_flight++;
      accepted = accepted | b
    fi
  };
  if
  :: inside ->
    shared = shared | b;
    wake_one();
    atomic { calls--; inside = false }
  :: else
  fi
}

#ifdef POKED
/* boci_worker_poke, of the compensating worker, unless the stop comes first */
inline poke() {
  atomic {
    started > 1 || closing;
    inside = !closing;
    calls = calls + inside;
    poked = inside;
    if
    :: inside && parked[1] -> make_searcher(1); other = 1
    :: else
    fi
  };
  if
  :: other != NOBODY -> unpark_other()
  :: other == NOBODY && inside ->
    atomic { /* boci_blocking_poke */
      !blocking_locked;
      token[1] = (token[1] || retired[1])
    }
  :: else
  fi;
  atomic { calls = calls - inside; inside = false }
}
#endif

proctype outside() {
  byte other = NOBODY;
  bool inside;
  schedule_outside(FIRST_A);
#ifdef POKED
  poke()
#endif
}

/* boc_runtime_quiesce */
inline quiesce() {
  atomic { /* boci_waiters_add */
    !waiters_locked;
    listed = true;
    waiting = true;
    was_quiet = (in_flight == 0)
  };
#ifndef WAITER_DOES_NOT_LOOK_ITSELF
  check_quiescence();
#endif
  atomic { notified -> notified = false };
  atomic { !waiters_locked -> assert(!listed) } /* boci_waiters_cancel */
}

/* boci_blocking_stop */
inline stop_blocking() {
  atomic {
    !blocking_locked;
    blocking_stopped = true;
#ifndef RETIRED_WORKER_IS_NOT_TOLD_OF_THE_STOP
    if
    :: retired[1] -> recall()
    :: else
    fi;
#endif
    count_excess()
  }
}

inline wake_all() {
  wake(0);
  if
  :: started > 1 -> wake(1)
  :: else
  fi
}

inline join_all() {
  ended[0];
  started == 1 || ended[1]
}

proctype stopper() {
  byte other = NOBODY, seen;
  short sum;
  bool quiet, inside;
#ifdef ASKS_FIRST
  quiesce();
  schedule_outside(LAST);
#endif
  atomic { calls == 0 -> closing = true }; /* boc_runtime_free, step 1 */
#ifndef STOP_DOES_NOT_WAIT_FOR_QUIET
  quiesce(); /* step 2 */
  assert(in_flight == 0);
#endif
#ifdef THREADS_ARE_JOINED_BEFORE_THE_RETIRED_RETURN
  stopping = true;
  wake_all();
  join_all();
#endif
  stop_blocking(); /* step 3 */
  stopping = true; /* step 4 */
  wake_all();
  join_all(); /* step 6; a worker's end stands for its stop hook, 5 */
  assert(in_flight == 0 && ran == accepted && shared == 0)
}

init {
  atomic {
    run worker(0);
    run outside();
    run stopper()
  }
}
