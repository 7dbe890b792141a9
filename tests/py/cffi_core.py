"""The tests that bocpy's core by cffi does not run, and why: the whole list.

docs/guide/backends.md has the same as a table. All other tests run, on CPython by
BOCPY_CORE=cffi and on PyPy.
"""

#: Whole files and folders that test what this core does not have.
FILES = {
    "bocpy_distributed": "bocpy.distributed, which ships by the extension's codec",
    "tools": "tools of others beside the extension's workers",
    "test_codec.py": "the codec of the extension",
    "test_codec_any.py": "the codec of the extension",
    "test_codec_edges.py": "the codec of the extension",
    "test_class_encodings.py": "the codec of the extension",
    "test_extension.py": "bocpy.h: hooks of other extensions",
    "test_handle_size.py": "its memory and speed",
    "test_large_values.py": "buffers that move between interpreters",
    "test_matrix*.py": "Matrix",
    "test_memory_after_burst.py": "its memory and speed",
    "test_ship.py": "the codec of the extension, which tests ask what it shipped",
    "test_shipment.py": "the codec of the extension, which tests ask what it shipped",
    "test_structures.py": "the codec of the extension",
}

#: Tests, by the beginning of their names.
TESTS = {
    "test_cycles.py::TestByReference::test_an_unread": "prompt report of a failure",
    "test_backends.py::test_the_default": "backend interpreters",
    "test_build.py::test_every_module_loads": "interpreters with a GIL of their own",
    "test_build.py::test_the_runtime_is_refused": "sub-interpreters",
    "test_docs.py::test_public_callables_have_an_example[threads-Matrix": "Matrix",
    "test_docs.py::test_public_callables_have_an_example[Matrix": "Matrix",
    "test_examples.py::test_each_example_is_right[threads-boids": "Matrix",
    "test_examples.py::test_each_example_is_right[threads-heat": "Matrix",
    "test_examples.py::test_the_birds_on_a_terminal": "Matrix",
    "test_examples.py::test_each_example_is_right[threads-product": "Matrix",
    "test_examples.py::test_the_product_fuses_when_asked": "Matrix",
    "test_guide.py::test_program[docs/guide/matrix.md": "Matrix",
    "test_guide.py::test_program[docs/guide/testing.md:8": "backend interpreters",
    "test_cancel_at_step.py::test_at_each_step[threads-runs_asyn": "no scope counts it",
    "test_command_line.py::test_info_tells_of_packages": "backend interpreters",
    "test_program_exit.py::test_a_million_pending_behaviors": "its memory and speed",
    "test_handles.py::test_more_arguments_by_name": "a cache of the extension",
    "test_leaks.py::test_functions_shared_by_calls": "a cache of the extension",
    "test_scope_loops.py::test_a_scope_counts_asynchronous": "no scope counts it",
    "test_scope_loops.py::test_a_timeout_names_asynchronous": "no scope counts it",
    "test_scope_loops.py::test_a_cancelled_scope_starts_no": "no scope counts it",
    "test_scope_loops.py::test_a_failed_asynchronous_behavior": "no scope counts it",
    "test_scope_loops.py::test_an_asynchronous_body_sees": "no scope counts it",
    "test_scope_properties.py::test_leaving_a_block_in_an_event": "no scope counts it",
    "test_signals.py::test_no_signal_is_lost": "a signal that a worker takes: 50 ms",
    "test_signals.py::test_a_sampling_profiler_sees": "a signal that a worker takes",
}

#: Tests that PyPy alone does not run: its collector decides when objects end.
TESTS_ON_PYPY = {
    "test_failure_reports.py::test_counts_are_printed_period": "the collector",
    "test_loop_leaks.py::test_": "the collector",
    "test_loop_lives.py::test_a_closed_loop_cancels": "the collector",
    "test_loop_lives.py::test_a_scope_of_a_closed_loop": "the collector",
    "test_loop_lives.py::test_a_loop_that_is_closed_with_waiters": "the collector",
    "test_executor.py::test_handlers_of_signals_submit": "a handler amid an addition",
    "test_finalizers.py::test_a_finalizer_enters_a_scope_while": "the collector",
    "test_finalizers.py::test_finalizers_of_what_a_worker_kept": "the collector",
    "test_handlers.py::test_no_wait_of_the_main": "a lock at each import statement",
    "test_handlers.py::test_a_handler_that_interrupts_a_report": "a handler in a call",
    "test_leaks.py::test_a_refused_schedule_leaves_no_references": "sys.getrefcount",
    "test_messages.py::test_drained_contents_are_given_up": "the collector",
    "test_pinned.py::test_the_value_dies_with": "the collector",
    "test_pinned.py::test_the_value_dies_on_the_main_thread": "the collector",
    "test_pinned.py::test_a_replaced_value_dies": "the collector",
    "test_pinned.py::test_a_finalizer_in_the_pump": "the collector",
    "test_thread_ends.py::test_": "the collector",
    "test_timers.py::test_what_was_captured_is_dropped": "the collector",
    "test_timers.py::test_a_fork_is_refused": "no audit event of a fork",
}

#: How the row of the table in docs/guide/backends.md begins that tells users of what a
#: test does not run for; None where nothing is different for them.
ROWS = {
    "Matrix": "no `Matrix`",
    "a handler in a call": "PyPy: such a handler may interrupt",
    "a lock at each import statement": "PyPy: such a handler may interrupt",
    "a handler amid an addition": "PyPy: a handler of a signal that submits",
    "a cache of the extension": None,
    "a signal that a worker takes": "a signal that is delivered to a worker",
    "a signal that a worker takes: 50 ms": "a signal that is delivered to a worker",
    "backend interpreters": "no backend `interpreters`",
    "bocpy.distributed, which ships by the extension's codec": "no `bocpy.distributed`",
    "bocpy.h: hooks of other extensions": "no hooks for extension types",
    "buffers that move between interpreters": "no backend `interpreters`",
    "interpreters with a GIL of their own": "no backend `interpreters`",
    "its memory and speed": "on CPython a behavior costs",
    "no audit event of a fork": "PyPy: a fork while",
    "no scope counts it": "scopes do not count behaviors",
    "prompt report of a failure": "PyPy: a failure whose result was dropped",
    "sub-interpreters": "no backend `interpreters`",
    "sys.getrefcount": None,
    "the codec of the extension": "no backend `interpreters`",
    "the codec of the extension, which tests ask what it shipped": "no backend",
    "the collector": "PyPy: the value of a dropped cown",
    "tools of others beside the extension's workers": "coverage.py, profilers",
}

#: Python's own texts about a call, which differ for functions in C.
WORDED_BY_PYTHON = (
    r"exactly|missing|given\)|\bpos \d|unexpected keyword|got several|takes|bocpy\.|"
    r"not callable|not writable|not subscriptable|has no len|not iterable|setter"
)
