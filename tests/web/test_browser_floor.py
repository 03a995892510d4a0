"""The dashboard uses nothing that a browser of two years ago lacks.

The floor is written down in docs/tutorials/in-the-browser.md. What the page's own files
call and which styles they use is listed here, so that anything new is looked up once,
on MDN or caniuse.com, before it is used.
"""

import re
from importlib import resources
from pathlib import Path
from typing import Final

import pytest


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


FLOOR: Final = {"Chrome": 123.0, "Firefox": 121.0, "Safari": 17.5}
"""Released between December 2023 and May 2024."""

RECENT: Final = {
    # Script
    "AbortSignal.throwIfAborted": (100, 97, 15.4),
    "AbortSignal.timeout": (103, 100, 16),
    "checkVisibility": (105, 106, 17.4),
    "findLast": (97, 104, 15.4),
    "inert": (102, 112, 15.5),
    "TextDecoderStream": (71, 105, 14.1),
    "showModal": (37, 98, 15.4),
    "showNotification": (42, 44, 16.4),
    "regular expressions that look behind": (62, 78, 16.4),
    # Style
    ":has()": (105, 121, 15.4),
    ":focus-visible": (86, 85, 15.4),
    "accent-color": (93, 92, 15.4),
    "dvh": (108, 101, 15.4),
    "light-dark()": (123, 120, 17.5),
    "media ranges": (104, 63, 16.4),
    "oklch()": (111, 113, 15.4),
    "overscroll-behavior": (63, 59, 16),
    "translate": (104, 72, 14.1),
}
"""Newer features in use, and the browser versions that introduced them."""

NICER: Final = {
    "field-sizing": "a choice is as wide as its widest option",
    "text-box": "the text of a button stands a pixel above the middle",
    "mask-image": "tabs that are wider than a phone end at its edge, and do not fade",
    "overflow-anchor": "Safari does not move what is read in the first place",
    "scrollbar-width": "a row of tabs may have a scroll bar",
}
"""Styles that some browsers lack, and their effect there."""

CALLED: Final = _words(
    """
    Array DateTimeFormat UTC abort add addEventListener addRange append assign at bind
    blur catch ceil checkVisibility claim clear close closest codePointAt concat
    contains createElement createPolicy createRange createScriptURL delete disconnect
    endsWith entries every exec execCommand filter find findIndex findLast flat flatMap
    floor focus forEach format formatToParts fromEntries get getBoundingClientRect
    getDate getElementById getFullYear getItem getMonth getNotifications getRandomValues
    getReader getRegistration has imul includes indexOf isArray isFinite isInteger isNaN
    join json keys localeCompare map matchAll matches max min now observe openWindow
    padStart parse peek pipeThrough pop preventDefault push pushState querySelector
    querySelectorAll race random read register remove removeAllRanges
    removeEventListener removeItem replace replaceAll replaceState requestPermission
    reset resolve resolvedOptions reverse round scrollIntoView select selectNodeContents
    set setDate setHours setItem setSelectionRange shift showModal showNotification
    skipWaiting slice some sort split startMessages startsWith stopPropagation stringify
    test then throwIfAborted timeout toISOString toLowerCase toString toUpperCase trim
    unregister values writeText
    """
)
"""Methods called, except those that the modules define."""

GLOBALS: Final = _words(
    """
    AbortController AbortSignal Array Boolean Date Error FormData Infinity Intl JSON Map
    Math MutationObserver Notification Number Object Promise RegExp ResizeObserver Set
    String TextDecoderStream URLSearchParams Uint32Array
    """
)

TOO_NEW: Final = (
    # Names that are in CALLED for something older, and syntax.
    r"\b(?:Map|Object)\.groupBy\b",
    r"\b(?:Set|Map|Iterator)\.(?:concat|zip|from)\b",
    r"(?<!Object)\.(?:values|keys|entries|matchAll)\([^()]*\)\s*\.\s*[a-z]",
    r"\b(?:RegExp\.escape|Promise\.(?:try|withResolvers)|URL\.parse|Error\.isError)\b",
    r"\bAbortSignal\.any\b",
    r"\bimport\s+defer\b|\bwith\s*\{\s*type:",
    r"^\s*(?:await\s+)?using\s+\w+\s*=",
    r"/[a-z]*v[a-z]*\.(?:test|exec)\(",
)

FUNCTIONS: Final = _words(
    """
    brightness calc clamp env has hsl inset is light-dark linear-gradient max min minmax
    not oklch rgb rotate scale var
    """
)
PSEUDO: Final = _words(
    "-webkit-scrollbar -webkit-scrollbar-thumb -webkit-search-cancel-button after"
    " backdrop before disabled empty first-child focus-visible focus-within has hover"
    " is not placeholder root"
)
UNITS: Final = _words("ch deg dvh em fr ms px rem s vw")
AT_RULES: Final = frozenset({"keyframes", "media"})
PROPERTIES: Final = _words(
    """
    -webkit-box-orient -webkit-font-smoothing -webkit-line-clamp
    -webkit-text-size-adjust accent-color align-content align-items align-self animation
    background border border-bottom border-bottom-color border-bottom-width
    border-collapse border-color border-left border-radius border-right border-top
    border-width bottom box-shadow box-sizing clear clip-path color color-scheme content
    cursor display fill filter flex flex-direction flex-wrap float font font-family
    font-size font-style font-variant-numeric font-weight gap grid-column grid-row
    grid-template-columns grid-template-rows height inset justify-content justify-items
    justify-self left letter-spacing line-height list-style margin margin-block
    margin-bottom margin-inline margin-left margin-right margin-top max-height max-width
    min-height min-width opacity outline outline-offset overflow overflow-wrap
    overflow-x overflow-y overscroll-behavior padding padding-bottom padding-inline
    padding-left padding-right padding-top place-items pointer-events position resize
    right scroll-behavior scroll-margin scroll-margin-bottom scroll-padding stroke-width
    tab-size text-align text-decoration text-decoration-color text-overflow
    text-underline-offset top transform transition translate unicode-bidi vertical-align
    visibility white-space width z-index
    """
)

FOLDERS = [
    resources.files("argybargy.web") / each for each in ("dashboard", "guest_page")
]
MODULES: Final = {
    f"{folder.name}/{entry.name}": entry.read_text()
    for folder in FOLDERS
    for entry in folder.iterdir()
    if entry.name.endswith(".js")
}
STYLES: Final = re.sub(
    r"/\*.*?\*/",
    "",
    "\n".join(
        entry.read_text()
        for folder in FOLDERS
        for entry in folder.iterdir()
        if entry.name.endswith(".css")
    ),
    flags=re.DOTALL,
)


def without_comments(text: str) -> str:
    return re.sub(r"(?m)^\s*(?://|/\*|\*).*$", "", text)


CODE: Final = {name: without_comments(text) for name, text in MODULES.items()}
_DEFINED = (
    r"(?:function\*?|class|const|let)\s+(\w+)|^\s*(?:async )?\*?(\w+)\([^()]*\) \{$"
)
OWN: Final = {
    name
    for text in CODE.values()
    for found in re.finditer(_DEFINED, text, re.MULTILINE)
    for name in found.groups()
    if name is not None
}


def members_called(text: str) -> set[str]:
    return set(re.findall(r"\.\s*(\w+)\s*\(", text))


def globals_used(text: str) -> set[str]:
    """Return capitalised names that are constructed, called or accessed."""
    return set(
        re.findall(r"(?:\bnew |(?<![\w.$#\"'` ]))([A-Z]+[a-z]\w*)(?=[.(])", text)
    )


def declarations(styles: str) -> set[str]:
    return set(
        re.findall(r"(?:^|[{;])\s*([a-z-]+)\s*:\s[^{}]*?(?=[;}])", styles, re.MULTILINE)
    )


@pytest.mark.parametrize("name", sorted(CODE))
def test_a_module_uses_what_is_listed(name: str) -> None:
    assert members_called(CODE[name]) - OWN <= CALLED
    assert globals_used(CODE[name]) - OWN <= GLOBALS


@pytest.mark.parametrize("name", sorted(CODE))
def test_a_module_uses_nothing_that_is_too_new(name: str) -> None:
    found = [each for each in TOO_NEW if re.search(each, CODE[name], re.MULTILINE)]
    assert found == []


def test_the_styles_use_what_is_listed() -> None:
    used = {each for each in declarations(STYLES) if not each.startswith("--")}
    assert used <= PROPERTIES | NICER.keys()
    assert set(re.findall(r"([a-z-]+)\(", STYLES)) <= FUNCTIONS
    assert set(re.findall(r"(?<=[\w\s.)*>]):{1,2}([a-z-]+)[\s,{(:.>)]", STYLES)) <= (
        PSEUDO | FUNCTIONS
    )
    assert set(re.findall(r"@([a-z-]+)", STYLES)) <= AT_RULES
    assert set(re.findall(r"[0-9]([a-z]+)\b(?!-)", without_colours(STYLES))) <= UNITS


def without_colours(styles: str) -> str:
    return re.sub(r"#[0-9a-f]+", "", styles)


def test_rules_are_not_nested() -> None:
    depth = deepest = 0
    for at, character in enumerate(STYLES):
        if character == "{":
            depth += 1
            is_rule = not STYLES[:at].rpartition("}")[2].lstrip().startswith("@")
            deepest = max(deepest, depth if is_rule else 0)
        depth -= character == "}"
    assert deepest <= 2, "a rule within a rule of @media"
    assert "&" not in STYLES


def test_what_is_used_is_as_old_as_the_floor() -> None:
    for feature, since in RECENT.items():
        assert all(
            version <= least
            for version, least in zip(since, FLOOR.values(), strict=True)
        ), feature


def test_what_is_too_new_is_found() -> None:
    samples = (
        "const byRoom = Map.groupBy(some, (each) => each.room);",
        "const names = rooms.values().map((room) => room.name);",
        "const { promise } = Promise.withResolvers();",
        "using lock = take();",
    )
    for sample in samples:
        assert any(re.search(each, sample) for each in TOO_NEW), sample
    assert members_called("some.toSorted()") == {"toSorted"}
    assert globals_used("new Temporal.Instant(1)") == {"Temporal"}
    assert globals_used("(Temporal.now())") == {"Temporal"}


def test_the_floor_is_written_down() -> None:
    pages = Path(__file__).parents[2] / "docs"
    text = (pages / "tutorials" / "in-the-browser.md").read_text()
    words = " ".join(text.split())
    for browser, version in FLOOR.items():
        assert f"{browser} {version:g}" in words, browser
