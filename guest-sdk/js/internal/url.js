//! `URL` and `URLSearchParams`, for addresses with an authority, such as those of HTTP. It does not know international names of hosts.

const PARTS = /^([A-Za-z][A-Za-z0-9+.-]*:)\/\/(?:([^/?#@:]*)(?::([^/?#@]*))?@)?([^/?#:[]*|\[[^\]]*\])(?::(\d*))?([^?#]*)(\?[^#]*)?(#.*)?$/;
const PORTS = { "http:": "80", "https:": "443", "ws:": "80", "wss:": "443" };

/** An absolute address in its parts. */
export class URL {
  constructor(text, base) {
    const parts = PARTS.exec(String(text).trim());
    if (parts === null && base === undefined) throw new TypeError(`\`${text}\` is no absolute URL`);
    const [, protocol, username, password, host, port, path, search, hash] = parts ?? PARTS.exec(resolve(String(text).trim(), new URL(base)));
    this.protocol = protocol.toLowerCase();
    this.username = username ?? "";
    this.password = password ?? "";
    this.hostname = host.toLowerCase();
    if (this.hostname === "" && this.protocol in PORTS) throw new TypeError(`\`${text}\` names no host`);
    this.port = port === undefined || port === PORTS[this.protocol] ? "" : port;
    this.pathname = normalise(path);
    this.searchParams = new URLSearchParams(search ?? "");
    this.hash = hash === undefined || hash === "#" ? "" : escape(hash);
  }

  static canParse(text, base) {
    try {
      return Boolean(new URL(text, base));
    } catch {
      return false;
    }
  }

  get search() {
    const text = this.searchParams.toString();
    return text === "" ? "" : `?${text}`;
  }

  set search(text) {
    this.searchParams = new URLSearchParams(text);
  }

  get host() {
    return this.port === "" ? this.hostname : `${this.hostname}:${this.port}`;
  }

  get origin() {
    return `${this.protocol}//${this.host}`;
  }

  get href() {
    return site(this) + this.pathname + this.search + this.hash;
  }

  toString() {
    return this.href;
  }

  toJSON() {
    return this.href;
  }
}

/** What stands before the path. */
function site({ protocol, username, password, host }) {
  const secret = password === "" ? "" : `:${password}`;
  const user = username === "" && secret === "" ? "" : `${username}${secret}@`;
  return `${protocol}//${user}${host}`;
}

/** The text of an address that is relative to another one. */
function resolve(text, base) {
  if (text.startsWith("//")) return base.protocol + text;
  if (text.startsWith("/")) return site(base) + text;
  if (text.startsWith("?")) return site(base) + base.pathname + text;
  if (text.startsWith("#") || text === "") return site(base) + base.pathname + base.search + text;
  return site(base) + base.pathname.slice(0, base.pathname.lastIndexOf("/") + 1) + text;
}

function normalise(path) {
  const parts = [];
  const given = path.split("/").slice(1);
  for (const [index, part] of given.entries()) {
    const last = index === given.length - 1;
    if (part === "..") parts.pop();
    else if (part !== ".") parts.push(escape(part));
    if (last && (part === "." || part === "..")) parts.push("");
  }
  return `/${parts.join("/")}`;
}

/** What may not stand in an address, in percent signs; what is so already stays. */
const escape = (text) => encodeURI(text).replace(/%25([0-9A-Fa-f]{2})/g, "%$1");

/** The names and values of a query. */
export class URLSearchParams {
  #entries = [];

  constructor(init = "") {
    if (typeof init === "string") {
      const text = init.startsWith("?") ? init.slice(1) : init;
      for (const part of text.split("&").filter((part) => part !== "")) {
        const at = part.indexOf("=");
        this.append(unescape(at < 0 ? part : part.slice(0, at)), at < 0 ? "" : unescape(part.slice(at + 1)));
      }
      return;
    }
    const entries = typeof init[Symbol.iterator] === "function" ? init : Object.entries(init);
    for (const [name, value] of entries) this.append(name, value);
  }

  append(name, value) {
    this.#entries.push([String(name), String(value)]);
  }

  set(name, value) {
    const at = this.#entries.findIndex(([known]) => known === name);
    if (at < 0) return this.append(name, value);
    this.#entries = this.#entries.filter(([known], index) => known !== name || index === at);
    this.#entries[at] = [name, String(value)];
    return undefined;
  }

  delete(name) {
    this.#entries = this.#entries.filter(([known]) => known !== name);
  }

  has(name) {
    return this.#entries.some(([known]) => known === name);
  }

  get(name) {
    return this.#entries.find(([known]) => known === name)?.[1] ?? null;
  }

  getAll(name) {
    return this.#entries.filter(([known]) => known === name).map(([, value]) => value);
  }

  entries() {
    return this.#entries.map((entry) => [...entry]).values();
  }

  [Symbol.iterator]() {
    return this.entries();
  }

  toString() {
    return this.#entries.map(([name, value]) => `${form(name)}=${form(value)}`).join("&");
  }
}

const form = (text) => encodeURIComponent(text).replace(/%20/g, "+").replace(/[!'()~]/g, (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`);

function unescape(text) {
  const spaced = text.replace(/\+/g, " ");
  try {
    return decodeURIComponent(spaced);
  } catch {
    return spaced;
  }
}
