// What every task does: take its input, give its result, fail, tell.

import * as abi from "./abi";
import { Reader, Writer } from "./codec";

/** Waits as long as the task may run. Timeouts are in nanoseconds; zero does not wait. */
export const FOREVER: i64 = -1;

/** Ends the task with a failure of this kind. */
function end(kind: i32, text: string): void {
  const utf8 = String.UTF8.encode(text);
  abi.fail(kind, changetype<usize>(utf8), utf8.byteLength);
  unreachable();
}

/** Of the text of a failure: so many units of UTF-16 of each part are told. */
const TOLD: i32 = 2000;
/** Room for message, file and line: three bytes for a unit, and what is between them. */
const ROOM = memory.data(3 * 2 * 2000 + 12);

/** Appends a string, which is given by its address, at `to`; the end of it. */
function tell(text: usize, to: usize): usize {
  // The bytes of a string are counted right before it.
  const units = min(load<i32>(text - 4) >> 1, TOLD);
  return to + String.UTF8.encodeUnsafe(text, units, to, false, String.UTF8.ErrorMode.REPLACE);
}

/**
 * What `throw` and failed checks come to: the task's failure, with the message and the place. The compiler has to be told:
 * `--use abort=node_modules/wasmpool-assemblyscript/assembly/task/abort`, or whatever the path of this file is.
 *
 * It has strings by their addresses and makes none, for it is also called when the collector's stack is full, or memory.
 */
export function abort(message: usize, file: usize, line: u32, column: u32): void {
  // The check of the collector's stack has words that the compiler lays down too late: their address is one within that stack.
  // Unless they occur elsewhere, as they do here.
  if (message >= __data_end && message < __heap_base) message = changetype<usize>("stack overflow");
  let at = tell(message ? message : changetype<usize>("aborted"), ROOM);
  const placed = file != 0 && load<i32>(file - 4) > 0;
  if (placed) {
    store<u8>(at, 0x0a);
    at = tell(file, at + 1);
    store<u8>(at++, 0x0a);
    let digits: u32 = 1;
    while (line / digits >= 10) digits *= 10;
    for (; digits; digits /= 10) store<u8>(at++, <u8>(0x30 + ((line / digits) % 10)));
  }
  abi.fail(placed ? abi.Fail.Panic : abi.Fail.Message, ROOM, <i32>(at - ROOM));
  unreachable();
}

/** Says why the task fails, and returns what the task then has to return. */
export function fail(message: string): i32 {
  const utf8 = String.UTF8.encode(message);
  abi.fail(abi.Fail.Message, changetype<usize>(utf8), utf8.byteLength);
  return 1;
}

/** The result of an import that must not fail. */
export function must(result: i32, what: string): i32 {
  if (result < 0) throw new Error(what + ": " + abi.codeText(result));
  return result;
}

/** The bytes of the whole input, for tasks with the codec raw. */
export function inputBytes(): Uint8Array {
  const bytes = new Uint8Array(abi.input_len());
  abi.input_read(bytes.dataStart, 0, bytes.length);
  return bytes;
}

/** The input as text, for tasks with the codec json or raw. */
export function inputText(): string {
  const bytes = inputBytes();
  return String.UTF8.decodeUnsafe(bytes.dataStart, bytes.length);
}

/** The arguments of a task with the codec postcard: `const n = args.get<i64>();`, and `args.end()` after the last. */
export class Args extends Reader {
  constructor() {
    super(inputBytes());
  }

  /** Ends the task when the input was shorter or longer than what was read. */
  end(): void {
    if (!this.done) end(abi.Fail.Input, "the input is not what the task takes");
  }
}

/** Appends a value to the result, and returns what the task has to return. */
export function output<T>(value: T): i32 {
  return outputBytes(new Writer().put<T>(value));
}

/** Appends what was written to the result. */
export function outputBytes(out: Writer): i32 {
  abi.output_write(out.at, out.length);
  return 0;
}

/** Appends text as it is to the result, for tasks with the codec json or raw. */
export function outputText(text: string): i32 {
  const utf8 = String.UTF8.encode(text);
  abi.output_write(changetype<usize>(utf8), utf8.byteLength);
  return 0;
}

/** One partial result, delivered while the task runs. */
export function emit<T>(value: T): void {
  const out = new Writer().put<T>(value);
  abi.emit(out.at, out.length);
}

/** How far the task is; a total of zero says that it is not known. */
export function progress(done: i64, total: i64): void {
  abi.progress(done, total);
}

/** A record of the log. */
export function log(level: abi.Level, text: string): void {
  const utf8 = String.UTF8.encode(text);
  abi.log(level, changetype<usize>(utf8), utf8.byteLength);
}

/** The last message or reply, of the length that the import said. */
export function message(length: i32): Reader {
  const bytes = new Uint8Array(length);
  if (length > 0) abi.message_read(bytes.dataStart, 0, length);
  return new Reader(bytes);
}

/** The value that is all of a message or reply. */
export function valueOf<T>(from: Reader, what: string): T {
  const value = from.get<T>();
  if (!from.done) throw new Error(what + ": not a value of the expected type");
  return value;
}

/** Calls a function of the embedding program with arguments in postcard. Its failure ends the task with what it says. */
export function hostCall<R>(name: string, args: Writer): R {
  const utf8 = String.UTF8.encode(name);
  const length = abi.host_call(changetype<usize>(utf8), utf8.byteLength, args.at, args.length);
  if (length == abi.Code.Error || length == abi.Code.WrongType) {
    // Nothing has said how long the message is; longer ones are cut.
    const text = new Uint8Array(4096);
    const copied = max(abi.message_read(text.dataStart, 0, text.length), 0);
    throw new Error(name + ": " + String.UTF8.decodeUnsafe(text.dataStart, copied));
  }
  return valueOf<R>(message(must(length, name)), name);
}
