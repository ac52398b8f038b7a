"""What is logged and counted while a service that we lean on is away: a line per cause, not per request."""

import asyncio
import logging
from dataclasses import dataclass, field

from contexts.shared.unavailable import Unavailable
from gateway import metrics

LINE_SECONDS = 10.0
"""How often a line tells how many requests have failed since; after as long without one it is taken to be over."""

log = logging.getLogger(__name__)

_Cause = tuple[str, str]


@dataclass(slots=True)
class Outages:
    """Those of one process, as its requests meet them. To be used inside its event loop."""

    line_seconds: float = LINE_SECONDS
    _since: dict[_Cause, int] = field(default_factory=dict)
    """Causes that somebody met lately, with how many met them since the last line."""

    def met(self, fault: Unavailable) -> None:
        """One request more that could not be answered."""
        metrics.unavailable.labels(fault.service).inc()
        cause = (fault.service, fault.reason)
        if cause in self._since:
            self._since[cause] += 1
            return
        log.error("the %s is away: requests are answered 503. %s", fault.service, str(fault)[:300])
        self._since[cause] = 0
        self._look_later(cause)

    def _look_later(self, cause: _Cause) -> None:
        asyncio.get_running_loop().call_later(self.line_seconds, self._look, cause)

    def _look(self, cause: _Cause) -> None:
        service, reason = cause
        if (more := self._since[cause]) > 0:
            log.error("the %s is still away (%s): %d requests more", service, reason, more)
            self._since[cause] = 0
            self._look_later(cause)
        else:
            del self._since[cause]
            log.info("no request fails for want of the %s any more (%s)", service, reason)
