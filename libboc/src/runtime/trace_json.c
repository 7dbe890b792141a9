/* Trace JSON: a trace in the "JSON Array Format" of Chrome's trace events.
 *
 * A row for each worker, with a slice for each body, `B` to `E`. Rows have to nest, so
 * a `finished` ends a slice only if it is that of the body that runs in the row: a
 * deferred behavior finishes later, elsewhere, or in the middle of another one's body.
 * Its slice ends when its worker does something else.
 *
 * The line of a slice that has begun stays open for its further cowns, which follow.
 *
 * Threads outside of the runtime share a row and their bodies, those of lanes, overlap:
 * these are asynchronous slices, `b` to `e`, that viewers tell apart by the behavior.
 *
 * Threads: one, which reads a quiescent runtime.
 */
#include <boc/trace.h>

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* Numbers of the process and of rows begin at 1: viewers hide those with 0. */
enum { ROW_OF_OUTSIDE = 1, OUTSIDE = -1, NO_ROW = -2, OPEN_MAX = 16, NAME_SIZE = 64 };

typedef struct writing {
  void (*write)(void *ctx, const char *text, size_t size);
  void *ctx;
  bool any;
  /* the current line belongs to the slice that began last */
  bool listing;
  int worker;                     /* the worker of the row, or NO_ROW */
  uint64_t latest;                /* the latest time in this row */
  boc_trace_event open[OPEN_MAX]; /* the slices that have begun in this row */
  size_t open_count;
} writing;

static const char *const kind_names[] = {
#define KIND_NAME(NAME, name, text) #name,
    BOC_TRACE_MAP(KIND_NAME)
#undef KIND_NAME
};

/* The length of the character with which `text` begins; 0 if it is not well-formed. */
static size_t character_size(const char *text) {
  const unsigned char *at = (const unsigned char *)text;
  if (*at < 0x80)
    return 1;
  const size_t size = *at < 0xc2   ? 0
                      : *at < 0xe0 ? 2
                      : *at < 0xf0 ? 3
                      : *at < 0xf5 ? 4
                                   : 0;
  for (size_t i = 1; i < size; i++)
    if ((at[i] & 0xc0) != 0x80)
      return 0;
  const bool overlong = (*at == 0xe0 && at[1] < 0xa0) || (*at == 0xf0 && at[1] < 0x90);
  const bool beyond = (*at == 0xed && at[1] > 0x9f) || (*at == 0xf4 && at[1] > 0x8f);
  return overlong || beyond ? 0 : size;
}

/* Copies a name of the program to a JSON string, which must be UTF-8: other bytes
 * become question marks. */
static void clean_name(const char *name, char *out) {
  size_t used = 0;
  while (name && *name) {
    const size_t size = character_size(name);
    if (used + (size ? size : 1) >= NAME_SIZE)
      break;
    const bool plain =
        size > 0 && (unsigned char)*name >= ' ' && !strchr("\"\\", *name);
    for (size_t i = 0; i < size; i++)
      out[used + i] = plain ? name[i] : '?';
    out[used] = plain ? out[used] : '?';
    used += size ? size : 1;
    name += size ? size : 1;
  }
  out[used] = '\0';
}

static void end_list(writing *to) {
  if (to->listing)
    to->write(to->ctx, "]}}", 3);
  to->listing = false;
}

static void write_json_line(writing *to, const char *line, int size) {
  end_list(to);
  to->write(to->ctx, to->any ? ",\n" : "[\n", 2);
  to->write(to->ctx, line, (size_t)size);
  to->any = true;
}

static int row_number(const writing *to) { return to->worker + 1 + ROW_OF_OUTSIDE; }

/* Writes a phase of an event, at `time`. Slices have the names of their behaviors. */
static void write_phase(writing *to, const boc_trace_event *event, uint64_t time,
                        const char *phase) {
  char name[NAME_SIZE], id[48] = "", line[400];
  const bool begins = *phase == 'B' || *phase == 'b';
  clean_name(*phase == 'i' ? kind_names[event->kind] : event->name, name);
  if (to->worker == OUTSIDE && *phase != 'i')
    snprintf(id, sizeof id, "\"id\":\"0x%" PRIxPTR "\",", event->behavior);
  const int size = snprintf(
      line, sizeof line,
      "{\"name\":\"%s\",\"cat\":\"%s\",\"ph\":\"%s\",%s\"ts\":%" PRIu64
      ".%03u,\"pid\":1,\"tid\":%d,\"args\":{\"behavior\":\"%" PRIxPTR
      "\",\"cown\":\"%" PRIxPTR "\"%s",
      name[0] ? name : "behavior", *phase == 'i' ? kind_names[event->kind] : "body",
      phase, id, time / 1000, (unsigned)(time % 1000), row_number(to), event->behavior,
      event->cown, begins ? ",\"cowns\":[" : "}}");
  write_json_line(to, line, size);
  to->listing = begins;
}

static void write_cown(writing *to, const boc_trace_event *event, const char *comma) {
  char item[48];
  const int size =
      snprintf(item, sizeof item, "%s\"%" PRIxPTR "\"", comma, event->cown);
  to->write(to->ctx, item, (size_t)size);
}

static void write_row_name(writing *to) {
  char name[32] = "outside", line[120];
  if (to->worker != OUTSIDE)
    snprintf(name, sizeof name, "worker %d", to->worker);
  const int size = snprintf(line, sizeof line,
                            "{\"name\":\"thread_name\",\"ph\":\"M\",\"pid\":1,"
                            "\"tid\":%d,\"args\":{\"name\":\"%s\"}}",
                            row_number(to), name);
  write_json_line(to, line, size);
}

static void close_slice(writing *to, size_t i, uint64_t time) {
  const boc_trace_event began = to->open[i];
  to->open[i] = to->open[--to->open_count];
  write_phase(to, &began, time, to->worker == OUTSIDE ? "e" : "E");
}

static void close_all(writing *to, uint64_t time) {
  while (to->open_count > 0)
    close_slice(to, 0, time);
}

static void change_row(writing *to, int worker) {
  close_all(to, to->latest);
  to->worker = worker;
  write_row_name(to);
}

/* The open slice of that behavior; `open_count` if there is none. */
static size_t find_slice(const writing *to, uintptr_t behavior) {
  size_t i = 0;
  while (i < to->open_count && to->open[i].behavior != behavior)
    i++;
  return i;
}

static void open_slice(writing *to, const boc_trace_event *event) {
  const size_t before =
      find_slice(to, event->behavior); /* an older behavior at the same address */
  if (to->worker != OUTSIDE)
    close_all(to, event->time);
  else if (before < to->open_count || to->open_count == OPEN_MAX)
    close_slice(to, before < to->open_count ? before : 0, event->time);
  to->open[to->open_count++] = *event;
  write_phase(to, event, event->time, to->worker == OUTSIDE ? "b" : "B");
  if (event->cown)
    write_cown(to, event, "");
}

/* Leaves the cown out if the beginning of its slice is no longer in the ring. */
static void add_cown(writing *to, const boc_trace_event *event) {
  if (to->listing && to->open[to->open_count - 1].behavior == event->behavior)
    write_cown(to, event, ",");
}

static void write_event(void *ctx, const boc_trace_event *event) {
  writing *to = ctx;
  if (event->worker != to->worker)
    change_row(to, event->worker);
  to->latest = event->time;
  const size_t mine = find_slice(to, event->behavior);
  if (event->kind == BOC_TRACE_STARTED) {
    open_slice(to, event);
  } else if (event->kind == BOC_TRACE_FINISHED && mine < to->open_count) {
    close_slice(to, mine, event->time);
  } else if (event->kind == BOC_TRACE_COWN) {
    add_cown(to, event);
  } else {
    if (event->kind == BOC_TRACE_PARKED)
      close_all(to, event->time);
    write_phase(to, event, event->time, "i");
  }
}

boc_status boc_trace_write(boc_runtime *runtime,
                           void (*write)(void *ctx, const char *text, size_t size),
                           void *ctx) {
  writing to = {.write = write, .ctx = ctx, .worker = NO_ROW};
  const boc_status status = boc_trace_read(runtime, write_event, &to);
  if (status != BOC_OK)
    return status;
  close_all(&to, to.latest);
  const char *end = to.any ? "\n]\n" : "[]\n";
  write(ctx, end, strlen(end));
  return BOC_OK;
}
