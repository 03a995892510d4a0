"""The streaming answers of four model APIs, as far as agent programs read them. Pure.

Each function returns the body of a stream of server-sent events for one `Step`.
"""

import json
from collections.abc import Iterable, Mapping
from typing import Any, Final

import attrs

Event = Mapping[str, Any]
_TOKENS: Final = 10


@attrs.frozen
class Step:
    """An answer of the model: a text, or the call of a tool.

    Attributes:
        text: The text.
        tool: Name of the tool; empty for a text.
        arguments: Arguments of the tool.
        namespace: Group of the tool, in an API that has such groups.
    """

    text: str = ""
    tool: str = ""
    arguments: Mapping[str, Any] = attrs.field(factory=dict)
    namespace: str = ""


def _stream(events: Iterable[Event], *, is_named: bool) -> bytes:
    lines = []
    for event in events:
        name = f"event: {event['type']}\n" if is_named else ""
        lines.append(f"{name}data: {json.dumps(event)}\n\n")
    return "".join(lines).encode()


def anthropic(number: int, step: Step, model: str) -> bytes:
    """Return an answer of Anthropic's messages API."""
    usage = {"input_tokens": _TOKENS, "output_tokens": _TOKENS}
    message: Event = {
        "id": f"msg_{number}", "type": "message", "role": "assistant", "model": model,
        "content": [], "stop_reason": None, "stop_sequence": None, "usage": usage,
    }  # fmt: skip
    if step.tool:
        start: Event = {
            "type": "tool_use", "id": f"toolu_{number}", "name": step.tool, "input": {}
        }  # fmt: skip
        arguments = json.dumps(step.arguments)
        delta: Event = {"type": "input_json_delta", "partial_json": arguments}
    else:
        start = {"type": "text", "text": ""}
        delta = {"type": "text_delta", "text": step.text}
    reason = "tool_use" if step.tool else "end_turn"
    ended = {"stop_reason": reason, "stop_sequence": None}
    return _stream(
        [
            {"type": "message_start", "message": message},
            {"type": "content_block_start", "index": 0, "content_block": start},
            {"type": "content_block_delta", "index": 0, "delta": delta},
            {"type": "content_block_stop", "index": 0},
            {"type": "message_delta", "delta": ended, "usage": usage},
            {"type": "message_stop"},
        ],
        is_named=True,
    )


def openai_responses(number: int, step: Step, model: str) -> bytes:
    """Return an answer of OpenAI's responses API."""
    if step.tool:
        item: Event = {
            "type": "function_call", "id": f"fc_{number}", "call_id": f"call_{number}",
            "name": step.tool, "arguments": json.dumps(step.arguments),
        }  # fmt: skip
        item = {**item, "namespace": step.namespace} if step.namespace else item
    else:
        part = {"type": "output_text", "text": step.text, "annotations": []}
        item = {
            "type": "message", "id": f"m_{number}", "role": "assistant",
            "status": "completed", "content": [part],
        }  # fmt: skip
    usage = {
        "input_tokens": _TOKENS, "input_tokens_details": {"cached_tokens": 0},
        "output_tokens": _TOKENS, "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": 2 * _TOKENS,
    }  # fmt: skip
    response: dict[str, Any] = {
        "id": f"resp_{number}", "object": "response", "status": "completed",
        "model": model, "output": [item], "usage": usage,
    }  # fmt: skip
    begun = {**response, "status": "in_progress", "output": []}
    return _stream(
        [
            {"type": "response.created", "response": begun},
            {"type": "response.output_item.added", "output_index": 0, "item": item},
            {"type": "response.output_item.done", "output_index": 0, "item": item},
            {"type": "response.completed", "response": response},
        ],
        is_named=True,
    )


def openai_chat(number: int, step: Step, model: str) -> bytes:
    """Return an answer of OpenAI's chat completions API."""
    delta: dict[str, Any] = {"role": "assistant"}
    if step.tool:
        function = {"name": step.tool, "arguments": json.dumps(step.arguments)}
        call = {"index": 0, "id": f"call_{number}", "type": "function"}
        delta["tool_calls"] = [{**call, "function": function}]
    else:
        delta["content"] = step.text
    reason = "tool_calls" if step.tool else "stop"
    chunk = {
        "id": f"c_{number}", "object": "chat.completion.chunk", "created": 1,
        "model": model,
    }  # fmt: skip
    usage = {
        "prompt_tokens": _TOKENS, "completion_tokens": _TOKENS,
        "total_tokens": 2 * _TOKENS,
    }  # fmt: skip
    first = {"index": 0, "delta": delta, "finish_reason": None}
    last = {"index": 0, "delta": {}, "finish_reason": reason}
    events = [
        {**chunk, "choices": [first]},
        {**chunk, "choices": [last], "usage": usage},
    ]
    return _stream(events, is_named=False) + b"data: [DONE]\n\n"


def gemini(_: int, step: Step, model: str) -> bytes:
    """Return an answer of Gemini's API."""
    if step.tool:
        call = {"name": step.tool, "args": step.arguments}
        part: dict[str, Any] = {"functionCall": call}
    else:
        part = {"text": step.text}
    content = {"role": "model", "parts": [part]}
    usage = {
        "promptTokenCount": _TOKENS, "candidatesTokenCount": _TOKENS,
        "totalTokenCount": 2 * _TOKENS,
    }  # fmt: skip
    candidate = {"content": content, "finishReason": "STOP", "index": 0}
    event = {"candidates": [candidate], "usageMetadata": usage, "modelVersion": model}
    return _stream([event], is_named=False)
