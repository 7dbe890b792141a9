/* Relacy behind the names of atomic.h, park.h and os.h, and behind the calls that the
 * compiler makes for plain reads and writes. See model.h.
 *
 * Everything of one schedule lies in one arena that the next schedule starts again;
 * addresses are the same in each run, so schedules can be repeated.
 */
#include <new>

#include <relacy/relacy.hpp>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <sys/personality.h>
#include <unistd.h>

#define _Noreturn [[noreturn]] /* of C, in the headers below */
extern "C" {
#include "atomic.h"
#include "model.h"
#include "os.h"
#include "park.h"
}

namespace {

using rl::memory_order;

/* ---- one schedule's memory ------------------------------------------------------- */

struct arena {
  char *begin, *at, *end;

  void start(size_t size) {
    if (!begin) {
      begin = static_cast<char *>((malloc)(size));
      end = begin + size;
    }
    at = begin;
  }
  void *take(size_t size) {
    char *taken = at;
    at += (size + 15) & ~size_t(15);
    if (at > end)
      std::abort();
    return taken;
  }
};

arena objects; /* Relacy's */
arena memory;  /* the model's */
size_t unreleased;
unsigned long long schedule; /* counts from 1 */

/* What has a destructor; Relacy checks that all of them ran. */
struct object {
  object *next;
  bool alive;
  virtual ~object() {}
  virtual void end() = 0;
};
object *all_objects;

template <typename T> struct made : object {
  union {
    T value;
  };
  made() : value() {}
  template <typename V> explicit made(V v) : value(v) {}
  ~made() override {}
  void end() override {
    if (alive)
      value.~T();
    alive = false;
  }
};

template <typename T> made<T> *enlist(made<T> *it) {
  it->next = all_objects;
  it->alive = true;
  return static_cast<made<T> *>(all_objects = it);
}
template <typename T> made<T> *make() {
  return enlist(new (objects.take(sizeof(made<T>))) made<T>());
}

/* ---- where in the program: the address, for addr2line ---------------------------- */

struct place : rl::debug_info {
  place(const char *what, const void *caller)
      : debug_info(what, "", unsigned(reinterpret_cast<uintptr_t>(caller))) {}
};
#define HERE(what) place(what, __builtin_return_address(0))

void fail(rl::test_result_e kind, const char *what, const place &here) {
  rl::ctx().fail_test(what, kind, here);
}

/* ---- plain memory ---------------------------------------------------------------- */

/* Eight bytes. Until an access reaches only a part of them, the first byte's history is
 * that of all. */
struct granule {
  using byte = rl::var_data_impl<MODEL_THREADS>;
  bool released, split;
  byte first;
  union {
    byte others[7];
  };
  granule() : released(false), split(false) {}
  byte &at(unsigned i) { return i == 0 ? first : others[i - 1]; }
  void tear() {
    for (byte &other : others)
      new (&other) byte(first);
    split = true;
  }
  bool see(unsigned begin, unsigned end, bool writes, rl::thread_info_base &thread) {
    if (!split && end - begin < 8)
      tear();
    for (unsigned i = begin; i < (split ? end : 1); i++)
      if (!(writes ? at(i).store(thread) : at(i).load(thread)))
        return false;
    return true;
  }
};

/* Where the granules of this schedule are: close together, not where their hashes are.
 */
struct place_of_granule {
  uintptr_t key;
  unsigned long long schedule;
  granule *found;
};

enum { GRANULES = 1 << 14 };
place_of_granule *shadow;
arena granules;

granule &shadow_of(uintptr_t key) {
  size_t at = (key * UINT64_C(0x9E3779B97F4A7C15)) >> 50;
  while (shadow[at].schedule == schedule && shadow[at].key != key)
    at = (at + 1) % GRANULES;
  if (shadow[at].schedule != schedule) {
    granule *fresh = new (granules.take(sizeof(granule))) granule();
    shadow[at] = place_of_granule{key, schedule, fresh};
  }
  return *shadow[at].found;
}

/* A thread's stack belongs to the thread until it passes on an address; its own
 * accesses to its frames are ordered among themselves. */
void see(const void *address, size_t size, bool writes, const place &here) {
  if (!rl::is_ctx() || !rl::ctx().threadx_)
    return;
  rl::thread_info_base &thread = *rl::ctx().threadx_;
  const uintptr_t first = reinterpret_cast<uintptr_t>(address);
  if (first < 4096)
    fail(rl::test_result_user_assert_failed, "a null pointer", here);
  for (uintptr_t at = first, next; at < first + size; at = next) {
    next = std::min((at / 8 + 1) * 8, first + size);
    granule &found = shadow_of(at / 8);
    if (found.released)
      fail(rl::test_result_access_to_freed_memory, "plain access", here);
    const unsigned begin = at % 8;
    if (!found.see(begin, begin + unsigned(next - at), writes, thread))
      fail(rl::test_result_data_race, writes ? "a write" : "a read", here);
  }
}

/* ---- atomics --------------------------------------------------------------------- */

template <typename T>
rl::atomic<T> &atomic_of(const void *p, void *model, const place &here) {
  if (shadow_of(reinterpret_cast<uintptr_t>(p) / 8).released)
    fail(rl::test_result_access_to_freed_memory, "atomic access", here);
  return static_cast<made<rl::atomic<T>> *>(model)->value;
}

const memory_order failure_of_relaxed = rl::mo_relaxed;
const memory_order failure_of_acquire = rl::mo_acquire;
const memory_order failure_of_release = rl::mo_relaxed;
const memory_order failure_of_acq_rel = rl::mo_acquire;

} // namespace

#define OBJECT(type, p, name)                                                          \
  const place here = HERE(name);                                                       \
  rl::atomic<type> &object = atomic_of<type>(p, p->model, here)

#define DEFINE_LOAD(name, type, order)                                                 \
  type boci_##name##_load_##order(const boci_atomic_##name *p) {                       \
    OBJECT(type, p, "load_" #order);                                                   \
    return object.load(rl::mo_##order, here);                                          \
  }
#define DEFINE_STORE(name, type, order)                                                \
  void boci_##name##_store_##order(boci_atomic_##name *p, type v) {                    \
    OBJECT(type, p, "store_" #order);                                                  \
    object.store(v, rl::mo_##order, here);                                             \
  }
#define DEFINE_ACCESS(name, type)                                                      \
  void boci_##name##_init(boci_atomic_##name *p, type v) {                             \
    auto *fresh = make<rl::atomic<type>>();                                            \
    p->model = fresh;                                                                  \
    fresh->value.store(v, rl::mo_relaxed, HERE("init"));                               \
  }                                                                                    \
  DEFINE_LOAD(name, type, relaxed)                                                     \
  DEFINE_LOAD(name, type, acquire)                                                     \
  DEFINE_STORE(name, type, relaxed)                                                    \
  DEFINE_STORE(name, type, release)

#define DEFINE_SWAP(name, type, order, failure)                                        \
  type boci_##name##_swap_##order(boci_atomic_##name *p, type v) {                     \
    OBJECT(type, p, "swap_" #order);                                                   \
    return object.exchange(v, rl::mo_##order, here);                                   \
  }                                                                                    \
  bool boci_##name##_cas_strong_##order(boci_atomic_##name *p, type *e, type v) {      \
    OBJECT(type, p, "cas_strong_" #order);                                             \
    return object.compare_exchange_strong(*e, v, rl::mo_##order, here,                 \
                                          failure_of_##order, here);                   \
  }                                                                                    \
  bool boci_##name##_cas_weak_##order(boci_atomic_##name *p, type *e, type v) {        \
    OBJECT(type, p, "cas_weak_" #order);                                               \
    return object.compare_exchange_weak(*e, v, rl::mo_##order, here,                   \
                                        failure_of_##order, here);                     \
  }

#define DEFINE_FETCH(name, type, op, order)                                            \
  type boci_##name##_##op##_##order(boci_atomic_##name *p, type v) {                   \
    OBJECT(type, p, #op "_" #order);                                                   \
    return object.fetch_##op(v, rl::mo_##order, here);                                 \
  }
#define DEFINE_NUMBER(name, type, order, failure)                                      \
  DEFINE_FETCH(name, type, add, order)                                                 \
  DEFINE_FETCH(name, type, sub, order)                                                 \
  DEFINE_FETCH(name, type, or, order)                                                  \
  DEFINE_FETCH(name, type, and, order)

extern "C" {

DEFINE_ACCESS(u32, uint32_t)
DEFINE_ACCESS(word, uintptr_t)
DEFINE_ACCESS(ptr, void *)
BOCI_EACH_ORDER(DEFINE_SWAP, u32, uint32_t)
BOCI_EACH_ORDER(DEFINE_SWAP, word, uintptr_t)
BOCI_EACH_ORDER(DEFINE_SWAP, ptr, void *)
BOCI_EACH_ORDER(DEFINE_NUMBER, u32, uint32_t)
BOCI_EACH_ORDER(DEFINE_NUMBER, word, uintptr_t)

void boci_fence_acquire(void) {
  rl::atomic_thread_fence(rl::mo_acquire, HERE("fence_acquire"));
}
void boci_fence_release(void) {
  rl::atomic_thread_fence(rl::mo_release, HERE("fence_release"));
}
void boci_fence_seq_cst(void) {
  rl::atomic_thread_fence(rl::mo_seq_cst, HERE("fence_seq_cst"));
}
void boci_fence_compiler(void) {}
void boci_pause(void) { rl::yield(1, HERE("pause")); }

/* ---- park.h ---------------------------------------------------------------------- */

boc_status boci_mutex_init(boci_mutex *mutex) {
  mutex->model = make<rl::mutex>();
  return BOC_OK;
}
void boci_mutex_fini(boci_mutex *mutex) { static_cast<object *>(mutex->model)->end(); }

static rl::mutex &mutex_of(boci_mutex *mutex, const place &here) {
  auto *it = static_cast<made<rl::mutex> *>(mutex->model);
  if (shadow_of(reinterpret_cast<uintptr_t>(mutex) / 8).released || !it->alive)
    fail(rl::test_result_access_to_freed_memory, "a mutex", here);
  return it->value;
}
void boci_mutex_lock(boci_mutex *mutex) {
  const place here = HERE("lock");
  mutex_of(mutex, here).lock(here);
}
bool boci_mutex_try_lock(boci_mutex *mutex) {
  const place here = HERE("try_lock");
  return mutex_of(mutex, here).try_lock(here);
}
void boci_mutex_unlock(boci_mutex *mutex) {
  const place here = HERE("unlock");
  mutex_of(mutex, here).unlock(here);
}

boc_status boci_cond_init(boci_cond *cond) {
  cond->model = make<rl::condition_variable_any>();
  return BOC_OK;
}
void boci_cond_fini(boci_cond *cond) { static_cast<object *>(cond->model)->end(); }

static rl::condition_variable_any &cond_of(boci_cond *cond, const place &here) {
  auto *it = static_cast<made<rl::condition_variable_any> *>(cond->model);
  if (shadow_of(reinterpret_cast<uintptr_t>(cond) / 8).released || !it->alive)
    fail(rl::test_result_access_to_freed_memory, "a condition", here);
  return it->value;
}
void boci_cond_wait(boci_cond *cond, boci_mutex *mutex) {
  const place here = HERE("wait");
  cond_of(cond, here).wait(mutex_of(mutex, here), here);
}
bool boci_cond_wait_until(boci_cond *cond, boci_mutex *mutex, uint64_t deadline) {
  const place here = HERE("wait_until");
  if (deadline == BOCI_NEVER) {
    cond_of(cond, here).wait(mutex_of(mutex, here), here);
    return true;
  }
  return cond_of(cond, here).wait_for(mutex_of(mutex, here), 1, here);
}
void boci_cond_signal(boci_cond *cond) {
  const place here = HERE("signal");
  cond_of(cond, here).notify_one(here);
}
void boci_cond_broadcast(boci_cond *cond) {
  const place here = HERE("broadcast");
  cond_of(cond, here).notify_all(here);
}

/* ---- os.h ------------------------------------------------------------------------ */

/* The clock stands still, so that nothing is overdue, and only timed waits end without
 * being woken. There is one processor, so that no thread spins before it parks, unless
 * the model has said otherwise. */

static void *slots[MODEL_THREADS];

static unsigned processors = 1;

void model_set_processors(unsigned count) { processors = count; }

uint64_t boci_os_now(void) { return 1; }
uint64_t boci_os_deadline(int64_t timeout) {
  return timeout < 0 ? BOCI_NEVER : uint64_t(timeout) + 1;
}
uint64_t boci_os_process(void) { return 1; }
void boci_os_watch_forks(void (*)()) {}
bool boci_os_can_fence_others(void) { return false; }
bool boci_os_fence_others(void) { return false; }
int boci_os_current_processor(void) { return -1; }
void boci_os_yield(void) { rl::yield(1, HERE("yield")); }
void boci_os_huge_pages(void *, size_t) {}
unsigned boci_os_core_count(void) { return 1; }
unsigned boci_os_processor_count(void) { return processors; }
void *boci_tls_get(void) { return slots[rl::thread_index()]; }
void boci_tls_set(void *value) { slots[rl::thread_index()] = value; }
void *boci_thread_token(void) { return &slots[rl::thread_index()]; }

/* A thread that libboc starts is one of the model's that serves. */
static struct {
  boci_mutex mutex;
  boci_cond cond;
  void (*entry[MODEL_THREADS])(void *arg);
  void *arg[MODEL_THREADS];
  bool done[MODEL_THREADS];
  size_t started, served;
  bool over;
} threads;

static void start_threads(void) {
  std::memset(&threads, 0, sizeof threads);
  boci_mutex_init(&threads.mutex);
  boci_cond_init(&threads.cond);
}

boc_status boci_thread_start(boci_thread *thread, void (*entry)(void *arg), void *arg,
                             const char *, size_t) {
  boci_mutex_lock(&threads.mutex);
  const size_t at = threads.started++;
  threads.entry[at] = entry;
  threads.arg[at] = arg;
  thread->handle = &threads.done[at];
  boci_cond_broadcast(&threads.cond);
  boci_mutex_unlock(&threads.mutex);
  return BOC_OK;
}
void boci_thread_join(boci_thread *thread) {
  boci_mutex_lock(&threads.mutex);
  while (!*static_cast<bool *>(thread->handle))
    boci_cond_wait(&threads.cond, &threads.mutex);
  boci_mutex_unlock(&threads.mutex);
}
void model_serve(void) {
  boci_mutex_lock(&threads.mutex);
  while (threads.served == threads.started && !threads.over)
    boci_cond_wait(&threads.cond, &threads.mutex);
  if (threads.served < threads.started) {
    const size_t at = threads.served++;
    boci_mutex_unlock(&threads.mutex);
    threads.entry[at](threads.arg[at]);
    boci_mutex_lock(&threads.mutex);
    threads.done[at] = true;
    boci_cond_broadcast(&threads.cond);
  }
  boci_mutex_unlock(&threads.mutex);
}
void model_serve_no_more(void) {
  boci_mutex_lock(&threads.mutex);
  threads.over = true;
  boci_cond_broadcast(&threads.cond);
  boci_mutex_unlock(&threads.mutex);
}

void boci_panic(const char *file, int line, const char *text) {
  model_fail(file, line, text);
}

/* ---- model.h --------------------------------------------------------------------- */

void model_fail(const char *file, int line, const char *text) {
  rl::ctx().fail_test(text, rl::test_result_user_assert_failed,
                      rl::debug_info("", file, unsigned(line)));
  std::abort();
}
unsigned model_draw(unsigned n) { return rl::rand(n); }

void *model_allocate(size_t size) {
  void *taken = memory.take(size);
  std::memset(taken, 0xA5, size);
  unreleased++;
  return taken;
}
void model_release(void *address, size_t size) {
  const uintptr_t first = reinterpret_cast<uintptr_t>(address);
  see(address, size, true, HERE("release"));
  for (uintptr_t at = first; at < first + size; at += 8)
    shadow_of(at / 8).released = true;
  unreleased--;
}
size_t model_unreleased(void) { return unreleased; }
static void *allocate(void *, size_t size) { return model_allocate(size); }
static void release(void *, void *address, size_t size) {
  model_release(address, size);
}
const boc_allocator model_allocator = {allocate, release, nullptr};

/* ---- what the compiler calls at plain reads and writes --------------------------- */

#define DEFINE_PLAIN(size)                                                             \
  void __tsan_read##size(void *p) { see(p, size, false, HERE("read")); }               \
  void __tsan_write##size(void *p) { see(p, size, true, HERE("write")); }              \
  void __tsan_unaligned_read##size(void *p) { see(p, size, false, HERE("read")); }     \
  void __tsan_unaligned_write##size(void *p) { see(p, size, true, HERE("write")); }
DEFINE_PLAIN(1)
DEFINE_PLAIN(2)
DEFINE_PLAIN(4)
DEFINE_PLAIN(8)
DEFINE_PLAIN(16)
void __tsan_read_range(void *p, unsigned long size) {
  see(p, size, false, HERE("read"));
}
void __tsan_write_range(void *p, unsigned long size) {
  see(p, size, true, HERE("write"));
}
void *__tsan_memset(void *p, int value, unsigned long size) {
  see(p, size, true, HERE("memset"));
  return std::memset(p, value, size);
}
void *__tsan_memcpy(void *to, const void *from, unsigned long size) {
  see(from, size, false, HERE("memcpy"));
  see(to, size, true, HERE("memcpy"));
  return std::memcpy(to, from, size);
}
void *__tsan_memmove(void *to, const void *from, unsigned long size) {
  see(from, size, false, HERE("memmove"));
  see(to, size, true, HERE("memmove"));
  return std::memmove(to, from, size);
}
void __tsan_func_entry(void *) {}
void __tsan_func_exit(void) {}
void __tsan_init(void) {}
}

/* ---- the program ----------------------------------------------------------------- */

namespace {

struct model : rl::test_suite<model, MODEL_THREADS> {
  void before() {
    schedule++;
    objects.start(16 << 20);
    memory.start(4 << 20);
    granules.start(16 << 20);
    all_objects = nullptr;
    unreleased = 0;
    std::memset(slots, 0, sizeof slots);
    start_threads();
    model_before();
  }
  void thread(unsigned index) { model_thread(index); }
  void after() {
    model_after();
    for (object *at = all_objects; at; at = at->next)
      at->end();
  }
};

/* Stacks are where they were in the last run. */
void without_random_addresses(char **argv) {
  const int now = personality(0xFFFFFFFF);
  if (now == -1 || now & ADDR_NO_RANDOMIZE)
    return;
  if (personality(unsigned(now) | ADDR_NO_RANDOMIZE) != -1 &&
      personality(0xFFFFFFFF) & ADDR_NO_RANDOMIZE)
    execv("/proc/self/exe", argv);
}

int report(const char *name, bool found, bool wanted, const rl::test_params &ran) {
  const unsigned long long count = ran.stop_iteration;
  const char *what = rl::test_result_str(ran.test_result);
  if (found)
    std::printf("%s: %s in schedule %llu\n", name, what, count);
  if (found == wanted)
    std::printf("ok %s %llu schedules\n", name, count + (found ? 1 : 0));
  else
    std::printf("%s\n", wanted ? "nothing was found" : "see --history");
  return found == wanted ? 0 : 1;
}

} // namespace

/* NAME SCHEDULES [--find | --history]: passes if all schedules do; with --find, if one
 * of them fails; --history prints the steps of the one that fails. */
int main(int argc, char **argv) {
  if (argc < 3)
    return 2;
  without_random_addresses(argv);
  const char *option = argc > 3 ? argv[3] : "";
  shadow = static_cast<place_of_granule *>((calloc)(GRANULES, sizeof *shadow));
  std::ostream silent(nullptr);
  const bool history = !std::strcmp(option, "--history");
  rl::test_params params;
  params.iteration_count = rl::iteration_t(std::atoll(argv[2]));
  params.search_type = rl::random_scheduler_type;
  params.execution_depth_limit = 20000;
  params.collect_history = history;
  params.output_history = !history;
  params.progress_stream = &silent;
  if (!history)
    params.output_stream = &silent;
  const bool found = !rl::simulate<model>(params);
  return report(argv[1], found, !std::strcmp(option, "--find"), params);
}
