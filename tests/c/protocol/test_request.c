/* Requests of one cown, one thread, step by step: the word's parts as in the table of
 * request.h, which request is granted when, and what the cown says. Races between
 * linking, granting and releasing are in test_behavior.c and in the models. */
#include "harness.h"

#include "behavior.h"

enum { MAX_COUNT = 8 };

/* A cown, behaviors over it, and those of them that became ready, in that order. */
typedef struct queue {
  boc_cown *cown;
  boc_behavior *made[MAX_COUNT];
  boc_behavior *ready[MAX_COUNT];
  size_t made_count, ready_count;
  boci_block_pool pool;
  boci_executor to;
} queue;

static void note_ready(void *ctx, boc_behavior *behavior) {
  queue *q = ctx;
  q->ready[q->ready_count++] = behavior;
}

static const boc_cown_type cown_type = {.name = "cown", .payload_size = 8};
static void no_body(boc_behavior *self, void *env) { (void)self, (void)env; }
static const boc_behavior_type type = {.name = "none", .body = no_body};

static void setup(queue *q) {
  *q = (queue){.to = {note_ready, q}};
  boci_block_pool_init(&q->pool, NULL, NULL);
  CHECK_EQ(boc_cown_new(&cown_type, &q->cown), BOC_OK);
}

/* Nothing holds the cown or waits for it, and only the test has a reference. */
static void teardown(queue *q) {
  CHECK(!boc_cown_busy(q->cown));
  CHECK_EQ(boci_load_relaxed(&q->cown->references), 1);
  for (size_t i = 0; i < q->made_count; i++)
    boci_block_pool_free(&q->pool, q->made[i]);
  boci_block_pool_fini(&q->pool);
  boc_cown_drop(q->cown);
}

static boci_request *make(queue *q, boc_mode mode) {
  const boc_access access = {q->cown, mode};
  boc_behavior *made = boci_block_pool_alloc(&q->pool, boci_behavior_size(1, false, 0));
  CHECK(made);
  CHECK_EQ(boci_behavior_init(made, &type, 0, &access, 1, NULL), BOC_OK);
  q->made[q->made_count++] = made;
  return boci_behavior_requests(made);
}

static boci_request *link_new(queue *q, boc_mode mode, bool expect_granted) {
  boci_request *request = make(q, mode);
  CHECK_EQ(boci_request_link_only(request, &q->to), expect_granted);
  return request;
}

static void check_word(const boci_request *request, uintptr_t bits,
                       const boci_request *successor) {
  CHECK_EQ(boci_load_relaxed(&request->word), bits | (uintptr_t)successor);
}

static void check_ready(queue *q, size_t i, boci_request *request) {
  CHECK(q->ready_count > i);
  CHECK(q->ready[i] == boci_request_behavior(request));
}

static void a_request_leads_to_its_behavior(void) {
  boc_cown *cown;
  boci_block_pool pool;
  boci_block_pool_init(&pool, NULL, NULL);
  CHECK_EQ(boc_cown_new(&cown_type, &cown), BOC_OK);
  const boc_access accesses[] = {{cown, BOC_READ}, {cown, BOC_WRITE}, {cown, BOC_READ}};
  boc_behavior *made = boci_block_pool_alloc(&pool, boci_behavior_size(3, false, 0));
  CHECK_EQ(boci_behavior_init(made, &type, 0, accesses, 3, NULL), BOC_OK);
  for (uint32_t i = 0; i < 3; i++) {
    boci_request *request = &boci_behavior_requests(made)[i];
    CHECK(boci_request_behavior(request) == made);
    CHECK(boci_request_cown(request) == cown);
  }
  boci_block_pool_free(&pool, made);
  boci_block_pool_fini(&pool);
  boc_cown_drop(cown);
}

static void the_first_has_the_cown(void) {
  queue q;
  setup(&q);
  boci_request *first = link_new(&q, BOC_WRITE, true);
  check_word(first, BOCI_READY, NULL);
  CHECK(boci_load_relaxed(&q.cown->tail) == first);
  CHECK_EQ(boci_load_relaxed(&q.cown->references), 2);
  boci_request_release(first, &q.to);
  CHECK(!boci_load_relaxed(&q.cown->tail));
  CHECK_EQ(q.ready_count, 0); /* the linker of its behavior counts it */
  teardown(&q);
}

static void a_writer_is_handed_the_cown(void) {
  queue q;
  setup(&q);
  boci_request *first = link_new(&q, BOC_WRITE, true);
  boci_request *second = link_new(&q, BOC_WRITE, false);
  check_word(first, BOCI_READY | BOCI_WRITER_NEXT, second);
  check_word(second, BOCI_READY, NULL);
  CHECK_EQ(q.ready_count, 0);
  boci_request_release(first, &q.to);
  check_ready(&q, 0, second);
  boci_request_release(second, &q.to);
  teardown(&q);
}

static void phase_two_sets_ready(void) {
  queue q;
  setup(&q);
  boci_request *request = make(&q, BOC_WRITE);
  CHECK(boci_request_link(request, request, &q.to));
  check_word(request, 0, NULL);
  boci_request_set_ready(request);
  check_word(request, BOCI_READY, NULL);
  boci_request_release(request, &q.to);
  teardown(&q);
}

static void readers_are_granted_together(void) {
  queue q;
  setup(&q);
  boci_request *writer = link_new(&q, BOC_WRITE, true);
  boci_request *one = link_new(&q, BOC_READ, false);
  boci_request *two = link_new(&q, BOC_READ, false);
  boci_request *last = link_new(&q, BOC_WRITE, false);
  check_word(one, BOCI_READY, two);
  check_word(two, BOCI_READY | BOCI_WRITER_NEXT, last);
  boci_request_release(writer, &q.to);
  CHECK_EQ(q.ready_count, 2);
  check_ready(&q, 0, one);
  check_ready(&q, 1, two);
  check_word(one, BOCI_READY | BOCI_GRANTED, two);
  check_word(two, BOCI_READY | BOCI_GRANTED | BOCI_WRITER_NEXT, last);
  CHECK_EQ(boci_load_relaxed(&q.cown->readers), 2 * BOCI_READER);
  boci_request_release(one, &q.to);
  boci_request_release(two, &q.to);
  check_ready(&q, 2, last);
  boci_request_release(last, &q.to);
  teardown(&q);
}

static void a_reader_behind_a_granted_one_is_granted_at_once(void) {
  queue q;
  setup(&q);
  boci_request *one = link_new(&q, BOC_READ, true);
  boci_request *two = link_new(&q, BOC_READ, true);
  check_word(one, BOCI_READY | BOCI_GRANTED, two);
  check_word(two, BOCI_READY | BOCI_GRANTED, NULL);
  boci_request_release(one, &q.to);
  boci_request_release(two, &q.to);
  teardown(&q);
}

/* The reader before the writer leaves first: the writer waits in the cown. */
static void the_last_reader_grants_the_writer(void) {
  queue q;
  setup(&q);
  boci_request *one = link_new(&q, BOC_READ, true);
  boci_request *two = link_new(&q, BOC_READ, true);
  boci_request *writer = link_new(&q, BOC_WRITE, false);
  boci_request_release(two, &q.to);
  CHECK(q.cown->writer == writer);
  CHECK_EQ(boci_load_relaxed(&q.cown->readers), BOCI_READER | BOCI_WRITER_WAITS);
  CHECK_EQ(q.ready_count, 0);
  boci_request_release(one, &q.to);
  check_ready(&q, 0, writer);
  CHECK_EQ(boci_load_relaxed(&q.cown->readers), 0);
  boci_request_release(writer, &q.to);
  teardown(&q);
}

/* The last request leaves the queue while a reader before it still reads. */
static void a_writer_waits_for_readers_that_left_the_queue(void) {
  queue q;
  setup(&q);
  boci_request *one = link_new(&q, BOC_READ, true);
  boci_request *two = link_new(&q, BOC_READ, true);
  boci_request_release(two, &q.to);
  CHECK(!boci_load_relaxed(&q.cown->tail));
  CHECK(boc_cown_busy(q.cown));
  boci_request *writer = link_new(&q, BOC_WRITE, false);
  CHECK(q.cown->writer == writer);
  boci_request_release(one, &q.to);
  check_ready(&q, 0, writer);
  boci_request_release(writer, &q.to);
  teardown(&q);
}

static void a_fresh_cown_is_had_at_once(void) {
  queue q;
  setup(&q);
  boci_request *fresh = make(&q, BOC_FRESH);
  boci_request_link_fresh(fresh);
  check_word(fresh, BOCI_READY, NULL);
  boci_request *second = link_new(&q, BOC_READ, false);
  boci_request_release(fresh, &q.to);
  check_ready(&q, 0, second);
  boci_request_release(second, &q.to);
  teardown(&q);
}

/* A run of two requests that are linked to each other, as of behaviors scheduled as one
 * step. */
static void a_run_is_appended_at_once(void) {
  queue q;
  setup(&q);
  boci_request *before = link_new(&q, BOC_WRITE, true);
  boci_request *one = make(&q, BOC_WRITE), *two = make(&q, BOC_READ);
  boci_init(&one->word, boci_request_as_successor(two));
  CHECK(!boci_request_link(one, two, &q.to));
  CHECK(boci_load_relaxed(&q.cown->tail) == two);
  boci_request_set_ready(one);
  boci_request_set_ready(two);
  check_word(one, BOCI_READY, two);
  boci_request_release(before, &q.to);
  check_ready(&q, 0, one);
  boci_request_release(one, &q.to);
  check_ready(&q, 1, two);
  boci_request_release(two, &q.to);
  teardown(&q);
}

static const test_case cases[] = {
    TEST_ONCE(a_request_leads_to_its_behavior),
    TEST_ONCE(the_first_has_the_cown),
    TEST_ONCE(a_writer_is_handed_the_cown),
    TEST_ONCE(phase_two_sets_ready),
    TEST_ONCE(readers_are_granted_together),
    TEST_ONCE(a_reader_behind_a_granted_one_is_granted_at_once),
    TEST_ONCE(the_last_reader_grants_the_writer),
    TEST_ONCE(a_writer_waits_for_readers_that_left_the_queue),
    TEST_ONCE(a_fresh_cown_is_had_at_once),
    TEST_ONCE(a_run_is_appended_at_once),
};
TEST_MAIN(cases)
