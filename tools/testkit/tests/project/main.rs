//! What the project promises about itself, checked: which crate may use which, and the habits of the code.

mod architecture;
mod circles;
mod rooms;
mod tidy;

use std::path::{Path, PathBuf};

/// The folder of the workspace.
fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors()
        .nth(2)
        .expect("tools/testkit is two folders down")
        .to_owned()
}
