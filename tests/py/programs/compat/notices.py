"""The noticeboard, by the names and rules that bocpy 0.14 documents."""

from functools import partial
from operator import add

from bocpy import (
    REMOVED,
    Cown,
    WaitResult,
    notice_delete,
    notice_read,
    notice_seed,
    notice_update,
    notice_write,
    noticeboard,
    quiesce,
    start,
    wait,
    when,
)


def gone(value):
    return REMOVED


def refused(call, *args):
    try:
        call(*args)
    except Exception as error:
        print(f"{call.__name__}: {type(error).__name__}")


def main():
    refused(notice_write, "early", 1)
    refused(notice_update, "early", gone)
    refused(notice_delete, "early")
    start(worker_count=2)
    notice_seed("limit", {"most": 10})
    refused(notice_write, 5, 1)
    refused(notice_write, "x" * 64, 1)
    refused(notice_seed, "a\0b", 1)

    x = Cown(0)

    @when(x)
    def seen(x):
        notice_write("found", ["a", x.value])
        return notice_read("limit")["most"], notice_read("nothing", "default")

    @when(x)
    def frozen(x):
        board = noticeboard()
        try:
            board["limit"] = 1
        except TypeError:
            return board == noticeboard()

    print("board:", sorted(quiesce(noticeboard=True).items()))
    print("seen:", seen.unwrap(), frozen.unwrap())

    for number in range(5):

        @when(Cown(number))
        def _(number):
            notice_update("sum", partial(add, number.value), 100)

    print("sum:", quiesce(noticeboard=True)["sum"])

    @when(x)
    def _(x):
        notice_update("sum", gone)
        notice_delete("found")
        notice_delete("never there")
        notice_write("cown", Cown("inner"))

    board = quiesce(10, noticeboard=True)
    print("left:", sorted(board))

    @when()
    def _():
        @when(notice_read("cown"))
        def _(inner):
            notice_write("inner", inner.value)

    result = wait(stats=True, noticeboard=True)
    print(type(result) is WaitResult, len(result.stats), result.noticeboard["inner"])
    start(worker_count=1)
    print("afterwards:", wait(noticeboard=True))


if __name__ == "__main__":
    main()
