"""A connection that nobody can hold on to: what does not arrive in time, or is not fetched, is given up."""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol

PATIENCE = 30.0
"""Seconds in which a request must arrive, and in which an answer must be fetched."""
MOST = 256
"""Connections at a time; one more, and the one that has kept the server waiting longest is closed."""
_LOOKS = 10
"""How often each looks at the clock in that time."""


class Connection(H11Protocol):
    """HTTP/1.1 as uvicorn speaks it, which bounds headers, but neither the time of a request nor the connections."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._waits_since = self.loop.time()
        self._look: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin, in the place of another if there are too many."""
        super().connection_made(transport)
        self._look_later()
        if len(self.connections) > MOST:
            waiting = [each for each in self.connections if isinstance(each, Connection) and not each._is_working]
            oldest = min(waiting, key=lambda each: each._waits_since, default=self)
            # At once, since the loop may accept many more before it tells this one that it is lost.
            self.connections.discard(oldest)
            oldest.transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """End."""
        if self._look:
            self._look.cancel()
        super().connection_lost(exc)

    def on_response_complete(self) -> None:
        """Wait for the answer to be fetched, and for the next request."""
        self._waits_since = self.loop.time()
        super().on_response_complete()

    @property
    def _is_working(self) -> bool:
        """Whether a request is here as a whole, and the server owes its answer."""
        cycle: Any = self.cycle  # None before the first request
        return cycle is not None and not cycle.more_body and not cycle.response_complete

    def _look_later(self) -> None:
        self._look = self.loop.call_later(PATIENCE / _LOOKS, self._check)

    def _check(self) -> None:
        now = self.loop.time()
        if self._is_working:
            self._waits_since = now
        if now - self._waits_since > PATIENCE:
            self.transport.abort()
        else:
            self._look_later()
