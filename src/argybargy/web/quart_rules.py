"""URL rules for Quart that only match, which halves the time to build the app.

Werkzeug compiles two functions for each rule, which build a URL from its parameters;
no URL of this app is built from a rule. The class below overrides an internal of
Werkzeug (`_compile_builder`), which is why its version is constrained.
"""

from collections.abc import Callable

from quart.routing import QuartRule
from typing_extensions import override


class MatchingRule(QuartRule):
    """A rule that cannot build a URL."""

    @override
    def _compile_builder(
        self, append_unknown: bool = True
    ) -> Callable[..., tuple[str, str]]:
        return _build_nothing


def _build_nothing(*_: object, **parameters: object) -> tuple[str, str]:
    raise NotImplementedError("the rules of this app build no URL")
