//! `fetch`, made of the host's recorded HTTP call. What goes wrong before there is a status is a `Failure`.

import { send } from "../http.js";

/** Headers, by names whose case does not matter. */
export class Headers {
  #entries = [];

  constructor(init = []) {
    const entries = init instanceof Headers || Array.isArray(init) ? init : Object.entries(init);
    for (const [name, value] of entries) this.append(name, value);
  }

  append(name, value) {
    this.#entries.push([String(name).toLowerCase(), String(value)]);
  }

  set(name, value) {
    this.delete(name);
    this.append(name, value);
  }

  delete(name) {
    const lower = String(name).toLowerCase();
    this.#entries = this.#entries.filter(([known]) => known !== lower);
  }

  has(name) {
    return this.get(name) !== null;
  }

  get(name) {
    const lower = String(name).toLowerCase();
    const values = this.#entries.filter(([known]) => known === lower).map(([, value]) => value);
    return values.length === 0 ? null : values.join(", ");
  }

  forEach(callback) {
    for (const [name, value] of this) callback(value, name, this);
  }

  keys() {
    return this.#entries.map(([name]) => name).values();
  }

  values() {
    return this.#entries.map(([, value]) => value).values();
  }

  entries() {
    return this.#entries.map((entry) => [...entry]).values();
  }

  [Symbol.iterator]() {
    return this.entries();
  }
}

/** What `fetch` gives. */
export class Response {
  #body;

  constructor(body = null, { status = 200, headers = [], url = "" } = {}) {
    this.#body = bytesOf(body) ?? new Uint8Array();
    this.status = status;
    this.statusText = "";
    this.headers = new Headers(headers);
    this.url = url;
    this.redirected = false;
  }

  get ok() {
    return this.status >= 200 && this.status < 300;
  }

  async bytes() {
    return this.#body.slice();
  }

  async arrayBuffer() {
    return this.#body.slice().buffer;
  }

  async text() {
    return new TextDecoder().decode(this.#body);
  }

  async json() {
    return JSON.parse(await this.text());
  }
}

/** Sends a request. `abide` in the options is how the call is performed; `signal` and what concerns browsers is not looked at. */
export async function fetch(url, { method = "GET", headers, body, abide } = {}) {
  const sent = new Headers(headers);
  if (typeof body === "string" && !sent.has("content-type")) sent.set("content-type", "text/plain;charset=UTF-8");
  if (body instanceof URLSearchParams && !sent.has("content-type")) {
    sent.set("content-type", "application/x-www-form-urlencoded;charset=UTF-8");
  }
  const list = Array.from(sent, ([name, value]) => ({ name, value }));
  const request = { method: String(method).toUpperCase(), url: String(url), headers: list, body: bytesOf(body) };
  const answer = await send(request, abide);
  const received = answer.headers.map(({ name, value }) => [name, value]);
  return new Response(answer.body, { status: answer.status, headers: received, url: String(url) });
}

function bytesOf(body) {
  if (body === undefined || body === null) return null;
  if (body instanceof ArrayBuffer) return new Uint8Array(body);
  if (ArrayBuffer.isView(body)) return new Uint8Array(body.buffer, body.byteOffset, body.byteLength);
  return new TextEncoder().encode(String(body));
}
