"""Threads that share a few matrices and use them with random keys, shapes and operands,
hostile ones among them.

Numbers that threads write at once may be either's, and that is all that may happen: no
crash, no matrix that is half of one shape. By a build with ThreadSanitizer:

    python matrix_storm.py --threads 4 --seconds 60 --seed 1 --apart

With --apart each thread writes to matrices of its own, and the shared ones are only
read, transposed in place, exported and moved: then there is no race on numbers either,
and every report is a defect, but for those that name list_get_item_ref. CPython 3.13
reads an element of a list without a lock, and so the reference count of an object that
another thread has freed and made anew; threads that share a list of floats show the
same without bocpy. TSAN_OPTIONS=suppressions=FILE with `race:list_get_item_ref` in the
file leaves them out.
"""

import argparse
import gc
import pickle
import random
import threading
import time

from bocpy import Cown, Matrix, wait, when

REFUSALS = (
    *(TypeError, ValueError, IndexError, KeyError, RuntimeError, AssertionError),
    *(OverflowError, ZeroDivisionError, BufferError, MemoryError),
)


class Hostile:
    """A number whose conversion reshapes, moves or drops what is in use."""

    def __init__(self, storm):
        self.storm = storm

    def harm(self):
        chance = self.storm.chance.random()
        if chance < 0.3:
            self.storm.shared().transpose(in_place=True)
        elif chance < 0.4:
            self.storm.give()
        elif chance < 0.5:
            gc.collect(0)
        elif chance < 0.6:
            raise ZeroDivisionError

    def __float__(self):
        self.harm()
        return 1.5

    def __index__(self):
        self.harm()
        return 1

    def __len__(self):
        self.harm()
        return 3

    def __getitem__(self, index):
        if index > 3:
            raise IndexError
        return float(index)


class Storm:
    """One thread: its chance, its own matrices, and those that all share."""

    def __init__(self, seed, pool, apart):
        self.chance = random.Random(seed)
        self.pool, self.apart = pool, apart
        self.own = [self.make() for _ in range(4)]
        self.done = 0

    def make(self):
        return Matrix.uniform(-2, 2, (self.size(), self.size()))

    def size(self):
        return self.chance.choice((1, 2, 3, 4, 7, 8, 33))

    def shared(self):
        return self.chance.choice(self.pool)

    def any(self):
        return self.chance.choice((self.shared, lambda: self.chance.choice(self.own)))()

    def target(self):
        """A matrix whose numbers may be written."""
        return self.chance.choice(self.own) if self.apart else self.any()

    def give(self):
        """Moves a shared matrix away, and puts another one in its place."""
        at = self.chance.randrange(len(self.pool))
        given, self.pool[at] = self.pool[at], self.make()
        Cown(given)

    def number(self):
        return self.chance.choice((0, 1, -1, 2.5, float("nan"), Hostile(self), 10**400))

    def index(self):
        return self.chance.choice((0, 1, -1, 2, 40, Hostile(self), 2**80))

    def key(self):
        part = lambda: self.chance.choice(  # noqa: E731
            (
                self.index(),
                slice(None),
                slice(self.index(), None, self.chance.choice((None, 1, -1, 2, 0))),
                [self.index(), self.index()],
            )
        )
        return part() if self.chance.random() < 0.5 else (part(), part())

    def operand(self):
        return self.chance.choice(
            (
                self.any,
                self.number,
                lambda: [self.number() for _ in range(self.size())],
                lambda: Hostile(self),
                lambda: self.any().view[self.index()],
                lambda: memoryview(self.any()),
            )
        )()

    def axis(self):
        return self.chance.choice((None, 0, 1, -1, -2, 5))

    def step(self):
        self.chance.choice(STEPS)(self)
        self.done += 1


def moved(storm):
    """A behavior takes a shared matrix, works on it, and gives another one back."""
    at = storm.chance.randrange(len(storm.pool))
    given, storm.pool[at] = storm.pool[at], storm.make()
    c = Cown(given)

    @when(c)
    def work(c):
        return c.value.T @ c.value


def exported(storm):
    """A buffer that stays while its matrix is used, moved or transposed."""
    m = storm.shared()
    with memoryview(m) as view:
        shape = view.shape
        storm.shared().transpose(in_place=True)
        assert len(view.tobytes()) == 8 * shape[0] * shape[1]


def iterated(storm):
    for row in storm.any():
        storm.shared().transpose(in_place=True)
        str(row)


STEPS = (
    lambda s: s.any() + s.operand(),
    lambda s: s.any() * s.operand(),
    lambda s: s.any() @ s.operand(),
    lambda s: s.any()[s.key()],
    lambda s: s.target().__setitem__(s.key(), s.operand()),
    lambda s: s.target().__iadd__(s.operand()),
    lambda s: s.shared().transpose(in_place=True),
    lambda s: s.any().sum(s.axis()),
    lambda s: s.any().max(s.axis(), where=s.any()),
    lambda s: s.any().topk(s.size(), s.axis()),
    lambda s: s.any().argsort(s.axis()),
    lambda s: s.any().std(s.axis()),
    lambda s: s.any().take([s.index(), s.index()], s.axis()),
    lambda s: s.target().put([s.index()], s.operand()),
    lambda s: s.any().reshape(s.index(), -1),
    lambda s: s.any().clip(s.number(), s.number()),
    lambda s: s.any().fma(s.operand(), s.operand()),
    lambda s: s.any().exp(out=s.target()),
    lambda s: s.any().view[s.key()].copy(),
    lambda s: s.target().view[s.index()].__setitem__(slice(None), s.operand()),
    lambda s: list(s.any().column_views())[-1][::-1].T.copy(),
    lambda s: s.any().solve(s.operand()),
    lambda s: s.any().inv().det(),
    lambda s: Matrix.concat([s.any(), s.any()], s.axis()),
    lambda s: Matrix.where(s.any(), s.operand(), s.operand()),
    lambda s: Matrix(s.size(), s.size(), s.operand()),
    lambda s: Matrix.vector(Hostile(s)),
    lambda s: Matrix.normal(s.number(), 1.0, (s.index(), 2)),
    lambda s: Matrix.allclose(s.any(), s.any(), s.number()),
    lambda s: pickle.loads(pickle.dumps(s.any())),
    lambda s: repr(s.any()),
    lambda s: format(s.any(), s.chance.choice(("", ".2f", ">9", "no"))),
    lambda s: float(s.any()),
    lambda s: s.any()[s.any()],
    lambda s: s.any() < s.operand(),
    lambda s: s.any().x,
    lambda s: setattr(s.target(), "y", s.number()),
    lambda s: s.give(),
    lambda s: s.pool.__setitem__(s.chance.randrange(len(s.pool)), s.make()),
    moved,
    exported,
    iterated,
)


def run(storm, end, problems):
    try:
        while time.monotonic() < end:
            for _ in range(50):
                try:
                    storm.step()
                except REFUSALS:
                    continue
    except BaseException as problem:
        problems.append(problem)
        raise


def main():
    line = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    line.add_argument("--threads", type=int, default=4)
    line.add_argument("--seconds", type=float, default=2.0)
    line.add_argument("--seed", type=int, default=1)
    line.add_argument("--apart", action="store_true")
    options = line.parse_args()
    pool = [Matrix.uniform(-1, 1, (n, 8 - n)) for n in range(1, 8)]
    storms = [
        Storm(options.seed * 1000 + n, pool, options.apart)
        for n in range(options.threads)
    ]
    end, problems = time.monotonic() + options.seconds, []
    threads = [
        threading.Thread(target=run, args=(storm, end, problems)) for storm in storms
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    wait()
    assert not problems, problems
    for m in pool:
        assert len(list(m.values())) == m.rows * m.columns
    print(sum(storm.done for storm in storms), "steps")


if __name__ == "__main__":
    main()
