//! Language models: one question, one answer. The loop that lets a model use tools is `agent`.

import wire from "abide:workflow/llm@0.1.0";

import { decode } from "./internal/json.js";
import { call, callOptions, texts, whole, wireContent } from "./internal/wire.js";

/** Asks a model once. A text is what the user says to the default model. */
export function generate(request, options) {
  const asked = typeof request === "string" ? { messages: [{ user: request }] } : request;
  return call(wire.generate(wireRequest(asked), callOptions(options)), readResponse);
}

/** Asks for an answer that follows a JSON Schema, and reads it. */
export async function generateJson(request, name, schema, options) {
  const responseFormat = { jsonSchema: { name, schema, strict: true } };
  const asked = typeof request === "string" ? { messages: [{ user: request }] } : request;
  const response = await generate({ ...asked, responseFormat }, options);
  return decode(response.text, "invalid-response", "the model's answer is no JSON");
}

/** The text of a message. */
export function textOf(message) {
  if (message.system !== undefined) return message.system;
  if (message.user !== undefined) return texts(message.user);
  if (message.assistant !== undefined) return message.assistant.text ?? "";
  return texts(message.tool.content);
}

function wireRequest(request) {
  return {
    model: request.model ?? "",
    messages: request.messages.map(wireMessage),
    tools: (request.tools ?? []).map(wireTool),
    toolChoice: wireToolChoice(request.toolChoice),
    responseFormat: wireFormat(request.responseFormat),
    temperature: request.temperature ?? null,
    topP: request.topP ?? null,
    maxOutputTokens: request.maxOutputTokens ?? null,
    stop: request.stop ?? [],
    seed: request.seed === undefined || request.seed === null ? null : whole(request.seed, "seed"),
    extra: request.extra === undefined || request.extra === null ? null : JSON.stringify(request.extra),
  };
}

function wireMessage(message) {
  if (message.system !== undefined) return { tag: "system", val: message.system };
  if (message.user !== undefined) return { tag: "user", val: wireContent(message.user) };
  if (message.assistant !== undefined) {
    const { text, toolCalls } = message.assistant;
    return { tag: "assistant", val: { text: text ?? null, toolCalls: toolCalls ?? [] } };
  }
  const { callId, content, isError } = message.tool;
  return { tag: "tool", val: { callId, content: wireContent(content), isError: isError ?? false } };
}

function wireTool({ name, description, parameters }) {
  const schema = typeof parameters === "string" ? parameters : JSON.stringify(parameters);
  return { name, description: description ?? null, parameters: schema };
}

function wireToolChoice(choice) {
  if (choice === undefined || choice === null) return null;
  return typeof choice === "string" ? { tag: choice } : { tag: "named", val: choice.named };
}

function wireFormat(format) {
  if (format === undefined || format === null) return null;
  if (format === "text") return { tag: "text" };
  if (format === "json") return { tag: "json-object" };
  const { name, schema, strict } = format.jsonSchema;
  return { tag: "json-schema", val: { name, schema: JSON.stringify(schema), strict: strict ?? true } };
}

function readResponse({ message, finishReason, usage, model }) {
  return {
    text: message.text ?? "",
    message: { text: message.text ?? undefined, toolCalls: message.toolCalls },
    finishReason,
    usage: usage === null ? undefined : readUsage(usage),
    model,
  };
}

const readUsage = ({ inputTokens, outputTokens, cachedInputTokens }) => ({
  inputTokens: Number(inputTokens),
  outputTokens: Number(outputTokens),
  cachedInputTokens: Number(cachedInputTokens),
});

