//go:build wasip1

package wasmpool

import "reflect"

// Managed is what dictionaries, lists and namespaces have in common. Each method is one question to the host, done as a whole. A key, an
// index or a name that is not there is CodeNotFound.
type Managed struct{ Object }

func (object *Managed) ask(op Op, args []byte) ([]byte, error) {
	src, length := pointer(args)
	replied, err := check(abiManagerCall(object.handle, int32(op), src, length))
	if err != nil {
		return nil, err
	}
	return message(replied), nil
}

// read asks, and reads the reply.
func (object *Managed) read(op Op, args []byte, into ...any) error {
	reply, err := object.ask(op, args)
	if err != nil {
		return err
	}
	return Unmarshal(reply, into...)
}

// Len is how many items there are.
func (object *Managed) Len() (length uint64, err error) {
	err = object.read(OpLen, nil, &length)
	return length, err
}

// Clear takes all items out.
func (object *Managed) Clear() error {
	_, err := object.ask(OpClear, nil)
	return err
}

// nested encodes each value as a byte string.
func nested(values ...any) (args []byte) {
	for _, value := range values {
		args = appendNested(args, value)
	}
	return args
}

// A Dict is a dictionary.
type Dict[K comparable, V any] struct{ Managed }

// An Item is a key and its value.
type Item[K comparable, V any] struct {
	Key   K
	Value V
}

// Get is the value of a key.
func (dict *Dict[K, V]) Get(key K) (value V, err error) {
	err = dict.read(OpDictGet, nested(key), &value)
	return value, err
}

// Set puts a value in.
func (dict *Dict[K, V]) Set(key K, value V) error {
	_, err := dict.ask(OpDictSet, nested(key, value))
	return err
}

// Insert puts a value in, and returns the one before; nil when there was none.
func (dict *Dict[K, V]) Insert(key K, value V) (before *V, err error) {
	err = dict.read(OpDictInsert, nested(key, value), &before)
	return before, err
}

// Pop takes a key out, and returns its value.
func (dict *Dict[K, V]) Pop(key K) (value V, err error) {
	err = dict.read(OpDictPop, nested(key), &value)
	return value, err
}

// PopLast takes the item out that came last.
func (dict *Dict[K, V]) PopLast() (item Item[K, V], err error) {
	err = dict.read(OpDictPopLast, nil, &item)
	return item, err
}

// Contains says whether a key is there.
func (dict *Dict[K, V]) Contains(key K) (found bool, err error) {
	err = dict.read(OpDictContains, nested(key), &found)
	return found, err
}

// GetOrInsert is the value of a key, which is put in when there is none.
func (dict *Dict[K, V]) GetOrInsert(key K, value V) (found V, err error) {
	var inserted bool
	err = dict.read(OpDictGetOrInsert, nested(key, value), &inserted, &found)
	return found, err
}

// Add adds to a number, which begins at zero, and returns the sum.
func (dict *Dict[K, V]) Add(key K, number V) (sum V, err error) {
	err = dict.read(OpDictAdd, nested(key, number), &sum)
	return sum, err
}

// CompareAndSwap puts value in the place of expected, if that is there; nil is a missing key. It returns whether it was.
func (dict *Dict[K, V]) CompareAndSwap(key K, expected, value *V) (swapped bool, err error) {
	args := nested(key)
	for _, each := range []*V{expected, value} {
		if each == nil {
			args = append(args, 0)
		} else {
			args = appendNested(append(args, 1), *each)
		}
	}
	err = dict.read(OpDictCompareAndSwap, args, &swapped)
	return swapped, err
}

// Update puts several items in, all or none.
func (dict *Dict[K, V]) Update(items ...Item[K, V]) error {
	args := appendLen(nil, len(items))
	for _, item := range items {
		args = append(args, nested(item.Key, item.Value)...)
	}
	_, err := dict.ask(OpDictUpdate, args)
	return err
}

// Items returns all items, in the order in which their keys came.
func (dict *Dict[K, V]) Items() ([]Item[K, V], error) { return dictPages[Item[K, V]](&dict.Managed, 2) }

// Keys returns all keys.
func (dict *Dict[K, V]) Keys() ([]K, error) { return dictPages[K](&dict.Managed, 0) }

// Values returns all values.
func (dict *Dict[K, V]) Values() ([]V, error) { return dictPages[V](&dict.Managed, 1) }

func dictPages[T any](dict *Managed, part uint8) (all []T, err error) {
	var cursor uint64
	for more := true; more && err == nil; {
		var page []T
		err = dict.read(OpDictPage, Marshal(cursor, part), &cursor, &more, &page)
		all = append(all, page...)
	}
	return all, err
}

// A List is a list.
type List[T any] struct{ Managed }

// Push appends.
func (list *List[T]) Push(value T) error {
	_, err := list.ask(OpListPush, nested(value))
	return err
}

// Extend appends several, all or none.
func (list *List[T]) Extend(values ...T) error {
	_, err := list.ask(OpListExtend, listed(nil, values))
	return err
}

func listed[T any](args []byte, values []T) []byte {
	args = appendLen(args, len(values))
	for _, value := range values {
		args = appendNested(args, value)
	}
	return args
}

// Get is the value at an index.
func (list *List[T]) Get(index uint64) (value T, err error) {
	err = list.read(OpListGet, Marshal(index), &value)
	return value, err
}

// Set puts a value in the place of the one at an index.
func (list *List[T]) Set(index uint64, value T) error {
	_, err := list.ask(OpListSet, appendNested(Marshal(index), value))
	return err
}

// Insert puts a value before the one at an index, or at the end.
func (list *List[T]) Insert(index uint64, value T) error {
	_, err := list.ask(OpListInsert, appendNested(Marshal(index), value))
	return err
}

// Remove takes the one at an index out.
func (list *List[T]) Remove(index uint64) (value T, err error) {
	err = list.read(OpListRemove, Marshal(index), &value)
	return value, err
}

// Pop takes the last one out.
func (list *List[T]) Pop() (value T, err error) {
	err = list.read(OpListPop, nil, &value)
	return value, err
}

// Find is the index of the first that is equal.
func (list *List[T]) Find(value T) (index uint64, err error) {
	err = list.read(OpListFind, nested(value), &index)
	return index, err
}

// Add adds to the number at an index, and returns the sum.
func (list *List[T]) Add(index uint64, number T) (sum T, err error) {
	err = list.read(OpListAdd, appendNested(Marshal(index), number), &sum)
	return sum, err
}

// CompareAndSwap puts value in the place of expected, if that is there. It returns whether it was.
func (list *List[T]) CompareAndSwap(index uint64, expected, value T) (swapped bool, err error) {
	err = list.read(OpListCompareAndSwap, append(Marshal(index), nested(expected, value)...), &swapped)
	return swapped, err
}

// Values returns all values.
func (list *List[T]) Values() ([]T, error) {
	values, _, err := list.all()
	return values, err
}

// Change changes all values as a whole. When others changed the list meanwhile, change is called again with what is there then.
func (list *List[T]) Change(change func([]T) []T) error {
	for {
		values, version, err := list.all()
		if err != nil {
			return err
		}
		var replaced bool
		err = list.read(OpListReplace, listed(Marshal(version), change(values)), &replaced)
		if err != nil || replaced {
			return err
		}
	}
}

// all reads again when the list changed between two pages.
func (list *List[T]) all() (values []T, version uint64, err error) {
	for more := true; more; {
		var now uint64
		var page []T
		if err = list.read(OpListPage, Marshal(uint64(len(values))), &now, &more, &page); err != nil {
			return nil, 0, err
		}
		if len(values) > 0 && now != version {
			values, more = nil, true
			continue
		}
		version, values = now, append(values, page...)
	}
	return values, version, nil
}

// A Namespace has values of any types by their names: see NamespaceGet and its kin.
type Namespace struct{ Managed }

func typed[T any](name string) []byte {
	of := typeOf(reflect.TypeFor[T](), nil)
	return append(appendLen(Marshal(name), len(of)), of...)
}

// NamespaceGet is the value of a name.
func NamespaceGet[T any](space *Namespace, name string) (value T, err error) {
	err = space.read(OpNamespaceGet, typed[T](name), &value)
	return value, err
}

// NamespaceSet puts a value in.
func NamespaceSet[T any](space *Namespace, name string, value T) error {
	_, err := space.ask(OpNamespaceSet, appendNested(typed[T](name), value))
	return err
}

// NamespaceAdd adds to a number, which begins at zero, and returns the sum.
func NamespaceAdd[T any](space *Namespace, name string, number T) (sum T, err error) {
	err = space.read(OpNamespaceAdd, appendNested(typed[T](name), number), &sum)
	return sum, err
}

// Remove takes a name out.
func (space *Namespace) Remove(name string) error {
	_, err := space.ask(OpNamespaceRemove, Marshal(name))
	return err
}

// Names returns all names, in alphabetical order.
func (space *Namespace) Names() (all []string, err error) {
	for more := true; more && err == nil; {
		var page []string
		last := ""
		if len(all) > 0 {
			last = all[len(all)-1]
		}
		err = space.read(OpNamespaceNames, Marshal(last), &more, &page)
		all = append(all, page...)
	}
	return all, err
}
