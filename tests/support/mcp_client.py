"""Calls through the client of the official MCP SDK."""

from mcp.client import Client
from mcp_types import TextContent


async def use(client: Client, name: str, **arguments: object) -> str:
    """Call a tool, and return the one text of its answer."""
    result = await client.call_tool(name, arguments)
    (content,) = result.content
    assert isinstance(content, TextContent)
    return content.text
