"""A sub-interpreter that runs shipped functions, for tests of bocpy._ship alone.

`There().call(function, *arguments)` describes the function here, passes the published
log and the pickled arguments as bytes, runs the function there, and returns its result,
or raises `Failed` with the traceback. It uses nothing else of bocpy: the log is a list,
and there is no worker.
"""

import contextlib
import itertools
import marshal
import os
import sys
import tempfile

from bocpy import _ship


class Failed(Exception):
    """The call raised; the text is the traceback from the other interpreter."""


class Log:
    """The log of one interpreter: what it has published, and what it has received."""

    def __init__(self):
        self.records = []

    def _publish(self, module, name, blob):
        assert type(module) is type(name) is str
        assert type(blob) is bytes
        self.records.append((module, name, blob))

    def _published_since(self, version):
        return len(self.records), self.records[version:]


LOG = Log()
_ship.set_backend(LOG)

SCRIPT = """
import sys
sys.path[:] = {path!r}
import shipping
shipping.serve({file!r})
"""


def make_interpreter():
    """Makes a sub-interpreter; returns a function that runs source text in it, and one
    that ends it."""
    if sys.version_info >= (3, 14):
        from concurrent import interpreters

        made = interpreters.create()
        return made.exec, made.close
    if sys.version_info >= (3, 13):
        import _interpreters as module
    else:
        import _xxsubinterpreters as module
    identity = module.create()
    return (
        lambda source: module.run_string(identity, source),
        lambda: module.destroy(identity),
    )


class There:
    """Another interpreter of this process."""

    def __init__(self):
        self.run, self.end = make_interpreter()
        self.told = 0
        self.files = itertools.count()
        self.directory = tempfile.mkdtemp()
        self.shipments = {}

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.end()

    def describe(self, function):
        """Describes a function once, and refreshes it after changes, as the scheduler
        does."""
        shipment = self.shipments.get(function.__code__)
        if shipment is None:
            _ship.check_body(function)
            shipment = self.shipments[function.__code__] = _ship.describe(function)
            _ship.refresh(shipment)
        for (names, name), seen in zip(shipment.watch, shipment.seen, strict=True):
            if names.get(name, _ship.MISSING) is not seen:
                _ship.refresh(shipment)
                break
        return shipment

    def call(self, function, *arguments):
        function, extra, keywords = _ship.normalize(function)
        shipment = self.describe(function)
        cells = [cell.cell_contents for cell in function.__closure__ or ()]
        captures = (
            cells,
            function.__defaults__,
            function.__kwdefaults__,
            (*extra, *arguments),
            keywords,
        )
        data, buffers = _ship.dumps(captures)
        buffers = None if buffers is None else [bytes(b.raw()) for b in buffers]
        return self.exchange(shipment.blob, data, buffers)

    def exchange(self, blob, data, buffers):
        file = os.path.join(self.directory, str(next(self.files)))
        news = LOG.records[self.told :]
        with open(file, "wb") as stream:
            marshal.dump((news, blob, data, buffers), stream)
        self.run(SCRIPT.format(path=[os.path.dirname(__file__), *sys.path], file=file))
        with open(file + ".out", "rb") as stream:
            ok, result, buffers, published = marshal.load(stream)
        LOG.records += published
        self.told = len(LOG.records)
        if not ok:
            raise Failed(result)
        return _ship.loads(result, buffers)


def serve(file):
    """Runs one call; in the other interpreter."""
    with open(file, "rb") as stream:
        news, blob, data, buffers = marshal.load(stream)
    _ship.start_worker()
    LOG.records += news
    before = len(LOG.records)
    try:
        result, buffers = _ship.dumps(run(blob, data, buffers))
        buffers = None if buffers is None else [bytes(b.raw()) for b in buffers]
        answer = (True, result, buffers, LOG.records[before:])
    except BaseException:
        import traceback

        answer = (False, traceback.format_exc(), None, LOG.records[before:])
    with open(file + ".out", "wb") as stream:
        marshal.dump(answer, stream)


def run(blob, data, buffers):
    function = _ship.build(blob)
    captures = _ship.loads(data, buffers)
    contents, function.__defaults__, function.__kwdefaults__, arguments, keywords = (
        captures
    )
    for cell, held in zip(function.__closure__ or (), contents, strict=True):
        cell.cell_contents = held
    try:
        return function(*arguments, **keywords)
    except NameError as error:
        name = getattr(error, "name", None)
        with contextlib.suppress(TypeError):
            reason = _ship.explain(name, function.__globals__)
            if reason:
                raise NameError(reason) from error
        raise
