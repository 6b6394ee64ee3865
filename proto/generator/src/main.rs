//! Makes `proto/src/gen` from the .proto files: `cargo run --manifest-path proto/generator/Cargo.toml`. With `--check` it
//! only says whether what is committed is fresh.

use std::{error::Error, fs, path::Path, process::ExitCode};

const FILES: [&str; 4] = [
    "concordat/v1/admin.proto",
    "concordat/v1/ledger.proto",
    "concordat/v1/peer.proto",
    "concordat/v1/status.proto",
];
const CODE: &str = "concordat.v1.rs";
const DESCRIPTORS: &str = "concordat.v1.binpb";

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let only_check = std::env::args().nth(1).as_deref() == Some("--check");
    let package = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let fresh = tempfile::tempdir()?;
    generate(&package, fresh.path())?;
    let mut stale = false;
    for name in [CODE, DESCRIPTORS] {
        let bytes = fs::read(fresh.path().join(name))?;
        let committed = package.join("src/gen").join(name);
        if fs::read(&committed).is_ok_and(|old| old == bytes) {
            continue;
        }
        if only_check {
            eprintln!("proto/src/gen/{name} is stale: run cargo run --manifest-path proto/generator/Cargo.toml");
            stale = true;
        } else {
            fs::write(&committed, &bytes)?;
            eprintln!("wrote proto/src/gen/{name}");
        }
    }
    Ok(if stale { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn generate(package: &Path, out: &Path) -> Result<(), Box<dyn Error>> {
    let mut compiler = protox::Compiler::new([package])?;
    compiler.include_imports(true).include_source_info(true);
    compiler.open_files(FILES)?;
    let with_comments = compiler.file_descriptor_set();
    tonic_prost_build::configure()
        .build_transport(false)
        // A frame is handed on to the decoder without a copy.
        .bytes(".concordat.v1.Frame")
        .out_dir(out)
        .compile_fds(with_comments)?;
    let mut compiler = protox::Compiler::new([package])?;
    compiler.include_imports(true).include_source_info(false);
    compiler.open_files(FILES)?;
    fs::write(out.join(DESCRIPTORS), compiler.encode_file_descriptor_set())?;
    Ok(())
}
