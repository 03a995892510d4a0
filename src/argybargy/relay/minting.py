"""The one place that makes secrets up."""

import secrets

from argybargy.domain.codes import AGENT_PREFIX, ALPHABET, RANDOM_CHARS, format_code


def new_code(prefix: str = AGENT_PREFIX) -> str:
    """Return a code that nobody can guess."""
    random = "".join(secrets.choice(ALPHABET) for _ in range(RANDOM_CHARS))
    return format_code(random, prefix)
