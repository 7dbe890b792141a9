"""Exceptions of bodies: how they travel, and what becomes of those that nobody reads.

`exception_codec` takes an exception apart for other interpreters, `tracebacks` its
traceback. `raise_unread` raises together the exceptions that nobody has read,
`report_unread` reports them. `cancelled_error` has that of cancelled behaviors.
"""
