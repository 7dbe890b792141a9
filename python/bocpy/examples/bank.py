"""A bank: every account is a cown, every transfer a behavior over two of them.

Transfers between different accounts run in parallel; those that share an account run
one after the other, in the order in which they were scheduled. No lock, no deadlock.

    python -m bocpy.examples.bank
"""

from __future__ import annotations

import random

from bocpy import Cown, wait, when
from bocpy.examples._command import begin, count, parser, run_program

OPENING_BALANCE = 100


def transfer(payer: Cown[int], payee: Cown[int], amount: int) -> None:
    """Schedules a transfer; the payer may turn out not to have the money."""

    @when(payer, payee)
    def _(payer: Cown[int], payee: Cown[int]) -> None:
        if payer.value >= amount:
            payer.value -= amount
            payee.value += amount


def main(arguments: list[str] | None = None) -> int:
    """Runs the bank; returns the exit code."""
    line = parser(__doc__)
    line.add_argument("--accounts", type=count, default=20)
    line.add_argument("--transfers", type=count, default=5_000)
    options = line.parse_args(arguments)
    if options.accounts < 2:
        line.error("a transfer needs two accounts")
    begin(options)

    accounts = [Cown(OPENING_BALANCE) for _ in range(options.accounts)]
    for _ in range(options.transfers):
        payer, payee = random.sample(accounts, 2)
        transfer(payer, payee, random.randint(1, OPENING_BALANCE))

    # Scheduled last, over all accounts: it runs after every transfer.
    @when(accounts)
    def balances(accounts: list[Cown[int]]) -> list[int]:
        return [account.value for account in accounts]

    wait()
    found = balances.unwrap()
    expected = options.accounts * OPENING_BALANCE
    print(f"after {options.transfers:,} transfers: {sorted(found)}")
    print(f"the bank holds {sum(found):,} of {expected:,}")
    return 0 if sum(found) == expected and min(found) >= 0 else 1


if __name__ == "__main__":
    run_program(main)
