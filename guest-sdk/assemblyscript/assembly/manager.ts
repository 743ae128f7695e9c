// A manager's objects: each method is one question to the host, done as a whole, whoever else uses it meanwhile.

import * as abi from "./abi";
import { Reader, Writer, encoded } from "./codec";
import { Handle } from "./objects";
import { message, must, valueOf } from "./task";

/** What dictionaries, lists and namespaces have in common. */
export class Managed extends Handle {
  /** An operation: the reply, or null when there is no such key, index or name. */
  ask(op: abi.Op, args: Writer): Reader | null {
    const length = abi.manager_call(this.handle, op, args.at, args.length);
    if (length == abi.Code.NotFound) return null;
    return message(must(length, "a manager's object"));
  }

  /** The same, when a missing one ends the task. */
  demand(op: abi.Op, args: Writer): Reader {
    const reply = this.ask(op, args);
    if (reply === null) throw new Error("a manager's object: " + abi.codeText(abi.Code.NotFound));
    return reply;
  }

  /** How many items there are. */
  get size(): u64 {
    return valueOf<u64>(this.demand(abi.Op.Len, new Writer()), "len");
  }

  /** Takes all items out. */
  clear(): void {
    this.demand(abi.Op.Clear, new Writer());
  }
}

/** A key and its value. */
export class Item<K, V> {
  constructor(
    public key: K,
    public value: V,
  ) {}
}

export class Dict<K, V> extends Managed {
  private args(key: K): Writer {
    return new Writer().nested(encoded<K>(key));
  }

  private both(key: K, value: V): Writer {
    return this.args(key).nested(encoded<V>(value));
  }

  has(key: K): bool {
    return valueOf<bool>(this.demand(abi.Op.DictContains, this.args(key)), "dict contains");
  }

  /** The value of a key, which has to be there: otherwise the task ends. */
  get(key: K): V {
    return valueOf<V>(this.demand(abi.Op.DictGet, this.args(key)), "dict get");
  }

  /** The value of a key, or another one when there is none. */
  getOr(key: K, other: V): V {
    const reply = this.ask(abi.Op.DictGet, this.args(key));
    return reply === null ? other : valueOf<V>(reply, "dict get");
  }

  set(key: K, value: V): void {
    this.demand(abi.Op.DictSet, this.both(key, value));
  }

  /** Puts a value in; the one before, or another one when there was none. */
  replace(key: K, value: V, other: V): V {
    const reply = this.demand(abi.Op.DictInsert, this.both(key, value));
    return reply.get<bool>() ? valueOf<V>(reply, "dict insert") : other;
  }

  /** Takes a key out; its value, or another one when there was none. */
  pop(key: K, other: V): V {
    const reply = this.ask(abi.Op.DictPop, this.args(key));
    return reply === null ? other : valueOf<V>(reply, "dict pop");
  }

  /** Whether the key was there. */
  delete(key: K): bool {
    return this.ask(abi.Op.DictPop, this.args(key)) !== null;
  }

  /** Takes the item out that came last; null when there is none. */
  popLast(): Item<K, V> | null {
    const reply = this.ask(abi.Op.DictPopLast, new Writer());
    if (reply === null) return null;
    const key = reply.get<K>();
    return new Item<K, V>(key, valueOf<V>(reply, "dict pop last"));
  }

  /** The value of a key, which is put in when there is none. */
  getOrInsert(key: K, value: V): V {
    const reply = this.demand(abi.Op.DictGetOrInsert, this.both(key, value));
    reply.get<bool>();
    return valueOf<V>(reply, "dict get or insert");
  }

  /** Adds to a number, which begins at zero; the sum. */
  add(key: K, number: V): V {
    return valueOf<V>(this.demand(abi.Op.DictAdd, this.both(key, number)), "dict add");
  }

  /** Puts `value` in the place of `expected`, if that is there; null is a missing key. Whether it was. */
  compareAndSwap(key: K, expected: Writer | null, value: Writer | null): bool {
    const args = this.args(key);
    args.byte(expected !== null ? 1 : 0);
    if (expected !== null) args.nested(expected);
    args.byte(value !== null ? 1 : 0);
    if (value !== null) args.nested(value);
    return valueOf<bool>(this.demand(abi.Op.DictCompareAndSwap, args), "dict compare and swap");
  }

  /** Puts several items in, all or none. */
  update(items: Map<K, V>): void {
    const keys = items.keys();
    const args = new Writer().len(keys.length);
    for (let i = 0; i < keys.length; i++) {
      args.nested(encoded<K>(keys[i])).nested(encoded<V>(items.get(keys[i])));
    }
    this.demand(abi.Op.DictUpdate, args);
  }

  /** All items, in the order in which their keys came. */
  items(): StaticArray<Item<K, V>> {
    const all = new Array<Item<K, V>>();
    let cursor: u64 = 0;
    for (let more = true; more; ) {
      const page = this.demand(abi.Op.DictPage, new Writer().put<u64>(cursor).byte(2));
      cursor = page.get<u64>();
      more = page.get<bool>();
      for (let left = page.len(); left > 0 && !page.bad; left--) {
        const key = page.get<K>();
        all.push(new Item<K, V>(key, page.get<V>()));
      }
      if (!page.done) throw new Error("dict page: not values of the expected types");
    }
    return StaticArray.fromArray(all);
  }

  keys(): StaticArray<K> {
    return this.part<K>(0);
  }

  values(): StaticArray<V> {
    return this.part<V>(1);
  }

  private part<T>(part: u8): StaticArray<T> {
    const all = new Array<T>();
    let cursor: u64 = 0;
    for (let more = true; more; ) {
      const page = this.demand(abi.Op.DictPage, new Writer().put<u64>(cursor).byte(part));
      cursor = page.get<u64>();
      more = page.get<bool>();
      for (let left = page.len(); left > 0 && !page.bad; left--) all.push(page.get<T>());
      if (!page.done) throw new Error("dict page: not values of the expected type");
    }
    return StaticArray.fromArray(all);
  }
}

export class List<T> extends Managed {
  private at(index: u64): Writer {
    return new Writer().put<u64>(index);
  }

  push(value: T): void {
    this.demand(abi.Op.ListPush, new Writer().nested(encoded<T>(value)));
  }

  /** Appends several, all or none. */
  extend(values: Array<T>): void {
    this.demand(abi.Op.ListExtend, this.all(new Writer(), values));
  }

  /** The value at an index, which has to be there: otherwise the task ends. */
  get(index: u64): T {
    return valueOf<T>(this.demand(abi.Op.ListGet, this.at(index)), "list get");
  }

  set(index: u64, value: T): void {
    this.demand(abi.Op.ListSet, this.at(index).nested(encoded<T>(value)));
  }

  /** Puts a value before the one at an index, or at the end. */
  insert(index: u64, value: T): void {
    this.demand(abi.Op.ListInsert, this.at(index).nested(encoded<T>(value)));
  }

  /** Takes the one at an index out. */
  remove(index: u64): T {
    return valueOf<T>(this.demand(abi.Op.ListRemove, this.at(index)), "list remove");
  }

  /** Takes the last one out; another one when there is none. */
  pop(other: T): T {
    const reply = this.ask(abi.Op.ListPop, new Writer());
    return reply === null ? other : valueOf<T>(reply, "list pop");
  }

  /** The index of the first that is equal; -1 when there is none. */
  indexOf(value: T): i64 {
    const reply = this.ask(abi.Op.ListFind, new Writer().nested(encoded<T>(value)));
    return reply === null ? -1 : <i64>valueOf<u64>(reply, "list find");
  }

  /** Adds to a number; the sum. */
  add(index: u64, number: T): T {
    return valueOf<T>(this.demand(abi.Op.ListAdd, this.at(index).nested(encoded<T>(number))), "list add");
  }

  /** Puts `value` in the place of `expected`, if that is there. Whether it was. */
  compareAndSwap(index: u64, expected: T, value: T): bool {
    const args = this.at(index).nested(encoded<T>(expected)).nested(encoded<T>(value));
    return valueOf<bool>(this.demand(abi.Op.ListCompareAndSwap, args), "list compare and swap");
  }

  /** The list's version as `values` saw it last, for `replace`. */
  version: u64 = 0;

  /** All values, read again when the list changed meanwhile. */
  values(): Array<T> {
    while (true) {
      const all = new Array<T>();
      let more = true;
      let same = true;
      while (more && same) {
        const page = this.demand(abi.Op.ListPage, this.at(all.length));
        const version = page.get<u64>();
        same = all.length == 0 || version == this.version;
        this.version = version;
        more = page.get<bool>();
        for (let left = page.len(); left > 0 && !page.bad; left--) all.push(page.get<T>());
        if (!page.done) throw new Error("list page: not values of the expected type");
      }
      if (same) return all;
    }
  }

  /** Puts these in the place of all, unless the list has changed since `values`. Whether it was done. */
  replace(values: Array<T>): bool {
    return valueOf<bool>(this.demand(abi.Op.ListReplace, this.all(this.at(this.version), values)), "list replace");
  }

  private all(args: Writer, values: Array<T>): Writer {
    args.len(values.length);
    for (let i = 0; i < values.length; i++) args.nested(encoded<T>(values[i]));
    return args;
  }
}

/** The type of a namespace's value: a number, a boolean or a string. Others are made of `abi.Tag` by hand. */
export function typeOf<T>(): Writer {
  const out = new Writer();
  if (isBoolean<T>()) return out.byte(<u8>abi.Tag.Bool);
  if (isString<T>()) return out.byte(<u8>abi.Tag.Str);
  if (isFloat<T>()) return out.byte(<u8>(sizeof<T>() == 4 ? abi.Tag.F32 : abi.Tag.F64));
  if (!isInteger<T>()) ERROR("the type of a namespace's value is a number, a boolean or a string");
  const first = isSigned<T>() ? abi.Tag.I8 : abi.Tag.U8;
  return out.byte(<u8>(first + ctz(sizeof<T>())));
}

export class Namespace extends Managed {
  private args<T>(name: string): Writer {
    return new Writer().put<string>(name).nested(typeOf<T>());
  }

  /** The value of a name, or another one when there is none. */
  getOr<T>(name: string, other: T): T {
    const reply = this.ask(abi.Op.NamespaceGet, this.args<T>(name));
    return reply === null ? other : valueOf<T>(reply, "namespace get");
  }

  set<T>(name: string, value: T): void {
    this.demand(abi.Op.NamespaceSet, this.args<T>(name).nested(encoded<T>(value)));
  }

  /** Adds to a number, which begins at zero; the sum. */
  add<T>(name: string, number: T): T {
    return valueOf<T>(this.demand(abi.Op.NamespaceAdd, this.args<T>(name).nested(encoded<T>(number))), "namespace add");
  }

  /** Whether it was there. */
  delete(name: string): bool {
    return this.ask(abi.Op.NamespaceRemove, new Writer().put<string>(name)) !== null;
  }

  /** All names, in alphabetical order. */
  names(): Array<string> {
    const all = new Array<string>();
    for (let more = true; more; ) {
      const last = all.length ? all[all.length - 1] : "";
      const page = this.demand(abi.Op.NamespaceNames, new Writer().put<string>(last));
      more = page.get<bool>();
      for (let left = page.len(); left > 0 && !page.bad; left--) all.push(page.get<string>());
      if (!page.done) throw new Error("namespace names: not names");
    }
    return all;
  }
}
