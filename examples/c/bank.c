/* A bank: every account is a cown, every transfer a behavior over two of them.
 *
 * Transfers between different accounts run in parallel; transfers that share an account
 * run one after the other, in the order in which they were scheduled. There is no lock
 * in this file, and no order of accounts that could deadlock.
 *
 *   cc bank.c $(pkg-config --cflags --libs boc) -o bank && ./bank
 */
#include <boc/boc.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define ACCOUNTS 64
#define TRANSFERS 200000
#define OPENING_BALANCE 1000

typedef struct account {
  int64_t balance;
  uint64_t refused; /* transfers that this account could not pay */
} account;

static const boc_cown_type account_type = {
    .name = "account",
    .payload_size = sizeof(account),
};

static void check(boc_status status, const char *what) {
  if (status == BOC_OK)
    return;
  fprintf(stderr, "bank: %s: %s\n", what, boc_status_text(status));
  exit(EXIT_FAILURE);
}

/* The account in the i-th cown of a running behavior. */
static account *account_at(boc_behavior *self, size_t i) {
  return boc_cown_payload(boc_behavior_cown(self, i));
}

/* The body of a transfer: it holds both accounts, so plain code will do. */
static void transfer_body(boc_behavior *self, void *env) {
  int64_t amount = *(int64_t *)env;
  account *from = account_at(self, 0);
  account *to = account_at(self, 1);
  if (from->balance < amount) {
    from->refused++;
    return;
  }
  from->balance -= amount;
  to->balance += amount;
}

static const boc_behavior_type transfer_type = {
    .name = "transfer",
    .body = transfer_body,
};

static void transfer(boc_runtime *bank, boc_cown *from, boc_cown *to, int64_t amount) {
  boc_access accesses[] = {{from, BOC_WRITE}, {to, BOC_WRITE}};
  boc_behavior *behavior;
  check(boc_behavior_new(bank, &transfer_type, sizeof amount, accesses, 2, &behavior),
        "transfer");
  *(int64_t *)boc_behavior_env(behavior) = amount;
  boc_behavior_schedule(behavior);
}

typedef struct audit {
  int64_t total;
  uint64_t refused;
} audit;

/* The body of the audit: it holds all accounts at once, so it sees no transfer half
 * done. */
static void audit_body(boc_behavior *self, void *arg) {
  audit *result = arg;
  for (size_t i = 0; i < boc_behavior_count(self); i++) {
    result->total += account_at(self, i)->balance;
    result->refused += account_at(self, i)->refused;
  }
}

int main(void) {
  boc_runtime *bank;
  boc_cown *accounts[ACCOUNTS];
  audit result = {0, 0};

  check(boc_runtime_new(NULL, &bank), "start"); /* one worker for each core */

  for (int i = 0; i < ACCOUNTS; i++) {
    check(boc_cown_new(&account_type, &accounts[i]), "open account");
    ((account *)boc_cown_payload(accounts[i]))->balance = OPENING_BALANCE;
  }

  uint32_t random = 1;
  for (int i = 0; i < TRANSFERS; i++) {
    random = random * 1664525u + 1013904223u;
    int from = (random >> 8) % ACCOUNTS;
    int to = (random >> 16) % ACCOUNTS;
    transfer(bank, accounts[from], accounts[to], 1 + (random >> 24));
  }

  /* Scheduled last over all accounts, so it runs after every transfer. */
  check(boc_when(bank, accounts, ACCOUNTS, audit_body, &result), "audit");
  check(boc_runtime_quiesce(bank, BOC_FOREVER), "wait");

  for (int i = 0; i < ACCOUNTS; i++)
    boc_cown_drop(accounts[i]);
  boc_runtime_free(bank);

  printf("%d transfers, %" PRIu64 " refused; the bank holds %" PRId64 " of %d\n",
         TRANSFERS, result.refused, result.total, ACCOUNTS * OPENING_BALANCE);
  return result.total == ACCOUNTS * OPENING_BALANCE ? EXIT_SUCCESS : EXIT_FAILURE;
}
