"""The public docstrings, as the extension has them.

Made by tools/core_docs.py: do not edit.
"""

from __future__ import annotations

from typing import Any

DOCS = {
    "Cown": """\
A concurrently owned value: only one behavior at a time sees it.

Schedule behaviors over cowns with `when`; outside of behaviors, hold one with
`acquire` and `release` or a `with` block, or take its value with `unwrap`.
Raises TypeError if `value` cannot be moved between workers.

>>> from bocpy import Cown, wait, when
>>> total = Cown(40)
>>> @when(total)
... def _(total):
...     total.value += 2
>>> wait()
>>> total.unwrap()
42
""",
    "Cown.acquire": """\
Waits for the cown's turn and holds it until `release`.

Does nothing if the caller holds it already. Raises TimeoutError if it takes
longer than `timeout` seconds. Raises RuntimeError inside a behavior that was
not given the cown, and if the thread holds another cown: `bocpy.acquire` holds
several at once.

>>> from bocpy import Cown
>>> stock = Cown(['tea'])
>>> stock.acquire(timeout=10)
>>> stock.value.append('milk')
>>> stock.release()
>>> with stock as things:
...     print(things)
['tea', 'milk']""",
    "Cown.acquired": """\
Whether the caller holds the cown.""",
    "Cown.add_done_callback": """\
Calls `function(cown)` once the behaviors on the cown that are scheduled by now
have ended.

That includes the behavior of which the cown is the result. If they have ended
already, this thread calls the function at once; otherwise a worker's thread
does, in the main interpreter. In the function, `result()` returns the outcome
at once. The function must be short, since the worker runs nothing else
meanwhile. It may schedule, but not wait for cowns. An exception in it is
reported through sys.unraisablehook.

Raises RuntimeError outside of the main interpreter, TypeError for objects that
are not callable.

>>> from bocpy import wait, when
>>> told = []
>>> @when()
... def answer():
...     return 42
>>> answer.add_done_callback(lambda cown: told.append(cown.result()))
>>> wait()
>>> told
[42]""",
    "Cown.cancel": """\
Cancels the behavior that `after` or `at` will schedule for this result.

Returns True if its time had not come: it will not run, other behaviors do not
wait for it, and the result raises CancelledError. Returns False if it is
scheduled already, and for the result of any other behavior: to cancel those,
use a scope (`behaviors`).

>>> from bocpy import Cown, after
>>> reminder = after(3600)(lambda: print('tea'))
>>> reminder.cancel(), reminder.cancel()
(True, False)
""",
    "Cown.exception": """\
Whether the value is an exception that a behavior raised.

>>> from bocpy import wait, when
>>> @when()
... def share():
...     return 1 / 0
>>> @when(share)
... def told(share):
...     return 'nothing' if share.exception else share.value
>>> wait()
>>> told.unwrap()
'nothing'""",
    "Cown.impl": """\
The cown's capsule, for its method `disown`.""",
    "Cown.release": """\
Releases the cown that `acquire` has acquired; does nothing if nobody holds it.

Raises RuntimeError if another thread holds it.""",
    "Cown.result": """\
Waits for the behaviors on the cown that are scheduled by now; returns its value.

The value stays in the cown, so that several callers may ask for it repeatedly;
all get the same object until the next behavior writes the cown. With backend
'interpreters' it is a copy: behaviors do not see changes to it. Raises the
exception of the behavior of which the cown is the result; TimeoutError after
`timeout` seconds; RuntimeError inside a behavior that was not given the cown.

>>> from bocpy import when
>>> @when()
... def answer():
...     return 42
>>> answer.result()
42
>>> answer.result(timeout=10)
42""",
    "Cown.unwrap": """\
Takes the value out and leaves None.

If a behavior failed to fill the cown, raises its exception instead. Raises
RuntimeError while behaviors on the cown are in flight, unless `timeout` says
how many seconds to wait for them (then TimeoutError).

>>> from bocpy import Cown
>>> Cown([1, 2]).unwrap()
[1, 2]
""",
    "Cown.value": """\
The value; only the holder of the cown may use it. Setting it clears `exception`.""",
    "CownCapsule": """\
The native side of a cown.""",
    "CownCapsule.disown": """\
Drops the value without moving it, and releases the cown, which then holds
None.

Raises RuntimeError unless the caller holds the cown.""",
    "AcquiredCowns": """\
The object that acquire() returns: cowns that a thread holds.""",
    "AcquiredCowns.release": """\
Releases the cowns; does nothing if they have been released.

Raises RuntimeError in another thread than the one that acquired them.""",
    "PinnedCown": """\
A cown whose value stays on the main thread, as the same object.

For objects that cannot be shipped: widgets, open files, handles of libraries.
Every behavior over a pinned cown, also if it is over others, runs on the main
thread: inside `pump`, or while that thread waits (`wait`, `quiesce`,
`acquire`). The cown itself can be captured and sent anywhere; reading its
value elsewhere raises RuntimeError. Making one raises RuntimeError on a worker
or outside the main interpreter.

>>> import sys
>>> from bocpy import Cown, PinnedCown, wait, when
>>> screen, total = PinnedCown(sys.stdout), Cown(40)
>>> @when(total)
... def _(total):
...     total.value += 2
>>> @when(screen, total)
... def _(screen, total):
...     print(total.value, file=screen.value)
>>> wait()
42
""",
    "acquire": """\
Waits for the turn of several cowns and holds all of them, in a `with` block.

The block gets the values, in order. Accepts the arguments of `when`: cowns,
`read(cown)` to share one with other readers, lists of them. It waits as a
behavior over them would, so that two threads that acquire the same cowns in
different orders cannot deadlock. Change values in place, or set `cown.value`.

Raises TimeoutError, which names the behaviors in flight, if it takes longer
than `timeout` seconds. Raises RuntimeError inside a behavior that was not
given the cowns, and if the thread holds other cowns already: acquire all of
them in one call.

>>> from bocpy import Cown, acquire
>>> left, right = Cown([1, 2]), Cown([])
>>> with acquire(left, right) as (a, b):
...     b.append(a.pop())
>>> right.unwrap()
[2]""",
    "after": """\
Schedules the decorated function as a behavior over `cowns`, `seconds` from now.

It does what `when` does, but the behavior enters the queues of its cowns only
when its time has come: behaviors that are scheduled before that run first. The
function's name becomes the Cown of its result at once; `cancel` of that Cown
cancels the behavior. `wait` and scopes count it, and cancelling its scope
cancels it. Accurate to about 1 ms while a worker is idle; if all are busy, it
is scheduled as soon as one is free. Raises ValueError if `seconds` is
negative, NaN, or more than 292 years.

>>> from bocpy import Cown, after, wait
>>> tea = Cown('hot')
>>> @after(0.05, tea)
... def _(tea):
...     tea.value = 'cold'
>>> wait()
>>> tea.unwrap()
'cold'
""",
    "drain": """\
Discards the queued messages of `tags`, a str or several.

Receivers that wait for one of them go on waiting. Raises TypeError for a tag
that is not a str.

>>> from bocpy import drain, receive, send
>>> send('work', 1)
>>> drain('work')
>>> receive('work', timeout=0)
('__timeout__', None)""",
    "notice_delete": """\
Deletes a notice; does nothing if there is none.

Raises TypeError or ValueError for an invalid key, RuntimeError if the runtime
is not running.

>>> from bocpy import notice_delete, notice_seed, noticeboard, wait
>>> notice_seed('limit', 10)
>>> notice_delete('limit')
>>> dict(noticeboard())
{}
>>> wait()""",
    "notice_read": """\
The value of one notice, or `default`; from the same snapshot as `noticeboard`.

Raises TypeError or ValueError for an invalid key.

>>> from bocpy import notice_read, notice_seed, wait
>>> notice_seed('limit', 10)
>>> notice_read('limit'), notice_read('rate', 0.5)
(10, 0.5)
>>> wait()""",
    "notice_seed": """\
As `notice_write`, for use before the first behavior: starts the runtime.

Raises RuntimeError outside of the main interpreter.

>>> from bocpy import notice_read, notice_seed, wait, when
>>> notice_seed('limit', 10)
>>> @when()
... def limit():
...     return notice_read('limit')
>>> wait()
>>> limit.unwrap()
10""",
    "notice_update": """\
Replaces a notice's value by `fn(value)`, as one step.

`fn` gets `default` if there is no such notice; if it returns REMOVED, the
notice is deleted. The calling thread runs it, and runs it again if another
change to the notice came in between: so it should have no side effects. Raises
its exception, with nothing changed, the errors of `notice_write`, and
TypeError if `fn` is not callable.

>>> from bocpy import notice_update, wait, when
>>> for _ in range(3):
...     @when()
...     def _():
...         notice_update('done', lambda n: n + 1, 0)
>>> wait(noticeboard=True)
{'done': 3}""",
    "notice_write": """\
Puts a copy of `value` on the board under `key`.

A key is a str of at most 63 bytes of UTF-8 without NUL; there may be 64 keys.
`wait` clears the board. Raises TypeError or ValueError for an invalid key,
TypeError if the value cannot be shipped, RuntimeError if the board is full or
the runtime is not running.

>>> from bocpy import Cown, notice_write, noticeboard, wait, when
>>> @when(Cown(3))
... def _(c):
...     notice_write('best', c.value)
>>> wait(noticeboard=True)
{'best': 3}""",
    "noticeboard": """\
The notices as an immutable mapping of keys to values.

In a behavior, these are the notices of the moment when it first read the
board, until it ends; elsewhere the notices of now. The values are copies.

>>> from bocpy import notice_seed, noticeboard, wait
>>> notice_seed('limit', 10)
>>> dict(noticeboard())
{'limit': 10}
>>> wait()
>>> dict(noticeboard())
{}""",
    "read": """\
Marks a cown in when(...): the behavior only reads it.

Consecutive readers of a cown run in parallel; a writer waits for the readers
before it, and those after it wait for the writer. The body gets the Cown as
always, but setting its `value` or `exception` raises RuntimeError. It must not
change the value in place either: with backend `threads` all readers share one
object, with `interpreters` each worker has a copy of its own until the next
write. If a behavior names a cown with and without `read`, it writes. Raises
TypeError for objects that are not Cowns.

>>> from bocpy import Cown, read, wait, when
>>> table = Cown({'a': 1, 'b': 2})
>>> def look(table, key):
...     return when(read(table))(lambda table: table.value[key])
>>> found = [look(table, key) for key in 'ab']
>>> wait()
>>> [result.unwrap() for result in found]
[1, 2]
""",
    "receive": """\
Waits for a message of one of `tags`, a str or several; returns (tag, contents).

It is the oldest message of its tag; if several tags have one, they take turns.
After `timeout` seconds it returns the result of `after()`, or (TIMEOUT, None).
A negative timeout or None waits forever, 0 does not wait. In a behavior,
another worker runs other behaviors meanwhile. Signal handlers run, and may end
the wait by raising.

Raises TypeError for tags that are not str, RuntimeError if there are no tags
or if `set_tags` has removed one meanwhile, ValueError for NaN, KeyError for a
17th tag.

>>> from bocpy import receive, send
>>> send('low', 1)
>>> receive(['high', 'low'])
('low', 1)
>>> receive('low', timeout=0)
('__timeout__', None)
>>> receive('low', 0, lambda: 'nothing')
'nothing'""",
    "send": """\
Puts `contents` into the queue of `tag`, a str. Never blocks.

Messages of one sender to one tag arrive in order. With backend 'interpreters'
the receiver gets a copy of the same type; with 'threads' the object itself,
which the sender should not use any more. A tag exists from its first use, and
there may be 16 (`set_tags` replaces them).

Raises TypeError if the tag is not a str or the contents cannot be shipped,
RuntimeError if 16384 messages of the tag wait already, KeyError for a 17th
tag.

>>> from bocpy import receive, send
>>> send('greeting', ['hello', 'world'])
>>> receive('greeting')
('greeting', ['hello', 'world'])""",
    "set_tags": """\
Replaces all tags by `tags`, 16 at most, and discards all messages.

A `receive` that waits for a removed tag raises RuntimeError. Tags that are not
among `tags` can still be used while there is room.

Raises IndexError for more than 16 tags, ValueError for a tag that is given
twice, TypeError for a tag that is not a str, and RuntimeError outside of the
main interpreter; then nothing has changed.

>>> from bocpy import receive, send, set_tags
>>> send('old', 1)
>>> set_tags(['new'])
>>> receive('old', timeout=0)
('__timeout__', None)""",
    "start": """\
Starts the workers; the first behavior would start them, too.

`worker_count` is WORKER_COUNT by default. `backend` is 'interpreters' (workers
with an interpreter and GIL of their own) or 'threads' (workers of the main
interpreter, values by reference). By default BOCPY_BACKEND decides, or else
the version of Python. `module` is accepted and not needed. If `raise_failures`
is True, `wait` and `quiesce` raise failures that nobody has read. If it is
False, as at first, failures are reported as soon as nobody can read them any
more. None changes nothing.

Does nothing if the runtime runs already. Raises RuntimeError if it runs with
another worker count or backend, or outside the main interpreter; ValueError or
TypeError for an invalid worker count.

>>> from bocpy import start, wait
>>> start(2)
>>> start(2)
>>> wait()""",
    "when": """\
Schedules the decorated function as a behavior over `cowns`.

It runs once all of them are free, on a worker, and is the only one to see
their values meanwhile. Each argument is a Cown, or a list or tuple of Cowns,
and becomes one parameter. Parameters with defaults and variables of enclosing
functions are snapshots of the moment of scheduling. The name of the function
becomes a Cown that will hold its result or its exception. Behaviors that share
cowns run in the order in which they were scheduled. Raises TypeError if the
function's parameters do not fit, or if a captured value cannot be moved to a
worker.

>>> from bocpy import Cown, wait, when
>>> account, log = Cown(100), Cown([])
>>> amount = 30
>>> @when(account, log)
... def left(account, log, amount=amount):
...     account.value -= amount
...     log.value.append(amount)
...     return account.value
>>> wait()
>>> left.unwrap()
70
""",
    "whencall": """\
Schedules `func` over the cowns in `args`: `when` without the decorator.

`captures` are passed after the cowns. Returns the Cown that will hold the result.

>>> from bocpy import Cown, wait, whencall
>>> c = Cown(2)
>>> result = whencall(lambda c, n: c.value ** n, [c], [10])
>>> wait()
>>> result.unwrap()
1024
""",
}


def put_on(names: dict[str, Any]) -> None:
    """Gives them to what has those names: functions, classes, and their members."""
    for path, text in DOCS.items():
        first, *rest = path.split(".")
        target = names[first]
        for name in rest:
            target = vars(target)[name]
        target.__doc__ = text
