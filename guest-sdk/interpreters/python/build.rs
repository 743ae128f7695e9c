//! Gives the guest a stack in memory that is larger than what its limit of depth can use.

fn main() {
    println!("cargo::rustc-link-arg-cdylib=-zstack-size=4194304");
}
