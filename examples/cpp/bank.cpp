/* A bank in C++: every account is a cown, every transfer a behavior over two of them.
 *
 * Transfers between different accounts run in parallel; those that share an account run
 * in the order in which they were scheduled.
 *
 *   c++ -std=c++17 bank.cpp $(pkg-config --cflags --libs boc) -o bank && ./bank
 */
#include <boc/boc.hpp>

#include <cstdint>
#include <iostream>
#include <vector>

constexpr std::size_t accounts = 64;
constexpr std::int64_t opening = 1000;

struct account {
  std::int64_t balance = opening;
  std::uint64_t refused = 0; // transfers that this account could not pay
};

struct audit {
  std::int64_t total = 0;
  std::uint64_t refused = 0;
};

// What a body gets are plain references: nobody else has the accounts meanwhile.
static void transfer(account &from, account &to, std::int64_t amount) {
  if (from.balance < amount) {
    from.refused++;
    return;
  }
  from.balance -= amount;
  to.balance += amount;
}

int main() {
  boc::runtime bank; // one worker for each core
  std::vector<boc::cown<account>> all;
  for (std::size_t i = 0; i < accounts; i++)
    all.push_back(boc::make_cown<account>());

  std::uint32_t random = 1;
  for (int i = 0; i < 200000; i++) {
    random = random * 1664525u + 1013904223u;
    const std::size_t from = (random >> 8) % accounts;
    const std::size_t to = (from + 1 + (random >> 16) % (accounts - 1)) % accounts;
    const std::int64_t amount = 1 + (random >> 24);
    bank.when(all[from], all[to])
        << [amount](account &payer, account &payee) { transfer(payer, payee, amount); };
  }

  // Each of these runs after every transfer of its account.
  auto sum = boc::make_cown<audit>();
  for (const auto &one : all)
    bank.when(sum, boc::read(one)) << [](audit &into, const account &from) {
      into.total += from.balance;
      into.refused += from.refused;
    };

  audit result;
  bank.when(boc::read(sum)) << [&result](const audit &done) { result = done; };
  bank.quiesce();
  std::cout << result.refused << " refused; the bank holds " << result.total << "\n";
  return result.total == static_cast<std::int64_t>(accounts) * opening ? 0 : 1;
}
