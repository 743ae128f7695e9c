// The functions of tasks.wit.
let called = 0;

export function countWords(text) {
  const times = new Map();
  for (const word of text.split(/\s+/).filter((word) => word)) times.set(word, (times.get(word) ?? 0) + 1);
  const words = [...times].map(([text, times]) => ({ text, times }));
  return words.sort((a, b) => b.times - a.times || (a.text < b.text ? -1 : 1));
}

export function mean(numbers) {
  // A text that is thrown is the error of the result.
  if (numbers.length === 0) throw "the mean of nothing";
  return numbers.reduce((sum, n) => sum + n) / numbers.length;
}

export function act(how) {
  called += 1;
  const all = [];
  const recurse = (n) => recurse(n + 1) + 1;
  switch (how) {
    case "throw":
      throw new TypeError("not like this");
    case "eat":
      for (;;) all.push(new Array(1000).fill(all.length));
    case "recurse":
      return recurse(0);
    case "spin":
      for (;;) {}
    default:
      return called;
  }
}

export function refuse(why) {
  throw why;
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
      return act("eat");
    case "stack":
      return act("recurse");
    default:
      throw new RangeError("no such end");
  }
}

export function say(line) {
  console.log(line);
}
