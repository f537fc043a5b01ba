//! Requests to this run from outside, which wait for its answer.

import wire from "abide:workflow/updates@0.1.0";

import { decode, encode } from "./internal/json.js";
import { call, wireFailure } from "./internal/wire.js";

/** A request. One that the program forgets without a word is answered for it when the run ends. */
class Update {
  #update;

  constructor(update) {
    this.#update = update;
    this.id = update.id();
    this.name = update.name();
  }

  /** With what. */
  get args() {
    return decode(this.#update.arguments(), "invalid-update", `the update \`${this.name}\` is no JSON`);
  }

  /** Says that it will be done: a sender that waits for no more goes on. */
  accept() {
    this.#update.accept();
  }

  /** Says that it will not be done. */
  reject(reason) {
    this.#update.reject(wireFailure(reason));
  }

  /** Says what came of it. */
  respond(answer) {
    this.#update.respond({ tag: "ok", val: encode(answer, "the answer to the update") });
  }

  /** Says that nothing came of it. */
  fail(reason) {
    this.#update.respond({ tag: "err", val: wireFailure(reason) });
  }
}

/** Waits for the next update of that name. Updates that came early wait for this, in their order. */
export function receive(name) {
  return call(wire.receive(name), (update) => new Update(update));
}
