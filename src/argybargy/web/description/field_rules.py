"""JSON Schema rules of fields, beyond their types.

They repeat in JSON Schema what :mod:`argybargy.web.codec.decode` and
:mod:`argybargy.web.codec.posts` enforce; the suite in ``tests/schema`` sends generated
requests to hold both to each other.
"""

from collections.abc import Iterable
from typing import Any, Final

from argybargy.domain.capabilities import CAN, MAX_WORDS, WORD_PATTERN
from argybargy.domain.choices import LEAST_CHOICES
from argybargy.domain.cursors import Since
from argybargy.domain.durations import MAX_LIFETIME_SECONDS
from argybargy.domain.limits import MAX_SEQ, Limits
from argybargy.domain.names import (
    ANYONE,
    EVERYONE,
    NAME_PATTERN,
    NOBODY,
    OPERATOR,
    RESERVED_PEER_NAMES,
)
from argybargy.domain.wake_hooks import MAX_URL_CHARS
from argybargy.relay.overview.overview import OVERVIEW_MESSAGES
from argybargy.web.codec.decode import NEVER_GIVEN

Schema = dict[str, Any]

NULL: Final[Schema] = {"type": "null"}
EMPTY: Final[Schema] = {"const": ""}
"""An empty value, which means the same as no value."""
SEQ: Final[Schema] = {"type": "integer", "minimum": 0, "maximum": MAX_SEQ}
COUNT: Final[Schema] = {"type": "integer", "minimum": 1, "maximum": 10**16 - 1}
"""A requested number of items; one above the limit is reduced to it."""
NAME: Final[Schema] = {"type": "string", "pattern": f"^{NAME_PATTERN}$"}
SPACED: Final[Schema] = {"type": "string", "pattern": rf"^\s*{NAME_PATTERN}\s*$"}
"""A name with optional space around it, which is stripped."""
WORD: Final[Schema] = {"type": "string", "pattern": f"^{WORD_PATTERN}$"}
BLANK: Final[Schema] = {"type": "string", "pattern": r"^\s*$"}


def _name_but(reserved: Iterable[str], name: Schema = SPACED) -> Schema:
    return name | {"not": {"enum": sorted(reserved)}}


AGENT: Final = _name_but(NEVER_GIVEN, NAME)
_NEVER_SPEAK: Final = RESERVED_PEER_NAMES - {OPERATOR, "admin"}
SPEAKER: Final = _name_but(_NEVER_SPEAK, NAME)
BY: Final = _name_but(_NEVER_SPEAK)
ADDRESSEE: Final = _name_but(NEVER_GIVEN - {OPERATOR})
ADDRESSEE_OR_ALL: Final = _name_but(NEVER_GIVEN - {OPERATOR, EVERYONE})
ASKED: Final = _name_but(NEVER_GIVEN - {OPERATOR, ANYONE, NOBODY})
_NEVER_ASKED: Final = NEVER_GIVEN - {OPERATOR, ANYONE}
_WAIT: Final[Schema] = {"minimum": 0, "maximum": 10**9}


CALL: Final[Schema] = {
    "type": "string",
    "pattern": rf"^\s*{CAN}{WORD_PATTERN}\s*$",
}
"""The address of all peers with a capability."""


def path_rules() -> dict[str, Schema]:
    """Return the rules of path parameters, by name."""
    return {"seq": SEQ, "room": NAME}


def type_rules() -> dict[str, Schema]:
    """Return the rules of types that no rule of one field expresses, by name."""
    # Also: only questions offer choices, and only one of the offered choices is taken.
    draft = {"anyOf": [{"required": ["text"]}, {"required": ["choice", "reply_to"]}]}
    return dict.fromkeys(("PostRequest", "AskRequest", "SayRequest"), draft)


def field_rules(limits: Limits) -> dict[tuple[str, str], Schema]:
    """Return the rules of fields, by the names of the type and the field."""
    before = {"anyOf": [SEQ, EMPTY, NULL]}
    text: Schema = {
        "minLength": 1,
        "maxLength": limits.text_chars,
        "pattern": r"^[^\u0000]*$",
    }
    several: Schema = {
        "type": "array",
        "items": {"anyOf": [ADDRESSEE, CALL]},
        "minItems": 1,
        "maxItems": limits.addressees,
    }
    draft: dict[str, Schema] = {
        "text": text,
        "to": {"anyOf": [ADDRESSEE_OR_ALL, CALL, several, {"const": [EVERYONE]}]},
        # A capability in `expects_reply` must be in `to`, which JSON Schema cannot say.
        "expects_reply": {"anyOf": [ASKED, CALL, BLANK, NULL]},
        "reply_to": {"anyOf": [SEQ | {"minimum": 1}, NULL]},
        "choices": {"anyOf": [_several_choices(limits), {"const": []}]},
        "choice": {"anyOf": [_choice(limits), BLANK, NULL]},
        "room": {"anyOf": [NAME, NULL]},
    }
    # The grammar of a search is more than JSON Schema can express: only its length.
    search: dict[str, Schema] = {
        "q": {"minLength": 1, "maxLength": limits.search_chars},
        "limit": COUNT,
        "before": before,
    }
    label = {"anyOf": [_printable(limits.capabilities_chars), NULL]}
    words: Schema = {"type": "array", "items": WORD, "maxItems": MAX_WORDS}
    rooms: Schema = {
        "type": "array",
        "items": NAME,
        "minItems": 1,
        "maxItems": limits.rooms_per_code,
    }
    lease = {"type": "integer", "minimum": 1, "maximum": limits.lease_seconds_max}
    types: dict[str, dict[str, Schema]] = {
        "PostRequest": draft,
        "AskRequest": draft
        | {
            "expects_reply": {"anyOf": [_name_but(_NEVER_ASKED), BLANK, NULL]},
            "wait": {"anyOf": [{"type": "number", **_WAIT}, NULL]},
        },
        "WaitQuery": {"wait": _WAIT},
        "SayRequest": draft | {"room": NAME, "sender": SPEAKER},
        "ClaimRequest": {"lease_seconds": {"anyOf": [lease, NULL]}},
        "WithdrawRequest": {"reason": _printable(limits.reason_chars)},
        "WithdrawQuery": {"reason": {"anyOf": [_printable(limits.reason_chars), NULL]}},
        "PollQuery": {
            "since": {"anyOf": [SEQ, {"enum": [each.value for each in Since]}]},
            "wait": _WAIT,
            "limit": COUNT,
            "hold": {"minimum": 0, "maximum": limits.hold_seconds_max},
            "settle": {"minimum": 0, "maximum": limits.settle_seconds_max},
            "max_bytes": {"anyOf": [COUNT, NULL]},
            # With a kept cursor and without `digest`, which one field cannot say.
            "rooms": {"anyOf": [{"type": "string", "pattern": _ROOMS}, NULL]},
        },
        "MeRequest": {
            "capabilities": {"anyOf": [words, NULL]},
            "status": {"anyOf": [_printable(limits.status_chars), NULL]},
        },
        "WakeRequest": {"url": {"pattern": _WAKE_URL, "maxLength": MAX_URL_CHARS}},
        "PeersQuery": {"can": {"anyOf": [WORD, EMPTY, NULL]}},
        "HistoryQuery": {"limit": COUNT, "before": before},
        "SearchQuery": search,
        "AdminSearchQuery": search | {"room": {"anyOf": [NAME, EMPTY, NULL]}},
        "AuditQuery": {"limit": COUNT, "before": before},
        "InviteRequest": {
            "name": AGENT,
            "room": NAME,
            "expires": {"anyOf": [_LIFETIME, _HOURS, NULL]},
            "capabilities": label,
            "client": label,
            "model": label,
            # Each once, which JSON Schema cannot say of names in any case.
            "rooms": {"anyOf": [rooms, NULL]},
        },
        "RevokeRequest": {"target": {"pattern": r"\S"}},
        "RoomActionRequest": {"by": {"anyOf": [BY, BLANK]}},
        "StreamRequest": {
            "room": {"anyOf": [NAME, NULL]},
            "messages": {"minimum": 0, "maximum": OVERVIEW_MESSAGES},
        },
    }
    return {
        (name, field): rule
        for name, fields in types.items()
        for field, rule in fields.items()
    }


_ROOMS: Final = rf"^(\*|{NAME_PATTERN}(,{NAME_PATTERN})*)$"
_WAKE_URL: Final = (
    r"^https?://(\[[0-9a-f:.]{2,45}\]|[a-z0-9]([a-z0-9.-]*[a-z0-9])?)(:[0-9]{1,5})?"
    r"(/[!-\"$-\[\]-~]*)?$"
)
_LIFETIME: Final[Schema] = {
    "type": "string",
    "pattern": "^(|0|none|never|[1-9][0-9]{0,2} ?(|m|min|h|hour|d|day|days|w|mo))$",
}
_HOURS: Final[Schema] = {
    "type": "integer",
    "minimum": 0,
    "maximum": MAX_LIFETIME_SECONDS // 3600,
}


def _choice(limits: Limits) -> Schema:
    """Return the rule of a choice; those with other characters are valid, too."""
    return {
        "type": "string",
        "pattern": f"^[!-{{}}~]([ -{{}}~]{{0,{limits.choice_chars - 2}}}[!-{{}}~])?$",
    }


def _several_choices(limits: Limits) -> Schema:
    # Distinct also when folded, which JSON Schema cannot express.
    return {
        "type": "array",
        "items": _choice(limits),
        "minItems": LEAST_CHOICES,
        "maxItems": limits.choices,
        "uniqueItems": True,
    }


def _printable(most: int) -> Schema:
    return {"type": "string", "pattern": f"^[ -~]{{0,{most}}}$"}
