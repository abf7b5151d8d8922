"""What can happen to a message on its way."""

from __future__ import annotations

from neronet.errors import NotifyError


class Lasting(NotifyError):
    """No server mends it by itself: a wrong password, a certificate that is not valid."""


class Unsure(NotifyError):
    """It was handed over, and no answer came: it may have arrived."""


class Withdrawn(NotifyError):
    """The engine ends, or gave the lease away, before the message was handed over: the next one sends it."""
