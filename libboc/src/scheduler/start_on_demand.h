/* Start on demand: when a worker that has not run its start hook is needed.
 *
 * A start hook may take long: one that makes an interpreter of Python takes 30 ms of a
 * processor, which the threads that run and make behaviors may need. So a dormant
 * worker that is woken does not start at once. It looks every ms what the others do,
 * and starts if behaviors are ready, and
 *
 *   no behavior has ended for 5 ms, or
 *   those that are ready would take the others longer than a start, at the rate of the
 *   last ms, or
 *   behaviors have been ready while it watched, this time and before, for as long as a
 *   start takes: each ms counts up to what the others need for those that are ready.
 *
 * Without the last, a program that schedules 5 ms of work again and again would always
 * run on one worker. It is the ski-rental rule: wait and start together take at most
 * twice as long as the start (Karlin et al., "Competitive snoopy caching", Algorithmica
 * 3, 1988).
 *
 * It watches while something is ready, and then rests again.
 *
 * Rejected: to start at once. A program of tiny behaviors that ended within 30 ms took
 * longer with two workers than with one.
 *
 * Threads: the worker.
 */
#ifndef BOCI_START_ON_DEMAND_H
#define BOCI_START_ON_DEMAND_H

#include "scheduler.h"

/* Parks until the worker is needed. Returns false if the scheduler stops first. */
bool boci_wait_for_demand(boci_worker *worker);

#endif
