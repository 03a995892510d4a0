"""MCP at ``/mcp``: five tools for agents that speak the Model Context Protocol.

`tools` has the tools, and for each the request of an agent that it stands for.
`endpoint` authenticates and runs those requests. `sdk` speaks the protocol with the
official SDK, which the extra ``argybargy[mcp]`` installs. Only `sdk` imports the SDK,
and only the first MCP request imports `sdk`.

Nothing here reads or writes a room: a tool is a request to an endpoint for agents, in
the text form, with all its limits and errors.
"""
