// Looks at everything that could differ between a run and its replay.

import { log, random, run as self, timer, tools, versions } from "abide";

interface Seen {
  now: number[];
  random: number[];
  [more: string]: unknown;
}

export async function run(): Promise<Seen> {
  const seen: Seen = { now: [Date.now(), +new Date(), timer.now()], random: [Math.random(), random.number()] };
  seen.uuid = crypto.randomUUID();
  seen.bytes = Array.from(crypto.getRandomValues(new Uint8Array(8)));
  seen.date = [Date(), new Date(2026, 0, 1, 12).toISOString(), new Date().getTimezoneOffset(), performance.now()];
  seen.info = self.info();
  seen.patched = versions.patched("p");
  seen.recorded = versions.record("r", () => Math.random());

  const order: string[] = [];
  await Promise.all(
    ["a", "b", "c", "d", "e"].map(async (name) => {
      const result = await tools.call("echo", "echo", { name });
      order.push((result.json() as { name: string }).name);
      seen.random.push(Math.random());
      seen.now.push(Date.now());
    }),
  );
  seen.completed = order;

  const timers: string[] = [];
  await new Promise<void>((resolve) => {
    setTimeout(() => timers.push("10"), 10);
    setTimeout(() => timers.push("0"), 0);
    const never = setTimeout(() => timers.push("never"), 15);
    clearTimeout(never);
    queueMicrotask(() => timers.push("microtask"));
    let ticks = 0;
    const interval = setInterval(() => {
      ticks += 1;
      timers.push(`tick ${ticks}`);
      if (ticks === 2) {
        clearInterval(interval);
        resolve();
      }
    }, 20);
  });
  seen.timers = timers;
  seen.maps = [...new Map(Object.entries({ z: 1, a: 2, 10: 3, 9: 4 }))];
  seen.sorted = order.slice().sort(() => Math.random() - 0.5);
  seen.nan = Array.from(new Uint8Array(new Float64Array([0 / 0, -(0 / 0), Math.sqrt(-1)]).buffer));
  log.info("looked at everything", { order });
  return seen;
}
