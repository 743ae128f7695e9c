//! The methods of namespaces.

/// The methods of a `Namespace`, which has `fn call(&self, ManagerOp, &[u8]) -> Result<Vec<u8>, ManagerError>`.
#[doc(hidden)]
#[macro_export]
macro_rules! namespace_methods {
    ($($life:lifetime)?) => {
        impl$(<$life>)? Namespace$(<$life>)? {
            /// The value of a name.
            ///
            /// # Errors
            /// `NotFound`, or `WrongType` when the value is of another type.
            pub fn get<T: $crate::Receive>(&self, name: &str) -> Result<T, ManagerError> {
                let args = (name, $crate::section::type_bytes(&T::SCHEMA));
                let args = $crate::to_vec::<(String, Vec<u8>), _>(&args)?;
                $crate::__private::value_of(&self.call($crate::ManagerOp::NamespaceGet, &args)?)
            }

            /// Gives a name a value, of whatever type the one before was.
            ///
            /// # Errors
            /// `TooLarge` when the namespace is full.
            pub fn set<T>(&self, name: &str, value: &T) -> Result<(), ManagerError>
            where
                T: $crate::Typed + $crate::Arg<T>,
            {
                self.put($crate::ManagerOp::NamespaceSet, name, value)
                    .map(drop)
            }

            /// Adds to the number of a name, which begins at zero, and returns the sum.
            ///
            /// # Errors
            /// `WrongType` when it is a number of another type, `TooLarge` when the type cannot hold the sum.
            pub fn add<T: $crate::Number>(&self, name: &str, number: T) -> Result<T, ManagerError> {
                let reply = self.put($crate::ManagerOp::NamespaceAdd, name, &number)?;
                $crate::__private::value_of(&reply)
            }

            /// Takes a name out.
            ///
            /// # Errors
            /// `NotFound`.
            pub fn remove(&self, name: &str) -> Result<(), ManagerError> {
                let args = $crate::to_vec::<String, _>(name)?;
                self.call($crate::ManagerOp::NamespaceRemove, &args)
                    .map(drop)
            }

            /// The names, in alphabetical order.
            ///
            /// # Errors
            /// The object cannot be used.
            pub fn names(&self) -> Result<Vec<String>, ManagerError> {
                let mut names: Vec<String> = Vec::new();
                loop {
                    let last = names.last().map_or("", String::as_str);
                    let (more, page) = self.page(last)?;
                    names.extend(page);
                    if !more {
                        return Ok(names);
                    }
                }
            }

            /// Names after one, and whether there are more.
            fn page(&self, after: &str) -> Result<(bool, Vec<String>), ManagerError> {
                let args = $crate::to_vec::<String, _>(after)?;
                $crate::__private::value_of(&self.call($crate::ManagerOp::NamespaceNames, &args)?)
            }

            /// How many names there are.
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

            /// Takes all names out.
            ///
            /// # Errors
            /// The object cannot be used.
            pub fn clear(&self) -> Result<(), ManagerError> {
                self.call($crate::ManagerOp::Clear, &[]).map(drop)
            }

            fn put<T>(
                &self,
                op: $crate::ManagerOp,
                name: &str,
                value: &T,
            ) -> Result<Vec<u8>, ManagerError>
            where
                T: $crate::Typed + $crate::Arg<T>,
            {
                let ty = $crate::section::type_bytes(&T::SCHEMA);
                let args = (name, ty, $crate::__private::bytes_of::<T, T>(value)?);
                self.call(op, &$crate::to_vec::<(String, Vec<u8>, Vec<u8>), _>(&args)?)
            }
        }
    };
}
