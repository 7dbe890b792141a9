/* Banking: a teller orders transfers between 1,000 accounts; each is a behavior over
 * two of them. */
#include "savina.hpp"

#include <vector>

namespace {

constexpr std::size_t ACCOUNTS = 1000;
constexpr std::int64_t OPENING = 1000000;

struct account {
  std::int64_t balance = OPENING;
  std::size_t transfers = 0;
};

void order(const std::vector<boc::cown<account>> &accounts, std::size_t transactions) {
  savina::random random;
  for (std::size_t i = 0; i < transactions; i++) {
    const std::size_t from = random.below(ACCOUNTS);
    const std::size_t to = (from + 1 + random.below(ACCOUNTS - 1)) % ACCOUNTS;
    const std::int64_t amount = 1 + static_cast<std::int64_t>(random.below(1000));
    boc::when(accounts[from], accounts[to])
        << [amount](account &payer, account &payee) {
             payer.balance -= amount;
             payee.balance += amount;
             payer.transfers++;
           };
  }
}

} // namespace

double savina::banking(const bench_options *options, std::size_t transactions) {
  std::vector<boc::cown<account>> accounts;
  for (std::size_t i = 0; i < ACCOUNTS; i++)
    accounts.push_back(boc::make_cown<account>());
  const double taken = milliseconds(
      options, [&accounts, transactions] { order(accounts, transactions); });
  boc::runtime auditor(1);
  boc::when(boc::read(accounts)) << [transactions](auto &all) {
    account sum{0, 0};
    for (const account &each : all) {
      sum.balance += each.balance;
      sum.transfers += each.transfers;
    }
    bench_check(sum.balance == OPENING * static_cast<std::int64_t>(ACCOUNTS) &&
                    sum.transfers == transactions,
                "banking: the sum of all balances, and every transfer");
  };
  return taken;
}
