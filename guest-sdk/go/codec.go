//go:build wasip1

package wasmpool

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"reflect"
	"sort"
)

// ErrInput is what bytes say that are no value of the expected types.
var ErrInput = errors.New("the bytes are not a value of the expected type")

// Marshal returns the values one after the other in postcard. It panics for types that cannot cross, such as channels.
func Marshal(values ...any) []byte {
	var out []byte
	for _, value := range values {
		out = appendValue(out, reflect.ValueOf(value))
	}
	return out
}

func appendLen(out []byte, length int) []byte { return binary.AppendUvarint(out, uint64(length)) }

// appendNested appends a value's own encoding as a byte string, as managers' objects take keys and values.
func appendNested(out []byte, value any) []byte {
	bytes := Marshal(value)
	return append(appendLen(out, len(bytes)), bytes...)
}

func appendValue(out []byte, value reflect.Value) []byte {
	switch value.Kind() {
	case reflect.Bool:
		if value.Bool() {
			return append(out, 1)
		}
		return append(out, 0)
	case reflect.Int8:
		return append(out, byte(value.Int()))
	case reflect.Uint8:
		return append(out, byte(value.Uint()))
	case reflect.Int, reflect.Int16, reflect.Int32, reflect.Int64:
		return binary.AppendVarint(out, value.Int())
	case reflect.Uint, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return binary.AppendUvarint(out, value.Uint())
	case reflect.Float32:
		return binary.LittleEndian.AppendUint32(out, math.Float32bits(float32(value.Float())))
	case reflect.Float64:
		return binary.LittleEndian.AppendUint64(out, math.Float64bits(value.Float()))
	case reflect.String:
		return append(appendLen(out, value.Len()), value.String()...)
	case reflect.Slice:
		out = appendLen(out, value.Len())
		if value.Type().Elem().Kind() == reflect.Uint8 {
			return append(out, value.Bytes()...)
		}
		return appendItems(out, value)
	case reflect.Array:
		return appendItems(out, value)
	case reflect.Map:
		// The same map is the same bytes: keys in the order of theirs.
		items := make([]string, 0, value.Len())
		for each := value.MapRange(); each.Next(); {
			items = append(items, string(appendValue(appendValue(nil, each.Key()), each.Value())))
		}
		sort.Strings(items)
		out = appendLen(out, len(items))
		for _, item := range items {
			out = append(out, item...)
		}
		return out
	case reflect.Struct:
		for i := range value.NumField() {
			if value.Type().Field(i).IsExported() {
				out = appendValue(out, value.Field(i))
			}
		}
		return out
	case reflect.Pointer:
		if value.IsNil() {
			return append(out, 0)
		}
		return appendValue(append(out, 1), value.Elem())
	default:
		panic(fmt.Sprintf("a %s cannot cross", value.Type()))
	}
}

func appendItems(out []byte, items reflect.Value) []byte {
	for i := range items.Len() {
		out = appendValue(out, items.Index(i))
	}
	return out
}

// Unmarshal reads values in postcard, one after the other, into what the pointers point to. All bytes have to be used.
func Unmarshal(bytes []byte, into ...any) error {
	in := reader{bytes: bytes}
	for _, pointer := range into {
		in.value(reflect.ValueOf(pointer).Elem())
	}
	return in.end()
}

// A reader of postcard. After a value that is not there all others are zero, and err is set.
type reader struct {
	bytes []byte
	err   error
}

func (in *reader) end() error {
	if in.err == nil && len(in.bytes) > 0 {
		return ErrInput
	}
	return in.err
}

func (in *reader) fail() {
	if in.err == nil {
		in.err = ErrInput
	}
	in.bytes = nil
}

func (in *reader) take(length int) []byte {
	if length < 0 || length > len(in.bytes) {
		in.fail()
		return nil
	}
	taken := in.bytes[:length]
	in.bytes = in.bytes[length:]
	return taken
}

func (in *reader) byte() byte {
	if one := in.take(1); one != nil {
		return one[0]
	}
	return 0
}

func (in *reader) varint(bits int) uint64 {
	var value uint64
	for shift := 0; shift < bits; shift += 7 {
		b := in.byte()
		if bits-shift < 7 && b>>(bits-shift) != 0 {
			break
		}
		value |= uint64(b&0x7f) << shift
		if b < 0x80 {
			return value
		}
	}
	in.fail()
	return 0
}

// A length is a claim: what it says is not reserved before it is there.
func (in *reader) len() int {
	length := in.varint(32)
	if length > math.MaxInt32 {
		in.fail()
		return 0
	}
	return int(length)
}

func (in *reader) bool() bool {
	b := in.byte()
	if b > 1 {
		in.fail()
	}
	return b == 1
}

// What is an argument only, and no value: an object of the host.
type opener interface {
	open(index uint32) error
}

func (in *reader) value(into reflect.Value) {
	if in.err != nil {
		return
	}
	if into.CanAddr() {
		if object, ok := into.Addr().Interface().(opener); ok {
			in.object(object)
			return
		}
	}
	switch into.Kind() {
	case reflect.Bool:
		into.SetBool(in.bool())
	case reflect.Int8:
		into.SetInt(int64(int8(in.byte())))
	case reflect.Uint8:
		into.SetUint(uint64(in.byte()))
	case reflect.Int, reflect.Int16, reflect.Int32, reflect.Int64:
		raw := in.varint(bits(into.Kind(), into.Type()))
		into.SetInt(int64(raw>>1) ^ -int64(raw&1))
	case reflect.Uint, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		into.SetUint(in.varint(bits(into.Kind(), into.Type())))
	case reflect.Float32:
		if four := in.take(4); four != nil {
			into.SetFloat(float64(math.Float32frombits(binary.LittleEndian.Uint32(four))))
		}
	case reflect.Float64:
		if eight := in.take(8); eight != nil {
			into.SetFloat(math.Float64frombits(binary.LittleEndian.Uint64(eight)))
		}
	case reflect.String:
		into.SetString(string(in.take(in.len())))
	case reflect.Slice:
		length := in.len()
		if into.Type().Elem().Kind() == reflect.Uint8 {
			into.SetBytes(append([]byte{}, in.take(length)...))
			return
		}
		items := reflect.MakeSlice(into.Type(), 0, min(length, len(in.bytes)))
		for range length {
			item := reflect.New(into.Type().Elem()).Elem()
			in.value(item)
			if in.err != nil {
				return
			}
			items = reflect.Append(items, item)
		}
		into.Set(items)
	case reflect.Array:
		for i := range into.Len() {
			in.value(into.Index(i))
		}
	case reflect.Map:
		items := reflect.MakeMap(into.Type())
		for range in.len() {
			key, item := reflect.New(into.Type().Key()).Elem(), reflect.New(into.Type().Elem()).Elem()
			in.value(key)
			in.value(item)
			if in.err != nil {
				return
			}
			items.SetMapIndex(key, item)
		}
		into.Set(items)
	case reflect.Struct:
		for i := range into.NumField() {
			if into.Type().Field(i).IsExported() {
				in.value(into.Field(i))
			}
		}
	case reflect.Pointer:
		to := reflect.New(into.Type().Elem())
		if object, ok := to.Interface().(opener); ok {
			in.object(object)
			into.Set(to)
		} else if in.bool() {
			in.value(to.Elem())
			into.Set(to)
		}
	default:
		in.err = fmt.Errorf("a %s cannot cross", into.Type())
	}
}

func (in *reader) object(object opener) {
	index := uint32(in.varint(32))
	if in.err == nil {
		in.err = object.open(index)
	}
}

// bits says how many an integer has on the wire: int and uint have 64 there, as in memory.
func bits(kind reflect.Kind, of reflect.Type) int {
	if kind == reflect.Int || kind == reflect.Uint {
		return 64
	}
	return of.Bits()
}

// typeOf describes a type, as namespaces want to know it.
func typeOf(of reflect.Type, out []byte) []byte {
	plain := map[reflect.Kind]byte{
		reflect.Bool: tagBool, reflect.String: tagStr, reflect.Float32: tagF32, reflect.Float64: tagF64,
		reflect.Int: tagI64, reflect.Int8: tagI8, reflect.Int16: tagI16, reflect.Int32: tagI32, reflect.Int64: tagI64,
		reflect.Uint: tagU64, reflect.Uint8: tagU8, reflect.Uint16: tagU16, reflect.Uint32: tagU32, reflect.Uint64: tagU64,
	}
	if tag, ok := plain[of.Kind()]; ok {
		return append(out, tag)
	}
	switch of.Kind() {
	case reflect.Slice:
		return typeOf(of.Elem(), append(out, tagSeq))
	case reflect.Array:
		return typeOf(of.Elem(), binary.LittleEndian.AppendUint32(append(out, tagArray), uint32(of.Len())))
	case reflect.Pointer:
		return typeOf(of.Elem(), append(out, tagOption))
	case reflect.Map:
		return typeOf(of.Elem(), typeOf(of.Key(), append(out, tagMap)))
	case reflect.Struct:
		fields := make([]reflect.StructField, 0, of.NumField())
		for i := range of.NumField() {
			if of.Field(i).IsExported() {
				fields = append(fields, of.Field(i))
			}
		}
		out = append(out, tagStruct, byte(len(of.Name())))
		out = binary.LittleEndian.AppendUint16(append(out, of.Name()...), uint16(len(fields)))
		for _, field := range fields {
			name := field.Name
			if tag, ok := field.Tag.Lookup("wasmpool"); ok {
				name = tag
			}
			out = typeOf(field.Type, append(append(out, byte(len(name))), name...))
		}
		return out
	default:
		panic(fmt.Sprintf("a %s cannot cross", of))
	}
}
