// Values as bytes: postcard. What crosses is integers, floats, booleans, strings, arrays and buffers of these, null for nothing there
// (`string | null` is an option), and classes that have `encode(out: Writer): void` and `decode(from: Reader): void`.

/** Bytes that are written. */
export class Writer {
  private bytes: Uint8Array = new Uint8Array(64);
  /** How many there are. */
  length: i32 = 0;

  /** Where they are. */
  get at(): usize {
    return this.bytes.dataStart;
  }

  /** Forgets them all, and keeps the room. */
  clear(): void {
    this.length = 0;
  }

  /** Room for `count` more bytes: their address. */
  private more(count: i32): usize {
    const needed = this.length + count;
    if (needed > this.bytes.length) {
      const grown = new Uint8Array(max(needed, this.bytes.length * 2));
      memory.copy(grown.dataStart, this.bytes.dataStart, this.length);
      this.bytes = grown;
    }
    const at = this.bytes.dataStart + this.length;
    this.length = needed;
    return at;
  }

  /** Appends bytes as they are. */
  raw(from: usize, length: i32): Writer {
    memory.copy(this.more(length), from, length);
    return this;
  }

  byte(value: u8): Writer {
    store<u8>(this.more(1), value);
    return this;
  }

  varint(value: u64): Writer {
    while (value >= 0x80) {
      this.byte(<u8>(value | 0x80));
      value >>= 7;
    }
    return this.byte(<u8>value);
  }

  /** The length of the sequence or map whose items follow. */
  len(length: i32): Writer {
    return this.varint(length);
  }

  /** A byte string. */
  blob(from: usize, length: i32): Writer {
    return this.len(length).raw(from, length);
  }

  /** What another writer has, as a byte string: a key or a value of a manager's object. */
  nested(other: Writer): Writer {
    return this.blob(other.at, other.length);
  }

  put<T>(value: T): Writer {
    if (isNullable<T>()) {
      if (value === null) return this.byte(0);
      this.byte(1);
      return this.put<NonNullable<T>>(value);
    } else if (isBoolean<T>()) {
      return this.byte(value ? 1 : 0);
    } else if (isInteger<T>()) {
      if (sizeof<T>() == 1) return this.byte(<u8>value);
      if (!isSigned<T>()) return this.varint(<u64>value);
      const wide = <i64>value;
      return this.varint(<u64>((wide << 1) ^ (wide >> 63)));
    } else if (isFloat<T>()) {
      store<T>(this.more(sizeof<T>()), value);
      return this;
    } else if (isString<T>()) {
      const utf8 = String.UTF8.encode(changetype<string>(value));
      return this.blob(changetype<usize>(utf8), utf8.byteLength);
    } else if (value instanceof Uint8Array) {
      return this.blob(value.dataStart, value.length);
    } else if (isArray<T>()) {
      this.len(value.length);
      for (let i = 0; i < value.length; i++) this.put<valueof<T>>(value[i]);
      return this;
    } else {
      value.encode(this);
      return this;
    }
  }
}

/** The bytes of one value. */
export function encoded<T>(value: T): Writer {
  return new Writer().put<T>(value);
}

/** Bytes that are read. After a value that is not there all others are zero, and `bad` is set. */
export class Reader {
  private next: i32 = 0;
  bad: bool = false;

  constructor(private bytes: Uint8Array) {}

  /** Whether everything was there and nothing is left over. */
  get done(): bool {
    return !this.bad && this.next == this.bytes.length;
  }

  /** The address of the next `length` bytes; 0 when they are not there. */
  take(length: i32): usize {
    if (this.bad || length < 0 || length > this.bytes.length - this.next) {
      this.bad = true;
      return 0;
    }
    const at = this.bytes.dataStart + this.next;
    this.next += length;
    return at;
  }

  byte(): u8 {
    const at = this.take(1);
    return at ? load<u8>(at) : 0;
  }

  /** A number of at most `bits` bits. */
  varint(bits: i32): u64 {
    let value: u64 = 0;
    for (let shift = 0; shift < bits; shift += 7) {
      const byte = this.byte();
      if (bits - shift < 7 && (<u32>byte) >> (bits - shift)) break;
      value |= (<u64>(byte & 0x7f)) << shift;
      if (byte < 0x80) return this.bad ? 0 : value;
    }
    this.bad = true;
    return 0;
  }

  /** The length of a sequence or map. It is a claim. */
  len(): i32 {
    const length = this.varint(32);
    if (length > <u64>i32.MAX_VALUE) this.bad = true;
    return this.bad ? 0 : <i32>length;
  }

  get<T>(): T {
    if (isNullable<T>()) {
      if (!this.get<bool>()) return changetype<T>(0);
      return this.get<NonNullable<T>>();
    } else if (isBoolean<T>()) {
      const byte = this.byte();
      if (byte > 1) this.bad = true;
      return <T>(byte == 1);
    } else if (isInteger<T>()) {
      if (sizeof<T>() == 1) return <T>this.byte();
      const raw = this.varint(8 * sizeof<T>());
      if (!isSigned<T>()) return <T>raw;
      return <T>((<i64>(raw >> 1)) ^ -(<i64>(raw & 1)));
    } else if (isFloat<T>()) {
      const at = this.take(sizeof<T>());
      return at ? load<T>(at) : <T>0;
    } else if (isString<T>()) {
      const length = this.len();
      const at = this.take(length);
      return changetype<T>(at ? String.UTF8.decodeUnsafe(at, length) : "");
    } else if (idof<T>() == idof<Uint8Array>()) {
      const length = this.len();
      const at = this.take(length);
      const bytes = new Uint8Array(at ? length : 0);
      if (at) memory.copy(bytes.dataStart, at, length);
      return changetype<T>(bytes);
    } else if (isArray<T>()) {
      const items = instantiate<T>();
      for (let left = this.len(); left > 0 && !this.bad; left--) items.push(this.get<valueof<T>>());
      return items;
    } else {
      const value = instantiate<T>();
      value.decode(this);
      return value;
    }
  }
}

/** Writes a map. */
export function putMap<K, V>(out: Writer, map: Map<K, V>): Writer {
  const keys = map.keys();
  out.len(keys.length);
  for (let i = 0; i < keys.length; i++) out.put<K>(keys[i]).put<V>(map.get(keys[i]));
  return out;
}

/** Reads a map. */
export function getMap<K, V>(from: Reader): Map<K, V> {
  const map = new Map<K, V>();
  for (let left = from.len(); left > 0 && !from.bad; left--) {
    const key = from.get<K>();
    map.set(key, from.get<V>());
  }
  return map;
}
