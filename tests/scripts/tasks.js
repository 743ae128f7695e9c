// What the tests of scripts call; tasks.py has the same in Python.
let counted = 0;

export function add(a, b) {
  return a + b;
}

export const total = (numbers) => numbers.reduce((sum, n) => sum + n, 0);

export function nothing() {}

export function older(person) {
  return { ...person, age: person.age + 1, tags: [...person.tags, "older"] };
}

export function count() {
  counted += 1;
  return counted;
}

export function boom(depth) {
  if (depth > 0) return boom(depth - 1);
  throw new TypeError("not like this");
}

export function picky(n) {
  if (n % 2) throw new RangeError(`${n} is odd`);
  return n / 2;
}

export function spin() {
  for (;;) {}
}

export function eat() {
  const all = [];
  for (;;) all.push(new Array(1000).fill(all.length));
}

export function recurse(n) {
  return recurse(n + 1) + 1;
}

class Refusal extends Error {
  name = "Refusal";
}

export function refuse(why) {
  throw new Refusal(why);
}

export function crash(why) {
  throw new TypeError(why);
}

export function end(how) {
  switch (how) {
    case "divide":
      // Of numbers it would be Infinity.
      return 1n / 0n;
    case "memory":
      return eat();
    case "stack":
      return recurse(0);
    default:
      throw new RangeError("no such end");
  }
}

export async function later(n) {
  await null;
  return n * 2;
}

export function say(text) {
  console.log(text, { n: 1 });
}

export function stages(n) {
  for (let i = 0; i < n; i += 1) {
    wasmpool.emit({ stage: i });
    wasmpool.progress(i + 1, n);
  }
  return "done";
}

export function random() {
  return [Math.random(), Math.random()];
}

export function now() {
  return Date.now() / 1000;
}

export function formless() {
  return 10n;
}

export function words(text) {
  return text.split(/\s+/).filter((word) => word).length;
}

export function text(n) {
  return "é".repeat(n);
}

export const number = 7;
