//! Generates the generated parts of this crate from `openapi/log.proto`, and compares.

use std::path::Path;

use prost_types::FileDescriptorProto;

use descriptions::descriptions;
use types::types;

mod descriptions;
mod types;

#[test]
fn the_generated_parts_are_those_of_log_proto() {
    let crate_folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut compiler = protox::Compiler::new([crate_folder.join("..")]).expect("a folder");
    compiler.include_source_info(true);
    compiler.open_file("log.proto").expect("log.proto");
    let [file]: [FileDescriptorProto; 1] = compiler
        .file_descriptor_set()
        .file
        .try_into()
        .expect("one file");
    for (name, text) in [
        ("messages.rs", types(&file)),
        ("descriptions.rs", descriptions(&file)),
    ] {
        let path = crate_folder.join("generated").join(name);
        if std::env::var_os("UPDATE_MESSAGES").is_some() {
            std::fs::write(&path, &text).expect("written");
        }
        let committed = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(
            committed == text,
            "generated/{name} is not current: run this test with UPDATE_MESSAGES=1"
        );
    }
}
