//! The constructor that runs before `main` of every program that links this library.

/// Diverts a program that was started as one of the pool's processes; returns at once in all others.
#[ctor::ctor(unsafe)]
fn before_main() {
    crate::supervisor::divert::divert();
}
