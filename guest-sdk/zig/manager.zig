//! A manager's objects: each method is one question to the host, done as a whole, whoever else uses it meanwhile. A key, an index or a name
//! that is not there is null, or `error.NotFound` where something is to be changed.

const std = @import("std");
const abi = @import("abi.zig");
const wasmpool = @import("wasmpool.zig");

const DecodeError = wasmpool.DecodeError;
const Error = abi.Error;
const Op = abi.Op;
const Writer = wasmpool.Writer;
const allocator = wasmpool.allocator;
const decoded = wasmpool.decoded;

fn ask(handle: i32, op: Op, args: Writer) Error![]const u8 {
    const bytes = args.bytes();
    return wasmpool.message(try wasmpool.check(abi.manager_call(handle, @intFromEnum(op), wasmpool.start(bytes), bytes.len)));
}

/// The reply as a `T`; null when there is nothing.
fn find(comptime T: type, handle: i32, op: Op, args: Writer) DecodeError!?T {
    const reply = ask(handle, op, args) catch |err| return if (err == error.NotFound) null else err;
    return try decoded(T, reply);
}

/// Each value as a byte string.
fn nested(values: anytype) Writer {
    var args: Writer = .{};
    inline for (values) |value| args.nested(value);
    return args;
}

fn opened(index: u32) Error!i32 {
    return try wasmpool.check(abi.handle(@bitCast(index)));
}

fn size(handle: i32) DecodeError!u64 {
    return decoded(u64, try ask(handle, .len, .{}));
}

fn append(comptime T: type, all: *std.ArrayList(T), items: []const T) void {
    all.appendSlice(allocator, items) catch @panic("no memory left");
}

pub fn Dict(comptime K: type, comptime V: type) type {
    return struct {
        handle: i32,
        pub const is_object = true;
        pub const Item = wasmpool.Entry(K, V);
        const Self = @This();

        pub fn open(index: u32) Error!Self {
            return .{ .handle = try opened(index) };
        }

        pub fn get(self: Self, key: K) DecodeError!?V {
            return find(V, self.handle, .dict_get, nested(.{key}));
        }

        pub fn set(self: Self, key: K, value: V) Error!void {
            _ = try ask(self.handle, .dict_set, nested(.{ key, value }));
        }

        /// Puts a value in; what was there before.
        pub fn insert(self: Self, key: K, value: V) DecodeError!?V {
            return decoded(?V, try ask(self.handle, .dict_insert, nested(.{ key, value })));
        }

        pub fn pop(self: Self, key: K) DecodeError!?V {
            return find(V, self.handle, .dict_pop, nested(.{key}));
        }

        /// Takes the item out that came last.
        pub fn popLast(self: Self) DecodeError!?Item {
            return find(Item, self.handle, .dict_pop_last, .{});
        }

        pub fn contains(self: Self, key: K) DecodeError!bool {
            return decoded(bool, try ask(self.handle, .dict_contains, nested(.{key})));
        }

        /// The value of a key, which is put in when there is none.
        pub fn getOrInsert(self: Self, key: K, value: V) DecodeError!V {
            const reply = try ask(self.handle, .dict_get_or_insert, nested(.{ key, value }));
            return (try decoded(struct { bool, V }, reply))[1];
        }

        /// Adds to a number, which begins at zero; the sum.
        pub fn add(self: Self, key: K, number: V) DecodeError!V {
            return decoded(V, try ask(self.handle, .dict_add, nested(.{ key, number })));
        }

        /// Puts `value` in the place of `expected`, if that is there; null is a missing key. Whether it was.
        pub fn compareAndSwap(self: Self, key: K, expected: ?V, value: ?V) DecodeError!bool {
            var args = nested(.{key});
            for ([_]?V{ expected, value }) |each| {
                args.put(each != null);
                if (each) |there| args.nested(there);
            }
            return decoded(bool, try ask(self.handle, .dict_compare_and_swap, args));
        }

        /// Puts several items in, all or none.
        pub fn update(self: Self, all: []const Item) Error!void {
            var args: Writer = .{};
            args.varint(all.len);
            for (all) |item| {
                args.nested(item.key);
                args.nested(item.value);
            }
            _ = try ask(self.handle, .dict_update, args);
        }

        /// All items, in the order in which their keys came.
        pub fn items(self: Self) DecodeError![]const Item {
            return self.pages(Item, 2);
        }

        pub fn keys(self: Self) DecodeError![]const K {
            return self.pages(K, 0);
        }

        pub fn values(self: Self) DecodeError![]const V {
            return self.pages(V, 1);
        }

        fn pages(self: Self, comptime T: type, part: u8) DecodeError![]const T {
            var all: std.ArrayList(T) = .empty;
            var cursor: u64 = 0;
            while (true) {
                var args: Writer = .{};
                args.put(.{ cursor, part });
                const page = try decoded(struct { u64, bool, []const T }, try ask(self.handle, .dict_page, args));
                append(T, &all, page[2]);
                if (!page[1]) return all.items;
                cursor = page[0];
            }
        }

        pub fn len(self: Self) DecodeError!u64 {
            return size(self.handle);
        }

        pub fn clear(self: Self) Error!void {
            _ = try ask(self.handle, .clear, .{});
        }
    };
}

pub fn List(comptime T: type) type {
    return struct {
        handle: i32,
        pub const is_object = true;
        const Self = @This();

        pub fn open(index: u32) Error!Self {
            return .{ .handle = try opened(index) };
        }

        /// An index, and each value as a byte string.
        fn at(index: u64, values_there: anytype) Writer {
            var args: Writer = .{};
            args.varint(index);
            inline for (values_there) |value| args.nested(value);
            return args;
        }

        pub fn push(self: Self, value: T) Error!void {
            _ = try ask(self.handle, .list_push, nested(.{value}));
        }

        /// Appends several, all or none.
        pub fn extend(self: Self, all: []const T) Error!void {
            var args: Writer = .{};
            listed(&args, all);
            _ = try ask(self.handle, .list_extend, args);
        }

        fn listed(args: *Writer, all: []const T) void {
            args.varint(all.len);
            for (all) |value| args.nested(value);
        }

        pub fn get(self: Self, index: u64) DecodeError!?T {
            return find(T, self.handle, .list_get, at(index, .{}));
        }

        pub fn set(self: Self, index: u64, value: T) Error!void {
            _ = try ask(self.handle, .list_set, at(index, .{value}));
        }

        /// Puts a value before the one at an index, or at the end.
        pub fn insert(self: Self, index: u64, value: T) Error!void {
            _ = try ask(self.handle, .list_insert, at(index, .{value}));
        }

        pub fn remove(self: Self, index: u64) DecodeError!?T {
            return find(T, self.handle, .list_remove, at(index, .{}));
        }

        pub fn pop(self: Self) DecodeError!?T {
            return find(T, self.handle, .list_pop, .{});
        }

        /// The index of the first that is equal.
        pub fn indexOf(self: Self, value: T) DecodeError!?u64 {
            return find(u64, self.handle, .list_find, nested(.{value}));
        }

        /// Adds to a number; the sum.
        pub fn add(self: Self, index: u64, number: T) DecodeError!T {
            return decoded(T, try ask(self.handle, .list_add, at(index, .{number})));
        }

        /// Puts `value` in the place of `expected`, if that is there. Whether it was.
        pub fn compareAndSwap(self: Self, index: u64, expected: T, value: T) DecodeError!bool {
            return decoded(bool, try ask(self.handle, .list_compare_and_swap, at(index, .{ expected, value })));
        }

        /// All values, and the list's version as they were read, for `replace`.
        pub const Whole = struct { version: u64, values: []const T };

        pub fn values(self: Self) DecodeError!Whole {
            again: while (true) {
                var all: std.ArrayList(T) = .empty;
                var version: u64 = 0;
                while (true) {
                    const page = try decoded(
                        struct { u64, bool, []const T },
                        try ask(self.handle, .list_page, at(all.items.len, .{})),
                    );
                    // Others have changed it between two pages.
                    if (all.items.len > 0 and page[0] != version) continue :again;
                    version = page[0];
                    append(T, &all, page[2]);
                    if (!page[1]) return .{ .version = version, .values = all.items };
                }
            }
        }

        /// Puts these in the place of all, unless the list has changed since it had that version. Whether it was done.
        pub fn replace(self: Self, whole: Whole) DecodeError!bool {
            var args: Writer = .{};
            args.varint(whole.version);
            listed(&args, whole.values);
            return decoded(bool, try ask(self.handle, .list_replace, args));
        }

        pub fn len(self: Self) DecodeError!u64 {
            return size(self.handle);
        }

        pub fn clear(self: Self) Error!void {
            _ = try ask(self.handle, .clear, .{});
        }
    };
}

/// The bytes of a type: numbers, booleans, strings (slices of bytes), and slices, arrays and optionals of them.
fn describe(comptime T: type) []const u8 {
    return switch (@typeInfo(T)) {
        .bool => tag(.bool),
        .int, .float => tag(@field(abi.Tag, @typeName(T))),
        .optional => |optional| tag(.option) ++ describe(optional.child),
        .pointer => |pointer| if (pointer.child == u8) tag(.str) else tag(.seq) ++ describe(pointer.child),
        .array => |array| tag(.array) ++ std.mem.toBytes(@as(u32, array.len)) ++ describe(array.child),
        else => @compileError("a namespace has no " ++ @typeName(T)),
    };
}

fn tag(comptime of: abi.Tag) []const u8 {
    return &.{@intFromEnum(of)};
}

pub const Namespace = struct {
    handle: i32,
    pub const is_object = true;

    pub fn open(index: u32) Error!Namespace {
        return .{ .handle = try opened(index) };
    }

    fn typed(comptime T: type, name: []const u8) Writer {
        var args: Writer = .{};
        args.put(name);
        args.put(comptime describe(T));
        return args;
    }

    pub fn get(self: Namespace, comptime T: type, name: []const u8) DecodeError!?T {
        return find(T, self.handle, .namespace_get, typed(T, name));
    }

    pub fn set(self: Namespace, comptime T: type, name: []const u8, value: T) Error!void {
        var args = typed(T, name);
        args.nested(value);
        _ = try ask(self.handle, .namespace_set, args);
    }

    /// Adds to a number, which begins at zero; the sum.
    pub fn add(self: Namespace, comptime T: type, name: []const u8, number: T) DecodeError!T {
        var args = typed(T, name);
        args.nested(number);
        return decoded(T, try ask(self.handle, .namespace_add, args));
    }

    pub fn remove(self: Namespace, name: []const u8) Error!void {
        var args: Writer = .{};
        args.put(name);
        _ = try ask(self.handle, .namespace_remove, args);
    }

    /// All names, in alphabetical order.
    pub fn names(self: Namespace) DecodeError![]const []const u8 {
        var all: std.ArrayList([]const u8) = .empty;
        while (true) {
            var args: Writer = .{};
            args.put(if (all.items.len == 0) @as([]const u8, "") else all.items[all.items.len - 1]);
            const page = try decoded(
                struct { bool, []const []const u8 },
                try ask(self.handle, .namespace_names, args),
            );
            append([]const u8, &all, page[1]);
            if (!page[0]) return all.items;
        }
    }

    pub fn len(self: Namespace) DecodeError!u64 {
        return size(self.handle);
    }

    pub fn clear(self: Namespace) Error!void {
        _ = try ask(self.handle, .clear, .{});
    }
};
