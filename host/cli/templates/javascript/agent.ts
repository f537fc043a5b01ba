// Greets somebody, if a person approves.
import { llm, log, signals, state, timer } from "abide";

const PATIENCE_MS = 24 * 3600 * 1000;

type Approval = { approved: boolean; by: string };

export async function run(input: { name: string }) {
  const greeting = await llm.generate({ messages: [{ user: `Greet ${input.name} in one sentence.` }] });
  state.publish("greeting", greeting.text);
  const approval: Approval = await Promise.race([
    signals.receive("approval"),
    timer.sleep(PATIENCE_MS).then(() => ({ approved: false, by: "nobody" })),
  ]);
  log.info("decided", { by: approval.by });
  return { greeting: greeting.text, approved: approval.approved, by: approval.by };
}
