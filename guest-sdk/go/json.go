//go:build wasip1

package wasmpool

import (
	"encoding/json"
	"reflect"
	"strconv"
)

// RunJSON is Run for tasks with the codec json: the input is the one argument, or an array of several.
func RunJSON(task any) (status int32) {
	return run(task, func(types []reflect.Type) ([]reflect.Value, error) {
		args := make([]reflect.Value, len(types))
		parts := []json.RawMessage{Input()}
		if len(types) > 1 {
			if err := json.Unmarshal(Input(), &parts); err != nil {
				return nil, err
			}
		}
		if len(types) > 0 && len(parts) != len(types) {
			return nil, ErrInput
		}
		for i, of := range types {
			args[i] = reflect.New(of).Elem()
			if err := json.Unmarshal(parts[i], args[i].Addr().Interface()); err != nil {
				return nil, err
			}
		}
		return args, nil
	}, func(result reflect.Value) ([]byte, error) {
		return json.Marshal(result.Interface())
	})
}

// UnmarshalJSON takes the index of an object among the task's arguments.
func (object *Object) UnmarshalJSON(text []byte) error {
	index, err := strconv.ParseUint(string(text), 10, 31)
	if err != nil {
		return err
	}
	return object.open(uint32(index))
}
