// Makes `console` of a function that writes a record: a level, as the ABI has them, and a text.
(write) => {
  const show = (value, seen, depth) => {
    switch (typeof value) {
      case "string":
        return depth === 0 ? value : JSON.stringify(value);
      case "bigint":
        return `${value}n`;
      case "function":
        return `[Function: ${value.name || "(anonymous)"}]`;
      case "object":
        break;
      default:
        return String(value);
    }
    if (value === null) return "null";
    if (value instanceof Error) return value.stack ? `${value}\n${value.stack.trimEnd()}` : String(value);
    if (value instanceof Date || value instanceof RegExp) return String(value);
    if (seen.includes(value)) return "[Circular]";
    if (depth > 4) return Array.isArray(value) ? "[Array]" : "[Object]";
    const inside = [...seen, value];
    const each = (item) => show(item, inside, depth + 1);
    const name = value.constructor?.name;
    if (Array.isArray(value) || ArrayBuffer.isView(value)) {
      const items = Array.from(value).slice(0, 100).map(each);
      if (value.length > 100) items.push(`… ${value.length - 100} more`);
      return `${Array.isArray(value) ? "" : name + " "}[${items.join(", ")}]`;
    }
    if (value instanceof Map) return `Map {${[...value].map(([k, v]) => `${each(k)} => ${each(v)}`).join(", ")}}`;
    if (value instanceof Set) return `Set {${[...value].map(each).join(", ")}}`;
    const fields = Object.entries(value).map(([key, item]) => `${key}: ${each(item)}`);
    const body = fields.length ? `{ ${fields.join(", ")} }` : "{}";
    return name && name !== "Object" ? `${name} ${body}` : body;
  };
  const printer = (level) => (...values) => write(level, values.map((value) => show(value, [], 0)).join(" "));
  globalThis.console = {
    error: printer(1),
    warn: printer(2),
    log: printer(3),
    info: printer(3),
    debug: printer(4),
    trace: printer(5),
    assert: (holds, ...values) => {
      if (!holds) globalThis.console.error("Assertion failed:", ...values);
    },
  };
}
