//! `Agent`: a model in a loop with tools, until it has an answer. It is one file of plain code on top of `llm` and `tools`: where it does
//! not fit, copy and change it. It asks just what the agent of the SDK for Rust asks, to the byte.

import { Failure } from "./failure.js";
import { decode, encode, encodeSorted } from "./internal/json.js";
import * as llm from "./llm.js";
import * as state from "./state.js";
import { forModel, unique } from "./tool_names.js";
import * as tools from "./tools.js";

/** How often the model is asked at most, if not said. */
const MAX_TURNS = 16;

/**
 * A model that uses tools until it has an answer. Each turn the model is asked once; the tools that it asks for run concurrently, and
 * what they say, be it an error, is given back to it. In the last turn that it may take, it may not ask for tools.
 */
export class Agent {
  #model;
  #system;
  #providers = [];
  #local = [];
  #maxTurns = MAX_TURNS;
  #modelOptions;
  #toolOptions = {};
  #publishAs;
  #stopWhen = () => false;

  constructor(model = "") {
    this.#model = model;
  }

  /** Instructions that stand above the conversation. */
  system(text) {
    this.#system = text;
    return this;
  }

  /** Lets the model use tools of a provider: those named, by their provider's names, or all where `only` is empty. */
  toolsOf(provider, only = []) {
    this.#providers.push({ provider, only });
    return this;
  }

  /** Lets the model use a tool that is code of the workflow: a function of the arguments. What it throws is told to the model. */
  localTool(name, description, schema, run) {
    this.#local.push({ definition: { name: forModel(name), description, parameters: encodeSorted(schema) }, run });
    return this;
  }

  /** How often the model is asked at most; 16 if not said. */
  maxTurns(turns) {
    this.#maxTurns = Math.max(1, turns);
    return this;
  }

  /** How the model is called. */
  modelOptions(options) {
    this.#modelOptions = options;
    return this;
  }

  /** How tools are called. */
  toolOptions(options) {
    this.#toolOptions = options;
    return this;
  }

  /** Publishes what goes on under this name: `{"turn", "max_turns", "tools", "usage"}`, where `tools` are those in flight. */
  publishAs(name) {
    this.#publishAs = name;
    return this;
  }

  /** Ends the conversation after the turn whose messages make this true, even if the model would go on. */
  stopWhen(condition) {
    this.#stopWhen = condition;
    return this;
  }

  /** Begins a conversation with what the user says. */
  run(prompt) {
    const system = this.#system === undefined ? [] : [{ system: this.#system }];
    return this.runWith([...system, { user: prompt }]);
  }

  /** Goes on with a conversation, whose last message is one that the model can answer. Does not add the system text. */
  async runWith(messages) {
    const { definitions, targets } = await this.#tools();
    const outcome = { text: "", messages: [...messages], turns: 0, toolsUsed: [], usage: noTokens() };
    while (outcome.turns < this.#maxTurns) {
      outcome.turns += 1;
      this.#publish(outcome, []);
      const response = await this.#ask(outcome, definitions);
      add(outcome.usage, response.usage);
      outcome.text = response.text;
      const calls = response.message.toolCalls;
      outcome.messages.push({ assistant: response.message });
      if (calls.length === 0) return outcome;

      this.#publish(outcome, calls);
      outcome.messages.push(...(await Promise.all(calls.map((call) => this.#answer(call, targets.get(call.name))))));
      outcome.toolsUsed = [...new Set([...outcome.toolsUsed, ...calls.map((call) => call.name)])].sort();
      if (this.#stopWhen(outcome.messages)) return outcome;
    }
    throw new Failure(
      "max-turns",
      `the model still asked for tools in turn ${this.#maxTurns}: raise \`maxTurns\` or narrow the task`,
      { details: { turns: outcome.turns, usage: storedUsage(outcome.usage) } },
    );
  }

  #ask(outcome, definitions) {
    const request = { model: this.#model, messages: outcome.messages, tools: definitions };
    if (outcome.turns === this.#maxTurns && definitions.length > 0) request.toolChoice = "none";
    return llm.generate(request, this.#modelOptions);
  }

  /** Performs what the model asks for. Whatever goes wrong is told to the model, which may try something else. */
  async #answer(call, target) {
    try {
      if (target === undefined) throw new Failure("unknown-tool", `there is no tool \`${call.name}\``);
      const { content, isError } = target.run === undefined ? await this.#callProvider(target, call) : await callLocal(target, call);
      return { tool: { callId: call.id, content, isError } };
    } catch (error) {
      const text = error instanceof Failure ? String(error) : `failed: ${error?.message ?? error}`;
      return { tool: { callId: call.id, content: [{ text }], isError: true } };
    }
  }

  async #callProvider({ provider, name }, call) {
    const args = parse(call);
    if (args === null || typeof args !== "object" || Array.isArray(args)) {
      throw new Failure("invalid-arguments", `the arguments are no JSON object: ${encodeSorted(args)}`);
    }
    const result = await tools.callEncoded(provider, name, encodeSorted(args), this.#toolOptions);
    // Some tools give nothing but the structured form.
    const bare = result.structured !== undefined && result.content.length === 0;
    return { content: bare ? [{ text: encodeSorted(result.structured) }] : result.content, isError: result.isError };
  }

  /** The tools that the model may ask for, and what stands behind their names. */
  async #tools() {
    const definitions = [];
    const targets = new Map();
    for (const { definition, run } of this.#local) {
      definitions.push(definition);
      targets.set(definition.name, { run });
    }
    const lists = await Promise.allSettled(this.#providers.map(({ provider }) => tools.list(provider)));
    for (const [index, { provider, only }] of this.#providers.entries()) {
      const { status, value: list, reason } = lists[index];
      if (status === "rejected") throw reason;
      const missing = only.find((name) => !list.some((tool) => tool.name === name));
      if (missing !== undefined) throw new Failure("unknown-tool", `the provider \`${provider}\` has no tool \`${missing}\``);
      for (const tool of list.filter((tool) => only.length === 0 || only.includes(tool.name))) {
        const name = unique(forModel(tool.provider, tool.name), targets);
        definitions.push({ name, description: tool.description, parameters: encodeSorted(tool.inputSchema) });
        targets.set(name, { provider: tool.provider, name: tool.name });
      }
    }
    return { definitions, targets };
  }

  #publish(outcome, inFlight) {
    if (this.#publishAs === undefined) return;
    state.publish(this.#publishAs, {
      max_turns: this.#maxTurns,
      tools: inFlight.map((call) => call.name),
      turn: outcome.turns,
      usage: storedUsage(outcome.usage),
    });
  }
}

/** An agent from an object: `{ model, system, tools: { provider: [names] }, localTools, maxTurns, … }`. */
export function agent(options) {
  const made = new Agent(options.model).maxTurns(options.maxTurns ?? MAX_TURNS);
  if (options.system !== undefined) made.system(options.system);
  for (const [provider, only] of Object.entries(options.tools ?? {})) made.toolsOf(provider, only);
  for (const { name, description, schema, run } of options.localTools ?? []) made.localTool(name, description, schema, run);
  if (options.modelOptions !== undefined) made.modelOptions(options.modelOptions);
  if (options.toolOptions !== undefined) made.toolOptions(options.toolOptions);
  if (options.publishAs !== undefined) made.publishAs(options.publishAs);
  if (options.stopWhen !== undefined) made.stopWhen(options.stopWhen);
  return made;
}

async function callLocal({ run }, call) {
  const value = await run(parse(call));
  // A text is given as it is: models need no quotes around it.
  return { content: [{ text: typeof value === "string" ? value : encode(value, "the answer of the tool") }], isError: false };
}

const parse = (call) => decode(call.arguments, "invalid-arguments", `the arguments of \`${call.name}\` do not fit`);

const noTokens = () => ({ inputTokens: 0, outputTokens: 0, cachedInputTokens: 0 });

function add(sum, usage = noTokens()) {
  for (const name of Object.keys(sum)) sum[name] += usage[name];
}

/** As it is published, in the words of every SDK. */
const storedUsage = ({ inputTokens, outputTokens, cachedInputTokens }) => ({
  cached_input_tokens: cachedInputTokens,
  input_tokens: inputTokens,
  output_tokens: outputTokens,
});
