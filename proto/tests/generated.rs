//! The committed code is what the .proto files say. `CONCORDAT_REGENERATE=1 cargo test -p concordat-proto` writes it.

use std::{fs, path::Path};

const FILES: [&str; 3] = ["concordat/v1/ledger.proto", "concordat/v1/peer.proto", "concordat/v1/status.proto"];
const CODE: &str = "concordat.v1.rs";
const DESCRIPTORS: &str = "concordat.v1.binpb";

#[test]
fn generated_code_is_fresh() {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    let fresh = tempfile::tempdir().expect("a temporary folder");
    generate(package, fresh.path());
    let committed = package.join("src/gen");
    for name in [CODE, DESCRIPTORS] {
        let bytes = fs::read(fresh.path().join(name)).expect("the generator wrote it");
        if std::env::var_os("CONCORDAT_REGENERATE").is_some() {
            fs::write(committed.join(name), &bytes).expect("src/gen can be written");
        }
        let same = fs::read(committed.join(name)).is_ok_and(|old| old == bytes);
        assert!(same, "src/gen/{name} is stale: run CONCORDAT_REGENERATE=1 cargo test -p concordat-proto");
    }
}

fn generate(package: &Path, out: &Path) {
    let mut compiler = protox::Compiler::new([package]).expect("the package folder is an include folder");
    compiler.include_imports(true).include_source_info(true);
    compiler.open_files(FILES).expect("the .proto files compile");
    let with_comments = compiler.file_descriptor_set();
    tonic_prost_build::configure()
        .build_transport(false)
        // A frame is handed on to the decoder without a copy.
        .bytes(".concordat.v1.Frame")
        .out_dir(out)
        .compile_fds(with_comments)
        .expect("code for the descriptors");
    let mut compiler = protox::Compiler::new([package]).expect("the package folder is an include folder");
    compiler.include_imports(true).include_source_info(false);
    compiler.open_files(FILES).expect("the .proto files compile");
    fs::write(out.join(DESCRIPTORS), compiler.encode_file_descriptor_set()).expect("the folder can be written");
}
