"""Decode lists of rooms, of one code."""

from collections.abc import Sequence

from argybargy.domain.limits import Limits
from argybargy.domain.names import NAME_RULE, is_name, room_key
from argybargy.web.codec.operator_bodies import InviteRequest
from argybargy.web.codec.validation_errors import ValidationErrors


def invited_rooms(
    rooms: Sequence[str] | None, room: str, limits: Limits
) -> tuple[str, ...]:
    """Return the rooms of an invitation, the first room of the code first.

    Raises:
        RelayError: ``invalid_request``.
    """
    if rooms is None:
        return (room,)
    errors, most = ValidationErrors(), limits.rooms_per_code
    is_wrong = not 1 <= len(rooms) <= most
    errors.check("rooms", f"1 to {most} rooms", is_wrong=is_wrong)
    is_wrong = not all(is_name(each) for each in rooms[:most])
    errors.check("rooms", NAME_RULE, is_wrong=is_wrong)
    is_wrong = len({room_key(each) for each in rooms}) < len(rooms)
    errors.check("rooms", "each room once", is_wrong=is_wrong)
    is_twice = room not in {_DEFAULT_ROOM, *rooms[:1]}
    errors.check("room", "either 'room' or 'rooms'", is_wrong=is_twice)
    errors.raise_any()
    return tuple(rooms)


_DEFAULT_ROOM = InviteRequest(name="").room
