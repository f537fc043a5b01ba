"""An agent that answers questions about a folder of files. It decides by itself which tools of an MCP server it uses, in which order and how often."""

from abide import Agent, Failure, log, tools

INSTRUCTIONS = (
    "You answer questions about the files that your tools can reach. "
    "Look before you answer: list folders, read what may matter, and read several files at once where you can. "
    "Say which files your answer rests on. If the files do not hold the answer, say so."
)


async def run(input):
    agent = Agent(
        input.get("model", ""), system=INSTRUCTIONS, max_turns=input.get("max_turns", 20), publish_as="agent"
    )
    # It may look, but not write: the names are those of @modelcontextprotocol/server-filesystem.
    agent.tools_of("files", ["list_allowed_directories", "list_directory", "read_text_file", "search_files"])
    # A memory is welcome, not needed.
    if await has_provider("memory"):
        agent.tools_of("memory")
    outcome = await agent.run(input["question"])
    usage = outcome.usage
    log.info(f"answered after {outcome.turns} turns", tokens=usage.input_tokens + usage.output_tokens)
    return {"answer": outcome.text, "turns": outcome.turns, "tools_used": outcome.tools_used, "usage": usage}


async def has_provider(provider):
    """Whether the configuration has this provider for us. That one is there but cannot be reached is no reason to do without it."""
    try:
        await tools.list(provider)
        return True
    except Failure as failure:
        if failure.code == "unknown-provider":
            return False
        raise
