//! The example's tasks in Zig.

const std = @import("std");
const wasmpool = @import("wasmpool");

pub const panic = wasmpool.panic;

const Text = []const u8;
const Count = wasmpool.Entry(Text, u64);

/// How often each word occurs: a run of letters and digits of ASCII, in lower case.
fn count(text: Text) ![]const Count {
    var counts: std.ArrayList(Count) = .empty;
    var start: usize = 0;
    for (0..text.len + 1) |i| {
        if (i < text.len and std.ascii.isAlphanumeric(text[i])) continue;
        if (i > start) {
            const word = try std.ascii.allocLowerString(wasmpool.allocator, text[start..i]);
            for (counts.items) |*each| {
                if (std.mem.eql(u8, each.key, word)) {
                    each.value += 1;
                    break;
                }
            } else try counts.append(wasmpool.allocator, .{ .key = word, .value = 1 });
        }
        start = i + 1;
    }
    return counts.items;
}

fn square(lock: wasmpool.Lock, array: wasmpool.Array(i64)) !void {
    var guard = try lock.acquire();
    defer guard.release();
    const numbers = try array.attach();
    for (numbers) |*number| number.* *%= number.*;
    array.detach(numbers);
}

fn increment(lock: wasmpool.Lock, array: wasmpool.Array(i64), times: u32) !void {
    const numbers = try array.attach();
    for (0..times) |_| {
        var guard = try lock.acquire();
        defer guard.release();
        for (numbers) |*number| number.* += 1;
    }
}

/// Adds one to all numbers and to its own count, until that is `times`. Whoever finds that the last holder of the lock died in the middle of
/// this sets the numbers right: each is the sum of all counts. The result is how often that was.
fn tally(lock: wasmpool.Lock, array: wasmpool.Array(i64), each: wasmpool.Array(i64), own: u32, times: u32) !u32 {
    const numbers = try array.attach();
    const counts = try each.attach();
    var repairs: u32 = 0;
    while (counts[own] < times) {
        var guard = try lock.acquire();
        defer guard.release();
        if (guard.abandoned) {
            var sum: i64 = 0;
            for (counts) |one| sum += one;
            for (numbers) |*number| {
                if (number.* < sum - 1 or number.* > sum + 1) return wasmpool.fail("an increment was lost");
                number.* = sum;
            }
            repairs += 1;
        }
        for (numbers[0 .. numbers.len / 2]) |*number| number.* += 1;
        counts[own] += 1;
        for (numbers[numbers.len / 2 ..]) |*number| number.* += 1;
    }
    return repairs;
}

fn produce(numbers: wasmpool.Queue(u64), total_count: u64) !void {
    var number: u64 = 1;
    while (number <= total_count) : (number += 1) try numbers.put(number);
    try numbers.close();
}

fn consume(numbers: wasmpool.Queue(u64)) !u64 {
    var sum: u64 = 0;
    while (try numbers.get()) |number| sum += number;
    return sum;
}

// One task for each other part.

fn report(text: Text) Text {
    wasmpool.log(.warn, text);
    wasmpool.progress(1, 2);
    wasmpool.emit(text);
    return text;
}

fn refuse(text: Text) !void {
    return wasmpool.fail(text);
}

fn crash(text: Text) void {
    @panic(text);
}

fn deeper(above: *volatile i32) i32 {
    var here: i32 = above.* +% 1;
    return deeper(&here) +% here;
}

/// The same with local data, which lie in memory and not where WebAssembly's own stack is.
fn wider(above: *volatile [4096]u8) u8 {
    var here: [4096]u8 = above.*;
    here[0] +%= 1;
    return wider(&here) +% here[0];
}

/// Ends in the way that it is told.
fn end(how: Text) !void {
    var zero: i32 = 0;
    const at: *volatile i32 = &zero;
    if (std.mem.eql(u8, how, "divide")) at.* = @divTrunc(1, at.*);
    if (std.mem.eql(u8, how, "pointer")) at.* = @as(*volatile i32, @ptrFromInt(0xfffffff0)).*;
    if (std.mem.eql(u8, how, "exit")) std.process.exit(3);
    if (std.mem.eql(u8, how, "memory")) while (true) {
        (try wasmpool.allocator.alloc(u8, 1 << 20))[0] = 1;
    };
    if (std.mem.eql(u8, how, "stack")) at.* = deeper(at);
    if (std.mem.eql(u8, how, "data")) {
        var first: [4096]u8 = @splat(0);
        at.* = wider(&first);
    }
    return wasmpool.fail("no such end");
}

fn values(value: wasmpool.Value(i64), raw: wasmpool.Value(u32), array: wasmpool.Array(i16)) !i64 {
    var guard = try value.acquire();
    const number = try value.get() + 1;
    try value.set(number);
    guard.release();
    const before = raw.rmw(.exchange, 7);
    var other = try array.acquire();
    defer other.release();
    const lowest = array.rmw(.min, 1, -5);
    var first: [2]i16 = undefined;
    try array.read(0, &first);
    return number + before + lowest + first[0] + first[1];
}

fn meet(
    rlock: wasmpool.RLock,
    semaphore: wasmpool.Semaphore,
    event: wasmpool.Event,
    condition: wasmpool.Condition,
    barrier: wasmpool.Barrier,
) !u32 {
    var once = try rlock.acquire();
    var twice = try rlock.acquireFor(0);
    twice.release();
    once.release();
    try semaphore.acquire(wasmpool.forever);
    const left = try semaphore.value();
    try semaphore.release();
    try semaphore.acquire(0);
    try semaphore.keep();
    _ = try barrier.wait(wasmpool.forever);
    try event.wait(wasmpool.forever);
    try event.clear();
    if (try event.isSet()) return wasmpool.fail("the event is set");
    var guard = try condition.acquire();
    if (guard.waitFor(1_000_000)) return wasmpool.fail("nobody notifies") else |err| if (err != error.Timeout) return err;
    try guard.notify(-1);
    guard.release();
    try event.set();
    try barrier.reset();
    try barrier.abort();
    if (barrier.wait(wasmpool.forever)) |_| return wasmpool.fail("the barrier is not broken") else |err| if (err != error.Broken) return err;
    return left;
}

fn echo(pipe: wasmpool.Connection(Text, Text)) !u32 {
    if (!pipe.poll(wasmpool.forever)) return wasmpool.fail("nothing comes");
    var times: u32 = 0;
    while (try pipe.recv()) |text| : (times += 1) try pipe.send(text);
    try pipe.close();
    return times;
}

fn finish(jobs: wasmpool.Queue(u64), words: wasmpool.Queue(Text)) !u64 {
    var sum: u64 = 0;
    while (try jobs.len() > 0) {
        sum += try jobs.getFor(0);
        try jobs.taskDone();
    }
    try jobs.join(wasmpool.forever);
    if (try jobs.isFull()) return wasmpool.fail("an empty queue is full");
    if (jobs.getFor(0)) |_| return wasmpool.fail("an empty queue has something") else |err| if (err != error.Empty) return err;
    try words.put("done");
    return sum;
}

fn manage(dict: wasmpool.Dict(Text, i64), list: wasmpool.List(i64), space: wasmpool.Namespace) !i64 {
    try dict.set("a", 1);
    var sum = try dict.add("a", 2);
    sum += try dict.getOrInsert("b", 2);
    if (!try dict.compareAndSwap("a", 3, 1)) return wasmpool.fail("a was not 3");
    if ((try dict.items()).len != 2) return wasmpool.fail("not two items");
    sum += try dict.pop("b") orelse 0;
    if (try dict.contains("b") or try dict.get("b") != null) return wasmpool.fail("b is there");
    try list.extend(&.{ 3, 1 });
    try list.push(2);
    try list.insert(0, 2);
    sum += try list.add(1, 1);
    sum += @intCast(try list.indexOf(1) orelse 100);
    sum += try list.pop() orelse 0;
    sum += @intCast(try list.len());
    try space.set(i64, "n", 2);
    sum += try space.add(i64, "n", 3);
    const names = try space.names();
    if (names.len != 1 or !std.mem.eql(u8, names[0], "n")) return wasmpool.fail("not one name");
    try space.remove("n");
    return sum;
}

fn ask(n: i64) !i64 {
    return wasmpool.hostCall(i64, "double", .{n});
}

fn total(numbers: []const f64, unit: Text) !Text {
    var sum: f64 = 0;
    for (numbers) |number| sum += number;
    return std.fmt.allocPrint(wasmpool.allocator, "{d} {s}", .{ sum, unit });
}

comptime {
    wasmpool.task("count", count);
    wasmpool.task("square", square);
    wasmpool.task("increment", increment);
    wasmpool.task("tally", tally);
    wasmpool.task("produce", produce);
    wasmpool.task("consume", consume);
    wasmpool.task("report", report);
    wasmpool.task("refuse", refuse);
    wasmpool.task("crash", crash);
    wasmpool.task("end", end);
    wasmpool.task("values", values);
    wasmpool.task("meet", meet);
    wasmpool.task("echo", echo);
    wasmpool.task("finish", finish);
    wasmpool.task("manage", manage);
    wasmpool.task("ask", ask);
    wasmpool.jsonTask("total", total);
}
