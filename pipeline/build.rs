//! The files of `config/` are part of the program; the compiler does not see when one is added.

fn main() {
    println!("cargo:rerun-if-changed=../config");
    println!("cargo:rerun-if-changed=build.rs");
}
