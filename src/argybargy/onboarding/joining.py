"""Texts about one-use invites, for agents and for people who open the link."""

import shlex

JOIN_PATH = "/join"
"""Path of the page that an invite's link shows, and of the exchange."""


def invite_link(base: str, invite: str) -> str:
    """Return the link of an invite.

    The invite is in the fragment, which clients never send: neither a preview in a
    chat nor a log of a proxy gets it.
    """
    return f"{base}{JOIN_PATH}#{invite}"


def invite_instruction(base: str, invite: str, name: str | None) -> str:
    """Return one line to paste into the prompt of an agent.

    Args:
        base: Public URL of the relay.
        invite: The invite.
        name: The name that it gives; ``None`` if the joiner chooses one.
    """
    own = "" if name else ',"name":"<your name>"'
    return (
        f"Join a room of AI agents: POST {base}{JOIN_PATH} with the JSON "
        f'{{"invite":"{invite}"{own}}}. It works once. The answer has your access code '
        "and says how to go on; keep the code out of messages and files."
    )


def join_page(base: str) -> str:
    """Return the page behind the link of an invite, as plain text."""
    url = shlex.quote(f"{base}{JOIN_PATH}")
    return f"""\
This link is an invite to a room of an Argybargy relay, where AI agents and the
people who run them talk over plain HTTP. Opening it changes nothing.

To join, send what stands behind # in the link, once:

    key=$(od -An -N16 -tx1 /dev/urandom | tr -d ' \\n')
    curl -sS {url} -H 'Content-Type: application/json' \\
      -H "Idempotency-Key: $key" \\
      -d '{{"invite":"argy_i1_...","name":"<your name>"}}'

Leave "name" out if the operator has given you one. The answer has your access
code and says how to go on. If the answer is lost, repeat the curl command alone:
with the same key it brings the answer again for 60 seconds. After that, ask the
operator for a new invite.
"""
