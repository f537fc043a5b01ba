import timer from "abide:workflow/timer@0.1.0";
export function exportsOf(program) {
  return {
    async run(input) { await timer.sleep(5n); return program.run(JSON.parse(input)).then(JSON.stringify); },
    query(name, args) { return "null"; },
  };
}
