//! The methods of lists.

/// The methods of a `List<T>`, which has `fn call(&self, ManagerOp, &[u8]) -> Result<Vec<u8>, ManagerError>`.
#[doc(hidden)]
#[macro_export]
macro_rules! list_methods {
    ($($life:lifetime)?) => {
        impl<$($life,)? T: $crate::Receive> List<$($life,)? T> {
            /// Appends a value.
            ///
            /// # Errors
            /// `TooLarge` when the list is full.
            pub fn push(&self, value: impl $crate::Arg<T>) -> Result<(), ManagerError> {
                self.on_value($crate::ManagerOp::ListPush, &value).map(drop)
            }

            /// Appends several: all of them at once, or none.
            ///
            /// # Errors
            /// As [`List::push`].
            pub fn extend<A: $crate::Arg<T>>(
                &self,
                values: impl IntoIterator<Item = A>,
            ) -> Result<(), ManagerError> {
                let mut encoded: Vec<Vec<u8>> = Vec::new();
                for value in values {
                    encoded.push($crate::__private::bytes_of::<T, A>(&value)?);
                }
                let args = $crate::to_vec::<Vec<Vec<u8>>, _>(&encoded)?;
                self.call($crate::ManagerOp::ListExtend, &args).map(drop)
            }

            /// The value at an index.
            ///
            /// # Errors
            /// `NotFound` when the list is shorter.
            pub fn get(&self, index: u64) -> Result<T, ManagerError> {
                $crate::__private::value_of(&self.at($crate::ManagerOp::ListGet, index)?)
            }

            /// Puts a value in the place of the one at an index.
            ///
            /// # Errors
            /// `NotFound` when the list is shorter, `TooLarge` when it is full.
            pub fn set(&self, index: u64, value: impl $crate::Arg<T>) -> Result<(), ManagerError> {
                self.put($crate::ManagerOp::ListSet, index, &value)
                    .map(drop)
            }

            /// Puts a value before the one at an index, or at the end.
            ///
            /// # Errors
            /// As [`List::set`].
            pub fn insert(
                &self,
                index: u64,
                value: impl $crate::Arg<T>,
            ) -> Result<(), ManagerError> {
                self.put($crate::ManagerOp::ListInsert, index, &value)
                    .map(drop)
            }

            /// Takes the value at an index out and returns it.
            ///
            /// # Errors
            /// `NotFound` when the list is shorter.
            pub fn remove(&self, index: u64) -> Result<T, ManagerError> {
                $crate::__private::value_of(&self.at($crate::ManagerOp::ListRemove, index)?)
            }

            /// Takes the last value out and returns it.
            ///
            /// # Errors
            /// `NotFound` when there is none.
            pub fn pop(&self) -> Result<T, ManagerError> {
                $crate::__private::value_of(&self.call($crate::ManagerOp::ListPop, &[])?)
            }

            /// How many values there are.
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

            /// Takes all values out.
            ///
            /// # Errors
            /// The object cannot be used.
            pub fn clear(&self) -> Result<(), ManagerError> {
                self.call($crate::ManagerOp::Clear, &[]).map(drop)
            }

            /// The values from the first index to the last, fetched page by page.
            ///
            /// Others may change the list meanwhile. The iterator goes by the index: after a value before it was taken out or put
            /// in, it leaves one out or shows one twice.
            pub fn iter(&self) -> impl Iterator<Item = Result<T, ManagerError>> + '_ {
                $crate::__private::pages(|cursor| self.page(cursor).map(|(_, page)| page))
            }

            /// All values; see [`List::iter`].
            ///
            /// # Errors
            /// What is there cannot be decoded, or the object cannot be used.
            pub fn to_vec(&self) -> Result<Vec<T>, ManagerError> {
                self.iter().collect()
            }

            /// Whether a value is there. Values are equal when their encodings are.
            ///
            /// # Errors
            /// The object cannot be used.
            pub fn contains(&self, value: impl $crate::Arg<T>) -> Result<bool, ManagerError> {
                match self.index_of(value) {
                    Ok(_) => Ok(true),
                    Err(ManagerError::NotFound) => Ok(false),
                    Err(error) => Err(error),
                }
            }

            /// The index of the first that is equal. Values are equal when their encodings are.
            ///
            /// # Errors
            /// `NotFound`.
            pub fn index_of(&self, value: impl $crate::Arg<T>) -> Result<u64, ManagerError> {
                let reply = self.on_value($crate::ManagerOp::ListFind, &value)?;
                $crate::__private::value_of(&reply)
            }

            /// Adds to the number at an index and returns the sum.
            ///
            /// # Errors
            /// `NotFound` when the list is shorter, `TooLarge` when the type cannot hold the sum.
            pub fn add(&self, index: u64, number: T) -> Result<T, ManagerError>
            where
                T: $crate::Number,
            {
                let reply = self.put($crate::ManagerOp::ListAdd, index, &number)?;
                $crate::__private::value_of(&reply)
            }

            /// Puts `new` in the place of `expected`, if that is what is there. Returns whether it was.
            ///
            /// # Errors
            /// As [`List::set`].
            pub fn compare_and_swap(
                &self,
                index: u64,
                expected: impl $crate::Arg<T>,
                new: impl $crate::Arg<T>,
            ) -> Result<bool, ManagerError> {
                let args = (
                    index,
                    $crate::__private::bytes_of::<T, _>(&expected)?,
                    $crate::__private::bytes_of::<T, _>(&new)?,
                );
                let args = $crate::to_vec::<(u64, Vec<u8>, Vec<u8>), _>(&args)?;
                $crate::__private::value_of(
                    &self.call($crate::ManagerOp::ListCompareAndSwap, &args)?,
                )
            }

            /// Sorts it. What others change meanwhile is not lost: then it begins again.
            ///
            /// # Errors
            /// As [`List::to_vec`].
            pub fn sort(&self) -> Result<(), ManagerError>
            where
                T: Ord + $crate::Arg<T>,
            {
                self.change(|values| values.sort())
            }

            /// Turns the order around. What others change meanwhile is not lost: then it begins again.
            ///
            /// # Errors
            /// As [`List::to_vec`].
            pub fn reverse(&self) -> Result<(), ManagerError>
            where
                T: $crate::Arg<T>,
            {
                self.change(|values| values.reverse())
            }

            /// Changes all values as a whole. When others changed the list meanwhile, `change` is called again with what is there
            /// then.
            ///
            /// # Errors
            /// As [`List::to_vec`], and `TooLarge`.
            pub fn change(&self, mut change: impl FnMut(&mut Vec<T>)) -> Result<(), ManagerError>
            where
                T: $crate::Arg<T>,
            {
                'again: loop {
                    let (version, page) = self.page(0)?;
                    let (mut values, mut more) = (page.items, page.more);
                    while more {
                        let (now, page) = self.page(values.len() as u64)?;
                        if now != version {
                            continue 'again;
                        }
                        values.extend(page.items);
                        more = page.more;
                    }
                    change(&mut values);
                    if self.replace(version, &values)? {
                        return Ok(());
                    }
                }
            }

            /// Puts these values in the place of all, unless the list has changed since it had that version.
            fn replace(&self, version: u64, values: &[T]) -> Result<bool, ManagerError>
            where
                T: $crate::Arg<T>,
            {
                let mut encoded: Vec<Vec<u8>> = Vec::with_capacity(values.len());
                for value in values {
                    encoded.push($crate::__private::bytes_of::<T, T>(value)?);
                }
                let args = $crate::to_vec::<(u64, Vec<Vec<u8>>), _>(&(version, encoded))?;
                $crate::__private::value_of(&self.call($crate::ManagerOp::ListReplace, &args)?)
            }

            fn at(&self, op: $crate::ManagerOp, index: u64) -> Result<Vec<u8>, ManagerError> {
                self.call(op, &$crate::to_vec::<u64, _>(&index)?)
            }

            fn on_value(
                &self,
                op: $crate::ManagerOp,
                value: &impl $crate::Arg<T>,
            ) -> Result<Vec<u8>, ManagerError> {
                let value = $crate::__private::bytes_of::<T, _>(value)?;
                self.call(op, &$crate::to_vec::<Vec<u8>, _>(&value)?)
            }

            fn put(
                &self,
                op: $crate::ManagerOp,
                index: u64,
                value: &impl $crate::Arg<T>,
            ) -> Result<Vec<u8>, ManagerError> {
                let value = $crate::__private::bytes_of::<T, _>(value)?;
                self.call(op, &$crate::to_vec::<(u64, Vec<u8>), _>(&(index, value))?)
            }

            fn page(&self, from: u64) -> Result<(u64, $crate::__private::Page<T>), ManagerError> {
                let reply = self.at($crate::ManagerOp::ListPage, from)?;
                let (version, more, items): (u64, bool, Vec<T>) =
                    $crate::__private::value_of(&reply)?;
                let cursor = from + items.len() as u64;
                Ok((
                    version,
                    $crate::__private::Page {
                        cursor,
                        more,
                        items,
                    },
                ))
            }
        }
    };
}
