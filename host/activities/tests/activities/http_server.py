"""An MCP server of the official Python library behind HTTP: python http_server.py PORT [modern|sessions]."""

import sys

from mcp.server.mcpserver import Context, MCPServer

server = MCPServer("test")


@server.tool()
def add(a: int, b: int) -> int:
    """Adds two numbers."""
    return a + b


@server.tool()
def fail() -> str:
    """Fails."""
    raise ValueError("as you wish")


@server.tool()
def seen(ctx: Context) -> dict:
    """What the server sees of the call."""
    headers = {name.lower(): value for name, value in (ctx.headers or {}).items()}
    meta = ctx.request_context.meta
    return {"authorization": headers.get("authorization"), "version": str(ctx.protocol_version), "meta": str(meta)}


server.run("streamable-http", host="127.0.0.1", port=int(sys.argv[1]))
