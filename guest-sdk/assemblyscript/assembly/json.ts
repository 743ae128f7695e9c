// JSON, for tasks with the codec json: the input is the one argument, or an array of several.

/** Writes JSON: `new JsonWriter().sign("[").num(1).sign(",").str("x").sign("]").text` */
export class JsonWriter {
  text: string = "";

  /** Signs and words as they are. */
  sign(signs: string): JsonWriter {
    this.text += signs;
    return this;
  }

  /** A number or a boolean. JSON has no infinities and no NaN: they become null. */
  num<T>(value: T): JsonWriter {
    if (isFloat<T>() && !isFinite(<f64>value)) return this.sign("null");
    if (isBoolean<T>()) return this.sign(value ? "true" : "false");
    return this.sign(value.toString());
  }

  str(value: string): JsonWriter {
    this.text += '"';
    for (let i = 0; i < value.length; i++) {
      const code = value.charCodeAt(i);
      if (code == 0x22 || code == 0x5c) this.text += "\\" + value.charAt(i);
      else if (code < 0x20) this.text += "\\u" + code.toString(16).padStart(4, "0");
      else this.text += value.charAt(i);
    }
    this.text += '"';
    return this;
  }
}

/**
 * Reads JSON. What is not there throws, which ends the task.
 *
 *     if (json.open("{")) do {
 *       const key = json.key();
 *       if (key == "n") n = json.num<i64>(); else json.skip();
 *     } while (json.next("}"));
 */
export class JsonReader {
  private at: i32 = 0;

  constructor(private text: string) {}

  private peek(): i32 {
    while (this.at < this.text.length) {
      const code = this.text.charCodeAt(this.at);
      if (code != 0x20 && code != 0x09 && code != 0x0a && code != 0x0d) return code;
      this.at++;
    }
    return -1;
  }

  /** Takes some signs, if they are next. */
  is(signs: string): bool {
    this.peek();
    if (!this.text.startsWith(signs, this.at)) return false;
    this.at += signs.length;
    return true;
  }

  private need(signs: string): void {
    if (!this.is(signs)) throw new Error("JSON: " + signs + " is missing at " + this.at.toString());
  }

  /** Begins an array (`[`) or an object (`{`). Whether there is something in it. */
  open(sign: string): bool {
    this.need(sign);
    return !this.is(sign == "[" ? "]" : "}");
  }

  /** Goes to the next item; false at the end, which is `]` or `}`. */
  next(end: string): bool {
    if (this.is(",")) return true;
    this.need(end);
    return false;
  }

  /** A key of an object, and the colon. */
  key(): string {
    const key = this.str();
    this.need(":");
    return key;
  }

  bool(): bool {
    if (this.is("true")) return true;
    this.need("false");
    return false;
  }

  num<T>(): T {
    this.peek();
    const start = this.at;
    while (this.at < this.text.length && "+-.0123456789eE".includes(this.text.charAt(this.at))) this.at++;
    const number = this.text.substring(start, this.at);
    if (number.length == 0) throw new Error("JSON: a number is missing at " + start.toString());
    if (isFloat<T>()) return <T>F64.parseFloat(number);
    const value = isSigned<T>() ? <T>I64.parseInt(number, 10) : <T>U64.parseInt(number, 10);
    if (value.toString() != number) throw new Error("JSON: not a whole number in range: " + number);
    return value;
  }

  str(): string {
    this.need('"');
    let value = "";
    while (true) {
      if (this.at >= this.text.length) throw new Error("JSON: a string has no end");
      const sign = this.text.charAt(this.at++);
      if (sign == '"') return value;
      if (sign != "\\") {
        value += sign;
        continue;
      }
      const escaped = this.text.charAt(this.at++);
      const place = '"\\/bfnrt'.indexOf(escaped);
      if (escaped == "u") {
        const digits = this.text.substring(this.at, this.at + 4);
        const code = I32.parseInt(digits, 16);
        if (digits.length < 4 || code.toString(16).padStart(4, "0") != digits.toLowerCase()) throw new Error("JSON: bad escape");
        value += String.fromCharCode(code);
        this.at += 4;
      } else if (escaped.length == 1 && place >= 0) {
        value += '"\\/\b\f\n\r\t'.charAt(place);
      } else {
        throw new Error("JSON: bad escape");
      }
    }
  }

  /** Leaves a value out, whatever it is. Deeper than 64 levels throws. */
  skip(depth: i32 = 0): void {
    if (depth > 64) throw new Error("JSON: too deep");
    const sign = this.peek();
    if (sign == 0x5b) {
      if (this.open("[")) do this.skip(depth + 1); while (this.next("]"));
    } else if (sign == 0x7b) {
      if (this.open("{")) do {
        this.key();
        this.skip(depth + 1);
      } while (this.next("}"));
    } else if (sign == 0x22) {
      this.str();
    } else if (!this.is("null") && !this.is("true") && !this.is("false")) {
      this.num<f64>();
    }
  }

  /** Throws when there is more. */
  end(): void {
    if (this.peek() != -1) throw new Error("JSON: something is left over at " + this.at.toString());
  }
}
