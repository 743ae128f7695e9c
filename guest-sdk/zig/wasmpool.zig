//! Write tasks for wasmpool in Zig (0.17). A task is a function; its arguments and its result are typed:
//!
//!     const wasmpool = @import("wasmpool");
//!
//!     pub const panic = wasmpool.panic; // a panic is how the task fails
//!
//!     fn square(lock: wasmpool.Lock, numbers: wasmpool.Array(i64)) !void {
//!         var guard = try lock.acquire();
//!         defer guard.release();
//!         for (try numbers.attach()) |*number| number.* *= number.*;
//!     }
//!
//!     comptime {
//!         wasmpool.task("square", square);
//!     }
//!
//!     zig build-exe -target wasm32-wasi -O ReleaseSafe -fno-entry -rdynamic --stack 1048576 \
//!         --dep wasmpool -Mroot=square.zig -Mwasmpool=…/wasmpool.zig -femit-bin=square.wasm
//!     wasmpool pack square.wasm tasks.json
//!
//! Integers, floats, booleans, slices, arrays, optionals, structs, enums and tagged unions cross. A string is a slice of bytes, a map a
//! slice of `Entry`. Memory is the task's and goes away with it: nothing has to be freed. What a message points to stays until then.
//! An error that a task returns is how it fails: with its name, or with what `fail` said.

const std = @import("std");

/// The imports and constants as they are.
pub const abi = @import("abi.zig");
pub const Code = abi.Code;
pub const Error = abi.Error;
pub const Level = abi.Level;
pub const Rmw = abi.Rmw;

const manager = @import("manager.zig");
pub const Dict = manager.Dict;
pub const List = manager.List;
pub const Namespace = manager.Namespace;

/// What has memory.
pub const allocator = std.heap.wasm_allocator;

/// Waits as long as the task may run. Timeouts are in nanoseconds; zero does not wait.
pub const forever: i64 = -1;

/// An item of a map.
pub fn Entry(comptime K: type, comptime V: type) type {
    return struct { key: K, value: V };
}

/// Where bytes begin. An empty slice may point anywhere, and the host wants an address within the memory.
pub fn start(bytes: []const u8) [*]const u8 {
    return if (bytes.len == 0) "" else bytes.ptr;
}

/// The number of a result, or its error.
pub fn check(result: i32) Error!u31 {
    if (result < 0) return abi.errorOf(@enumFromInt(result));
    return @intCast(result);
}

// ---- Values as bytes: postcard

/// Bytes that are written.
pub const Writer = struct {
    list: std.ArrayList(u8) = .empty,

    pub fn bytes(self: *const Writer) []const u8 {
        return self.list.items;
    }

    /// Gives the memory back.
    pub fn deinit(self: *Writer) void {
        self.list.deinit(allocator);
    }

    /// Appends bytes as they are.
    pub fn raw(self: *Writer, from: []const u8) void {
        self.list.appendSlice(allocator, from) catch @panic("no memory left");
    }

    pub fn varint(self: *Writer, value: u64) void {
        var left = value;
        while (left >= 0x80) : (left >>= 7) self.raw(&.{@truncate(left | 0x80)});
        self.raw(&.{@truncate(left)});
    }

    /// A value's own encoding as a byte string, as managers' objects take keys and values.
    pub fn nested(self: *Writer, value: anytype) void {
        const inner = encoded(value);
        self.varint(inner.len);
        self.raw(inner);
    }

    pub fn put(self: *Writer, value: anytype) void {
        const T = @TypeOf(value);
        switch (@typeInfo(T)) {
            .void => {},
            .bool => self.raw(&.{@intFromBool(value)}),
            .int => |int| {
                if (int.bits == 8) {
                    self.raw(&.{@bitCast(value)});
                } else if (int.signedness == .unsigned) {
                    self.varint(value);
                } else {
                    const wide: i64 = value;
                    self.varint(@bitCast((wide << 1) ^ (wide >> 63)));
                }
            },
            .float => self.raw(std.mem.asBytes(&value)),
            .array => for (value) |item| self.put(item),
            .pointer => |pointer| switch (pointer.size) {
                .slice => {
                    self.varint(value.len);
                    if (pointer.child == u8) return self.raw(value);
                    for (value) |item| self.put(item);
                },
                // A string literal, or a pointer to an array of items.
                .one => self.put(@as([]const std.meta.Elem(T), value)),
                else => @compileError(@typeName(T) ++ " cannot cross"),
            },
            .optional => {
                self.put(value != null);
                if (value) |there| self.put(there);
            },
            .@"struct" => |info| inline for (info.field_names) |name| self.put(@field(value, name)),
            .@"enum" => self.varint(@intFromEnum(value)),
            .@"union" => {
                self.varint(@intFromEnum(std.meta.activeTag(value)));
                switch (value) {
                    inline else => |payload| self.put(payload),
                }
            },
            else => @compileError(@typeName(T) ++ " cannot cross"),
        }
    }
};

/// The encoding of a value.
pub fn encoded(value: anytype) []const u8 {
    var out: Writer = .{};
    out.put(value);
    return out.bytes();
}

/// What bytes are that are no value of the expected type.
pub const DecodeError = error{WrongBytes} || Error;

/// Bytes that are read.
pub const Reader = struct {
    left: []const u8,

    pub fn take(self: *Reader, len: usize) DecodeError![]const u8 {
        if (len > self.left.len) return error.WrongBytes;
        defer self.left = self.left[len..];
        return self.left[0..len];
    }

    /// A number of at most so many bits.
    pub fn varint(self: *Reader, comptime bits: u7) DecodeError!u64 {
        var value: u64 = 0;
        comptime var shift: u7 = 0;
        inline while (shift < bits) : (shift += 7) {
            const byte = (try self.take(1))[0];
            if (bits - shift < 7 and byte >> (bits - shift) != 0) return error.WrongBytes;
            value |= @as(u64, byte & 0x7f) << shift;
            if (byte < 0x80) return value;
        }
        return error.WrongBytes;
    }

    pub fn get(self: *Reader, comptime T: type) DecodeError!T {
        switch (@typeInfo(T)) {
            .void => return {},
            .bool => return switch ((try self.take(1))[0]) {
                0 => false,
                1 => true,
                else => error.WrongBytes,
            },
            .int => |int| {
                if (int.bits == 8) return @bitCast((try self.take(1))[0]);
                const raw = try self.varint(int.bits);
                if (int.signedness == .unsigned) return @intCast(raw);
                return @intCast(@as(i64, @intCast(raw >> 1)) ^ -@as(i64, @intCast(raw & 1)));
            },
            .float => return @bitCast((try self.take(@sizeOf(T)))[0..@sizeOf(T)].*),
            .array => |array| {
                var items: T = undefined;
                for (&items) |*item| item.* = try self.get(array.child);
                return items;
            },
            .pointer => |pointer| {
                if (pointer.size != .slice) @compileError(@typeName(T) ++ " cannot cross");
                // The length is a claim: nothing is reserved for what is not there.
                const len: usize = @intCast(try self.varint(32));
                if (pointer.child == u8) return self.take(len);
                var items: std.ArrayList(pointer.child) = .empty;
                for (0..len) |_| {
                    items.append(allocator, try self.get(pointer.child)) catch @panic("no memory left");
                }
                return items.items;
            },
            .optional => |optional| return if (try self.get(bool)) try self.get(optional.child) else null,
            .@"struct" => |info| {
                if (@hasDecl(T, "is_object")) return T.open(@intCast(try self.varint(32)));
                var value: T = undefined;
                inline for (info.field_names, info.field_types) |name, F| @field(value, name) = try self.get(F);
                return value;
            },
            .@"enum" => |info| {
                const number = try self.varint(32);
                inline for (info.field_values) |each| {
                    if (number == each) return @enumFromInt(each);
                }
                return error.WrongBytes;
            },
            .@"union" => |info| {
                const tag = try self.get(info.tag_type.?);
                inline for (info.field_names, info.field_types) |name, F| {
                    if (tag == @field(info.tag_type.?, name)) return @unionInit(T, name, try self.get(F));
                }
                unreachable;
            },
            else => @compileError(@typeName(T) ++ " cannot cross"),
        }
    }
};

/// The value that all of the bytes are.
pub fn decoded(comptime T: type, bytes: []const u8) DecodeError!T {
    var reader: Reader = .{ .left = bytes };
    const value = try reader.get(T);
    if (reader.left.len > 0) return error.WrongBytes;
    return value;
}

// ---- Tasks

/// Exports a function as the task `name`, with arguments and result in postcard.
pub fn task(comptime name: []const u8, comptime function: anytype) void {
    exportTask(name, function, struct {
        fn args(comptime T: type) !T {
            return decoded(T, input());
        }
        fn result(value: anytype) ![]const u8 {
            return encoded(value);
        }
    });
}

/// Exports a function as a task with the codec json: the input is the one argument, or an array of several.
pub fn jsonTask(comptime name: []const u8, comptime function: anytype) void {
    exportTask(name, function, struct {
        fn args(comptime T: type) !T {
            const types = @typeInfo(T).@"struct".field_types;
            if (types.len == 0) return .{};
            if (types.len == 1) return .{try std.json.parseFromSliceLeaky(types[0], allocator, input(), .{})};
            return std.json.parseFromSliceLeaky(T, allocator, input(), .{});
        }
        fn result(value: anytype) ![]const u8 {
            return std.json.Stringify.valueAlloc(allocator, value, .{});
        }
    });
}

/// Exports a function from bytes to bytes as a task with the codec raw.
pub fn rawTask(comptime name: []const u8, comptime function: anytype) void {
    exportTask(name, function, struct {
        fn args(comptime T: type) !T {
            return .{input()};
        }
        fn result(value: []const u8) ![]const u8 {
            return value;
        }
    });
}

fn exportTask(comptime name: []const u8, comptime function: anytype, comptime codec: type) void {
    const Run = struct {
        fn run() callconv(.c) i32 {
            const args = codec.args(std.meta.ArgsTuple(@TypeOf(function))) catch |err| {
                return failed(.input, "the input is not what the task takes: ", @errorName(err));
            };
            const returned = @call(.auto, function, args);
            const value = switch (@typeInfo(@TypeOf(returned))) {
                .error_union => returned catch |err| {
                    // What was said already is not said again.
                    if (!told) _ = failed(.message, "", @errorName(err));
                    return 1;
                },
                else => returned,
            };
            const bytes = codec.result(value) catch |err| return failed(.message, "the result: ", @errorName(err));
            abi.output_write(start(bytes), bytes.len);
            return 0;
        }
    };
    @export(&Run.run, .{ .name = "wasmpool.task." ++ name });
}

var told = false;

fn failed(kind: abi.Fail, before: []const u8, what: []const u8) i32 {
    const text = std.mem.concat(allocator, u8, &.{ before, what }) catch what;
    abi.fail(@intFromEnum(kind), start(text), text.len);
    told = true;
    return 1;
}

/// Says why the task fails, for it to return: `return wasmpool.fail("no such thing");`
pub fn fail(why: []const u8) error{Told} {
    _ = failed(.message, "", why);
    return error.Told;
}

/// Fails with a value of the type that the task declares for its errors.
pub fn failWith(value: anytype) error{Told} {
    _ = failed(.value, "", encoded(value));
    return error.Told;
}

/// What the root has as `panic`: the task fails with the message, and the backtrace of the trap.
pub const panic = std.debug.FullPanic(struct {
    fn panicked(why: []const u8, _: ?usize) noreturn {
        abi.fail(@intFromEnum(abi.Fail.message), start(why), why.len);
        @trap();
    }
}.panicked);

/// The task's whole input.
pub fn input() []const u8 {
    const len: usize = @intCast(abi.input_len());
    const bytes = allocator.alloc(u8, @max(len, 1)) catch @panic("no memory left");
    return bytes[0..@intCast(abi.input_read(bytes.ptr, 0, len))];
}

/// One partial result, delivered while the task runs.
pub fn emit(value: anytype) void {
    const bytes = encoded(value);
    abi.emit(start(bytes), bytes.len);
}

/// How far the task is; a total of zero says that it is not known.
pub fn progress(done: i64, total: i64) void {
    abi.progress(done, total);
}

/// A record of the log.
pub fn log(level: Level, text: []const u8) void {
    abi.log(@intFromEnum(level), start(text), text.len);
}

/// The last message or reply, of the length that the import said.
pub fn message(len: u31) []const u8 {
    if (len == 0) return "";
    const bytes = allocator.alloc(u8, len) catch @panic("no memory left");
    return bytes[0..@intCast(abi.message_read(bytes.ptr, 0, bytes.len))];
}

/// The value of a message. Its bytes stay only where the value points into them.
fn received(comptime T: type, len: u31) DecodeError!T {
    const bytes = message(len);
    defer if (comptime !borrows(T)) allocator.free(bytes);
    return decoded(T, bytes);
}

fn borrows(comptime T: type) bool {
    return switch (@typeInfo(T)) {
        .pointer => true,
        .optional => |optional| borrows(optional.child),
        .array => |array| borrows(array.child),
        .@"struct" => |info| for (info.field_types) |F| {
            if (borrows(F)) break true;
        } else false,
        .@"union" => |info| for (info.field_types) |F| {
            if (borrows(F)) break true;
        } else false,
        else => false,
    };
}

/// Calls a function of the embedding program; `args` is a tuple. Its failure is told as the task's, for it to return or to go on.
pub fn hostCall(comptime R: type, name: []const u8, args: anytype) (DecodeError || error{Told})!R {
    const bytes = encoded(args);
    const replied = abi.host_call(start(name), name.len, start(bytes), bytes.len);
    const code: Code = @enumFromInt(replied);
    // Nothing has said how long the text is; longer ones are cut.
    if (code == .@"error" or code == .wrong_type) return fail(message(4096));
    return decoded(R, message(try check(replied)));
}

// ---- Objects of the host, which are arguments

/// What every object is: a number that the imports know it by.
fn opened(index: u32) Error!i32 {
    return try check(abi.handle(@bitCast(index)));
}

/// A lock that is held.
pub const Guard = struct {
    handle: i32,
    /// Whether the last holder failed or died while holding it, so that what it protects may be half changed.
    abandoned: bool,

    fn take(handle: i32, timeout_ns: i64) Error!Guard {
        const taken = abi.lock_acquire(handle, timeout_ns);
        const abandoned = taken == @intFromEnum(Code.abandoned);
        if (!abandoned) _ = try check(taken);
        return .{ .handle = handle, .abandoned = abandoned };
    }

    pub fn release(self: *Guard) void {
        _ = abi.lock_release(self.handle);
    }

    /// Of a condition: releases the lock, waits to be notified, takes the lock again.
    pub fn wait(self: *Guard) Error!void {
        return self.waitFor(forever);
    }

    /// The same, and `error.Timeout` when nothing woke it in time. It holds the lock in either case.
    pub fn waitFor(self: *Guard, timeout_ns: i64) Error!void {
        const woken = abi.condition_wait(self.handle, timeout_ns);
        self.abandoned = woken == @intFromEnum(Code.abandoned);
        if (!self.abandoned) _ = try check(woken);
    }

    /// Of a condition: wakes up to `count` of those who wait; a negative count is all.
    pub fn notify(self: *Guard, count: i32) Error!void {
        _ = try check(abi.condition_notify(self.handle, count));
    }
};

/// A lock, a lock that can be taken again, or a condition.
pub const Lock = struct {
    handle: i32,
    pub const is_object = true;

    pub fn open(index: u32) Error!Lock {
        return .{ .handle = try opened(index) };
    }

    pub fn acquire(self: Lock) Error!Guard {
        return Guard.take(self.handle, forever);
    }

    pub fn acquireFor(self: Lock, timeout_ns: i64) Error!Guard {
        return Guard.take(self.handle, timeout_ns);
    }

    pub fn drop(self: Lock) void {
        _ = abi.handle_drop(self.handle);
    }
};
pub const RLock = Lock;
pub const Condition = Lock;

/// An array of `T` that others share; a raw one has no lock.
pub fn Array(comptime T: type) type {
    return struct {
        handle: i32,
        len: usize,
        pub const is_object = true;
        const Self = @This();

        pub fn open(index: u32) Error!Self {
            const handle = try opened(index);
            const bytes = abi.shm_len(handle);
            if (bytes < 0) return abi.errorOf(@enumFromInt(@as(i32, @intCast(bytes))));
            return .{ .handle = handle, .len = @intCast(@divFloor(bytes, @sizeOf(T))) };
        }

        pub fn acquire(self: Self) Error!Guard {
            return Guard.take(self.handle, forever);
        }

        pub fn acquireFor(self: Self, timeout_ns: i64) Error!Guard {
            return Guard.take(self.handle, timeout_ns);
        }

        /// Shows the array in this memory: plain loads and stores of the slice reach it, and others see them at once.
        pub fn attach(self: Self) Error![]T {
            if (self.len == 0) return &.{};
            const bytes = self.len * @sizeOf(T);
            const rounded = std.mem.alignForward(usize, bytes, abi.window_align);
            const window = allocator.alignedAlloc(u8, .fromByteUnits(abi.window_align), rounded) catch return error.TooLarge;
            errdefer allocator.free(window);
            _ = try check(abi.shm_attach(self.handle, 0, window.ptr, bytes));
            return @as([*]T, @ptrCast(window.ptr))[0..self.len];
        }

        /// Puts ordinary memory back. The slice must not be used any more.
        pub fn detach(_: Self, elements: []T) void {
            if (elements.len == 0) return;
            const at: [*]align(abi.window_align) u8 = @ptrCast(@alignCast(elements.ptr));
            _ = abi.shm_detach(at);
            const bytes = std.mem.sliceAsBytes(elements).len;
            allocator.free(at[0..std.mem.alignForward(usize, bytes, abi.window_align)]);
        }

        /// Copies elements from an index on, without room for the whole array.
        pub fn read(self: Self, index: usize, into: []T) Error!void {
            if (into.len == 0) return;
            const bytes = std.mem.sliceAsBytes(into);
            _ = try check(abi.shm_read(self.handle, offset(index), bytes.ptr, bytes.len));
        }

        /// Copies elements over those from an index on.
        pub fn write(self: Self, index: usize, from: []const T) Error!void {
            const bytes = std.mem.sliceAsBytes(from);
            _ = try check(abi.shm_write(self.handle, offset(index), start(bytes), bytes.len));
        }

        /// An atomic operation on an integer, also beside those of others; what was there before.
        pub fn rmw(self: Self, op: Rmw, index: usize, value: T) T {
            const int = @typeInfo(T).int;
            const signed: i32 = if (int.signedness == .signed) 1 << 16 else 0;
            const kind = @intFromEnum(op) | (@as(i32, @sizeOf(T)) << 8) | signed;
            const wide: i64 = if (int.signedness == .signed) value else @bitCast(@as(u64, value));
            const before = abi.shm_rmw(self.handle, kind, offset(index), wide);
            return @truncate(if (int.signedness == .signed) before else @as(u64, @bitCast(before)));
        }

        pub fn drop(self: Self) void {
            _ = abi.handle_drop(self.handle);
        }

        fn offset(index: usize) i64 {
            return @as(i64, @intCast(index)) * @sizeOf(T);
        }
    };
}

/// One `T` that others share: an array of one element. A raw value has no lock.
pub fn Value(comptime T: type) type {
    return struct {
        array: Array(T),
        pub const is_object = true;
        const Self = @This();

        pub fn open(index: u32) Error!Self {
            return .{ .array = try Array(T).open(index) };
        }

        pub fn acquire(self: Self) Error!Guard {
            return self.array.acquire();
        }

        pub fn get(self: Self) Error!T {
            var one: [1]T = undefined;
            try self.array.read(0, &one);
            return one[0];
        }

        pub fn set(self: Self, value: T) Error!void {
            return self.array.write(0, &.{value});
        }

        pub fn rmw(self: Self, op: Rmw, value: T) T {
            return self.array.rmw(op, 0, value);
        }
    };
}

/// A semaphore, bounded or not.
pub const Semaphore = struct {
    handle: i32,
    pub const is_object = true;

    pub fn open(index: u32) Error!Semaphore {
        return .{ .handle = try opened(index) };
    }

    pub fn acquire(self: Semaphore, timeout_ns: i64) Error!void {
        _ = try check(abi.semaphore_acquire(self.handle, timeout_ns));
    }

    pub fn release(self: Semaphore) Error!void {
        _ = try check(abi.semaphore_release(self.handle));
    }

    /// A permit of this task's stays taken when the task ends.
    pub fn keep(self: Semaphore) Error!void {
        _ = try check(abi.semaphore_keep(self.handle));
    }

    /// Permits that are free.
    pub fn value(self: Semaphore) Error!u31 {
        return check(abi.semaphore_value(self.handle));
    }
};

pub const Event = struct {
    handle: i32,
    pub const is_object = true;

    pub fn open(index: u32) Error!Event {
        return .{ .handle = try opened(index) };
    }

    pub fn set(self: Event) Error!void {
        _ = try check(abi.event_set(self.handle));
    }

    pub fn clear(self: Event) Error!void {
        _ = try check(abi.event_clear(self.handle));
    }

    pub fn isSet(self: Event) Error!bool {
        return try check(abi.event_is_set(self.handle)) == 1;
    }

    pub fn wait(self: Event, timeout_ns: i64) Error!void {
        _ = try check(abi.event_wait(self.handle, timeout_ns));
    }
};

pub const Barrier = struct {
    handle: i32,
    pub const is_object = true;

    pub fn open(index: u32) Error!Barrier {
        return .{ .handle = try opened(index) };
    }

    /// This one's place among the parties, 0 for the last to come; or `error.Broken`.
    pub fn wait(self: Barrier, timeout_ns: i64) Error!u31 {
        return check(abi.barrier_wait(self.handle, timeout_ns));
    }

    pub fn reset(self: Barrier) Error!void {
        _ = try check(abi.barrier_reset(self.handle));
    }

    pub fn abort(self: Barrier) Error!void {
        _ = try check(abi.barrier_abort(self.handle));
    }

    /// How many wait, or `error.Broken`.
    pub fn waiting(self: Barrier) Error!u31 {
        return check(abi.barrier_waiting(self.handle));
    }
};

/// A queue of `T`, of any kind: only a joinable one has `taskDone` and `join`, and a simple one has no timeouts.
pub fn Queue(comptime T: type) type {
    return struct {
        handle: i32,
        pub const is_object = true;
        const Self = @This();

        pub fn open(index: u32) Error!Self {
            return .{ .handle = try opened(index) };
        }

        pub fn put(self: Self, value: T) Error!void {
            return self.putFor(value, forever);
        }

        /// `error.Timeout`, or `error.Full` for a timeout of zero, when there was no room in time.
        pub fn putFor(self: Self, value: T, timeout_ns: i64) Error!void {
            var out: Writer = .{};
            defer out.deinit();
            out.put(value);
            const bytes = out.bytes();
            _ = try check(abi.queue_put(self.handle, start(bytes), bytes.len, timeout_ns));
        }

        /// The oldest one; null when the queue is closed and empty.
        pub fn get(self: Self) DecodeError!?T {
            return self.getFor(forever) catch |err| if (err == error.Closed) null else err;
        }

        /// `error.Timeout`, `error.Empty` or `error.Closed` when there is none.
        pub fn getFor(self: Self, timeout_ns: i64) DecodeError!T {
            return received(T, try check(abi.queue_get(self.handle, timeout_ns)));
        }

        pub fn len(self: Self) Error!u31 {
            return check(abi.queue_len(self.handle));
        }

        pub fn isFull(self: Self) Error!bool {
            return try check(abi.queue_is_full(self.handle)) == 1;
        }

        /// Nothing more can be put; what is in it can be taken.
        pub fn close(self: Self) Error!void {
            _ = try check(abi.queue_close(self.handle));
        }

        /// One value that was taken has been dealt with.
        pub fn taskDone(self: Self) Error!void {
            _ = try check(abi.queue_task_done(self.handle));
        }

        /// Waits until all that were put have been dealt with.
        pub fn join(self: Self, timeout_ns: i64) Error!void {
            _ = try check(abi.queue_join(self.handle, timeout_ns));
        }
    };
}

/// One end of a pipe: sends `S`, receives `R`.
pub fn Connection(comptime S: type, comptime R: type) type {
    return struct {
        handle: i32,
        pub const is_object = true;
        const Self = @This();

        pub fn open(index: u32) Error!Self {
            return .{ .handle = try opened(index) };
        }

        pub fn send(self: Self, value: S) Error!void {
            return self.sendFor(value, forever);
        }

        pub fn sendFor(self: Self, value: S, timeout_ns: i64) Error!void {
            var out: Writer = .{};
            defer out.deinit();
            out.put(value);
            const bytes = out.bytes();
            _ = try check(abi.pipe_send(self.handle, start(bytes), bytes.len, timeout_ns));
        }

        /// The next one; null at the end.
        pub fn recv(self: Self) DecodeError!?R {
            return self.recvFor(forever) catch |err| if (err == error.Closed) null else err;
        }

        pub fn recvFor(self: Self, timeout_ns: i64) DecodeError!R {
            return received(R, try check(abi.pipe_recv(self.handle, timeout_ns)));
        }

        /// Whether there is something to receive in time, the end among it.
        pub fn poll(self: Self, timeout_ns: i64) bool {
            return abi.pipe_poll(self.handle, timeout_ns) == 1;
        }

        /// Closes this end.
        pub fn close(self: Self) Error!void {
            _ = try check(abi.pipe_close(self.handle));
        }
    };
}
