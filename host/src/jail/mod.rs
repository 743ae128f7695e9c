//! The walls around the processes of a pool, each a step of its own that says whether it stands.

pub(crate) mod filter;
pub(crate) mod landlock;
pub(crate) mod limits;
pub(crate) mod no_new_code;
pub(crate) mod privileges;
pub(crate) mod root;
pub(crate) mod syscalls;
pub(crate) mod trial;
pub(crate) mod wall;
pub(crate) mod worker;
