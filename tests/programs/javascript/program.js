// An ordinary program in JavaScript, for StarlingMonkey: it knows nothing of abide, and uses what a browser has. What it does is named in
// its input.

const parts = { talk, surroundings, nap, race, raise, reject };

export async function run(text) {
  const { part = "talk", ...given } = JSON.parse(text);
  return JSON.stringify(await parts[part](given));
}

// Asks a model, waits, asks it again.
async function talk({ question, url, pause_ms }) {
  const began = Date.now();
  console.log(`asked: ${question}`);
  const first = await ask(url, question);
  await sleep(pause_ms);
  const second = await ask(url, `Say it shorter: ${first}`);
  return { answer: second, waited: Date.now() - began >= pause_ms };
}

// What differs from run to run, and may not differ from replay to replay.
async function surroundings() {
  return {
    random: Math.random(),
    uuid: crypto.randomUUID(),
    bytes: [...crypto.getRandomValues(new Uint8Array(8))],
    time: Date.now(),
    date: new Date().toISOString(),
  };
}

// Waits, and knows then what it drew before.
async function nap({ pause_ms }) {
  const before = Math.random();
  await sleep(pause_ms);
  return `${before} ${Math.random()}`;
}

// Asks several at the same time, and tells who was first.
async function race({ questions, url }) {
  const order = [];
  await Promise.all(questions.map((question, place) => ask(url, question).then(() => order.push(place))));
  return order;
}

// Ends badly.
async function raise() {
  throw new TypeError("something is missing");
}

// Ends badly, in the words of its interface.
async function reject() {
  throw "the order is sold out";
}

async function ask(url, question) {
  const response = await fetch(url, {
    method: "POST",
    // The second is not sent: it tells the host how often to try.
    headers: { "content-type": "application/json", "abide-max-attempts": "5" },
    body: JSON.stringify({ model: "small", messages: [{ role: "user", content: question }] }),
  }).catch((error) => {
    // A text is the error of the interface; an `Error` that nobody catches is a trap.
    throw `the model cannot be reached: ${error.message}`;
  });
  if (!response.ok) throw `the model answered ${response.status}`;
  const answer = await response.json();
  return answer.choices[0].message.content;
}

function sleep(pause_ms) {
  return new Promise((resolve) => setTimeout(resolve, pause_ms));
}
