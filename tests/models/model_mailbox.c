/* The mailbox: a receiver and another thread, against one that sends. What the other
 * does is drawn: receive too, from the same two tags; drain; replace the tags, one of
 * them gone; or cancel. Each message that was sent is received or dropped, once; its
 * receiver sees what its sender wrote; and no receiver sleeps while there is a message
 * for it. */
#include <boc/message.h>

#include "model.h"

enum { MESSAGES = 2 };

static const boc_tag a = {"a", 1}, b = {"b", 1};
static boc_mailbox *mailbox;
static boc_receive_token token;
static unsigned messages[MESSAGES], sent[MESSAGES], received[MESSAGES],
    dropped[MESSAGES];
static enum { RECEIVES, DRAINS, SETS, CANCELS, OTHERS } other;

static size_t check(void *payload) {
  const unsigned *message = payload;
  const size_t i = (size_t)(message - messages);
  MODEL_CHECK(*message == 7 + i);
  return i;
}

static void drop(void *ctx, void *payload) {
  (void)ctx;
  dropped[check(payload)]++;
}

void model_before(void) {
  boc_mailbox_options options = BOC_MAILBOX_OPTIONS_INIT;
  options.capacity = 2;
  options.drop = drop;
  options.allocator = &model_allocator;
  MODEL_CHECK(boc_mailbox_new(&options, &mailbox) == BOC_OK);
  for (unsigned i = 0; i < MESSAGES; i++)
    messages[i] = sent[i] = received[i] = dropped[i] = 0;
  token = (boc_receive_token){0};
  other = model_draw(OTHERS);
}

static void send(unsigned i) {
  messages[i] = 7 + i;
  MODEL_CHECK(boc_mailbox_send(mailbox, i ? b : a, &messages[i]) == BOC_OK);
  sent[i] = 1;
}

static boc_status receive(const boc_tag *tags, size_t count, boc_receive_token *its) {
  size_t at = 0;
  void *payload = NULL;
  const boc_status status =
      boc_mailbox_receive(mailbox, tags, count, BOC_FOREVER, its, &at, &payload);
  if (status != BOC_OK)
    return status;
  const size_t i = check(payload);
  MODEL_CHECK(tags[at].bytes == (i ? b : a).bytes);
  received[i]++;
  return BOC_OK;
}

static void send_all(void) {
  for (unsigned i = 0; i < MESSAGES; i++)
    send(i);
  if (other == DRAINS || other == SETS)
    boc_mailbox_close(mailbox);
}

/* One message for each of the two receivers; otherwise until it is over. */
static void receive_some(void) {
  const boc_tag both[] = {a, b};
  boc_status status = BOC_OK;
  unsigned got = 0;
  while (status == BOC_OK || status == BOC_NOT_FOUND) {
    status = receive(both, 2, &token);
    got += status == BOC_OK;
    if (got == 1 && other == RECEIVES)
      return;
    if (got == MESSAGES && other == CANCELS)
      return;
  }
  MODEL_CHECK(status == (other == CANCELS ? BOC_CANCELLED : BOC_CLOSED));
}

static void do_other(void) {
  const boc_tag reversed[] = {b, a};
  switch (other) {
  case RECEIVES:
    MODEL_CHECK(receive(reversed, 2, NULL) == BOC_OK);
    break;
  case DRAINS:
    boc_mailbox_drain(mailbox, reversed, 2);
    break;
  case SETS:
    MODEL_CHECK(boc_mailbox_set_tags(mailbox, &b, 1) == BOC_OK);
    break;
  default:
    boc_mailbox_cancel(mailbox, &token);
  }
}

void model_thread(unsigned index) {
  if (index == 0)
    send_all();
  else if (index == 1)
    receive_some();
  else
    do_other();
}

void model_after(void) {
  boc_mailbox_free(mailbox);
  for (unsigned i = 0; i < MESSAGES; i++)
    MODEL_CHECK(received[i] + dropped[i] == sent[i]);
  MODEL_CHECK(model_unreleased() == 0);
}
