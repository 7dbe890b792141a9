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
longer than `timeout` seconds, and RuntimeError inside a behavior that was not
given the cown, and if the thread holds another cown: for several at once there
is `bocpy.acquire`.

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

Among them is the one whose result it is. If they have ended already the call is
made here and now; else it comes from a worker's thread, in the main
interpreter. `result()` there gives the outcome at once. It must be
short, as it keeps the worker, and may schedule, but not wait for cowns. An
exception is reported through sys.unraisablehook.

Raises RuntimeError outside of the main interpreter, TypeError for what cannot be
called.

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
Takes back the behavior that `after` or `at` has promised for this result.

True if its time had not come: it will not run, it holds back nobody, and the result
raises CancelledError. False if it is scheduled, and for the result of any other
behavior: to cancel those, use a scope (`behaviors`).

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
The cown's capsule: see `disown` there.""",
    "Cown.release": """\
Ends what `acquire` began; nothing if nobody holds the cown.

Raises RuntimeError if another thread holds it.""",
    "Cown.result": """\
Waits for the behaviors on the cown that are scheduled by now; returns its value.

The value stays where it is, so that several may ask, and ask again; until the next
behavior writes the cown all get the same object. With backend 'interpreters' it
is a copy: what is done to it is not seen by behaviors. Raises what the behavior
raised whose result the cown is; TimeoutError after `timeout` seconds;
RuntimeError inside a behavior that was not given the cown.

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
The value, for whoever holds the cown. Setting it clears `exception`.""",
    "CownCapsule": """\
The native side of a cown.""",
    "CownCapsule.disown": """\
Abandons the value without moving it: the cown is nobody's and holds None.

Raises RuntimeError unless the caller holds the cown.""",
    "Held": """\
What acquire() returns: cowns that a thread holds.""",
    "Held.release": """\
Gives the cowns back; nothing if that has been done.

Raises RuntimeError in another thread than the one that acquired them.""",
    "PinnedCown": """\
A cown whose value stays on the main thread, as the object that it is.

For what cannot travel: widgets, open files, handles of libraries. Every behavior
over a pinned cown, among whatever others, runs on the main thread: inside `pump`,
or while that thread waits (`wait`, `quiesce`, `acquire`). The cown itself may go
anywhere; elsewhere, looking at its value raises RuntimeError. Raises RuntimeError
on a worker or outside the main interpreter.

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

The block gets the values, in order. Takes what `when` takes: cowns, `read(cown)`
to share one with other readers, lists of them. It waits as a behavior over them
would, so that two threads that want the same cowns in another order cannot
deadlock. Change values in place, or set `cown.value`.

Raises TimeoutError, which names what is in flight, if it takes longer than
`timeout` seconds; RuntimeError inside a behavior that was not given the cowns,
and if the thread holds other cowns already: name all of them in one call.

>>> from bocpy import Cown, acquire
>>> left, right = Cown([1, 2]), Cown([])
>>> with acquire(left, right) as (a, b):
...     b.append(a.pop())
>>> right.unwrap()
[2]""",
    "after": """\
Schedules the decorated function as a behavior over `cowns`, `seconds` from now.

As `when`, but the behavior takes its place in the queues of its cowns when its time
has come, so what is scheduled before goes first. The function's name becomes the Cown
with its result at once; `cancel` of that takes the behavior back. `wait` and scopes
count it, and the cancelling of its scope cancels it. Accurate to about 1 ms while a
worker is idle; if all are busy, it is scheduled as soon as one is free. Raises
ValueError if `seconds` is negative, NaN, or more than 292 years.

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
Discards what is queued for `tags`, a str or several.

Whoever waits for one of them goes on waiting. Raises TypeError for a tag that is
no str.

>>> from bocpy import drain, receive, send
>>> send('work', 1)
>>> drain('work')
>>> receive('work', timeout=0)
('__timeout__', None)""",
    "notice_delete": """\
Takes a notice off the board; nothing if there is none.

Raises TypeError or ValueError for what can be no key, RuntimeError if the runtime
is not running.

>>> from bocpy import notice_delete, notice_seed, noticeboard, wait
>>> notice_seed('limit', 10)
>>> notice_delete('limit')
>>> dict(noticeboard())
{}
>>> wait()""",
    "notice_read": """\
The value of one notice, or `default`; seen as `noticeboard` sees it.

Raises TypeError or ValueError for what can be no key.

>>> from bocpy import notice_read, notice_seed, wait
>>> notice_seed('limit', 10)
>>> notice_read('limit'), notice_read('rate', 0.5)
(10, 0.5)
>>> wait()""",
    "notice_seed": """\
As `notice_write`, before there are behaviors: starts the runtime.

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

`fn` gets `default` if there is no such notice; if it returns REMOVED, the notice is
taken off. It runs here and now, and again if another change to the notice came in
between: it should do nothing else. What it raises is raised here, and nothing has
changed; so are the errors of `notice_write`, and TypeError if it is no callable.

>>> from bocpy import notice_update, wait, when
>>> for _ in range(3):
...     @when()
...     def _():
...         notice_update('done', lambda n: n + 1, 0)
>>> wait(noticeboard=True)
{'done': 3}""",
    "notice_write": """\
Puts a copy of `value` on the board under `key`.

A key is a str of at most 63 bytes of UTF-8 without NUL; there may be 64. The board
is cleared by `wait`. Raises TypeError or ValueError for what can be no key,
TypeError if the value cannot be shipped, RuntimeError if the board is full or the
runtime is not running.

>>> from bocpy import Cown, notice_write, noticeboard, wait, when
>>> @when(Cown(3))
... def _(c):
...     notice_write('best', c.value)
>>> wait(noticeboard=True)
{'best': 3}""",
    "noticeboard": """\
The notices as an immutable mapping of keys to values.

In a behavior, what its first look at the board showed, until it ends; elsewhere
what the board is now. The values are copies.

>>> from bocpy import notice_seed, noticeboard, wait
>>> notice_seed('limit', 10)
>>> dict(noticeboard())
{'limit': 10}
>>> wait()
>>> dict(noticeboard())
{}""",
    "read": """\
Marks a cown in when(...): the behavior only reads it.

Neighboring readers of a cown run side by side; a writer waits for the readers
before it and holds back those after it. The body gets the Cown as always, but
setting its `value` or `exception` raises RuntimeError. It must not change the
value in place either: with backend `threads` all readers share one object, with
`interpreters` each worker has a copy of its own until the next write. Where a
behavior names a cown with and without `read`, it writes. Raises TypeError for
what is not a Cown.

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

The oldest of its tag; if several tags have one, they take turns. After `timeout`
seconds returns what `after()` does, or (TIMEOUT, None); a negative number or None
waits forever, 0 only looks. In a behavior another worker takes over meanwhile.
Signal handlers run, and may end the wait by raising.

Raises TypeError for tags that are no str, RuntimeError for none at all or if
`set_tags` took one away meanwhile, ValueError for NaN, KeyError for a 17th tag.

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

What one sender sends to one tag arrives in that order, with its type. With
backend 'interpreters' the receiver gets a copy; with 'threads' the object itself,
which the sender should not use any more. A tag exists from its first use, and
there may be 16 (`set_tags` replaces them).

Raises TypeError if the tag is no str or the contents cannot be shipped,
RuntimeError if 16384 messages wait already, KeyError for a 17th tag.

>>> from bocpy import receive, send
>>> send('greeting', ['hello', 'world'])
>>> receive('greeting')
('greeting', ['hello', 'world'])""",
    "set_tags": """\
Replaces all tags by `tags`, 16 at most, and discards all messages.

A `receive` that waits for a tag that is no more raises RuntimeError. Tags that
are not among `tags` can still be used while there is room.

All or nothing: raises IndexError for more than 16, ValueError for one that is
given twice, TypeError for one that is no str, and RuntimeError outside of the
main interpreter; then nothing has changed.

>>> from bocpy import receive, send, set_tags
>>> send('old', 1)
>>> set_tags(['new'])
>>> receive('old', timeout=0)
('__timeout__', None)""",
    "start": """\
Starts the workers; the first behavior would do so too.

`worker_count` is WORKER_COUNT by default. `backend` is 'interpreters' (workers
with an interpreter and GIL of their own) or 'threads' (workers of the main
interpreter, values by reference); by default what suits this Python, or
BOCPY_BACKEND. `module` is accepted and not needed. With `raise_failures` set to
True, `wait` and `quiesce` raise failures that nobody looked at; False: they are
reported as soon as nobody can look any more, as at first; None changes nothing.

Does nothing if the runtime runs already. Raises RuntimeError if it runs with
another worker count or backend, or outside the main interpreter; ValueError or
TypeError for a worker count that is none.

>>> from bocpy import start, wait
>>> start(2)
>>> start(2)
>>> wait()""",
    "when": """\
Schedules the decorated function as a behavior over `cowns`.

It runs once all of them are free, on a worker, and is the only one to see their
values meanwhile. Each argument is a Cown, or a list or tuple of Cowns, and becomes one
parameter. Parameters with defaults and variables of enclosing functions are snapshots
of the moment of scheduling. The name of the function becomes a Cown that will hold
what it returns or raises. Behaviors that share cowns run in the order in which they
were scheduled. Raises TypeError if the function's parameters do not fit, or if what it
captures cannot be moved to a worker.

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
