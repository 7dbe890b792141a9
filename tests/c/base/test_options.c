/* Options structs of callers that were compiled with an older or a newer header. */
#include "harness.h"

#include "options.h"

#include <boc/boc.h>

typedef struct sample {
  size_t size;
  int old_field;
  int new_field;
} sample;

static const sample defaults = {sizeof(sample), 10, 20};

static void none_means_the_defaults(void) {
  sample out = defaults;
  CHECK(boci_options_read(&out, sizeof out, NULL));
  CHECK_EQ(out.old_field, 10);
  CHECK_EQ(out.new_field, 20);
}

static void all_fields_are_read(void) {
  const sample given = {sizeof(sample), 1, 2};
  sample out = defaults;
  CHECK(boci_options_read(&out, sizeof out, &given));
  CHECK_EQ(out.old_field, 1);
  CHECK_EQ(out.new_field, 2);
}

static void an_older_caller_gets_defaults_for_the_rest(void) {
  const sample given = {offsetof(sample, new_field), 1, 99};
  sample out = defaults;
  CHECK(boci_options_read(&out, sizeof out, &given));
  CHECK_EQ(out.old_field, 1);
  CHECK_EQ(out.new_field, 20);
}

static void unknown_sizes_are_refused(void) {
  const size_t sizes[] = {0, sizeof(size_t) - 1, sizeof(sample) + 1};
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
    const sample given = {sizes[i], 1, 2};
    sample out = defaults;
    CHECK(!boci_options_read(&out, sizeof out, &given));
    CHECK_EQ(out.old_field, 10);
  }
}

static const boc_cown_type nothing = {.payload_size = 0};

/* Every call with options checks their size. */
static void every_call_refuses_them(void) {
  boc_runtime_options for_runtime = BOC_RUNTIME_OPTIONS_INIT;
  boc_mailbox_options for_mailbox = BOC_MAILBOX_OPTIONS_INIT;
  boc_lane_options for_lane = BOC_LANE_OPTIONS_INIT;
  boc_noticeboard_options for_board = BOC_NOTICEBOARD_OPTIONS_INIT;
  boc_runtime *runtime = NULL;
  boc_mailbox *mailbox = NULL;
  boc_lane *lane = NULL;
  boc_noticeboard *board = NULL;
  for_runtime.size = for_mailbox.size = for_lane.size = for_board.size = 0;
  CHECK_EQ(boc_runtime_new(&for_runtime, &runtime), BOC_BAD_ARGUMENT);
  CHECK_EQ(boc_mailbox_new(&for_mailbox, &mailbox), BOC_BAD_ARGUMENT);
  CHECK_EQ(boc_lane_new(&for_lane, &lane), BOC_BAD_ARGUMENT);
  CHECK_EQ(boc_noticeboard_new(&for_board, &board), BOC_BAD_ARGUMENT);
  CHECK(!runtime && !mailbox && !lane && !board);
}

static void do_nothing(boc_behavior *self, void *env) { (void)self, (void)env; }
static const boc_behavior_type doing_nothing = {.body = do_nothing};

static void a_behavior_refuses_them(void) {
  boc_behavior_options options = BOC_BEHAVIOR_OPTIONS_INIT;
  boc_runtime *runtime = NULL;
  boc_behavior *behavior = NULL;
  boc_cown *cown = NULL;
  CHECK_EQ(boc_runtime_new(NULL, &runtime), BOC_OK);
  CHECK_EQ(boc_cown_new(&nothing, &cown), BOC_OK);
  const boc_access access = {cown, BOC_WRITE};
  options.size = sizeof options + 1;
  CHECK_EQ(boc_behavior_new_with(runtime, &doing_nothing, 0, &access, 1, &options,
                                 &behavior),
           BOC_BAD_ARGUMENT);
  CHECK(!behavior && !boc_cown_busy(cown));
  boc_cown_drop(cown);
  boc_runtime_free(runtime);
}

static const test_case cases[] = {
    TEST_ONCE(none_means_the_defaults),
    TEST_ONCE(all_fields_are_read),
    TEST_ONCE(an_older_caller_gets_defaults_for_the_rest),
    TEST_ONCE(unknown_sizes_are_refused),
    TEST_ONCE(every_call_refuses_them),
    TEST_ONCE(a_behavior_refuses_them),
};
TEST_MAIN(cases)
