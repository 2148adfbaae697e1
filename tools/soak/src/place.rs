//! Where the servers keep everything: a bucket of SeaweedFS, and a disk cache on a tmpfs of its own.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use log_testkit::seaweedfs::SeaweedFs;
use tempfile::TempDir;

use crate::arguments::Arguments;

const BUCKET: &str = "soak";
/// The size of the tmpfs; the cache is allowed less.
const CACHE_DISK: &str = "size=96m";

/// The store, the cache's disk, and the binary that is run on them.
#[derive(Debug)]
pub(crate) struct Place {
    pub(crate) store: SeaweedFs,
    pub(crate) binary: PathBuf,
    pub(crate) logs: PathBuf,
    cache: CacheDisk,
}

#[derive(Debug)]
struct CacheDisk(TempDir);

impl Place {
    /// Starts the store and mounts the cache's disk.
    pub(crate) fn prepare(arguments: &Arguments) -> Result<Self, String> {
        let binary = fs::canonicalize(&arguments.binary)
            .map_err(|error| format!("{}: {error}", arguments.binary.display()))?;
        fs::create_dir_all(&arguments.logs)
            .map_err(|error| format!("{}: {error}", arguments.logs.display()))?;
        let cache = CacheDisk::mount()?;
        let store = SeaweedFs::start();
        store.create_bucket(BUCKET);
        Ok(Self {
            store,
            binary,
            logs: arguments.logs.clone(),
            cache,
        })
    }

    /// The settings of a server here.
    pub(crate) fn environment(&self, instance: u32) -> Vec<(String, String)> {
        let mut settings = self.store.environment();
        let mut set = |name: &str, value: &str| settings.push((name.to_owned(), value.to_owned()));
        set("LOG_STORAGE__S3__BUCKET", BUCKET);
        set("LOG_STORAGE__S3__PREFIX", "soak/log");
        set("LOG_STORAGE__INSTANCE", &format!("server-{instance}"));
        set(
            "LOG_CACHE__DIR",
            &self.cache_folder(instance).display().to_string(),
        );
        set("LOG_CACHE__MAX_BYTES", "48MiB");
        set("LOG_MEMORY__BLOCK_CACHE", "64MiB");
        set("LOG_MEMORY__UNFLUSHED", "128MiB");
        set("LOG_SEGMENTS__SEAL_INTERVAL", "10m");
        settings
    }

    /// Deletes the cache of a server that has ended and whose successor has another name.
    pub(crate) fn drop_cache(&self, instance: u32) {
        // It may never have been made.
        let _ = fs::remove_dir_all(self.cache_folder(instance));
    }

    fn cache_folder(&self, instance: u32) -> PathBuf {
        self.cache.0.path().join(format!("server-{instance}"))
    }

    /// Takes all that is left of the cache's disk.
    pub(crate) fn fill_cache_disk(&self) -> Result<(), String> {
        let mut file = File::create(self.filler()).map_err(|error| error.to_string())?;
        let block = vec![0; 1 << 16];
        // Until it fails, which is what is wanted.
        while file.write_all(&block).is_ok() {}
        Ok(())
    }

    /// Gives it back.
    pub(crate) fn empty_cache_disk(&self) -> Result<(), String> {
        fs::remove_file(self.filler()).map_err(|error| error.to_string())
    }

    fn filler(&self) -> PathBuf {
        self.cache.0.path().join("filler")
    }
}

impl CacheDisk {
    fn mount() -> Result<Self, String> {
        let folder = TempDir::with_prefix("log-soak-cache-").map_err(|error| error.to_string())?;
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", CACHE_DISK, "tmpfs"])
            .arg(folder.path())
            .status();
        match mounted {
            Ok(status) if status.success() => Ok(Self(folder)),
            _ => Err("cannot mount a tmpfs for the cache: run it as root".to_owned()),
        }
    }
}

impl Drop for CacheDisk {
    fn drop(&mut self) {
        unmount(self.0.path());
    }
}

fn unmount(path: &Path) {
    // Lazily: a server may still have files open. What is left when this fails is a tmpfs in a temporary folder.
    let _ = Command::new("umount").arg("-l").arg(path).status();
}
