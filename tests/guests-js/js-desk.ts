// A bit of everything that a run may do: signals, updates, timers, tools, children, races, sagas, published values.

import { Failure, cancellation as asked, children, race, run as self, runs, saga, signals, state, timer, tools, updates } from "abide";

export const cancellation = "manual";

interface Order {
  item: string;
  fail?: boolean;
}

export async function run(order: Order): Promise<unknown> {
  state.setAttributes({ stage: "begun", item: order.item });
  const changes: string[] = [];
  // Updates are answered while everything else goes on.
  (async () => {
    for (;;) {
      const update = await updates.receive("change");
      const change = update.args as { item: string };
      if (change.item === "") {
        update.reject(new Failure("empty", "name an item"));
        continue;
      }
      update.accept();
      changes.push(change.item);
      state.publish("changes", changes);
      update.respond({ items: changes.length });
    }
  })();
  const [left, right] = await Promise.all([
    tools.call("echo", "echo", { side: "left" }),
    tools.call("echo", "echo", { side: "right" }),
  ]);
  const first = await race({ decision: signals.receive("decision"), deadline: timer.sleep(60_000), asked: asked.requested() });
  if (first.name === "asked") throw Failure.cancelled(String(first.value));
  const child = await children.start("js-child", { doubled: order.item }, { id: `child-of-${self.info().id}` });
  await child.signal("go", { from: self.info().id });
  const answer = await child.result();
  const undone: string[] = [];
  try {
    await saga(async (undo) => {
      undo("give back", async () => {
        await timer.sleep(1);
        undone.push("given back");
      });
      await tools.call("echo", "echo", { taken: order.item });
      if (order.fail) throw new Failure("no-money", "the account is empty");
    });
  } catch (error) {
    if (!Failure.is(error, "no-money")) throw error;
  }
  await runs.signal(child.runId, "late", 1).catch((error: Failure) => changes.push(error.code));
  return { sides: [left.json(), right.json()], first: first.name, answer, changes, undone };
}
