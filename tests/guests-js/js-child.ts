// Doubles what it is told, after a signal.

import { signals } from "abide";

export async function run({ doubled }: { doubled: string }): Promise<string> {
  const { from } = (await signals.receive("go")) as { from: string };
  return `${doubled}${doubled} for ${from}`;
}
