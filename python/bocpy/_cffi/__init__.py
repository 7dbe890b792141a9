"""bocpy's core by cffi, which is `_core` where the extension in C is not available.

On PyPy, and on CPython by BOCPY_CORE=cffi. Workers are threads of the one interpreter
and values are references: backend `threads`. `_core_cffi` has the names of `_core.pyi`;
docs/guide/backends.md lists the differences.

    base      the module in C, the thread's own state, timeouts, pointers to objects
    waiting   waits that signals end, while the main thread runs pinned behaviors
    failure   exceptions that nobody has looked at
    codec     copies for the noticeboard; pickled cowns
    cown      Cown, PinnedCown, read
    acquire   cowns held outside of behaviors
    arguments, behavior   when, whencall, and how a body is run
    pump      the main thread's lane
    mailbox, notices
    runtime   states, start, quiescence, the end of the program
    start_options   what start() takes
    fork      ends the workers for a fork; what a child forgets
"""
