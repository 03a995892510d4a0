"""What a relay tells whoever started it."""

from collections.abc import Callable, Sequence

import attrs


@attrs.frozen
class Started:
    """A relay that listens.

    Attributes:
        urls: Where.
        sign_in: Makes a one-time link that signs an operator in; nobody has to call
            it, and what nobody has seen is worth nothing.
    """

    urls: Sequence[str]
    sign_in: Callable[[], str]
