// Write tasks for wasmpool in AssemblyScript. A task is an exported function without parameters that returns zero for success:
//
//     import { Args, Lock, output } from "wasmpool-assemblyscript/assembly";
//
//     export function add(): i32 {
//       const args = new Args();
//       const a = args.get<i64>(), b = args.get<i64>();
//       args.end();
//       return output<i64>(a + b);
//     }
//
//     asc add.ts -o add.wasm -O --runtime incremental --exportStart _initialize --use abort=…/assembly/task/abort
//     wasmpool pack add.wasm tasks.json
//
// Objects come as arguments: `new Lock(args)`. What cannot go on throws, which ends the task with a message and the place.

export { Code, Level, Rmw, Op, Kind, Tag, codeText } from "./abi";
export { Reader, Writer, encoded, getMap, putMap } from "./codec";
export { JsonReader, JsonWriter } from "./json";
export { Dict, Item, List, Managed, Namespace, typeOf } from "./manager";
export { Barrier, Condition, Connection, Event, Handle, Lock, Queue, RLock, Semaphore, SharedArray, Value } from "./objects";
export { Args, FOREVER, abort, emit, fail, hostCall, inputBytes, inputText, log, message, must, output, outputBytes, outputText, progress, valueOf } from "./task";
