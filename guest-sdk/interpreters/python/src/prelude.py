"""What runs a script, and what is loaded ahead for all of them."""

import json
import linecache
import os
import sys
import traceback
import types

# Most scripts need some of these: in a snapshot they cost nothing.
import collections
import dataclasses
import datetime
import enum
import functools
import itertools
import math
import operator
import re
import typing

# The script that was evaluated last in this instance: name, text, module.
_known = None


def run(name, source, function, passing, text):
    """The result as JSON in a tuple of one, or the four parts of a failure."""
    global _known
    for variable in _look().split("\0"):
        key, equals, value = variable.partition("=")
        if equals and os.environ.get(key) != value:
            os.environ[key] = value
    try:
        if _known is None or _known[0] != name or _known[1] != source:
            _known = None
            _known = (name, source, _evaluate(name, source))
        result = _call(_known[2], name, function, passing, text)
        return (json.dumps(result, ensure_ascii=False, allow_nan=False, separators=(",", ":")),)
    except BaseException as error:
        return _failure(error)
    finally:
        sys.stdout.flush()
        sys.stderr.flush()


def _evaluate(name, source):
    # For the lines in tracebacks: there is no file.
    linecache.cache[name] = (len(source), None, source.splitlines(True), name)
    code = compile(source, name, "exec")
    module = types.ModuleType("__script__")
    module.__file__ = name
    sys.modules["__script__"] = module
    exec(code, module.__dict__)
    return module


def _call(module, name, function, passing, text):
    target = getattr(module, function, None)
    if target is None:
        known = [
            key
            for key, value in vars(module).items()
            if isinstance(value, types.FunctionType) and not key.startswith("_")
        ]
        there = "it has " + ", ".join(known) if known else "it has none"
        raise NameError(f"{name} has no function {function!r}; {there}")
    result = target(*_arguments(target, passing, text))
    if isinstance(result, types.CoroutineType):
        return _finish(result)
    return result


def _arguments(target, passing, text):
    if passing == "nothing" or not text:
        return ()
    value = json.loads(text)
    if passing == "declared":
        code = getattr(target, "__code__", None)
        # 4: the function takes any number.
        spread = code is None or code.co_argcount != 1 or code.co_flags & 4
        passing = "several" if spread and isinstance(value, list) else "one"
    return value if passing == "several" else (value,)


def _finish(coroutine):
    try:
        coroutine.send(None)
    except StopIteration as end:
        return end.value
    coroutine.close()
    raise RuntimeError("the coroutine waits for an event loop, and scripts have none")


def _failure(error):
    # Without the frames of this file, which come first.
    trace = error.__traceback__
    while trace is not None and trace.tb_frame.f_code.co_filename == _file:
        trace = trace.tb_next
    frames = [
        (frame.name, frame.filename, frame.lineno or 0)
        for frame in reversed(traceback.extract_tb(trace))
    ]
    if isinstance(error, SyntaxError) and error.filename:
        frames.insert(0, ("", error.filename, error.lineno or 0))
    text = "".join(traceback.format_exception(type(error), error, trace)).rstrip()
    return (type(error).__name__, str(error), frames, text)


def _module():
    """`import wasmpool`: what a script tells the host while it runs."""
    module = types.ModuleType("wasmpool")

    def emit(value):
        """Delivers a partial result, as JSON text."""
        _emit(json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":")))

    def progress(done, total=0):
        """Tells how far the task is."""
        _progress(done, total)

    module.emit = emit
    module.progress = progress
    sys.modules["wasmpool"] = module


_module()
