/* Model: a small program over sources of libboc, run by Relacy under very many
 * schedules and memory orders.
 *
 * The sources are compiled as they are, as C, with -DBOC_RELACY: atomics, mutexes and
 * conditions are then Relacy's (relacy.cpp). They are also compiled with
 * -fsanitize=thread, whose calls at each plain read and write are answered by
 * relacy.cpp: a plain access that no order separates from another thread's is a data
 * race, and one to memory that was given back is an error.
 *
 * A model is one file that defines the functions below. Each schedule begins with
 * `model_before` and ends with `model_after`, with all threads in between. A schedule
 * in which all threads wait is a deadlock, one that goes on for ever a livelock. Models
 * must not depend on anything but `model_draw`, or a failure could not be repeated.
 *
 * A mutant (meson.build lists them) is a model with one changed source; its test passes
 * if Relacy finds out.
 */
#ifndef MODEL_H
#define MODEL_H

#include <boc/base.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { MODEL_THREADS = 3 };
void model_before(void);
void model_thread(unsigned index);
void model_after(void);

/* Fails the schedule. */
_Noreturn void model_fail(const char *file, int line, const char *text);
#define MODEL_CHECK(condition)                                                         \
  ((condition) ? (void)0 : model_fail(__FILE__, __LINE__, #condition))

/* A number below `n`, part of what a schedule is. */
unsigned model_draw(unsigned n);

/* How many processors the machine has: 1 if the model does not say. */
void model_set_processors(unsigned count);

/* For models in which libboc starts threads: a thread of the model that calls this
 * becomes one of them. The call returns when that thread has ended, or when libboc
 * needs no more threads. */
void model_serve(void);
void model_serve_no_more(void);

/* Memory that is never used twice in a schedule, filled with nonsense; giving it back
 * makes each later access an error. model_unreleased: allocations so far that were not
 * given back. */
extern const boc_allocator model_allocator;
void *model_allocate(size_t size);
void model_release(void *memory, size_t size);
size_t model_unreleased(void);

#ifdef __cplusplus
}
#endif

#endif
