//! HTTP requests to hosts that the configuration allows. It follows no redirects and keeps no cookies. `fetch` is made of this.

import wire from "abide:workflow/http@0.1.0";

import { Failure } from "./failure.js";
import { decode } from "./internal/json.js";
import { call, callOptions } from "./internal/wire.js";

/** What came back, whatever its status. */
export class HttpResponse {
  constructor(status, headers, body) {
    this.status = status;
    this.headers = headers;
    this.body = body;
  }

  /** Itself; throws the failure `http-status` of a status outside 200 to 299. */
  ok() {
    if (this.status >= 200 && this.status < 300) return this;
    throw new Failure("http-status", `the server answered with status ${this.status}`, { details: { status: this.status } });
  }

  /** The first value of a header. Case does not matter. */
  header(name) {
    return this.headers.find((header) => header.name.toLowerCase() === name.toLowerCase())?.value;
  }

  text() {
    return new TextDecoder().decode(this.body);
  }

  json() {
    return decode(this.text(), "invalid-response", "the body of the response is no JSON");
  }
}

/** Sends a request: `{ method, url, headers: [{name, value}], body }`. */
export function send({ method = "GET", url, headers = [], body = null }, options) {
  const bytes = typeof body === "string" ? new TextEncoder().encode(body) : body;
  const answer = wire.fetch({ method, url: String(url), headers, body: bytes }, callOptions(options));
  return call(answer, ({ status, headers, body }) => new HttpResponse(status, headers, body));
}
