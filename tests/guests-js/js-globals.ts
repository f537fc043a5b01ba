// What programs expect to be there.

import data from "./data/values.json";
import { double, type Doubled } from "./lib/double.js";

const encoder = new TextEncoder();

export async function run(): Promise<Record<string, unknown>> {
  const url = new URL("../b/./c d?x=1&y=a+b#end", "https://Ada:pw@Example.com:443/a/index.html?q");
  url.searchParams.append("z", "ü&");
  const original = { when: new Date(5), map: new Map([["a", [1, 2]]]), bytes: new Uint8Array([1, 2]), self: null as unknown };
  original.self = original;
  const copy = structuredClone(original);
  const doubled: Doubled = double(data.number);
  console.log("a line", { with: ["an", "object"] }, new Error("and an error"));
  const response = await fetch("https://example.com/echo", {
    method: "post",
    headers: { "X-Test": "1" },
    body: JSON.stringify({ text: "grüße" }),
  });
  return {
    encoded: Array.from(encoder.encode("aß水🙂")),
    decoded: new TextDecoder().decode(Uint8Array.of(0xef, 0xbb, 0xbf, 0x61, 0xc3, 0x9f, 0xff, 0xf0, 0x9f, 0x99, 0x82)),
    url: url.href,
    host: url.host,
    query: [...url.searchParams],
    base64: [btoa("Hello, wörld"), atob("SGVsbG8=")],
    cloned: copy.self === copy && copy !== original && copy.map.get("a")![1] === 2 && copy.when.getTime() === 5,
    doubled,
    response: [response.ok, response.status, response.headers.get("content-type"), await response.json()],
    date: new Date(0).toISOString(),
    instance: new Date() instanceof Date,
    intl: typeof Intl,
  };
}
