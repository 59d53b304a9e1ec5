//! Writes `native/envd/src/gen` from `proto/envd`: run `cargo run` in `native/envd/codegen` after the contract changed, and
//! commit both. The output is committed so that nobody needs a code generator (or protoc) to build Roost; this one
//! parses the protos in Rust.

use std::error::Error;
use std::path::Path;

use buffa_codegen::{BytesRepr, CodeGenConfig};

fn main() -> Result<(), Box<dyn Error>> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let protos = here.join("../../../proto");
    let generated = here.join("../src/gen");
    let files = ["envd/process/process.proto", "envd/filesystem/filesystem.proto"];

    let mut compiler = protox::Compiler::new([&protos])?;
    compiler.include_source_info(true).include_imports(true).open_files(files)?;
    let descriptors = std::env::temp_dir().join(format!("envd-{}.binpb", std::process::id()));
    std::fs::write(&descriptors, compiler.encode_file_descriptor_set())?;

    let written = connectrpc_build::Config::new()
        .buffa_config(messages())
        .descriptor_set(&descriptors)
        .files(&files)
        .out_dir(&generated)
        .include_file("mod.rs")
        .emit_rerun_directives(false)
        .compile();
    std::fs::remove_file(&descriptors)?;
    Ok(written?)
}

/// As little as the server needs: fields it does not know are dropped, output bytes are shared and not copied.
fn messages() -> CodeGenConfig {
    let mut config = CodeGenConfig::default();
    config.generate_json = true;
    config.preserve_unknown_fields = false;
    config.generate_with_setters = false;
    config.emit_register_fn = false;
    config.file_per_package = true;
    config.bytes_fields = vec![(".".to_owned(), BytesRepr::Bytes)];
    config
}
