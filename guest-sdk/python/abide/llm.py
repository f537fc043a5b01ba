"""Language models: one question, one answer. The loop that lets a model use tools is `abide.Agent`.

::

    reply = await llm.generate("How are you?", system="You answer briefly.", model="openai/gpt-5-mini")
    print(reply.text)
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from . import _content, _json, _options, _wit
from ._calls import call as _call
from ._content import ContentPart, Image, Text
from ._options import CallOptions

__all__ = [
    "Assistant",
    "ContentPart",
    "Image",
    "Message",
    "Response",
    "System",
    "Text",
    "ToolAnswer",
    "ToolCall",
    "ToolDefinition",
    "Usage",
    "User",
    "generate",
    "generate_json",
]


@dataclass(frozen=True)
class ToolCall:
    """A model asks for a tool."""

    id: str
    """The provider's name for this request; the answer repeats it."""
    name: str
    """The tool, as its definition named it."""
    arguments: str
    """The arguments as JSON. Models err: check them."""

    def parse(self) -> Any:
        """The arguments. What is no JSON is the failure ``invalid-arguments``, one that the model can be told."""
        return _json.decode(self.arguments, "invalid-arguments", f"the arguments of `{self.name}` do not fit")

    def answer(self, value: Any) -> ToolAnswer:
        """Answers it with a value as JSON."""
        return ToolAnswer(self.id, [Text(_json.encode(value, "the answer of the tool"))])


@dataclass(frozen=True)
class System:
    """Instructions that stand above the conversation."""

    text: str


@dataclass(frozen=True)
class User:
    """What the user says: a text, or parts."""

    content: str | Sequence[ContentPart]

    @property
    def text(self) -> str:
        """Its texts."""
        return self.content if isinstance(self.content, str) else _content.texts(self.content)


@dataclass(frozen=True)
class Assistant:
    """What the model said."""

    text: str | None
    """Its text; ``None`` where it only asks for tools."""
    tool_calls: Sequence[ToolCall] = ()
    """The tools that it asks for, in its order."""


@dataclass(frozen=True)
class ToolAnswer:
    """The answer to a `ToolCall`."""

    call_id: str
    content: Sequence[ContentPart]
    is_error: bool = False
    """Whether the tool failed. The model may try something else."""

    @property
    def text(self) -> str:
        """Its texts."""
        return _content.texts(self.content)


Message: TypeAlias = System | User | Assistant | ToolAnswer


@dataclass(frozen=True)
class ToolDefinition:
    """A tool that the model may ask for."""

    name: str
    """1 to 64 characters of ``a-z A-Z 0-9 _ -``."""
    description: str | None
    """What it does, for the model."""
    parameters: Any
    """JSON Schema of its arguments, an object."""


@dataclass
class Usage:
    """Tokens that the provider counted."""

    input_tokens: int = 0
    output_tokens: int = 0
    cached_input_tokens: int = 0

    def add(self, other: Usage) -> None:
        """Adds those of another answer."""
        self.input_tokens += other.input_tokens
        self.output_tokens += other.output_tokens
        self.cached_input_tokens += other.cached_input_tokens


@dataclass(frozen=True)
class Response:
    """What came back."""

    message: Assistant
    """What the model said."""
    finish_reason: str
    """Why it ended: ``stop``, ``length``, ``tool-calls``, ``content-filter`` or ``other``."""
    usage: Usage | None
    """``None`` where the provider did not count."""
    model: str = field(default="")
    """The model that answered, by its provider's name for it."""

    @property
    def text(self) -> str:
        """The model's text; empty where it only asks for tools."""
        return self.message.text or ""


async def generate(
    messages: str | Iterable[Message],
    *,
    model: str = "",
    system: str | None = None,
    tools: Iterable[ToolDefinition] = (),
    tool_choice: str | None = None,
    response_format: Any = None,
    temperature: float | None = None,
    top_p: float | None = None,
    max_output_tokens: int | None = None,
    stop: Sequence[str] = (),
    seed: int | None = None,
    extra: Any = None,
    options: CallOptions | None = None,
) -> Response:
    """Asks a model once. Outages, rate limits and time-outs are retried as ``options`` say.

    ``messages`` is what the user says, or a conversation, oldest first. ``model`` is ``<provider>/<model>``, or ``<model>`` of the default
    provider; an empty text is the default of both. ``tool_choice`` is ``auto``, ``none``, ``required`` or the name of a tool.
    ``response_format`` is ``"json"`` for any JSON; for an answer by a schema there is `generate_json`. ``extra`` is a dict whose members are
    added to the request as they are, for what a provider has beyond this.

    Raises `Failure`: ``invalid-request``, ``denied``, ``unknown-provider``, ``rate-limited``, ``unavailable``, ``timeout``,
    ``context-too-long``, ``provider-error``, ``invalid-response``.
    """
    conversation: list[Message] = [User(messages)] if isinstance(messages, str) else list(messages)
    if system is not None:
        conversation.insert(0, System(system))
    wire = _wit.llm
    request = wire.Request(
        model=model,
        messages=[_message_to_wire(message) for message in conversation],
        tools=[_definition_to_wire(tool) for tool in tools],
        tool_choice=_choice_to_wire(tool_choice),
        response_format=_format_to_wire(response_format),
        temperature=temperature,
        top_p=top_p,
        max_output_tokens=max_output_tokens,
        stop=list(stop),
        seed=seed,
        extra=None if extra is None else _json.encode(extra, "`extra`", sort_keys=True),
    )
    response = await _call(wire.generate(request, _options.to_wire(options)))
    said = response.message
    usage = response.usage
    return Response(
        message=Assistant(said.text, [ToolCall(call.id, call.name, call.arguments) for call in said.tool_calls]),
        finish_reason=response.finish_reason.name.lower().replace("_", "-"),
        usage=None if usage is None else Usage(usage.input_tokens, usage.output_tokens, usage.cached_input_tokens),
        model=response.model,
    )


async def generate_json(messages: str | Iterable[Message], name: str, schema: Any, **request: Any) -> Any:
    """Asks for an answer that follows a JSON Schema, and reads it; ``request`` is what `generate` takes besides.

    An answer that is no JSON gives the failure ``invalid-response``: of a model that was cut off by its limit of tokens, or of a provider that
    does not enforce schemas.
    """
    wire = _wit.llm
    text = _json.encode(schema, "the schema", sort_keys=True)
    form = wire.ResponseFormat_JsonSchema(wire.ResponseSchema(name=name, schema=text, strict=True))
    response = await generate(messages, response_format=form, **request)
    return _json.decode(response.text, "invalid-response", "the model's answer does not fit")


def _message_to_wire(message: Message) -> Any:
    wire = _wit.llm
    match message:
        case System(text):
            return wire.Message_System(text)
        case User(content):
            parts = [Text(content)] if isinstance(content, str) else content
            return wire.Message_User([_content.to_wire(part) for part in parts])
        case Assistant(text, tool_calls):
            calls = [wire.ToolCall(id=call.id, name=call.name, arguments=call.arguments) for call in tool_calls]
            return wire.Message_Assistant(wire.AssistantMessage(text=text, tool_calls=calls))
        case ToolAnswer(call_id, content, is_error):
            parts = [_content.to_wire(part) for part in content]
            return wire.Message_Tool(wire.ToolAnswer(call_id=call_id, content=parts, is_error=is_error))
        case _:
            raise TypeError(f"a `{type(message).__name__}` is no message: give a `System`, `User`, `Assistant` or `ToolAnswer`")


def _definition_to_wire(tool: ToolDefinition) -> Any:
    parameters = _json.encode(tool.parameters, f"the parameters of `{tool.name}`", sort_keys=True)
    return _wit.llm.ToolDefinition(name=tool.name, description=tool.description, parameters=parameters)


def _choice_to_wire(choice: str | None) -> Any:
    wire = _wit.llm
    match choice:
        case None:
            return None
        case "auto":
            return wire.ToolChoice_Auto()
        case "none":
            return wire.ToolChoice_None_()
        case "required":
            return wire.ToolChoice_Required()
        case name:
            return wire.ToolChoice_Named(name)


def _format_to_wire(form: Any) -> Any:
    wire = _wit.llm
    match form:
        case None:
            return None
        case "text":
            return wire.ResponseFormat_Text()
        case "json":
            return wire.ResponseFormat_JsonObject()
        case _:
            return form
