//! Gives the guest a stack in memory on which a script meets its own limit before the end of it.

fn main() {
    println!("cargo::rustc-link-arg-cdylib=-zstack-size=1048576");
}
