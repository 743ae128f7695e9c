//! The tasks of this guest. What they are called and which types they have stands in wasmpool.toml.

const std = @import("std");
const wasmpool = @import("wasmpool");

pub const panic = wasmpool.panic;

/// Greets somebody.
fn greet(name: []const u8) ![]const u8 {
    if (name.len == 0) return wasmpool.fail("nobody is there to be greeted");
    return std.fmt.allocPrint(wasmpool.allocator, "Hello, {s}!", .{name});
}

comptime {
    wasmpool.task("greet", greet);
}
