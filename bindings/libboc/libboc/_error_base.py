"""What all exceptions of libboc have in common."""

from __future__ import annotations


class Error(Exception):
    """A status of libboc that is not BOC_OK.

    status: its name, such as "BOC_FULL".
    text: what the library says of it.
    """

    status = ""
    text = ""

    def __init__(self, message: str = "") -> None:
        super().__init__(message or self.text)


class Outcome(Error):
    """The call did its work, and this is the answer."""


class Refusal(Error):
    """The call did nothing; nothing has changed."""
