"""`Agent`: a model in a loop with tools, until it has an answer.

It is one file of plain code on top of `abide.llm` and `abide.tools`: where it does not fit, copy and change it. It remembers nothing between two
conversations. Its requests are those of the agent of the Rust SDK, byte for byte.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from . import _json, llm, state, tools
from ._content import ContentPart, Text
from ._failure import Failure
from ._options import CallOptions
from ._tool_names import for_model, unique
from .llm import Message, System, ToolAnswer, ToolCall, ToolDefinition, Usage, User

_Target = Callable[[ToolCall], Awaitable[tuple[Sequence[ContentPart], bool]]]


@dataclass
class AgentOutcome:
    """What came of a conversation. ``messages`` can be gone on with: see `Agent.run_with`."""

    text: str = ""
    """The model's last text."""
    messages: list[Message] = field(default_factory=list)
    """The whole conversation."""
    turns: int = 0
    """How often the model was asked."""
    tools_used: set[str] = field(default_factory=set)
    """The tools that were used, by the names that the model knows."""
    usage: Usage = field(default_factory=Usage)
    """Tokens of all turns, as far as the provider counted."""


class Agent:
    """A model that uses tools until it has an answer.

    Each turn the model is asked once; the tools that it asks for run concurrently, and what they say, be it an error, is given back to it. It ends
    with the turn in which the model asks for no tool. In the last turn that it may take, the model may not ask for tools, so that it has to answer
    with what it knows::

        agent = Agent("openai/gpt-5-mini", system="You answer questions about files.", publish_as="agent")
        agent.tools_of("files", ["list_directory", "read_text_file"])
        outcome = await agent.run("How many tests are there?")

    ``publish_as`` shows what goes on under that name: ``{"turn", "max_turns", "tools", "usage"}``. ``stop_when`` ends the conversation after the
    turn whose messages make it true.
    """

    def __init__(
        self,
        model: str = "",
        *,
        system: str | None = None,
        max_turns: int = 16,
        model_options: CallOptions | None = None,
        tool_options: CallOptions | None = None,
        publish_as: str | None = None,
        stop_when: Callable[[list[Message]], bool] | None = None,
    ) -> None:
        self.model = model
        self.system = system
        self.max_turns = max(1, max_turns)
        self.model_options = model_options
        self.tool_options = tool_options
        self.publish_as = publish_as
        self.stop_when = stop_when
        self._providers: list[tuple[str, Sequence[str]]] = []
        self._local: list[tuple[ToolDefinition, _Target]] = []

    def tools_of(self, provider: str, only: Sequence[str] = ()) -> Agent:
        """Lets the model use tools of a provider: those named, by their provider's names, or all where ``only`` is empty."""
        self._providers.append((provider, only))
        return self

    def local_tool(self, name: str, description: str, schema: Any, tool: Callable[..., Any]) -> Agent:
        """Lets the model use a tool that is code of the workflow: a function, ``async`` or not, that takes the arguments by name. What it raises is
        told to the model. It may make calls."""

        async def target(call: ToolCall) -> tuple[Sequence[ContentPart], bool]:
            arguments = _object(call)
            try:
                inspect.signature(tool).bind(**arguments)
            except TypeError as error:
                raise Failure("invalid-arguments", f"the arguments of `{call.name}` do not fit: {error}") from error
            value = tool(**arguments)
            if inspect.isawaitable(value):
                value = await value
            # A text is given as it is: models need no quotes around it.
            text = value if isinstance(value, str) else _json.encode(value, "the answer of the tool", sort_keys=True)
            return [Text(text)], False

        self._local.append((ToolDefinition(for_model(name), description, schema), target))
        return self

    async def run(self, prompt: str) -> AgentOutcome:
        """Begins a conversation with what the user says."""
        system: list[Message] = [] if self.system is None else [System(self.system)]
        return await self.run_with([*system, User(prompt)])

    async def run_with(self, messages: Sequence[Message]) -> AgentOutcome:
        """Goes on with a conversation, whose last message is one that the model can answer. Does not add the system text."""
        definitions, targets = await self._tools()
        outcome = AgentOutcome(messages=list(messages))
        while outcome.turns < self.max_turns:
            outcome.turns += 1
            self._publish(outcome, [])
            last = outcome.turns == self.max_turns and bool(definitions)
            response = await llm.generate(
                outcome.messages,
                model=self.model,
                tools=definitions,
                tool_choice="none" if last else None,
                options=self.model_options,
            )
            if response.usage is not None:
                outcome.usage.add(response.usage)
            outcome.text = response.text
            calls = response.message.tool_calls
            outcome.messages.append(response.message)
            if not calls:
                return outcome
            self._publish(outcome, calls)
            answers = await asyncio.gather(*(_answer(call, targets.get(call.name)) for call in calls))
            outcome.messages.extend(answers)
            outcome.tools_used.update(call.name for call in calls)
            if self.stop_when is not None and self.stop_when(outcome.messages):
                return outcome
        raise Failure(
            "max-turns",
            f"the model still asked for tools in turn {self.max_turns}: raise `max_turns` or narrow the task",
            {"turns": outcome.turns, "usage": vars(outcome.usage)},
        )

    async def _tools(self) -> tuple[list[ToolDefinition], dict[str, _Target]]:
        definitions = [definition for definition, _ in self._local]
        targets = {definition.name: target for definition, target in self._local}
        lists = await asyncio.gather(
            *(tools.list(provider) for provider, _ in self._providers), return_exceptions=True
        )
        for (provider, only), listed in zip(self._providers, lists):
            if isinstance(listed, BaseException):
                raise listed
            missing = next((name for name in only if all(tool.name != name for tool in listed)), None)
            if missing is not None:
                raise Failure("unknown-tool", f"the provider `{provider}` has no tool `{missing}`")
            for tool in listed:
                if only and tool.name not in only:
                    continue
                name = unique(for_model(tool.provider, tool.name), targets)
                definitions.append(ToolDefinition(name, tool.description, tool.input_schema))
                targets[name] = self._provided(tool)
        return definitions, targets

    def _provided(self, tool: tools.Tool) -> _Target:
        async def target(call: ToolCall) -> tuple[Sequence[ContentPart], bool]:
            arguments = _json.encode(_object(call), "the arguments of the tool", sort_keys=True)
            result = await tools.call_encoded(tool.provider, tool.name, arguments, self.tool_options)
            if not result.content and result.structured is not None:
                # Some tools give nothing but the structured form.
                return [Text(_json.encode(result.structured, "the result", sort_keys=True))], result.is_error
            return result.content, result.is_error

        return target

    def _publish(self, outcome: AgentOutcome, in_flight: Sequence[ToolCall]) -> None:
        if self.publish_as is None:
            return
        names = [call.name for call in in_flight]
        turn = {"turn": outcome.turns, "max_turns": self.max_turns, "tools": names, "usage": vars(outcome.usage)}
        state.publish(self.publish_as, turn)


async def _answer(call: ToolCall, target: _Target | None) -> ToolAnswer:
    """Performs what the model asks for. Whatever goes wrong is told to the model, which may try something else."""
    try:
        if target is None:
            raise Failure("unknown-tool", f"there is no tool `{call.name}`")
        content, is_error = await target(call)
    except Failure as failure:
        content, is_error = [Text(str(failure))], True
    except Exception as error:
        content, is_error = [Text(f"{type(error).__name__}: {error}")], True
    return ToolAnswer(call.id, content, is_error)


def _object(call: ToolCall) -> dict[str, Any]:
    arguments = call.parse()
    if not isinstance(arguments, dict):
        text = _json.encode(arguments, "the arguments", sort_keys=True)
        raise Failure("invalid-arguments", f"the arguments are no JSON object: {text}")
    return arguments
