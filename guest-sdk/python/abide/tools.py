"""Tools of MCP servers and of HTTP APIs that the configuration declares. Which of them a model may use is the business of `Agent`."""

from __future__ import annotations

import builtins
from dataclasses import dataclass
from typing import Any

from . import _content, _json, _options, _wit
from ._calls import call as _call
from ._content import ContentPart
from ._failure import Failure
from ._options import CallOptions


@dataclass(frozen=True)
class Tool:
    """A tool that this run may call."""

    provider: str
    """The provider, by its name in the configuration."""
    name: str
    """The tool, by its provider's name for it."""
    description: str | None
    """What it does, for a model."""
    input_schema: Any
    """JSON Schema of the arguments."""
    output_schema: Any
    """JSON Schema of `ToolResult.structured`, where the provider tells; else ``None``."""


@dataclass(frozen=True)
class ToolResult:
    """What a tool came back with."""

    content: builtins.list[ContentPart]
    """For a model or a person to read."""
    structured: Any
    """For a program, where the tool gives it; else ``None``."""
    is_error: bool
    """Whether the tool itself says that it failed. See `ok`."""

    @property
    def text(self) -> str:
        """The texts of the content, one a line."""
        return _content.texts(self.content)

    def ok(self) -> ToolResult:
        """Gives the result itself, or raises the failure ``tool-failed`` where the tool says that it failed."""
        if self.is_error:
            raise Failure("tool-failed", self.text)
        return self

    def json(self) -> Any:
        """The structured result; the text, read as JSON, where the tool gives nothing structured."""
        if self.structured is not None:
            return self.structured
        return _json.decode(self.text, "invalid-response", "the tool's result does not fit")


async def list(provider: str | None = None, *, options: CallOptions | None = None) -> builtins.list[Tool]:
    """The tools of one provider, or of all that this run may use."""
    tools = await _call(_wit.tools.list(provider, _options.to_wire(options)))
    return [_tool(tool) for tool in tools]


async def call(provider: str, name: str, arguments: Any = None, *, options: CallOptions | None = None) -> ToolResult:
    """Calls a tool. ``arguments`` become a JSON object: a dict or a dataclass."""
    text = _json.encode({} if arguments is None else arguments, "the arguments of the tool")
    return await call_encoded(provider, name, text, options)


async def call_encoded(provider: str, name: str, arguments: str, options: CallOptions | None) -> ToolResult:
    """Calls a tool with arguments that are JSON already."""
    result = await _call(_wit.tools.call(provider, name, arguments, _options.to_wire(options)))
    structured = result.structured
    if structured is not None:
        structured = _json.decode(structured, "invalid-response", "the tool's result is not JSON")
    return ToolResult([_content.from_wire(part) for part in result.content], structured, result.is_error)


def _tool(tool: Any) -> Tool:
    def schema(text: str) -> Any:
        return _json.decode(text, "invalid-response", f"a schema of the tool `{tool.name}`")

    output_schema = None if tool.output_schema is None else schema(tool.output_schema)
    return Tool(tool.provider, tool.name, tool.description, schema(tool.input_schema), output_schema)
