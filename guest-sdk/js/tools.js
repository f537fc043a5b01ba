//! Tools of MCP servers and of HTTP APIs that the configuration declares.

import wire from "abide:workflow/tools@0.1.0";

import { Failure } from "./failure.js";
import { decode, encode } from "./internal/json.js";
import { call as callHost, callOptions, content, texts } from "./internal/wire.js";

/** The tools of one provider, or of all that this run may use. */
export function list(provider, options) {
  return callHost(wire.list(provider ?? null, callOptions(options)), (tools) => tools.map(readTool));
}

/** Calls a tool. `args` become a JSON object. */
export function call(provider, name, args = {}, options) {
  return callEncoded(provider, name, encode(args, "the arguments of the tool"), options);
}

/** The same, with arguments that are JSON already. */
export function callEncoded(provider, name, args, options) {
  return callHost(wire.call(provider, name, args, callOptions(options)), readResult);
}

/** What a tool came back with. */
class ToolResult {
  constructor(content, structured, isError) {
    this.content = content;
    this.structured = structured;
    this.isError = isError;
  }

  /** The texts of the content, one a line. */
  get text() {
    return texts(this.content);
  }

  /** Itself; throws the failure `tool-failed` where the tool says that it failed. */
  ok() {
    if (this.isError) throw new Failure("tool-failed", this.text);
    return this;
  }

  /** The structured result; the text, read as JSON, where the tool gives nothing structured. */
  json() {
    return this.structured ?? decode(this.text, "invalid-response", "the tool's result is no JSON");
  }
}

function readResult({ content: parts, structured, isError }) {
  const value = structured === null ? undefined : decode(structured, "invalid-response", "the tool's result is no JSON");
  return new ToolResult(content(parts), value, isError);
}

function readTool({ provider, name, description, inputSchema, outputSchema }) {
  const schema = (text) => decode(text, "invalid-response", `a schema of the tool \`${name}\``);
  return {
    provider,
    name,
    description: description ?? undefined,
    inputSchema: schema(inputSchema),
    outputSchema: outputSchema === null ? undefined : schema(outputSchema),
  };
}
