"""The tests that bocpy's core by cffi does not run, and why: the whole list.

docs/guide/backends.md has the same as a table. All other tests run, on CPython by
BOCPY_CORE=cffi and on PyPy.
"""

#: Whole files and folders that test what this core does not have.
FILES = {
    "test_context.py": "context variables are the worker's",
    "test_await.py": "bocpy.aio: event loops are told by the extension",
    "clusters": "bocpy.distributed, which ships values by the codec of the extension",
    "test_codec.py": "the codec of the extension",
    "test_codec_any.py": "the codec of the extension",
    "test_codec_edges.py": "the codec of the extension",
    "test_extension.py": "bocpy.h: hooks of other extensions",
    "test_large_values.py": "buffers that move between interpreters",
    "test_matrix*.py": "Matrix",
    "test_threads.py": "workers that threading knows by name",
    "test_bulk.py": "`atomically`, and results that event loops are told of",
    "test_web.py": "bocpy.aio, in the examples",
    "test_plain.py": "globals are not copied when a behavior is scheduled",
    "test_scope*.py": "scopes: `behaviors`, `Scope`",
    "test_ship.py": "the codec of the extension, which tests ask what it shipped",
}

#: Tests, by the beginning of their names.
TESTS = {
    "test_backends.py::test_the_default": "backend interpreters",
    "test_build.py::test_every_module_loads": "interpreters with a GIL of their own",
    "test_build.py::test_the_runtime_is_refused": "sub-interpreters",
    "test_docs.py::test_what_can_be_called_has_an_example[threads-Matrix": "Matrix",
    "test_docs.py::test_what_can_be_called_has_an_example[Matrix": "Matrix",
    "test_command_line.py::test_info_tells_of_packages": "backend interpreters",
    "test_docs.py::test_example[threads-propagate": "context variables",
    "test_guide.py::test_program[docs/guide/workers.md": "context variables",
    "test_docs.py::test_example[threads-behaviors": "scopes",
    "test_docs.py::test_example[threads-cancelled": "scopes",
    "test_docs.py::test_example[threads-checkpoint": "scopes",
    "test_docs.py::test_what_can_be_called_has_an_example[threads-Scope": "scopes",
    "test_docs.py::test_example[threads-Scope": "scopes",
    "test_docs.py::test_example[threads-atomically": "atomically",
    "test_docs.py::test_example[threads-as_completed": "results told to others",
    "test_cown.py::test_orphan_pickles_leak": "handles end with their last use",
    "test_pump.py::test_raise_on_error_stops": "the pump goes on to its end",
    "test_raise_failures.py::test_what_nobody_looked_at_is_raised": "kept by `value`",
    "test_ends.py::test_a_million_pending_behaviors": "its memory and speed",
    "test_examples.py::test_it_finds_its_result_right[threads-boids": "Matrix",
    "test_examples.py::test_it_finds_its_result_right[threads-heat": "Matrix",
    "test_examples.py::test_the_birds_on_a_terminal": "Matrix",
    "test_examples.py::test_it_finds_its_result_right[threads-product": "Matrix",
    "test_globals.py::test_names_of_a_module_are_snapshots": "globals are not copied",
    "test_globals.py::test_pending_behaviors_see_what_was": "globals are not copied",
    "test_globals.py::test_names_looked_up_while_running": "globals are not copied",
    "test_globals.py::test_what_a_body_assigns": "globals are not copied",
    "test_globals.py::test_pinned_cowns": "globals are not copied",
    "test_globals.py::test_loops_keep_no_memory": "globals are not copied",
    "test_guide.py::test_program[docs/guide/awaiting.md": "bocpy.aio",
    "test_guide.py::test_program[docs/guide/matrix.md": "Matrix",
    "test_guide.py::test_program[docs/guide/scopes.md": "scopes",
    "test_guide.py::test_program[docs/guide/testing.md:8": "backend interpreters",
    "test_guide.py::test_program[docs/guide/ownership.md:18": "globals are not copied",
    "test_guide.py::test_program[docs/guide/web.md": "bocpy.aio",
    "test_leaks.py::test_what_calls_by_reference_share": "a cache of the extension",
    "test_messages.py::test_send_takes_two": "Python words it",
    "test_signals.py::test_no_signal_is_lost": "a signal that a worker takes: 50 ms",
    "test_signals.py::test_a_sampling_profiler_sees": "a frame of the core is on top",
}

#: Tests that PyPy alone does not run: its collector decides when objects end.
TESTS_ON_PYPY = {
    "test_messages.py::test_drained_contents_are_given_up": "the collector",
    "test_pinned.py::test_the_value_dies_with": "the collector",
    "test_pinned.py::test_it_dies_on_the_main_thread": "the collector",
    "test_pinned.py::test_a_replaced_value_dies": "the collector",
    "test_pinned.py::test_what_dies_in_the_pump": "the collector",
}

#: Python's own texts about a call, which differ for functions in C.
WORDED_BY_PYTHON = (
    r"exactly|missing|given\)|\bpos \d|unexpected keyword|got several|takes|bocpy\.|"
    r"not callable|not writable|not subscriptable|has no len|not iterable|setter"
)
