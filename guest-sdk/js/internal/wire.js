//! Between what programs say and what the host's functions take.

import { Failure } from "../failure.js";

/** The failure behind what a function of the host throws. */
export function failureOf(error) {
  const payload = error?.payload;
  if (payload !== null && typeof payload === "object" && typeof payload.code === "string") {
    return new Failure(payload.code, payload.message, { details: details(payload.details), retryable: payload.retryable });
  }
  // The only other thing that the engine throws here: the call was dropped with `cancel`.
  return error?.message === "async import cancelled" ? new Failure("dropped", "the call was dropped") : error;
}

function details(text) {
  if (text === null || text === undefined) return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/** A failure as the host takes it, of whatever was thrown. */
export function wireFailure(error) {
  if (error instanceof Failure) {
    const { code, message, details, retryable } = error;
    return {
      code: String(code),
      message: String(message),
      details: details === undefined ? null : JSON.stringify(details) ?? null,
      retryable: Boolean(retryable),
    };
  }
  if (error instanceof Error) {
    const cause = error.cause === undefined ? undefined : String(error.cause);
    const details = JSON.stringify({ name: error.name, stack: error.stack, cause });
    return { code: "failed", message: `${error.name}: ${error.message}`, details, retryable: false };
  }
  return { code: "failed", message: typeof error === "string" ? error : `thrown: ${JSON.stringify(error) ?? String(error)}`, details: null, retryable: false };
}

/** A call of the host: what it gives goes through `read`, and what it throws becomes a failure. `cancel` of the promise drops the call. */
export function call(promise, read = (value) => value) {
  const result = promise.then(read, (error) => {
    throw failureOf(error);
  });
  result.cancel = () => promise.cancel?.();
  return result;
}

/** The same for functions that answer at once. */
export function immediate(ask) {
  try {
    return ask();
  } catch (error) {
    throw failureOf(error);
  }
}

/** A whole number for the host, rounded up: a timeout of half a millisecond is not one of none. */
export function whole(value, what) {
  if (typeof value === "bigint") return value;
  if (!Number.isFinite(value) || value < 0) {
    throw new Failure("invalid-request", `\`${what}\` is ${value}: give a finite number that is not negative`);
  }
  return BigInt(Math.ceil(value));
}

const optionalWhole = (value, what) => (value === undefined || value === null ? null : whole(value, what));

/** How a call is performed. */
export function callOptions(options) {
  if (options === undefined || options === null) return null;
  return {
    attemptTimeoutMs: optionalWhole(options.attemptTimeoutMs, "attemptTimeoutMs"),
    totalTimeoutMs: optionalWhole(options.totalTimeoutMs, "totalTimeoutMs"),
    retry: retryPolicy(options.retry),
    idempotencyKey: options.idempotencyKey ?? null,
  };
}

function retryPolicy(policy) {
  if (policy === undefined || policy === null) return null;
  return {
    initialIntervalMs: optionalWhole(policy.initialIntervalMs, "initialIntervalMs"),
    backoffCoefficient: policy.backoffCoefficient ?? null,
    maxIntervalMs: optionalWhole(policy.maxIntervalMs, "maxIntervalMs"),
    jitter: policy.jitter ?? null,
    maxAttempts: policy.maxAttempts ?? null,
    maxElapsedMs: optionalWhole(policy.maxElapsedMs, "maxElapsedMs"),
    nonRetryable: policy.nonRetryable ?? [],
  };
}

/** Parts of a message or a tool's result: `{text}` or `{image}`; a plain text is one part. */
export function wireContent(content) {
  if (typeof content === "string") return [{ tag: "text", val: content }];
  return content.map((part) => {
    if (typeof part === "string") return { tag: "text", val: part };
    if (part.text !== undefined) return { tag: "text", val: part.text };
    const { mediaType, source } = part.image;
    const wireSource = source.url === undefined ? { tag: "base64", val: source.base64 } : { tag: "url", val: source.url };
    return { tag: "image", val: { mediaType, source: wireSource } };
  });
}

/** The same, the other way. */
export function content(parts) {
  return parts.map(({ tag, val }) => {
    if (tag === "text") return { text: val };
    return { image: { mediaType: val.mediaType, source: { [val.source.tag]: val.source.val } } };
  });
}

/** The texts among the parts, one a line. */
export function texts(parts) {
  if (typeof parts === "string") return parts;
  return parts
    .map((part) => (typeof part === "string" ? part : part.text))
    .filter((text) => text !== undefined)
    .join("\n");
}
