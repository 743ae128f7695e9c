//! The walls around the processes of a pool, each a step of its own that says whether it stands.

pub(crate) mod privileges;
pub(crate) mod root;
