//! scratch
fn main() {
    let a: Vec<std::path::PathBuf> = std::env::args_os().skip(1).map(Into::into).collect();
    println!("{:?}", qingting_models::bert::convert(&a[0], &a[1], &a[2]).unwrap());
}
