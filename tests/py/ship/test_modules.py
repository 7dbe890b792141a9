"""Modules of the standard library in bodies, extension modules above all.

On 3.12 some of them corrupt the main interpreter if a worker imports them first, and
some refuse sub-interpreters. All others must work, also at the end of the program.
"""

import sys

import pytest
from harness import LIMIT

# Modules that a body may import first, and code that uses them.
USES = {
    "array": "array.array('i', [1, 2]).tolist() == [1, 2]",
    "asyncio": "asyncio.run(asyncio.sleep(0, 7)) == 7",
    "base64": "base64.b64encode(b'a') == b'YQ=='",
    "bz2": "bz2.decompress(bz2.compress(b'a')) == b'a'",
    "collections": "collections.Counter('aa')['a'] == 2",
    "csv": "list(csv.reader(['a,b'])) == [['a', 'b']]",
    "datetime": "datetime.date(2024, 2, 29).isoformat() == '2024-02-29'",
    "decimal": "str(decimal.Decimal('0.1') + decimal.Decimal('0.2')) == '0.3'",
    "fractions": "fractions.Fraction(2, 4).denominator == 2",
    "hashlib": "len(hashlib.sha256(b'a').hexdigest()) == 64",
    "heapq": "heapq.nsmallest(1, [2, 1]) == [1]",
    "inspect": "inspect.isfunction(inspect.isfunction)",
    "io": "io.StringIO('a').read() == 'a'",
    "json": "json.loads('[1]') == [1]",
    "logging": "logging.getLogger('x').name == 'x'",
    "lzma": "lzma.decompress(lzma.compress(b'a')) == b'a'",
    "math": "math.isclose(math.pi, 3.14159, rel_tol=1e-5)",
    "multiprocessing": "multiprocessing.cpu_count() > 0",
    "pathlib": "pathlib.PurePath('a', 'b').name == 'b'",
    "pickle": "pickle.loads(pickle.dumps([1])) == [1]",
    "queue": "queue.SimpleQueue().empty()",
    "random": "random.Random(1).random() == random.Random(1).random()",
    "re": "re.findall('a+', 'baa') == ['aa']",
    "select": "hasattr(select, 'select')",
    "socket": "socket.inet_aton('127.0.0.1') == bytes([127, 0, 0, 1])",
    "sqlite3": "sqlite3.connect(':memory:').execute('select 1').fetchone() == (1,)",
    "ssl": "ssl.OPENSSL_VERSION != ''",
    "statistics": "statistics.mean([1, 3]) == 2",
    "string": "string.Template('$a').substitute(a=1) == '1'",
    "struct": "struct.pack('<H', 1) == bytes([1, 0])",
    "tempfile": "tempfile.gettempdir() != ''",
    "threading": "threading.Lock().acquire(False)",
    "tokenize": "tokenize.NAME > 0",
    "unicodedata": "unicodedata.name('a') == 'LATIN SMALL LETTER A'",
    "urllib.parse": "urllib.parse.quote('a b') == 'a%20b'",
    "uuid": "uuid.UUID(int=1).int == 1",
    "zlib": "zlib.decompress(zlib.compress(b'a')) == b'a'",
}

PROGRAM = """\
from bocpy import Cown, wait, when

def use(name, expression):
    @when(Cown(1))
    def result(c):
        space = {}
        exec("import " + name, space)
        return bool(eval(expression, space))
    return result.unwrap(timeout=50)
"""


@pytest.mark.parametrize("name", ["hashlib", "ssl", "asyncio", "decimal", "datetime"])
def test_a_body_is_the_first_to_import(program, backend, name):
    done = program(PROGRAM + f"print(use({name!r}, {USES[name]!r}))\nwait()")
    assert done.lines == ["True"]


def test_every_module(program, backend):
    done = program(
        PROGRAM
        + f"for name, expression in {USES!r}.items():\n"
        + "    try:\n"
        + "        print(name, use(name, expression))\n"
        + "    except Exception as error:\n"
        + "        print(name, type(error).__name__, error)\n"
    )
    assert done.lines == [f"{name} True" for name in USES]


def test_modules_that_the_main_program_uses_too(program, backend):
    names = ", ".join(sorted({name.partition(".")[0] for name in USES}))
    done = program(
        f"import {names}, urllib.parse\n"
        + PROGRAM
        + f"print(all(use(n, e) and eval(e) for n, e in {USES!r}.items()))\n"
    )
    assert done.lines == ["True"]


@pytest.mark.parametrize("times", [1, 3])
def test_threads_in_bodies(program, backend, times):
    done = program(
        f"""
        import threading
        from bocpy import Cown, wait, when

        def run(c):
            seen = []
            threads = [threading.Thread(target=seen.append, args=(n,))
                       for n in range(5)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            c.value += len(seen)

        c = Cown(0)
        for _ in range({times}):
            when(c)(run)
        wait()
        print(c.unwrap())
        """
    )
    assert done.lines == [str(5 * times)]


def test_scheduling_on_a_thread_of_a_body(program, backend):
    done = program(
        """
        import threading
        from bocpy import Cown, wait, when

        c = Cown(0)

        @when()
        def outer():
            def work():
                @when(c)
                def _(c):
                    c.value += 1
            thread = threading.Thread(target=work)
            thread.start()
            thread.join()

        wait()
        outer.unwrap()
        print(c.unwrap())
        """
    )
    assert done.lines == ["1"]


def test_a_pool_of_threads_in_a_body(program, backend):
    done = program(
        """
        from concurrent.futures import ThreadPoolExecutor
        from bocpy import when

        @when()
        def total():
            with ThreadPoolExecutor(2) as pool:
                return sum(pool.map(abs, range(-10, 0)))

        print(total.unwrap(timeout=50))
        """
    )
    assert done.lines == ["55"]


def test_logging_in_bodies(program, backend):
    done = program(
        """
        import logging
        from bocpy import wait, when

        @when()
        def _():
            logging.basicConfig(level=logging.INFO, format="%(name)s:%(message)s")
            logging.getLogger("mine").info("from the body")

        wait()
        """
    )
    assert done.err == "mine:from the body\n"


def test_the_thread_of_a_body_is_forgotten_in_the_end(program, backend):
    """Workers are threads that the threading module has not started."""
    done = program(
        """
        import logging
        from bocpy import wait, when

        logging.basicConfig(format="%(threadName)s")

        @when()
        def _():
            import logging
            logging.warning("as its record has the name of the thread")

        wait()
        """
    )
    assert len(done.err.splitlines()) == 1


def test_warnings_in_bodies(program, backend):
    done = program(
        """
        import warnings
        from bocpy import wait, when

        @when()
        def result():
            warnings.warn("careful", stacklevel=1)

        wait()
        result.unwrap()
        """
    )
    assert "UserWarning: careful" in done.err


def test_finalizers_and_collection_in_bodies(program, backend):
    done = program(
        """
        import gc
        from bocpy import Cown, wait, when

        class Noisy:
            def __del__(self):
                print("gone", flush=True)

        c = Cown(None)

        @when(c)
        def _(c):
            loop = Noisy()
            loop.self = loop
            del loop
            gc.collect()

        wait()
        print("end")
        """
    )
    assert done.lines == ["gone", "end"]


if sys.version_info >= (3, 13):

    def test_extension_modules_of_313(program, backend):
        done = program(
            PROGRAM
            + "print(use('ctypes', 'ctypes.sizeof(ctypes.c_int) >= 2'))\n"
            + "print(use('pyexpat', 'pyexpat.ParserCreate() is not None'))\n",
            timeout=LIMIT,
        )
        assert done.lines == ["True", "True"]


def test_a_module_that_another_thread_has_half_imported(program, backend, tmp_path):
    """A body imports the module itself, not the names that it has so far."""
    (tmp_path / "slow.py").write_text("import time\ntime.sleep(0.5)\nX = 1\n")
    done = program(
        """
        import sys, threading, time
        from bocpy import wait, when

        def body():
            import slow
            return slow.X

        when()(lambda: None).result()  # a worker has started
        thread = threading.Thread(target=lambda: __import__("slow"))
        thread.start()
        while "slow" not in sys.modules:
            time.sleep(0.001)
        print([result.unwrap(30) for result in [when()(body) for _ in range(4)]])
        thread.join()
        wait()
        """
    )
    assert done.out == "[1, 1, 1, 1]\n"
