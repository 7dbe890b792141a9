"""Lets each allocation of many operations on matrices fail, one after another.

Each has to raise MemoryError, or to do without; nothing is changed or left behind.
"""

import _testcapi
import tracemalloc

from bocpy import Cown, Matrix

N = 200
a = Matrix(N, N, 2.0)
b = Matrix(N, N, 3.0)
mask = a.less(3)
column = a.view[:, 1]
payload = a.__reduce__()
numbers = [1.0] * 50
square = Matrix.eye(20)
narrow = Matrix(300, 3, 1.0)

OPERATIONS = {
    "new": lambda: Matrix(N, N),
    "new of a list": lambda: Matrix(5, 10, numbers),
    "new of a buffer": lambda: Matrix(memoryview(a)),
    "full": lambda: Matrix.full((3, 3), 1.0),
    "eye": lambda: Matrix.eye(4),
    "vector": lambda: Matrix.vector(numbers),
    "concat": lambda: Matrix.concat([a, b, column.T.copy()]),
    "normal": lambda: Matrix.normal(size=(3, 3)),
    "add": lambda: a + b,
    "add a row": lambda: a + a.view[0],
    "add a column": lambda: a + column,
    "add a list": lambda: Matrix(1, 50) + numbers,
    "add to itself": lambda: b.copy().add(b, out=b.copy()),
    "product": lambda: a @ b,
    "fma": lambda: a.fma(b, 1.0),
    "scaled_add": lambda: a.scaled_add(2.0, b),
    "where": lambda: Matrix.where(mask, a, 0.0),
    "sum": lambda: a.sum(where=mask),
    "sum of columns": lambda: narrow.sum(0),
    "std": lambda: a.std(0),
    "argmin": lambda: a.argmin(0),
    "argmax": lambda: a.argmax(1, where=mask),
    "topk": lambda: a.topk(3, 0),
    "topk of all": lambda: a.topk(150, 1, as_matrix=True),
    "sort": lambda: a.sort(),
    "argsort": lambda: a.argsort(0),
    "cumsum": lambda: a.cumsum(),
    "vecdot": lambda: a.vecdot(column.copy(), 1),
    "normalize": lambda: a.normalize(0),
    "cross": lambda: Matrix(1, 3, 1.0).cross([1.0, 2.0, 3.0]),
    "transpose": lambda: a.T,
    "transpose in place": lambda: a.copy().transpose(in_place=True),
    "reshape": lambda: a.reshape(1, -1),
    "repeat": lambda: a.repeat_interleave(2),
    "diag": lambda: a.diag(),
    "take": lambda: a.take([1, 2]),
    "put": lambda: a.copy().put([1, 2], 5.0),
    "put itself": lambda: square.put([0], Matrix(1, 20, 1.0)),
    "get": lambda: a[1:3, ::2],
    "get a list": lambda: a[[1, 2]],
    "assign": lambda: b.__setitem__(slice(None), b.T),
    "view": lambda: a.view[1, 2:],
    "view copy": lambda: column.copy(),
    "iterate": lambda: list(narrow)[:2],
    "solve": lambda: square.solve(numbers[:20]),
    "inv": lambda: Matrix.eye(20).inv(),
    "det": lambda: square.det(),
    "digitize": lambda: a.digitize([1.0, 2.5]),
    "exp": lambda: a.exp(),
    "repr": lambda: repr(narrow),
    "str": lambda: str(narrow),
    "format": lambda: format(narrow, ".2f"),
    "float": lambda: float(a[:1, :1]),
    "isnan": lambda: a.isnan(),
    "pickle": lambda: a.__reduce__(),
    "unpickle": lambda: payload[0](*payload[1]),
    "buffer": lambda: memoryview(a).release(),
    "compare": lambda: a == [1.0],
}


def fail_at(operation, number):
    """Whether it raised MemoryError when allocation `number` failed."""
    try:
        _testcapi.set_nomemory(number, number + 1)
        try:
            operation()
        finally:
            _testcapi.remove_mem_hooks()
    except MemoryError:
        return True
    return False


def try_all(name, operation):
    """Lets one allocation after another fail, until none is left that could."""
    operation()
    failures = 0
    for number in range(200):
        if fail_at(operation, number):
            failures += 1
        elif number > failures + 8:
            break
    assert a == 2.0, name
    return failures


def left_behind(operation):
    for number in range(12):
        fail_at(operation, number)
    tracemalloc.start()
    before, _ = tracemalloc.get_traced_memory()
    for _ in range(5):
        for number in range(12):
            fail_at(operation, number)
    after, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return after - before


for name, operation in OPERATIONS.items():
    failures = try_all(name, operation)
    assert failures or name in ("put itself", "compare"), name
    left = left_behind(operation)
    assert left < 20_000, (name, left)


def give():
    m = Matrix(N, N, 1.0)
    try:
        Cown([m, 1])
    except MemoryError:
        assert m.acquired
        raise


try_all("into a cown", give)
print(len(OPERATIONS), "operations")
