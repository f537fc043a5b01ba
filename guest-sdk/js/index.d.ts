//! Types of the SDK, in the words of its modules. Times and durations are numbers of milliseconds.

/** What JSON can say. */
export type Json = null | boolean | number | string | Json[] | { [name: string]: Json };

/** Why something did not succeed. Calls throw one, and a workflow that throws one ends with it. */
export class Failure extends Error {
  constructor(code: string, message: string, more?: { details?: unknown; retryable?: boolean; cause?: unknown });
  /** A stable word in kebab case for programs, such as `rate-limited`, or a word of your own. */
  code: string;
  /** More for programs, if there is more. */
  details?: any;
  /** Whether trying the same again may help. */
  retryable: boolean;
  /** The failure of a run that was asked to end. */
  static cancelled(reason: string): Failure;
  /** Whether `error` is a failure, and, where a code is given, one with this code. */
  static is(error: unknown, code?: string): error is Failure;
}

/** A call of the host that is under way. */
export interface Call<T> extends Promise<T> {
  /** Drops the call; the promise is rejected with the failure `dropped`. */
  cancel(): void;
}

/** When and how often a call is tried again. What is left out comes from the provider's configuration. */
export interface RetryPolicy {
  initialIntervalMs?: number;
  backoffCoefficient?: number;
  maxIntervalMs?: number;
  /** The share of each wait that is left to chance, 0 to 1. */
  jitter?: number;
  /** Attempts in all, the first included; 1 means no retry. */
  maxAttempts?: number;
  maxElapsedMs?: number;
  /** Failure codes that are final. */
  nonRetryable?: string[];
}

/** How a call is performed. What is left out comes from the provider's configuration. */
export interface CallOptions {
  attemptTimeoutMs?: number;
  totalTimeoutMs?: number;
  retry?: RetryPolicy;
  /** What the provider sees as the key of the call, the same in every attempt. */
  idempotencyKey?: string;
}

/** A picture: where it is, or its bytes. */
export interface Image {
  mediaType: string;
  source: { url: string } | { base64: string };
}

/** One part of what a message or a tool says. */
export type ContentPart = { text: string } | { image: Image };

/** Language models. */
export namespace llm {
  interface ToolCall {
    id: string;
    name: string;
    /** JSON. Models err: check it. */
    arguments: string;
  }

  interface AssistantMessage {
    text?: string;
    toolCalls?: ToolCall[];
  }

  type Message =
    | { system: string }
    | { user: string | (string | ContentPart)[] }
    | { assistant: AssistantMessage }
    | { tool: { callId: string; content: string | (string | ContentPart)[]; isError?: boolean } };

  interface ToolDefinition {
    name: string;
    description?: string;
    /** JSON Schema of its arguments, as a value or as JSON. */
    parameters: object | string;
  }

  interface Request {
    /** `<provider>/<model>`, or `<model>` of the default provider; empty or left out: the default of both. */
    model?: string;
    messages: Message[];
    tools?: ToolDefinition[];
    toolChoice?: "auto" | "none" | "required" | { named: string };
    responseFormat?: "text" | "json" | { jsonSchema: { name: string; schema: object; strict?: boolean } };
    temperature?: number;
    topP?: number;
    maxOutputTokens?: number;
    stop?: string[];
    seed?: number | bigint;
    /** Members that are added to the request as they are. */
    extra?: object;
  }

  interface Usage {
    inputTokens: number;
    outputTokens: number;
    cachedInputTokens: number;
  }

  interface Response {
    /** The model's text; empty where it only asks for tools. */
    text: string;
    message: AssistantMessage & { toolCalls: ToolCall[] };
    finishReason: "stop" | "length" | "tool-calls" | "content-filter" | "other";
    usage?: Usage;
    model: string;
  }

  /** Asks a model once. A text is what the user says to the default model. */
  function generate(request: Request | string, options?: CallOptions): Call<Response>;
  /** Asks for an answer that follows a JSON Schema, and reads it. */
  function generateJson<T = any>(request: Request | string, name: string, schema: object, options?: CallOptions): Promise<T>;
  /** The text of a message. */
  function textOf(message: Message): string;
}

/** Tools of MCP servers and of HTTP APIs that the configuration declares. */
export namespace tools {
  interface Tool {
    provider: string;
    name: string;
    description?: string;
    inputSchema: any;
    outputSchema?: any;
  }

  interface ToolResult {
    content: ContentPart[];
    structured?: any;
    /** Whether the tool itself says that it failed. */
    isError: boolean;
    /** The texts of the content, one a line. */
    readonly text: string;
    /** Itself; throws the failure `tool-failed` where the tool says that it failed. */
    ok(): ToolResult;
    /** The structured result; the text, read as JSON, where the tool gives nothing structured. */
    json<T = any>(): T;
  }

  /** The tools of one provider, or of all that this run may use. */
  function list(provider?: string, options?: CallOptions): Call<Tool[]>;
  /** Calls a tool. */
  function call(provider: string, name: string, args?: object, options?: CallOptions): Call<ToolResult>;
}

/** HTTP requests to hosts that the configuration allows; `fetch` is made of this. */
export namespace http {
  interface HttpResponse {
    status: number;
    headers: { name: string; value: string }[];
    body: Uint8Array;
    /** Itself; throws the failure `http-status` of a status outside 200 to 299. */
    ok(): HttpResponse;
    header(name: string): string | undefined;
    text(): string;
    json<T = any>(): T;
  }

  interface HttpRequest {
    method?: string;
    url: string | URL;
    headers?: { name: string; value: string }[];
    body?: string | Uint8Array | null;
  }

  function send(request: HttpRequest, options?: CallOptions): Call<HttpResponse>;
}

/** Time as the run sees it. */
export namespace timer {
  /** The time of the last event that this run was given, in milliseconds since 1970. */
  function now(): number;
  /** Waits, and gives the time then. It costs nothing while it waits, and outlives restarts. At most 10 years. */
  function sleep(durationMs: number): Call<number>;
  function sleepUntil(time: number | Date): Call<number>;
}

/** Random numbers from the run's own generator. They are no secrets. */
export namespace random {
  function bytes(length: number): Uint8Array;
  function u64(): bigint;
  /** From 0 to 1, without 1. */
  function number(): number;
  function uuid(): string;
}

/** Lines for people, written once. */
export namespace log {
  type Level = "trace" | "debug" | "info" | "warn" | "error";
  function write(level: Level, message: string, fields?: object): void;
  function trace(message: string, fields?: object): void;
  function debug(message: string, fields?: object): void;
  function info(message: string, fields?: object): void;
  function warn(message: string, fields?: object): void;
  function error(message: string, fields?: object): void;
}

/** What a run knows of itself. */
export namespace run {
  interface Info {
    tenant: string;
    workflow: string;
    version: string;
    id: string;
    runId: string;
    startedMs: number;
    historyLength: number;
    parentRunId?: string;
    continuedFrom?: string;
    /** Whether the history is so long that the run should go on as a new one. */
    shouldContinue: boolean;
  }

  function info(): Info;
  /** Lets the run go on as a new one. Throw what this gives: `throw run.continueAsNew(input)`. */
  function continueAsNew(input: unknown): Failure;
}

/** Messages to this run from outside. */
export namespace signals {
  /** Waits for the next signal of that name, and gives its payload. */
  function receive<T = any>(name: string): Call<T>;
}

/** What others may see of this run while it goes on. */
export namespace state {
  /** Shows `value` under `name` to whoever asks. */
  function publish(name: string, value: unknown): void;
  /** Changes what this run can be found by; `null` removes an attribute. */
  function setAttributes(attributes: Record<string, string | number | boolean | string[] | null>): void;
}

/** Being asked to end, for workflows that say `export const cancellation = "manual"`. */
export namespace cancellation {
  /** Waits until somebody asks this run to end, and gives their reason. */
  function requested(): Call<string>;
}

/** Other runs, by their run id or their id. */
export namespace runs {
  function signal(run: string, name: string, payload?: unknown): Call<void>;
  function cancel(run: string, reason: string): Call<void>;
}

/** Runs that this run starts and waits for. */
export namespace children {
  interface ChildOptions {
    id?: string;
    version?: string;
    /** What happens to it when this run has ended; `cancel` if not said. */
    parentClose?: "cancel" | "terminate" | "abandon";
    runTimeoutMs?: number;
  }

  interface Child {
    id: string;
    runId: string;
    result<T = any>(): Call<T>;
    signal(name: string, payload?: unknown): Call<void>;
    cancel(reason: string): Call<void>;
  }

  /** Starts a run, and gives it when its start is durable. */
  function start(workflow: string, input?: unknown, options?: ChildOptions): Call<Child>;
  /** Starts a run, and waits for its result. */
  function run<T = any>(workflow: string, input?: unknown, options?: ChildOptions): Promise<T>;
}

/** Requests to this run from outside, which wait for its answer. */
export namespace updates {
  interface Update {
    id: string;
    name: string;
    readonly args: any;
    /** Says that it will be done. */
    accept(): void;
    /** Says that it will not be done. */
    reject(reason: unknown): void;
    /** Says what came of it. */
    respond(answer: unknown): void;
    /** Says that nothing came of it. */
    fail(reason: unknown): void;
  }

  function receive(name: string): Call<Update>;
}

/** Code that changes under runs that began before. */
export namespace versions {
  function patched(id: string): boolean;
  /** The value that `compute` gave when the run first came here, whatever it gives now. */
  function record<T>(id: string, compute: () => T): T;
}

/** Questions that the workflow answers with code of its own, by name; an export `query(name, args)` takes their place. */
export namespace queries {
  function on(name: string, handler: (args: any) => unknown): void;
  /** Answers one query with the handlers, for an export `query` of your own. */
  function answer(name: string, args: unknown): unknown;
}

/** Waits for the first of several promises, and drops the calls behind the others. */
export function race<B extends Record<string, Promise<any>>>(
  branches: B,
): Promise<{ [N in keyof B]: { name: N; value: Awaited<B[N]> } }[keyof B]>;
export function race<T>(branches: Promise<T>[]): Promise<{ name: number; value: T }>;

/** Makes the steps of `body`; when it fails, or the run is asked to end, what `undo` was told is done, the last first. */
export function saga<T>(body: (undo: (what: string, action: () => unknown) => void) => Promise<T>): Promise<T>;

/** What came of a conversation. */
export interface AgentOutcome {
  /** The model's last text. */
  text: string;
  messages: llm.Message[];
  /** How often the model was asked. */
  turns: number;
  /** The tools that were used, by the names that the model knows, in alphabetic order. */
  toolsUsed: string[];
  usage: llm.Usage;
}

/** A model in a loop with tools, until it has an answer. */
export class Agent {
  constructor(model?: string);
  system(text: string): this;
  /** Tools of a provider: those named, or all. */
  toolsOf(provider: string, only?: string[]): this;
  /** A tool that is code of the workflow. */
  localTool(name: string, description: string, schema: object, run: (args: any) => unknown): this;
  maxTurns(turns: number): this;
  modelOptions(options: CallOptions): this;
  toolOptions(options: CallOptions): this;
  publishAs(name: string): this;
  stopWhen(condition: (messages: llm.Message[]) => boolean): this;
  run(prompt: string): Promise<AgentOutcome>;
  runWith(messages: llm.Message[]): Promise<AgentOutcome>;
}

/** An agent from an object. */
export function agent(options: {
  model?: string;
  system?: string;
  /** Providers, each with the tools that may be used; none named means all. */
  tools?: Record<string, string[]>;
  localTools?: { name: string; description: string; schema: object; run: (args: any) => unknown }[];
  maxTurns?: number;
  modelOptions?: CallOptions;
  toolOptions?: CallOptions;
  publishAs?: string;
  stopWhen?: (messages: llm.Message[]) => boolean;
}): Agent;
