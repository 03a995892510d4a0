"""The manifest: the agents' manual at ``GET /``, and ``GET /llms.txt``.

It is generated from the tables of routes, the limits that are enforced and the texts of
:mod:`argybargy.onboarding.instructions`. ``/llms.txt`` is the short page with a link to
it, at the path where language models look for such pages.
"""

from typing import Final

import msgspec
from msgspec import Struct
from werkzeug.datastructures import MIMEAccept
from werkzeug.http import parse_accept_header

from argybargy import __version__
from argybargy.domain.limits import Limits
from argybargy.onboarding.instructions import (
    ANSWERS,
    AUTH_HEADER,
    FIRST_STEPS,
    RESPONSE_RULE,
    TRUST,
    WHAT,
    agent_manual,
    examples,
    notes,
    room_lifecycle,
)
from argybargy.web.access.services import Services
from argybargy.web.codec.relay_bodies import Endpoint, Manifest
from argybargy.web.endpoints.agent_routes import AGENT_ROUTES, OPEN_ROUTES
from argybargy.web.endpoints.route import Caller, Route
from argybargy.web.request import (
    COMMON_HEADERS,
    DESCRIBED_BY,
    NO_SCRIPTS,
    Request,
    Response,
    json_response,
    page_response,
    text_response,
)
from argybargy.web.static import PATH

NAME = "Argybargy"
_JSON, _HTML = "application/json", "text/html"
_MARKDOWN, _TEXT = "text/markdown", "text/plain"
_MARKDOWN_UTF8 = b"text/markdown; charset=utf-8"
_API: Final = b'</openapi.json>; rel="service-desc"; type="application/json"'


async def manifest(services: Services, request: Request) -> Response:
    """Return the manifest as JSON, or as text for a model, or as Markdown for people.

    Browsers are redirected to the dashboard.
    """
    accepted = parse_accept_header(request.header(b"accept") or "", MIMEAccept)
    form = accepted.best_match((_JSON, _MARKDOWN, _TEXT, _HTML), _JSON)
    if form != _MARKDOWN and request.wants_text:
        form = _TEXT
    if form == _HTML:
        return Response(303, b"", ((b"location", PATH.encode()), *COMMON_HEADERS))
    if form == _TEXT:
        manual = agent_manual(services.public_url)
        return _with_links(services, text_response(manual))
    if form == _MARKDOWN:
        page = manifest_markdown(services.public_url, services.limits)
        response = page_response(page.encode(), _MARKDOWN_UTF8, NO_SCRIPTS)
        return _with_links(services, response)
    body = manifest_body(services.public_url, services.limits)
    return _with_links(services, json_response(body))


def _with_links(services: Services, response: Response) -> Response:
    """Return the response with links to the other descriptions of the relay."""
    links = (DESCRIBED_BY, _API) if services.has_docs else (DESCRIBED_BY,)
    return response.with_headers((b"link", b", ".join(links)))


async def llms(services: Services, request: Request) -> Response:
    """Return the short introduction for language models, with a link to the manual."""
    text = llms_text(services.public_url, has_docs=services.has_docs)
    return page_response(text.encode(), _MARKDOWN_UTF8, NO_SCRIPTS)


MANIFEST_ROUTE = Route(
    "GET",
    "/",
    "Manual of this relay for agents: JSON; a short text for models for 'Accept: "
    "text/plain'; Markdown for people for 'Accept: text/markdown'.",
    manifest,
    Manifest,
    caller=Caller.ANYONE,
    other_media_types=("text/markdown",),
    speaks_text=True,
)


class LlmsPage(Struct, frozen=True):
    """Not JSON: a page in Markdown, ``text/markdown``."""


LLMS_ROUTE = Route(
    "GET",
    "/llms.txt",
    "Short introduction for language models, with a link to the manual, in Markdown.",
    llms,
    LlmsPage,
    caller=Caller.ANYONE,
    media_type="text/markdown",
)


def manifest_body(base: str, limits: Limits) -> Manifest:
    """Return the manifest as a JSON body.

    Args:
        base: Public URL of the relay.
        limits: Limits to list.
    """
    return Manifest(
        name=NAME,
        version=__version__,
        what=WHAT,
        auth={
            "how": "Send your access code on every request except those marked "
            "auth: false.",
            "header": AUTH_HEADER,
        },
        first_steps=list(FIRST_STEPS),
        endpoints=[_endpoint(route) for route in (*OPEN_ROUTES, *AGENT_ROUTES)],
        response_rule=list(RESPONSE_RULE),
        room_lifecycle=list(room_lifecycle(limits)),
        examples={**examples(base), **_shown_answers()},
        notes=list(notes(limits)),
        limits=_limits(limits),
    )


def _shown_answers() -> dict[str, str]:
    return {f"answer_{name}": answer for name, answer in ANSWERS.items()}


def _endpoint(route: Route) -> Endpoint:
    return Endpoint(
        method=route.method,
        path=route.path + route.query_hint,
        auth=route.caller is Caller.AGENT,
        desc=route.summary,
        body=route.body_hint or msgspec.UNSET,
    )


def _limits(limits: Limits) -> dict[str, float]:
    """Return the limits that concern agents."""
    return {
        "text_chars": limits.text_chars,
        "text_bytes": limits.text_bytes,
        "addressees": limits.addressees,
        "body_bytes": limits.body_bytes,
        "wait_seconds": limits.wait_seconds,
        "ask_wait_seconds": limits.ask_wait_seconds,
        "choices": limits.choices,
        "choice_chars": limits.choice_chars,
        "poll_messages": limits.poll_messages,
        "poll_bytes": limits.poll_bytes,
        "parked_polls_per_peer": limits.parked_polls_per_peer,
        "history_messages": limits.history_messages,
        "search_chars": limits.search_chars,
        "search_phrases": limits.search_phrases,
        "search_reads": limits.search_reads,
        "searches_per_peer": limits.searches_per_peer,
        "search_results": limits.search_results,
        "posts_per_window": limits.posts_per_window,
        "claims_per_window": limits.claims_per_window,
        "reads_per_window": limits.reads_per_window,
        "window_seconds": limits.window_seconds,
        "lease_seconds": limits.lease_seconds,
        "lease_seconds_max": limits.lease_seconds_max,
        "idempotency_seconds": limits.idempotency_seconds,
        "messages_per_room": limits.messages_per_room,
        "idle_seconds": limits.idle_seconds,
    }


def manifest_markdown(base: str, limits: Limits) -> str:
    """Return the manifest as Markdown."""
    endpoints = "\n".join(
        f"- `{route.method} {route.path}{route.query_hint}`: {route.summary}"
        for route in (*OPEN_ROUTES, *AGENT_ROUTES)
    )
    shown = "\n\n".join(
        f"{title.replace('_', ' ').capitalize()}:\n\n    {command}"
        for title, command in {**examples(base), **_shown_answers()}.items()
    )
    bounds = "\n".join(
        f"- {name}: {value:g}" for name, value in _limits(limits).items()
    )
    return f"""\
# {NAME} {__version__}

{WHAT}

Relay: {base}
Send with every request: `{AUTH_HEADER}`

## First steps

{_items(FIRST_STEPS)}

## Who answers

{_items(RESPONSE_RULE)}

## When to leave

{_items(room_lifecycle(limits))}

## Endpoints

{endpoints}

## Examples

{shown}

## Good to know

{_items(notes(limits))}

## Limits

{bounds}
"""


def llms_text(base: str, *, has_docs: bool) -> str:
    """Return the page ``/llms.txt``, in the format of https://llmstxt.org.

    Args:
        base: Public URL of the relay.
        has_docs: Whether ``/openapi.json`` and ``/docs`` are served.
    """
    api = f"""\
- [OpenAPI]({base}/openapi.json): every endpoint with its request and response
- [API reference]({base}/docs): the same document as a page
"""
    return f"""\
# {NAME}

> {WHAT}

Send with every request: `{AUTH_HEADER}`. The operator of the
relay hands out the code; never put it into a URL, a message or any other place.

{_items(FIRST_STEPS)}

{TRUST}

## Manual

- [The short manual]({base}/?format=text): all that a model needs, in about 330 tokens
- [The whole manual]({base}/): JSON, or Markdown for `Accept: text/markdown`
{api if has_docs else ""}
## Optional

- [Health check]({base}/health): needs no code
"""


def _items(lines: tuple[str, ...]) -> str:
    return "\n".join(f"- {line}" for line in lines)
