"""The fake's applications: which socket has which, what it lets through, and how late a closed one is torn down."""

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.fake.wire import FakeLink

OF_ITS_OWN = {"timestamp": "2021-09-15T09:00:00.000+0800"}


class Applications:
    """Each has one socket, or none."""

    def __init__(self, later: Callable[[float, Callable[[], None]], object]) -> None:
        self._later = later
        self.links: dict[str, FakeLink] = {}
        self.filters: dict[str, set[str]] = {}
        self.torn_down_after = 0.0
        """Seconds after a socket has closed; its application goes with it, and has another socket by then, perhaps."""

    def register(self, link: "FakeLink") -> None:
        """A socket for an application: its only one from now on, with no filter."""
        old = self.links.get(link.app)
        self.links[link.app] = link
        self.filters.pop(link.app, None)
        if old is not None:
            old.deliver("application", {"type": "ApplicationReplaced", "application": link.app, "timestamp": ""})

    def unregister(self, link: "FakeLink") -> None:
        """A socket has closed."""
        if self.links.get(link.app) is not link:
            return
        if self.torn_down_after:
            self._later(self.torn_down_after, lambda: self._tear_down(link.app))
        else:
            self._tear_down(link.app)

    def _tear_down(self, app: str) -> None:
        self.links.pop(app, None)

    def clear(self) -> None:
        """Asterisk has died."""
        for link in tuple(self.links.values()):
            link.breaks()
        self.links.clear()

    def hears(self, app: str, kind: str) -> bool:
        """The application's filter lets this kind of frame through, replies too."""
        allowed = self.filters.get(app)
        return allowed is None or kind in allowed

    def listener(self, app: str | None, kind: str) -> "FakeLink | None":
        """Who is to be sent this."""
        return self.links.get(app) if app is not None and self.hears(app, kind) else None

    def echo(self, app: str, event: str) -> None:
        """An event that was asked for, without a channel."""
        link = self.listener(app, "ChannelUserevent")
        if link is not None:
            frame = {"type": "ChannelUserevent", "application": app, "eventname": event, "userevent": {}}
            link.deliver("application", frame | OF_ITS_OWN)
