//! Compiles the protos with protox, so that no protoc has to be installed.

use std::error::Error;
use std::path::PathBuf;

const PROTOS: &[&str] = &[
    "google/rpc/status.proto",
    "qingting/v1/access_service.proto",
    "qingting/v1/call_record.proto",
    "qingting/v1/analysis.proto",
    "qingting/v1/analysis_service.proto",
    "qingting/v1/call_service.proto",
    "qingting/v1/caller_service.proto",
    "qingting/v1/case_service.proto",
    "qingting/v1/char_range.proto",
    "qingting/v1/coaching_service.proto",
    "qingting/v1/experience_service.proto",
    "qingting/v1/indicator_service.proto",
    "qingting/v1/ingest_service.proto",
    "qingting/v1/journey_service.proto",
    "qingting/v1/knowledge_service.proto",
    "qingting/v1/report_service.proto",
    "qingting/v1/review_service.proto",
    "qingting/v1/rule_service.proto",
    "qingting/v1/topic_service.proto",
];

fn main() -> Result<(), Box<dyn Error>> {
    for proto in PROTOS {
        println!("cargo:rerun-if-changed={proto}");
    }
    println!("cargo:rerun-if-changed=build.rs");
    // Two outputs of one compilation: the descriptors in full for reflection, and the code.
    let mut compiler = protox::Compiler::new(["."])?;
    compiler.include_imports(true).include_source_info(true);
    let files = PROTOS.iter().filter(|name| name.starts_with("qingting/"));
    compiler.open_files(files)?;
    let out = PathBuf::from(std::env::var("OUT_DIR")?);
    std::fs::write(out.join("descriptors.bin"), compiler.encode_file_descriptor_set())?;
    tonic_prost_build::configure()
        .emit_rerun_if_changed(false)
        .btree_map(".")
        .extern_path(".google.rpc", "::tonic_types::pb")
        .compile_fds(compiler.file_descriptor_set())?;
    Ok(())
}
