"""Speak the Model Context Protocol with the official SDK.

Importing this module takes a second or more: `endpoint` does it in a thread, when first
needed.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

import mcp_types as types
from hypercorn.typing import ASGIReceiveCallable, ASGISendCallable, HTTPScope
from mcp.server.context import ServerRequestContext
from mcp.server.lowlevel import Server
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from mcp.server.transport_security import TransportSecuritySettings

from argybargy import __version__
from argybargy.web.mcp.tools import INSTRUCTIONS, TOOLS, ToolOutcome

# The relay's own checks of Host and Origin have passed before.
_NO_CHECKS: Final = TransportSecuritySettings(enable_dns_rebinding_protection=False)
_LISTED: Final = types.ListToolsResult(
    tools=[
        types.Tool(
            name=tool.name,
            description=tool.description,
            input_schema=tool.input_schema,
            annotations=types.ToolAnnotations(read_only_hint=True)
            if tool.changes_nothing
            else None,
        )
        for tool in TOOLS
    ]
)


RunTool = Callable[[str, Mapping[str, object]], Awaitable[ToolOutcome]]
"""Runs the tool of a name with its arguments, as the agent of the request."""


async def serve_request(
    run_tool: RunTool,
    scope: HTTPScope,
    receive: ASGIReceiveCallable,
    send: ASGISendCallable,
    body_bytes: int,
) -> None:
    """Serve one request of an MCP client, of any revision of the protocol.

    Server and manager live as long as the request, and so do the tasks that the SDK
    starts for it: no task outlives the response, and cancellation ends them all. Making
    both takes less than a millisecond.

    Args:
        run_tool: Runs a tool.
        scope: ASGI scope of the request.
        receive: ASGI receive channel.
        send: ASGI send channel.
        body_bytes: Limit on the request body.
    """

    async def call(
        _: ServerRequestContext[Any], params: types.CallToolRequestParams
    ) -> types.CallToolResult:
        outcome = await run_tool(params.name, params.arguments or {})
        content = types.TextContent(type="text", text=outcome.text)
        return types.CallToolResult(content=[content], is_error=outcome.is_error)

    server = Server(
        "argybargy",
        version=__version__,
        instructions=INSTRUCTIONS,
        on_list_tools=_list_tools,
        on_call_tool=call,
    )
    manager = StreamableHTTPSessionManager(
        app=server,
        json_response=True,
        stateless=True,
        security_settings=_NO_CHECKS,
        max_request_body_size=body_bytes,
    )
    async with manager.run():
        await manager.handle_request(scope, receive, send)  # type: ignore[arg-type]  # ASGI types of starlette


async def _list_tools(
    _: ServerRequestContext[Any], __: types.PaginatedRequestParams | None
) -> types.ListToolsResult:
    return _LISTED
