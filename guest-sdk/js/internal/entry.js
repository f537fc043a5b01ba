//! What the component exports: decode, call the program, encode.

import * as cancellation from "../cancellation.js";
import { Failure } from "../failure.js";
import * as queries from "../queries.js";
import { decode, encode } from "./json.js";
import { loaded } from "./loading.js";
import { uncaught } from "./uncaught.js";
import { wireFailure } from "./wire.js";

/** The exports of a program, as the world has them. */
export function exportsOf(program) {
  const { run, query, cancellation = "automatic" } = program;
  if (typeof run !== "function") {
    throw new TypeError("the program exports no function `run`: write `export async function run(input) { … }`");
  }
  if (query !== undefined && typeof query !== "function") {
    throw new TypeError("the export `query` is no function: write `export function query(name, args) { … }`");
  }
  if (cancellation !== "automatic" && cancellation !== "manual") {
    throw new TypeError(`the export \`cancellation\` is \`${cancellation}\`: it may be "automatic" or "manual"`);
  }
  return {
    run: (input) => perform(run, cancellation === "manual", input),
    query: (name, args) => answer(query ?? queries.answer, name, args),
  };
}

async function perform(run, manual, input) {
  loaded();
  let asked;
  try {
    const value = decode(input, "invalid-input", "the input is no JSON");
    // It makes its first calls before anybody asks whether the run is cancelled, and where both end in one step, it has ended.
    const body = (async () => run(value))();
    const ends = [body, uncaught];
    if (!manual) {
      asked = cancellation.requested();
      ends.push(asked.then((reason) => Promise.reject(Failure.cancelled(reason))));
    }
    return encode(await Promise.race(ends), "the result of the workflow");
  } catch (error) {
    throw wireFailure(error);
  } finally {
    asked?.cancel();
  }
}

function answer(query, name, args) {
  loaded();
  try {
    const value = query(name, decode(args, "invalid-arguments", "the arguments of the query are no JSON"));
    if (typeof value?.then === "function") {
      throw new Failure("invalid-answer", "`query` gave a promise: a query answers at once, and makes no calls");
    }
    return encode(value, "the answer to the query");
  } catch (error) {
    throw wireFailure(error);
  }
}
