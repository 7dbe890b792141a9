"""Cheese and spam: two errands at once, and a meal that depends on both.

One behavior asks for cheese in a shop, another for a dish without spam in a café. They
share nothing, so both run at the same time. Lunch is a behavior over their results: no
thread waits for another, and both orders of the errands give the same lunch.

    python -m bocpy.examples.sketches
"""

from __future__ import annotations

from bocpy import Cown, wait, when
from bocpy.examples._command import begin, parser, run_program

CHEESES = ("Red Leicester", "Tilsit", "Caerphilly", "Bel Paese", "Wensleydale")
DISHES = (
    "egg and spam",
    "egg, bacon and spam",
    "spam, sausage, spam and tomato",
    "lobster with a fried egg on top, and spam",
)


def ask_for_cheese(in_stock: frozenset[str]) -> Cown[str | None]:
    """Goes through the cheeses until the shop has one."""

    @when()
    def cheese() -> str | None:
        for name in CHEESES:
            if name in in_stock:
                return name
            print(f"shop: {name}? Not as such, sir.")
        return None

    return cheese


def order_dish(without: str, extra: tuple[str, ...]) -> Cown[str | None]:
    """Goes through the menu until the waiter has a dish without it."""

    @when()
    def dish() -> str | None:
        for name in DISHES + extra:
            if without not in name:
                return name
            print(f"café: {name}. There's not much {without} in it.")
        return None

    return dish


def eat(cheese: Cown[str | None], dish: Cown[str | None]) -> Cown[str]:
    """Lunch: the dish if there is one, else the cheese, else nothing."""

    @when(cheese, dish)
    def lunch(cheese: Cown[str | None], dish: Cown[str | None]) -> str:
        if dish.value:
            return dish.value
        return cheese.value or "nothing at all"

    return lunch


def main(arguments: list[str] | None = None) -> int:
    """Goes out for lunch; returns the exit code."""
    line = parser(__doc__)
    line.add_argument("--stock", nargs="*", default=[], metavar="CHEESE")
    line.add_argument("--menu", nargs="*", default=[], metavar="DISH")
    options = line.parse_args(arguments)
    begin(options)
    cheese = ask_for_cheese(frozenset(options.stock))
    dish = order_dish("spam", tuple(options.menu))
    lunch = eat(cheese, dish)
    wait()
    eaten = lunch.unwrap()
    print(f"lunch: {eaten}")
    possible = [name for name in options.menu if "spam" not in name]
    possible += [name for name in CHEESES if name in options.stock]
    return 0 if eaten == (possible or ["nothing at all"])[0] else 1


if __name__ == "__main__":
    run_program(main)
