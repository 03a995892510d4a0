"""ASGI 3 types, as narrow as this package needs them."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

Scope = dict[str, Any]
Message = Mapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

Fields = list[tuple[bytes, bytes]]
"""Header fields in order of arrival, with names in lower case."""
