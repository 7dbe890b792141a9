"""What type checkers infer of a program that uses cowns and behaviors.

Read by `./dev check`, never run: a type that is not what it should be is an error
there, and so is a misuse that is not noticed: its `type: ignore` is one too many.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from bocpy import (
    WORKER_COUNT,
    Behaviors,
    Cown,
    __version__,
    acquire,
    read,
    start,
    when,
    whencall,
)

if TYPE_CHECKING:
    from typing_extensions import assert_type


class Account:
    balance: int = 0


account = Cown(Account())
assert_type(account, Cown[Account])
assert_type(Cown([1, 2]), Cown[list[int]])
assert_type(Cown("x").value, str)
assert_type(Cown(1).unwrap(), int)
assert_type(Cown(1).unwrap(timeout=1.5), int)
assert_type(Cown(1).acquired, bool)
assert_type(Cown(1).exception, bool)
assert_type(WORKER_COUNT, int)
assert_type(__version__, str)

with account as held:
    assert_type(held, Account)

account.acquire()
account.acquire(timeout=1)
account.value = Account()
account.release()
nothing: Cown[str | None] = Cown(None)


@when(account)
def balance(account: Cown[Account]) -> int:
    return account.value.balance


assert_type(balance, Cown[int])


@when([account, account], balance)
def names(accounts: list[Cown[Account]], balance: Cown[int], n: int = 3) -> list[str]:
    return [str(each.value.balance) for each in accounts] * (balance.value + n)


assert_type(names, Cown[list[str]])


@when(read(account), [read(balance), balance])
def shared(account: Cown[Account], numbers: list[Cown[int]]) -> int:
    return account.value.balance + numbers[0].value


assert_type(shared, Cown[int])


@when()
def cown_in_cown() -> Cown[int]:
    return Cown(1)


assert_type(cown_in_cown, Cown[Cown[int]])
assert_type(cown_in_cown.unwrap().unwrap(), int)


@when(*[Cown(n) for n in range(3)])
def largest(*cowns: Cown[int]) -> int:
    return max(cown.value for cown in cowns)


assert_type(largest, Cown[int])


@when(read(account), [read(balance), largest])
def looks(account: Cown[Account], others: list[Cown[int]]) -> bool:
    return account.value.balance > others[0].value


assert_type(looks, Cown[bool])


def power(base: Cown[float], exponent: int) -> float:
    result: float = base.value**exponent
    return result


assert_type(whencall(power, [Cown(2.0)], [3]), Cown[float])
assert_type(whencall(power, (Cown(2.0),), captures=(3,)), Cown[float])
cowns: list[Cown[Any] | list[Cown[Any]]] = [Cown(1), [Cown("a")]]
assert_type(whencall(len, [[Cown(1)]]), Cown[int])

assert_type({account: 1}, dict[Cown[Account], int])
assert_type(sorted([balance, largest]), list[Cown[int]])
assert_type(balance < largest, bool)

backend: Literal["threads"] = "threads"
start(2, backend=backend)
start(worker_count=2, module=None, backend="interpreters")
with Behaviors(2) as scope:
    assert_type(scope, Behaviors)

# What is noticed.
Cown(1).value = "text"  # type: ignore[assignment]
Cown(1).acquired = True  # type: ignore[misc]
when(1)  # type: ignore[arg-type]
when([1])  # type: ignore[list-item]
read(1)  # type: ignore[arg-type]
when("accounts")  # type: ignore[arg-type]
read(1)  # type: ignore[arg-type]
whencall("function", [])  # type: ignore[arg-type]
start("two")  # type: ignore[arg-type]
print(balance.unwrap().nothing)  # type: ignore[attr-defined]
Cown()  # type: ignore[call-arg]


with acquire(account, read(Cown(1)), timeout=1) as (held, number):
    if TYPE_CHECKING:
        assert_type(held, Account)
        assert_type(number, int)
with acquire([account], account) as values:
    if TYPE_CHECKING:
        assert_type(values, tuple[Any, ...])
account.acquire().release()  # type: ignore[attr-defined,func-returns-value]
