/* Quiescence and stop with a spare worker, whole: every interleaving of the workers' loop
 * (worker.c, find_work.c, idle.c), blocking and retiring (blocking.c), the sums of those who
 * wait for quiet (quiescence.c, waiters.c) and the numbered steps of boc_runtime_free.
 *
 * Behaviors A and B come in pairs: A schedules B and blocks until B's body has run, so
 * that on a runtime of one worker B needs the spare. A thread outside schedules the first
 * A, unless the stop has begun: then it is refused. Another stops the runtime.
 *
 * Shown: nobody is told of quiet unless there was a quiet moment since it asked; the stop
 * ends, with the worker and the spare joined; what was accepted has run by then; nobody
 * sleeps for ever. Memory orders are Relacy's, in model_sleep.c and model_quiescence.c.
 *
 *   TWO_PAIRS   the first B schedules a second A: the spare has to come again
 *   POKED       the thread outside pokes the spare as soon as there is one
 *   ASKS_FIRST  who stops the runtime waits for quiescence before, and then schedules
 *               one more behavior
 *
 * Where a mutex is held, what nobody sees before it is released is one step. Names of
 * functions stand where their steps are. The other words in #ifdef are mutants: spin.py
 * has the list of them.
 */
#define WORKERS 1
#define ALL 2 /* with the spare */
#define MOST_SEARCHERS 1
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

/* Of boci_idle; of those in bed any may be woken. */
byte sleepers, searchers;
bool in_bed[ALL], searching[ALL], token[ALL];

/* Of boci_spares. */
bool spares_locked, spares_stopped, resting[ALL];
byte blocked, awake, excess;

/* Of boc_runtime and its waiters, of whom there is one. */
bool closing, stopping, rundown_locked, waiting, listed, told;
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

/* rouse_locked */
inline rouse(who) {
  assert(in_bed[who]);
  in_bed[who] = false;
  sleepers--;
  searching[who] = true;
  searchers++
}

/* boci_parker_unpark, of whom rouse_locked has chosen */
inline unpark_other() {
  atomic {
    if
    :: other != NOBODY -> token[other] = true; other = NOBODY
    :: else
    fi
  }
}

/* boci_idle_wake_one */
inline wake_one() {
  if
  :: searchers == 0 && sleepers > 0 ->
    atomic { /* wake_one_slow */
      if
      :: searchers == 0 && in_bed[0] -> other = 0; rouse(0)
      :: searchers == 0 && in_bed[1] -> other = 1; rouse(1)
      :: else
      fi
    };
    unpark_other()
  :: else
  fi
}

/* boci_idle_wake */
inline wake(who) {
  atomic {
    if
    :: in_bed[who] -> rouse(who); other = who
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

/* quiescent, in `quiet` */
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

/* boci_rundown_check */
inline check_rundown() {
  if
  :: waiting ->
    atomic { !rundown_locked -> rundown_locked = true };
    if
    :: listed ->
      look_whether_quiet();
      atomic {
        if
        :: quiet -> /* tell_locked */
          assert(was_quiet);
          listed = false;
          waiting = false;
          told = true;
          quiet = false
        :: else
        fi;
        rundown_locked = false
      }
    :: else -> rundown_locked = false
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

/* find */
inline find() {
  take(queue[self]);
  take(shared)
}

/* look */
inline look() {
  find();
  if
  :: self == 1 || started > 1 -> take(queue[1 - self]) /* steal */
  :: else
  fi
}

inline park() {
  atomic { token[self] -> token[self] = false };
  assert(!in_bed[self])
}

/* sleep_once */
inline sleep_once() {
  atomic { /* boci_idle_lie_down */
    in_bed[self] = true;
    sleepers++;
    searchers = searchers - searching[self];
    searching[self] = false
  };
  check_rundown();
  look_for_work();
  look_whether_away();
  if
  :: found || away || CALLED_BACK ->
    atomic { /* boci_idle_get_up */
      found = false;
      away = false;
      if
      :: in_bed[self] -> in_bed[self] = false; sleepers--; other = self
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

/* boci_search */
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
    :: !searching[self] && searchers < MOST_SEARCHERS -> /* boci_idle_search */
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
  :: searching[self] -> /* end_search */
    atomic { searching[self] = false; searchers-- };
    look_for_work();
    if
    :: found -> found = false; wake_one()
    :: else
    fi
  :: else
  fi
}

/* count_excess_locked */
inline count_excess() {
  excess = (awake > blocked && !spares_stopped -> awake - blocked : 0)
}

/* recall_locked */
inline recall() {
  resting[1] = false;
  token[1] = true
}

/* boc_worker_block_begin */
inline block_begin() {
  atomic { !spares_locked -> spares_locked = true; blocked++ };
  if
  :: awake < blocked && !spares_stopped && resting[1] -> atomic { recall(); awake++ }
  :: awake < blocked && !spares_stopped && !resting[1] && started < ALL ->
    run worker(started); /* enlist_locked */
    atomic { started++; awake++ }
  :: else
  fi;
  atomic { count_excess(); spares_locked = false };
  wake_one()
}

/* boc_worker_block_end */
inline block_end() {
  atomic { !spares_locked -> blocked--; count_excess() }
}

/* boci_spare_rest, once it has retired */
inline rest() {
  do /* boci_worker_shed */
  :: queue[self] != 0 ->
    take(queue[self]);
    atomic { shared = shared | behavior; behavior = 0 }
  :: else -> break
  od;
#ifndef RETIRING_SPARE_WAKES_NOBODY
  wake_one();
#endif
  do
  :: atomic { !spares_locked && !resting[self] -> break }
  :: atomic { !spares_locked && resting[self] -> skip };
    atomic { token[self] -> token[self] = false };
#ifdef RECALL_IS_NOT_LOOKED_FOR
    break;
#endif
#ifdef POKED
    poked = false
#endif
  od;
#ifndef TOKEN_OF_A_POKE_IS_LEFT
  token[self] = false /* clear_token */
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

/* boci_worker_work */
proctype worker(byte self) {
  byte behavior, other = NOBODY, seen;
  short sum;
  bool quiet, found, away;
  if
  :: self >= WORKERS -> !spares_locked /* boci_spare_enter */
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
      atomic { /* retire */
        !spares_locked;
#ifdef SPARE_RETIRES_AFTER_THE_STOP
        found = (awake > blocked);
#else
        found = (awake > blocked && !spares_stopped);
#endif
        awake = awake - found;
        resting[self] = found;
        count_excess()
      };
      if
      :: found -> found = false; rest()
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
/* boc_worker_poke, of the spare, unless the stop comes first */
inline poke() {
  atomic {
    started > 1 || closing;
    inside = !closing;
    calls = calls + inside;
    poked = inside;
    if
    :: inside && in_bed[1] -> rouse(1); other = 1
    :: else
    fi
  };
  if
  :: other != NOBODY -> unpark_other()
  :: other == NOBODY && inside ->
    atomic { /* boci_spare_poke */
      !spares_locked;
      token[1] = (token[1] || resting[1])
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
    !rundown_locked;
    listed = true;
    waiting = true;
    was_quiet = (in_flight == 0)
  };
#ifndef WAITER_DOES_NOT_LOOK_ITSELF
  check_rundown();
#endif
  atomic { told -> told = false };
  atomic { !rundown_locked -> assert(!listed) } /* boci_waiters_cancel */
}

/* boci_spares_stop */
inline stop_spares() {
  atomic {
    !spares_locked;
    spares_stopped = true;
#ifndef SPARE_IS_NOT_TOLD_OF_THE_STOP
    if
    :: resting[1] -> recall()
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
#ifdef THREADS_ARE_JOINED_BEFORE_SPARES_GET_UP
  stopping = true;
  wake_all();
  join_all();
#endif
  stop_spares(); /* step 3 */
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
