// Ends in the way that its input asks for.

import { Failure, signals, timer, tools } from "abide";

class OutOfPaper extends Error {}

async function forget(): Promise<void> {
  await timer.sleep(0);
  throw new Error("nobody waits for this");
}

export async function run(input: { how: string }): Promise<unknown> {
  switch (input.how) {
    case "throw":
      throw new TypeError("the printer is on fire");
    case "failure":
      throw new Failure("no-paper", "there is no paper", { details: { tray: 2 }, retryable: true });
    case "text":
      throw "just a text";
    case "class":
      throw new OutOfPaper("none left");
    case "tool":
      return (await tools.call("echo", "fail", {})).json();
    case "callback":
      setTimeout(() => {
        throw new RangeError("in a callback");
      }, 1);
      return signals.receive("never");
    case "spin":
      for (;;);
    case "hog": {
      const hoard: string[] = [];
      for (;;) hoard.push("x".repeat(1_000_000) + hoard.length);
    }
    case "recursion": {
      const deeper = (depth: number): number => deeper(depth + 1) + 1;
      return deeper(0);
    }
    case "never":
      return new Promise(() => undefined);
    case "unwritable":
      return { number: 1n };
    case "floating":
      forget();
      await timer.sleep(1);
      return "went on";
    case "nothing":
      await timer.sleep(1);
      return undefined;
    default:
      throw new Failure("unknown", input.how);
  }
}
