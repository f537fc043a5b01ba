// An agent that answers questions about a folder of files: `examples/researcher` in TypeScript. It does the same, call for call.

import { Agent, Failure, log, tools } from "abide";

const INSTRUCTIONS =
  "You answer questions about the files that your tools can reach. " +
  "Look before you answer: list folders, read what may matter, and read several files at once where you can. " +
  "Say which files your answer rests on. If the files do not hold the answer, say so.";

interface Input {
  question: string;
  /** The model, by the names of the configuration; the default one if not said. */
  model?: string;
  max_turns?: number;
}

export async function run({ question, model = "", max_turns = 20 }: Input) {
  // It may look, but not write: the names are those of @modelcontextprotocol/server-filesystem.
  const agent = new Agent(model)
    .system(INSTRUCTIONS)
    .toolsOf("files", ["list_allowed_directories", "list_directory", "read_text_file", "search_files"])
    .maxTurns(max_turns)
    .publishAs("agent");
  // A memory is welcome, not needed.
  if (await hasProvider("memory")) agent.toolsOf("memory");
  const { text, turns, toolsUsed, usage } = await agent.run(question);
  log.info(`answered after ${turns} turns`, { tokens: usage.inputTokens + usage.outputTokens });
  return {
    answer: text,
    turns,
    tools_used: toolsUsed,
    usage: {
      input_tokens: usage.inputTokens,
      output_tokens: usage.outputTokens,
      cached_input_tokens: usage.cachedInputTokens,
    },
  };
}

/** Whether the configuration has this provider for us. That one is there but cannot be reached is no reason to do without it. */
async function hasProvider(provider: string): Promise<boolean> {
  try {
    await tools.list(provider);
    return true;
  } catch (error) {
    if (Failure.is(error, "unknown-provider")) return false;
    throw error;
  }
}
