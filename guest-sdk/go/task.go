//go:build wasip1

package wasmpool

import (
	"fmt"
	"reflect"
	"runtime"
	"strings"
	"time"
	"unsafe"
)

// Forever waits as long as the task may run; zero does not wait.
const Forever time.Duration = -1

func (code Code) Error() string {
	if text, ok := codeTexts[code]; ok {
		return text
	}
	return fmt.Sprintf("code %d", int32(code))
}

// check turns an import's result into its number or its error.
func check(result int32) (int, error) {
	if result < 0 {
		return 0, Code(result)
	}
	return int(result), nil
}

// must is for what fails only when the program is wrong.
func must(result int32, what string) int {
	if result < 0 {
		panic(what + ": " + Code(result).Error())
	}
	return int(result)
}

func pointer(bytes []byte) (unsafe.Pointer, uint32) {
	return unsafe.Pointer(unsafe.SliceData(bytes)), uint32(len(bytes))
}

// Run reads the arguments of a function from the task's input, calls it, and writes its result. The function returns nothing, a value, an
// error, or a value and an error. What Run returns is for the task to return.
func Run(task any) (status int32) {
	return run(task, func(types []reflect.Type) ([]reflect.Value, error) {
		in := reader{bytes: Input()}
		args := make([]reflect.Value, len(types))
		for i, of := range types {
			args[i] = reflect.New(of).Elem()
			in.value(args[i])
		}
		return args, in.end()
	}, func(result reflect.Value) ([]byte, error) {
		return appendValue(nil, result), nil
	})
}

// RunRaw hands the input's bytes on as they are, and the result's.
func RunRaw(task func(input []byte) ([]byte, error)) (status int32) {
	return run(task, func([]reflect.Type) ([]reflect.Value, error) {
		return []reflect.Value{reflect.ValueOf(Input())}, nil
	}, func(result reflect.Value) ([]byte, error) {
		return result.Bytes(), nil
	})
}

var errorType = reflect.TypeFor[error]()

func run(
	task any,
	decode func([]reflect.Type) ([]reflect.Value, error),
	encode func(reflect.Value) ([]byte, error),
) (status int32) {
	defer func() {
		if reason := recover(); reason != nil {
			status = report(reason)
		}
	}()
	function := reflect.ValueOf(task)
	types := make([]reflect.Type, function.Type().NumIn())
	for i := range types {
		types[i] = function.Type().In(i)
	}
	args, err := decode(types)
	if err != nil {
		return fail(FailInput, "the input is not what the task takes: "+err.Error())
	}
	results := function.Call(args)
	if last := len(results) - 1; last >= 0 && results[last].Type() == errorType {
		if !results[last].IsNil() {
			return fail(FailMessage, results[last].Interface().(error).Error())
		}
		results = results[:last]
	}
	for _, result := range results {
		bytes, err := encode(result)
		if err != nil {
			return fail(FailMessage, "the result: "+err.Error())
		}
		Output(bytes)
	}
	return 0
}

func fail(kind FailKind, text string) int32 {
	src, length := pointer([]byte(text))
	abiFail(int32(kind), src, length)
	return 1
}

// report tells a panic with the place where it was raised.
func report(reason any) int32 {
	callers := make([]uintptr, 32)
	frames := runtime.CallersFrames(callers[:runtime.Callers(2, callers)])
	raised := false
	for {
		frame, more := frames.Next()
		inRuntime := strings.HasPrefix(frame.Function, "runtime.")
		raised = raised || frame.Function == "runtime.gopanic"
		if raised && !inRuntime {
			return fail(FailPanic, fmt.Sprintf("%v\n%s\n%d", reason, frame.File, frame.Line))
		}
		if !more {
			return fail(FailPanic, fmt.Sprintf("%v\n\n", reason))
		}
	}
}

// Fail says why the task fails, and returns what the task then has to return. Tasks of Run return an error instead.
func Fail(message string) int32 { return fail(FailMessage, message) }

// FailWith fails with a value of the type that the task declares for its errors, encoded in the task's codec.
func FailWith(bytes []byte) int32 { return fail(FailValue, string(bytes)) }

// Input is the whole input of the task.
func Input() []byte {
	bytes := make([]byte, abiInputLen())
	dst, length := pointer(bytes)
	return bytes[:abiInputRead(dst, 0, length)]
}

// Output appends to the result.
func Output(bytes []byte) {
	src, length := pointer(bytes)
	abiOutputWrite(src, length)
}

// Emit delivers a partial result while the task runs.
func Emit(value any) {
	src, length := pointer(Marshal(value))
	abiEmit(src, length)
}

// Progress tells how far the task is; a total of zero says that it is not known.
func Progress(done, total int64) { abiProgress(done, total) }

// Log writes a record of the log.
func Log(level Level, text string) {
	src, length := pointer([]byte(text))
	abiLog(int32(level), src, length)
}

// Logf writes a record of the log.
func Logf(level Level, format string, args ...any) { Log(level, fmt.Sprintf(format, args...)) }

// message copies the last message or reply.
func message(length int) []byte {
	bytes := make([]byte, length)
	dst, room := pointer(bytes)
	return bytes[:must(abiMessageRead(dst, 0, room), "message_read")]
}

// A HostError is what a function of the embedding program says of its failure.
type HostError struct {
	Code    Code
	Message string
}

func (err *HostError) Error() string { return err.Message }

// Unwrap returns the code: errors.Is(err, CodeError).
func (err *HostError) Unwrap() error { return err.Code }

// HostCall calls a function of the embedding program.
func HostCall[R any](name string, args ...any) (result R, err error) {
	at, nameLen := pointer([]byte(name))
	src, length := pointer(Marshal(args...))
	replied := abiHostCall(at, nameLen, src, length)
	switch code := Code(replied); {
	case code == CodeError || code == CodeWrongType:
		var text []byte
		// Nothing has said how long it is.
		for piece := make([]byte, 1024); ; {
			dst, room := pointer(piece)
			copied := must(abiMessageRead(dst, int32(len(text)), room), "message_read")
			text = append(text, piece[:copied]...)
			if copied < len(piece) {
				break
			}
		}
		return result, &HostError{code, string(text)}
	case replied < 0:
		return result, code
	}
	err = Unmarshal(message(int(replied)), &result)
	return result, err
}
