"""What a command cannot do for the user; the message is all that is shown, the exit code is 2."""

from __future__ import annotations


class Failure(Exception):
    """A user's mistake, or something of theirs that is missing."""
