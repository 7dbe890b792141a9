/* Made by bindings/libboc/generate.py from libboc/include/boc: do not edit. */

#define BOC_FOREVER ...
#define BOC_ADMIT ...
#define BOC_NOTICES_MAX ...
#define BOC_NOTICE_KEY_MAX ...
#define BOC_SPIN_DEFAULT ...
#define BOC_VERSION_MAJOR ...
#define BOC_VERSION_MINOR ...
#define BOC_VERSION_PATCH ...
#define BOC_VERSION ...
static const char *const BOC_VERSION_STRING;
typedef enum boc_status { BOC_OK, BOC_TIMEOUT, BOC_CLOSED, BOC_WOULD_BLOCK, BOC_CANCELLED, BOC_NO_MEMORY, BOC_BAD_ARGUMENT, BOC_BAD_STATE, BOC_NO_THREAD, BOC_FULL, BOC_NOT_FOUND, BOC_STATUS_COUNT, ... } boc_status;
const char *boc_status_text(boc_status status);
const char *boc_version(void);
uint64_t boc_now(void);
void boc_yield(void);
unsigned boc_core_count(void);
typedef struct boc_allocator {
  void *(*allocate)(void *ctx, size_t size);
  void (*release)(void *ctx, void *memory, size_t size);
  void *ctx;
  ...;
} boc_allocator;
typedef struct boc_cown boc_cown;
typedef struct boc_cown_type {
  const char *name;
  size_t payload_size;
  void (*acquire)(boc_cown *cown, void *payload);
  void (*release)(boc_cown *cown, void *payload);
  void (*drop)(boc_cown *cown, void *payload);
  const boc_allocator *allocator;
  ...;
} boc_cown_type;
boc_status boc_cown_new(const boc_cown_type *type, boc_cown **out_cown);
void *boc_cown_payload(boc_cown *cown);
const boc_cown_type *boc_cown_type_of(const boc_cown *cown);
boc_cown *boc_cown_hold(boc_cown *cown);
void boc_cown_drop(boc_cown *cown);
boc_cown *boc_cown_try_hold(boc_cown *cown);
boc_cown *boc_cown_of_payload(void *payload);
uint32_t boc_cown_references(const boc_cown *cown);
_Bool boc_cown_busy(const boc_cown *cown);
typedef struct boc_behavior boc_behavior;
typedef struct boc_runtime boc_runtime;
typedef struct boc_scope boc_scope;
typedef enum boc_mode { BOC_WRITE, BOC_READ, BOC_FRESH, ... } boc_mode;
typedef struct boc_access {
  boc_cown *cown;
  boc_mode mode;
  ...;
} boc_access;
typedef struct boc_behavior_type {
  const char *name;
  void (*body)(boc_behavior *self, void *env);
  void (*drop)(void *env);
  int (*admit)(boc_behavior *self, void *env, unsigned worker, _Bool overdue);
  void (*cancelled)(boc_behavior *self, void *env);
  ...;
} boc_behavior_type;
boc_status boc_behavior_new(boc_runtime *runtime, const boc_behavior_type *type, size_t env_size, const boc_access *accesses, size_t count, boc_behavior **out_behavior);
typedef struct boc_behavior_options {
  size_t size;
  boc_scope *scope;
  void (*done)(void *ctx, _Bool ran);
  void *ctx;
  ...;
} boc_behavior_options;
boc_status boc_behavior_new_with(boc_runtime *runtime, const boc_behavior_type *type, size_t env_size, const boc_access *accesses, size_t count, const boc_behavior_options *options, boc_behavior **out_behavior);
void boc_behavior_free(boc_behavior *behavior);
void boc_behavior_schedule(boc_behavior *behavior);
_Bool boc_behavior_schedule_or_run(boc_behavior *behavior);
boc_status boc_behavior_schedule_all(boc_behavior * const *behaviors, size_t count);
void *boc_behavior_env(boc_behavior *behavior);
size_t boc_behavior_count(const boc_behavior *behavior);
boc_cown *boc_behavior_cown(const boc_behavior *behavior, size_t i);
boc_mode boc_behavior_mode(const boc_behavior *behavior, size_t i);
void boc_behavior_defer(boc_behavior *self);
void boc_behavior_complete(boc_behavior *behavior);
_Bool boc_behavior_cancelled(const boc_behavior *self);
boc_status boc_when(boc_runtime *runtime, boc_cown * const *cowns, size_t count, void (*body)(boc_behavior *self, void *arg), void *arg);
typedef struct boc_lane boc_lane;
typedef struct boc_lane_options {
  size_t size;
  void (*filled)(void *ctx);
  void *ctx;
  const boc_allocator *allocator;
  ...;
} boc_lane_options;
boc_status boc_lane_new(const boc_lane_options *options, boc_lane **out_lane);
void boc_lane_free(boc_lane *lane);
boc_status boc_cown_pin(boc_cown *cown, boc_lane *lane);
boc_status boc_lane_pump(boc_lane *lane, int64_t timeout, size_t most, size_t *out_ran);
boc_status boc_lane_wait(boc_lane *lane, int64_t timeout);
size_t boc_lane_length(boc_lane *lane);
boc_status boc_lane_descriptor(boc_lane *lane, int *out_descriptor);
typedef struct boc_mailbox boc_mailbox;
typedef struct boc_tag {
  const char *bytes;
  size_t size;
  ...;
} boc_tag;
typedef struct boc_mailbox_options {
  size_t size;
  unsigned tags;
  size_t capacity;
  void (*drop)(void *ctx, void *payload);
  void *ctx;
  const boc_allocator *allocator;
  ...;
} boc_mailbox_options;
boc_status boc_mailbox_new(const boc_mailbox_options *options, boc_mailbox **out_mailbox);
void boc_mailbox_close(boc_mailbox *mailbox);
void boc_mailbox_free(boc_mailbox *mailbox);
boc_status boc_mailbox_send(boc_mailbox *mailbox, boc_tag tag, void *payload);
typedef struct boc_receive_token {
  struct boc_mailbox_waiter *waiter;
  _Bool cancelled;
  ...;
} boc_receive_token;
boc_status boc_mailbox_receive(boc_mailbox *mailbox, const boc_tag *tags, size_t count, int64_t timeout, boc_receive_token *token, size_t *out_index, void **out_payload);
void boc_mailbox_cancel(boc_mailbox *mailbox, boc_receive_token *token);
void boc_mailbox_drain(boc_mailbox *mailbox, const boc_tag *tags, size_t count);
boc_status boc_mailbox_set_tags(boc_mailbox *mailbox, const boc_tag *tags, size_t count);
typedef struct boc_mailbox_waiter {
  struct boc_mailbox_waiter *prev;
  struct boc_mailbox_waiter *next;
  uint32_t mask;
  uint32_t generation;
  _Bool listed;
  boc_status outcome;
  void (*notify)(void *ctx);
  void *ctx;
  ...;
} boc_mailbox_waiter;
boc_status boc_mailbox_add_waiter(boc_mailbox *mailbox, const boc_tag *tags, size_t count, boc_mailbox_waiter *waiter);
boc_status boc_mailbox_remove_waiter(boc_mailbox *mailbox, boc_mailbox_waiter *waiter);
typedef struct boc_noticeboard boc_noticeboard;
typedef struct boc_notices boc_notices;
typedef struct boc_notice_key {
  const char *bytes;
  size_t size;
  ...;
} boc_notice_key;
typedef struct boc_notice {
  boc_notice_key key;
  void *payload;
  uint64_t version;
  ...;
} boc_notice;
typedef struct boc_noticeboard_options {
  size_t size;
  void (*drop)(void *ctx, void *payload);
  void *ctx;
  const boc_allocator *allocator;
  ...;
} boc_noticeboard_options;
boc_status boc_noticeboard_new(const boc_noticeboard_options *options, boc_noticeboard **out_board);
void boc_noticeboard_free(boc_noticeboard *board);
const boc_notices *boc_noticeboard_read(boc_noticeboard *board);
void boc_notices_drop(const boc_notices *notices);
uint64_t boc_notices_version(const boc_notices *notices);
size_t boc_notices_count(const boc_notices *notices);
const boc_notice *boc_notices_at(const boc_notices *notices, size_t index);
const boc_notice *boc_notices_find(const boc_notices *notices, boc_notice_key key);
boc_status boc_noticeboard_write(boc_noticeboard *board, boc_notice_key key, void *payload);
boc_status boc_noticeboard_delete(boc_noticeboard *board, boc_notice_key key);
boc_status boc_noticeboard_clear(boc_noticeboard *board);
boc_status boc_noticeboard_write_if(boc_noticeboard *board, boc_notice_key key, uint64_t version, void *payload);
boc_status boc_noticeboard_delete_if(boc_noticeboard *board, boc_notice_key key, uint64_t version);
typedef enum boc_verdict { BOC_NOTICE_KEEP, BOC_NOTICE_WRITE, BOC_NOTICE_DELETE, ... } boc_verdict;
boc_status boc_noticeboard_update(boc_noticeboard *board, boc_notice_key key, boc_verdict (*change)(void *ctx, const boc_notice *present, void **out_payload), void *ctx);
typedef struct boc_worker_hooks {
  boc_status (*start)(void *ctx, unsigned worker);
  void (*stop)(void *ctx, unsigned worker);
  void (*before_park)(void *ctx, unsigned worker);
  void (*after_park)(void *ctx, unsigned worker);
  void (*poke)(void *ctx, unsigned worker);
  void *ctx;
  ...;
} boc_worker_hooks;
typedef struct boc_runtime_options {
  size_t size;
  unsigned workers;
  unsigned compensating_workers;
  uint64_t spin;
  size_t stack_size;
  const boc_worker_hooks *hooks;
  size_t trace_events;
  const boc_allocator *allocator;
  unsigned workers_on_demand;
  ...;
} boc_runtime_options;
boc_status boc_runtime_new(const boc_runtime_options *options, boc_runtime **out_runtime);
void boc_runtime_free(boc_runtime *runtime);
boc_status boc_runtime_quiesce(boc_runtime *runtime, int64_t timeout);
typedef struct boc_quiesce_node {
  struct boc_quiesce_node *next;
  void (*done)(void *ctx);
  void *ctx;
  ...;
} boc_quiesce_node;
void boc_runtime_on_quiescent(boc_runtime *runtime, boc_quiesce_node *node);
_Bool boc_runtime_quiesce_cancel(boc_runtime *runtime, boc_quiesce_node *node);
void boc_runtime_trim(boc_runtime *runtime);
unsigned boc_runtime_workers(const boc_runtime *runtime);
boc_status boc_runtime_set_workers(boc_runtime *runtime, unsigned workers);
unsigned boc_runtime_idle_workers(const boc_runtime *runtime);
int boc_worker_index(const boc_runtime *runtime);
boc_runtime *boc_runtime_current(void);
boc_status boc_worker_block_begin(void);
void boc_worker_block_end(void);
void boc_worker_poke(boc_runtime *runtime, unsigned worker);
boc_status boc_scope_new(boc_scope *parent, const boc_allocator *allocator, boc_scope **out_scope);
boc_scope *boc_scope_hold(boc_scope *scope);
void boc_scope_drop(boc_scope *scope);
boc_scope *boc_scope_try_hold(boc_scope *scope);
boc_scope *boc_scope_current(void);
boc_status boc_scope_wait(boc_scope *scope, int64_t timeout);
void boc_scope_on_empty(boc_scope *scope, boc_quiesce_node *node);
_Bool boc_scope_on_empty_cancel(boc_scope *scope, boc_quiesce_node *node);
void boc_scope_cancel(boc_scope *scope);
_Bool boc_scope_cancelled(const boc_scope *scope);
size_t boc_scope_pending(const boc_scope *scope);
void boc_scope_on_room(boc_scope *scope, size_t count, boc_quiesce_node *node);
_Bool boc_scope_on_room_cancel(boc_scope *scope, boc_quiesce_node *node);
void boc_scope_set_data(boc_scope *scope, void *data, void (*drop)(void *data));
void *boc_scope_data(const boc_scope *scope);
typedef struct boc_worker_stats {
  uint64_t scheduled;
  uint64_t finished;
  uint64_t handed_off;
  uint64_t stolen;
  uint64_t injected;
  uint64_t overflowed;
  uint64_t forwarded;
  uint64_t rescued;
  uint64_t parked;
  uint64_t woken;
  ...;
} boc_worker_stats;
size_t boc_runtime_stats(const boc_runtime *runtime, size_t size, boc_worker_stats *out_stats, size_t capacity);
uint64_t boc_runtime_scheduled_outside(const boc_runtime *runtime);
typedef struct boc_timer boc_timer;
boc_status boc_runtime_after(boc_runtime *runtime, int64_t delay, boc_behavior *behavior, boc_timer **out_timer);
boc_status boc_runtime_at(boc_runtime *runtime, uint64_t deadline, boc_behavior *behavior, boc_timer **out_timer);
_Bool boc_timer_cancel(boc_timer *timer);
boc_timer *boc_timer_hold(boc_timer *timer);
void boc_timer_drop(boc_timer *timer);
typedef enum boc_trace_kind { BOC_TRACE_SCHEDULED, BOC_TRACE_READY, BOC_TRACE_STARTED, BOC_TRACE_FINISHED, BOC_TRACE_STOLEN, BOC_TRACE_PARKED, BOC_TRACE_WOKEN, BOC_TRACE_CANCELLED, BOC_TRACE_COWN, BOC_TRACE_COUNT, ... } boc_trace_kind;
typedef struct boc_trace_event {
  uint64_t time;
  uintptr_t behavior;
  uintptr_t cown;
  const char *name;
  boc_trace_kind kind;
  int worker;
  ...;
} boc_trace_event;
boc_status boc_trace_read(boc_runtime *runtime, void (*see)(void *ctx, const boc_trace_event *event), void *ctx);
boc_status boc_trace_write(boc_runtime *runtime, void (*write)(void *ctx, const char *text, size_t size), void *ctx);
static void init_behavior_options(boc_behavior_options *out);
static void init_lane_options(boc_lane_options *out);
static void init_mailbox_options(boc_mailbox_options *out);
static void init_noticeboard_options(boc_noticeboard_options *out);
static void init_runtime_options(boc_runtime_options *out);
extern "Python" void *py_allocator_allocate(void *ctx, size_t size);
extern "Python" void py_allocator_release(void *ctx, void *memory, size_t size);
extern "Python" void py_cown_type_acquire(boc_cown *cown, void *payload);
extern "Python" void py_cown_type_release(boc_cown *cown, void *payload);
extern "Python" void py_cown_type_drop(boc_cown *cown, void *payload);
extern "Python" void py_behavior_type_body(boc_behavior *self, void *env);
extern "Python" void py_behavior_type_drop(void *env);
extern "Python" int py_behavior_type_admit(boc_behavior *self, void *env, unsigned worker, _Bool overdue);
extern "Python" void py_behavior_type_cancelled(boc_behavior *self, void *env);
extern "Python" void py_behavior_options_done(void *ctx, _Bool ran);
extern "Python" void py_when_body(boc_behavior *self, void *arg);
extern "Python" void py_lane_options_filled(void *ctx);
extern "Python" void py_mailbox_options_drop(void *ctx, void *payload);
extern "Python" void py_mailbox_waiter_notify(void *ctx);
extern "Python" void py_noticeboard_options_drop(void *ctx, void *payload);
extern "Python" boc_verdict py_noticeboard_update_change(void *ctx, const boc_notice *present, void **out_payload);
extern "Python" boc_status py_worker_hooks_start(void *ctx, unsigned worker);
extern "Python" void py_worker_hooks_stop(void *ctx, unsigned worker);
extern "Python" void py_worker_hooks_before_park(void *ctx, unsigned worker);
extern "Python" void py_worker_hooks_after_park(void *ctx, unsigned worker);
extern "Python" void py_worker_hooks_poke(void *ctx, unsigned worker);
extern "Python" void py_quiesce_node_done(void *ctx);
extern "Python" void py_scope_set_data_drop(void *data);
extern "Python" void py_trace_read_see(void *ctx, const boc_trace_event *event);
extern "Python" void py_trace_write_write(void *ctx, const char *text, size_t size);
