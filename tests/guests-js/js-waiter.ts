// Waits for the signal `go`, and gives its payload. It may be asked what it waits for.

import { signals } from "abide";

let waiting = "nothing";

export async function run(): Promise<unknown> {
  waiting = "go";
  const payload = await signals.receive("go");
  waiting = "nothing";
  return payload;
}

export function query(name: string, args: unknown): unknown {
  if (name === "spoil") waiting = "spoiled";
  return { args: args ?? "none", name, waiting };
}
