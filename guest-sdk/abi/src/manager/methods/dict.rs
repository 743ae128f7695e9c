//! The methods of dictionaries.

/// The methods of a `Dict<K, V>`, which has `fn call(&self, ManagerOp, &[u8]) -> Result<Vec<u8>, ManagerError>`.
#[doc(hidden)]
#[macro_export]
macro_rules! dict_methods {
    ($($life:lifetime)?) => {
        impl<$($life,)? K: $crate::Receive, V: $crate::Receive> Dict<$($life,)? K, V> {
            /// The value of a key.
            ///
            /// # Errors
            /// `NotFound`.
            pub fn get(&self, key: impl $crate::Arg<K>) -> Result<V, ManagerError> {
                $crate::__private::value_of(&self.on_key($crate::ManagerOp::DictGet, &key)?)
            }

            /// Puts a value in, in the place of the one that the key had.
            ///
            /// # Errors
            /// `TooLarge` when the dictionary is full.
            pub fn set(
                &self,
                key: impl $crate::Arg<K>,
                value: impl $crate::Arg<V>,
            ) -> Result<(), ManagerError> {
                self.on_item($crate::ManagerOp::DictSet, &key, &value)
                    .map(drop)
            }

            /// Puts a value in and returns the one that the key had.
            ///
            /// # Errors
            /// As [`Dict::set`].
            pub fn insert(
                &self,
                key: impl $crate::Arg<K>,
                value: impl $crate::Arg<V>,
            ) -> Result<Option<V>, ManagerError> {
                let reply = self.on_item($crate::ManagerOp::DictInsert, &key, &value)?;
                $crate::__private::value_of(&reply)
            }

            /// Takes a key out.
            ///
            /// # Errors
            /// `NotFound`.
            pub fn remove(&self, key: impl $crate::Arg<K>) -> Result<(), ManagerError> {
                self.on_key($crate::ManagerOp::DictPop, &key).map(drop)
            }

            /// Takes a key out and returns its value.
            ///
            /// # Errors
            /// `NotFound`.
            pub fn pop(&self, key: impl $crate::Arg<K>) -> Result<V, ManagerError> {
                $crate::__private::value_of(&self.on_key($crate::ManagerOp::DictPop, &key)?)
            }

            /// Takes the item out whose key came last: Python's `popitem`.
            ///
            /// # Errors
            /// `NotFound` when there is none.
            pub fn pop_last(&self) -> Result<(K, V), ManagerError> {
                $crate::__private::value_of(&self.call($crate::ManagerOp::DictPopLast, &[])?)
            }

            /// Whether the key is there.
            ///
            /// # Errors
            /// The object cannot be used.
            pub fn contains(&self, key: impl $crate::Arg<K>) -> Result<bool, ManagerError> {
                $crate::__private::value_of(&self.on_key($crate::ManagerOp::DictContains, &key)?)
            }

            /// How many items there are.
            ///
            /// # Errors
            /// The object cannot be used.
            pub fn len(&self) -> Result<u64, ManagerError> {
                $crate::__private::value_of(&self.call($crate::ManagerOp::Len, &[])?)
            }

            /// Whether there is none.
            ///
            /// # Errors
            /// The object cannot be used.
            pub fn is_empty(&self) -> Result<bool, ManagerError> {
                self.len().map(|len| len == 0)
            }

            /// Takes all items out.
            ///
            /// # Errors
            /// The object cannot be used.
            pub fn clear(&self) -> Result<(), ManagerError> {
                self.call($crate::ManagerOp::Clear, &[]).map(drop)
            }

            /// The items in the order in which their keys came, fetched page by page.
            ///
            /// Others may change the dictionary meanwhile. An item that is there all the while comes exactly once; one that
            /// comes or goes meanwhile may be seen or not.
            pub fn iter(&self) -> impl Iterator<Item = Result<(K, V), ManagerError>> + '_ {
                $crate::__private::pages(|cursor| self.page(cursor, 2))
            }

            /// The items in the order in which their keys came; see [`Dict::iter`].
            ///
            /// # Errors
            /// What is there cannot be decoded, or the object cannot be used.
            pub fn items(&self) -> Result<Vec<(K, V)>, ManagerError> {
                self.iter().collect()
            }

            /// The keys in the order in which they came; see [`Dict::iter`].
            ///
            /// # Errors
            /// As [`Dict::items`].
            pub fn keys(&self) -> Result<Vec<K>, ManagerError> {
                $crate::__private::pages(|cursor| self.page(cursor, 0)).collect()
            }

            /// The values in the order in which their keys came; see [`Dict::iter`].
            ///
            /// # Errors
            /// As [`Dict::items`].
            pub fn values(&self) -> Result<Vec<V>, ManagerError> {
                $crate::__private::pages(|cursor| self.page(cursor, 1)).collect()
            }

            /// Puts several items in: all of them at once, or none.
            ///
            /// # Errors
            /// As [`Dict::set`].
            pub fn update<A: $crate::Arg<K>, B: $crate::Arg<V>>(
                &self,
                items: impl IntoIterator<Item = (A, B)>,
            ) -> Result<(), ManagerError> {
                let mut encoded: Vec<(Vec<u8>, Vec<u8>)> = Vec::new();
                for (key, value) in items {
                    let key = $crate::__private::bytes_of::<K, A>(&key)?;
                    encoded.push((key, $crate::__private::bytes_of::<V, B>(&value)?));
                }
                let args = $crate::to_vec::<Vec<(Vec<u8>, Vec<u8>)>, _>(&encoded)?;
                self.call($crate::ManagerOp::DictUpdate, &args).map(drop)
            }

            /// The value of a key; when there is none, this one is put in. Python's `setdefault`.
            ///
            /// # Errors
            /// As [`Dict::set`].
            pub fn get_or_insert(
                &self,
                key: impl $crate::Arg<K>,
                value: impl $crate::Arg<V>,
            ) -> Result<V, ManagerError> {
                let reply = self.on_item($crate::ManagerOp::DictGetOrInsert, &key, &value)?;
                $crate::__private::value_of(&reply).map(|(_, value): (bool, V)| value)
            }

            /// Adds to the number of a key, which begins at zero, and returns the sum.
            ///
            /// # Errors
            /// `TooLarge` when its type cannot hold the sum, or as [`Dict::set`].
            pub fn add(&self, key: impl $crate::Arg<K>, number: V) -> Result<V, ManagerError>
            where
                V: $crate::Number,
            {
                let reply = self.on_item($crate::ManagerOp::DictAdd, &key, &number)?;
                $crate::__private::value_of(&reply)
            }

            /// Puts `new` in the place of `expected`, if that is what is there; `None` is a missing key. Returns whether it was.
            ///
            /// # Errors
            /// As [`Dict::set`].
            pub fn compare_and_swap(
                &self,
                key: impl $crate::Arg<K>,
                expected: Option<&V>,
                new: Option<&V>,
            ) -> Result<bool, ManagerError>
            where
                V: $crate::Arg<V>,
            {
                let bytes = |value: Option<&V>| {
                    value
                        .map(|value| $crate::__private::bytes_of::<V, V>(value))
                        .transpose()
                };
                let args = (
                    $crate::__private::bytes_of::<K, _>(&key)?,
                    bytes(expected)?,
                    bytes(new)?,
                );
                let args = $crate::to_vec::<(Vec<u8>, Option<Vec<u8>>, Option<Vec<u8>>), _>(&args)?;
                $crate::__private::value_of(
                    &self.call($crate::ManagerOp::DictCompareAndSwap, &args)?,
                )
            }

            fn on_key(
                &self,
                op: $crate::ManagerOp,
                key: &impl $crate::Arg<K>,
            ) -> Result<Vec<u8>, ManagerError> {
                let key = $crate::__private::bytes_of::<K, _>(key)?;
                self.call(op, &$crate::to_vec::<Vec<u8>, _>(&key)?)
            }

            fn on_item(
                &self,
                op: $crate::ManagerOp,
                key: &impl $crate::Arg<K>,
                value: &impl $crate::Arg<V>,
            ) -> Result<Vec<u8>, ManagerError> {
                let key = $crate::__private::bytes_of::<K, _>(key)?;
                let value = $crate::__private::bytes_of::<V, _>(value)?;
                self.call(op, &$crate::to_vec::<(Vec<u8>, Vec<u8>), _>(&(key, value))?)
            }

            fn page<T: $crate::Receive>(
                &self,
                cursor: u64,
                part: u8,
            ) -> Result<$crate::__private::Page<T>, ManagerError> {
                let args = $crate::to_vec::<(u64, u8), _>(&(cursor, part))?;
                let reply = self.call($crate::ManagerOp::DictPage, &args)?;
                let (cursor, more, items) = $crate::__private::value_of(&reply)?;
                Ok($crate::__private::Page {
                    cursor,
                    more,
                    items,
                })
            }
        }
    };
}
