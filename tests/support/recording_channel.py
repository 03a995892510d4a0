"""A channel of notifications that sends nothing."""

import attrs
import trio

from argybargy.relay.notifications.push import ChannelError, Push


@attrs.define
class RecordingChannel:
    """Records pushes instead of sending them.

    Attributes:
        label: Its name.
        failure: Why it refuses pushes; empty if it accepts them.
        takes_seconds: How long a push takes.
        pushes: The accepted pushes.
        tries: The times of all tries, in seconds since it was made.
    """

    label: str = "1 fake"
    failure: str = ""
    takes_seconds: float = 0
    pushes: list[Push] = attrs.field(factory=list)
    tries: list[float] = attrs.field(factory=list)
    _began: float = attrs.field(factory=trio.current_time)

    @property
    def titles(self) -> list[str]:
        """The titles of the accepted pushes."""
        return [push.title for push in self.pushes]

    async def send(self, push: Push) -> None:
        self.tries.append(round(trio.current_time() - self._began, 3))
        await trio.sleep(self.takes_seconds)
        if self.failure:
            raise ChannelError(self.failure)
        self.pushes.append(push)
