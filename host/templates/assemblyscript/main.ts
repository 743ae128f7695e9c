// The tasks of this guest. What they are called and which types they have stands in wasmpool.toml.

import { Args, fail, output } from "./wasmpool/assembly";

/** Greets somebody. */
export function greet(): i32 {
  const args = new Args();
  const name = args.get<string>();
  args.end();
  if (name.length == 0) return fail("nobody is there to be greeted");
  return output<string>("Hello, " + name + "!");
}
