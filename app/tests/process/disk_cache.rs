//! The disk cache: what it saves, and that nothing that happens to it costs data.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use log_testkit::counting_proxy::CountingProxy;
use log_testkit::seaweedfs::{SeaweedFs, through};
use tempfile::TempDir;

use crate::support::client::{Client, Outcome, Record};
use crate::support::server::{Server, run, variable, variables};

mod compacted;

const KIB: usize = 1 << 10;
const MIB: usize = 1 << 20;

/// Memory for blocks. Small, so that the data does not fit.
const BLOCK_CACHE: usize = MIB;
/// Ten times as much, and what is still in memory because its data file is not full.
const DATA: usize = 10 * BLOCK_CACHE + 2 * DATA_FILE;
const DATA_FILE: usize = 512 * KIB;
const VALUE: usize = 16 * KIB;
const KEYS: usize = 4;
const BUCKET: &str = "cached";

/// Settings under which data is in data files soon, and nothing in the background reads: what is read, is read by
/// clients.
fn settings(cache: &Path) -> Vec<(String, String)> {
    variables(&[
        ("LOG_CACHE__DIR", cache.to_str().expect("a path in text")),
        ("LOG_CACHE__PART_BYTES", "64KiB"),
        ("LOG_MEMORY__BLOCK_CACHE", &BLOCK_CACHE.to_string()),
        ("LOG_MEMORY__UNFLUSHED", "8MiB"),
        ("LOG_SLATEDB__L0_SST_SIZE_BYTES", &DATA_FILE.to_string()),
        ("LOG_SLATEDB__L0_MAX_SSTS", "1000"),
        ("LOG_SLATEDB__L0_MAX_SSTS_PER_KEY", "1000"),
        ("LOG_SLATEDB__MANIFEST_POLL_INTERVAL", "1h"),
        ("LOG_SLATEDB__COMPACTOR_OPTIONS__POLL_INTERVAL", "1h"),
    ])
}

/// A log in a folder with a cache in another.
struct Cached {
    data: TempDir,
    cache: PathBuf,
}

impl Cached {
    fn new(cache: PathBuf) -> Self {
        let data = TempDir::with_prefix("log-cached-").expect("make a temporary folder");
        Self { data, cache }
    }

    fn serve(&self) -> Server {
        let data = self.data.path().display().to_string();
        Server::start(&["--data-dir".to_owned(), data], &settings(&self.cache))
    }
}

/// A log in a bucket, seen through a proxy, with a cache in a folder.
struct CachedS3 {
    s3: SeaweedFs,
    proxy: CountingProxy,
    cache: TempDir,
}

impl CachedS3 {
    fn new() -> Self {
        let s3 = SeaweedFs::start();
        s3.create_bucket(BUCKET);
        Self {
            proxy: CountingProxy::start(s3.port()),
            s3,
            cache: TempDir::with_prefix("log-cache-").expect("make a temporary folder"),
        }
    }

    fn serve_with(&self, more: &[(&str, &str)]) -> Server {
        let mut environment = through(&self.proxy.endpoint(), self.s3.environment());
        environment.extend(settings(self.cache.path()));
        environment.extend(variables(more));
        let arguments = ["--s3-bucket", BUCKET].map(str::to_owned);
        Server::start(&arguments, &environment)
    }

    /// The data files that were read from S3.
    fn data_files_read(&self) -> Vec<String> {
        let read = self.proxy.seen("GET").into_keys();
        read.filter(|path| path.contains("/compacted/")).collect()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_a_warm_cache_ten_times_the_block_cache_is_read_again_without_a_get_to_s3() {
    let log = CachedS3::new();
    let server = log.serve_with(&[]);
    let client = Client::new(&server);
    let records = fill(&client).await;

    log.proxy.forget();
    holds(&client, &records).await;
    let cold = log.data_files_read();
    assert!(cold.len() > 10, "the data was not read from S3: {cold:?}");

    log.proxy.forget();
    let hits = metric(&client, "slatedb_object_store_cache_part_hit_count_total").await;
    holds(&client, &records).await;
    // The server looks after its store now and then; data is what is meant.
    assert_eq!(log.data_files_read(), [""; 0], "read again from S3");
    let hits = metric(&client, "slatedb_object_store_cache_part_hit_count_total").await - hits;
    assert!(
        hits > 10.0 * BLOCK_CACHE as f64 / (64.0 * KIB as f64),
        "only {hits} parts came from the disk"
    );
    let held = metric(&client, "slatedb_object_store_cache_cache_bytes").await;
    assert!(
        held > 10.0 * BLOCK_CACHE as f64,
        "the cache holds {held} bytes"
    );
    assert_eq!(server.terminate().await.code, Some(0));

    // And it is still warm after a restart, but for the lists that the start itself makes.
    let server = log.serve_with(&[]);
    let client = Client::new(&server);
    log.proxy.forget();
    holds(&client, &records).await;
    assert_eq!(log.data_files_read(), [""; 0], "read again from S3");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_cached_on_flush_and_what_is_loaded_at_the_start_is_never_read_from_s3() {
    let log = CachedS3::new();
    let server = log.serve_with(&[("LOG_CACHE__ON_FLUSH", "true")]);
    let records = fill(&Client::new(&server)).await;
    holds(&Client::new(&server), &records).await;
    assert_eq!(log.data_files_read(), [""; 0]);
    assert_eq!(server.terminate().await.code, Some(0));

    fs::remove_dir_all(log.cache.path()).expect("delete the cache");
    let server = log.serve_with(&[("LOG_CACHE__PRELOAD", "all")]);
    assert!(!log.data_files_read().is_empty(), "nothing was loaded");
    log.proxy.forget();
    holds(&Client::new(&server), &records).await;
    assert_eq!(log.data_files_read(), [""; 0]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cache_folder_that_is_deleted_under_the_server_costs_nothing() {
    let folder = TempDir::with_prefix("log-cache-").expect("make a temporary folder");
    let log = Cached::new(folder.path().join("cache"));
    let server = log.serve();
    let client = Client::new(&server);
    let records = fill(&client).await;
    holds(&client, &records).await;
    assert!(!files(&log.cache).is_empty(), "nothing was cached");

    fs::remove_dir_all(&log.cache).expect("delete the cache");
    holds(&client, &records).await;
    assert!(!files(&log.cache).is_empty(), "nothing is cached any more");
    assert_eq!(server.terminate().await.code, Some(0));

    fs::remove_dir_all(&log.cache).expect("delete the cache");
    holds(&Client::new(&log.serve()), &records).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_cache_deletes_nothing_but_its_own_wherever_its_folder_is() {
    let shared = TempDir::with_prefix("log-shared-").expect("make a temporary folder");
    let data = shared.path().join("data");
    let foreign = shared.path().join("precious");
    fs::write(&foreign, vec![1; 4 * MIB]).expect("write a file");
    let arguments = ["--data-dir".to_owned(), data.display().to_string()];
    let mut environment = settings(shared.path());
    environment.push(variable("LOG_CACHE__MAX_BYTES", "1MiB"));
    // The data's folder, in words that the check of settings does not see through.
    let around = shared.path().join("other/../data");
    fs::create_dir(shared.path().join("other")).expect("make a folder");
    environment[0].1 = around.display().to_string();
    let server = Server::start(&arguments, &environment);
    let client = Client::new(&server);
    let records = fill(&client).await;
    holds(&client, &records).await;
    let evicted = metric(&client, "slatedb_object_store_cache_evicted_bytes_total").await;
    assert!(evicted > 0.0, "nothing had to go");
    assert_eq!(server.terminate().await.code, Some(0));
    assert!(foreign.exists());
    let server = Server::start(&arguments, &[]);
    holds(&Client::new(&server), &records).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn damaged_cache_files_are_read_from_the_store_again() {
    let folder = TempDir::with_prefix("log-cache-").expect("make a temporary folder");
    let log = Cached::new(folder.path().join("cache"));
    let server = log.serve();
    let records = fill(&Client::new(&server)).await;
    holds(&Client::new(&server), &records).await;
    assert_eq!(server.terminate().await.code, Some(0));

    let kinds = ["_part", "_head"];
    for (kind, (what, damage)) in kinds
        .into_iter()
        .flat_map(|kind| DAMAGES.map(|damage| (kind, damage)))
    {
        let mut files = files(&log.cache);
        files.retain(|file| {
            file.file_name()
                .is_some_and(|name| name.to_string_lossy().starts_with(kind))
        });
        assert!(
            files.len() > 10,
            "{kind} {what}: only {} files",
            files.len()
        );
        for file in files {
            let mut bytes = fs::read(&file).expect("read a cache file");
            damage(&mut bytes);
            fs::write(&file, bytes).expect("damage a cache file");
        }
        let server = log.serve();
        holds(&Client::new(&server), &records).await;
        assert_eq!(server.terminate().await.code, Some(0), "{kind} {what}");
    }
}

type Damage = fn(&mut Vec<u8>);

/// What happens to files.
const DAMAGES: [(&str, Damage); 5] = [
    ("empty", Vec::clear),
    ("cut short", |bytes| bytes.truncate(bytes.len() / 2)),
    ("a byte flipped", |bytes| {
        let middle = bytes.len() / 2;
        if let Some(byte) = bytes.get_mut(middle) {
            *byte ^= 0x55;
        }
    }),
    ("zeros", |bytes| bytes.fill(0)),
    ("noise", |bytes| {
        let mut noise = 1_u32;
        for byte in bytes {
            noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            *byte = noise.to_be_bytes()[0];
        }
    }),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_under_the_cache_costs_nothing() {
    let disk = SmallDisk::mount();
    let log = Cached::new(disk.folder.path().join("cache"));
    let server = log.serve();
    let client = Client::new(&server);
    let records = fill(&client).await;
    holds(&client, &records).await;
    disk.fill();
    holds(&client, &records).await;
    assert_eq!(server.terminate().await.code, Some(0));

    // And a start on a disk that is full already.
    let server = log.serve();
    holds(&Client::new(&server), &records).await;
    assert_eq!(server.terminate().await.code, Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cache_that_becomes_read_only_costs_nothing_and_is_refused_at_the_next_start() {
    let disk = SmallDisk::mount();
    let log = Cached::new(disk.folder.path().join("cache"));
    let server = log.serve();
    let client = Client::new(&server);
    let records = fill(&client).await;
    disk.make_read_only().await;
    holds(&client, &records).await;
    assert_eq!(server.terminate().await.code, Some(0));

    let cache = log.cache.display().to_string();
    let exit = run(
        &["--in-memory", "--port", "0"],
        &[("LOG_CACHE__DIR", &cache)],
    );
    assert_eq!(exit.code, Some(2), "{exit:?}");
    assert!(exit.stderr.contains("cache folder"), "{exit:?}");
    let data = log.data.path().display().to_string();
    let server = Server::start(&["--data-dir".to_owned(), data], &[]);
    holds(&Client::new(&server), &records).await;
}

#[test]
fn a_cache_folder_that_cannot_be_written_to_ends_the_start_with_one_clear_line() {
    let folder = TempDir::with_prefix("log-cache-").expect("make a temporary folder");
    let file = folder.path().join("file");
    fs::write(&file, b"").expect("write a file");
    // Tests may run as root, who can write to any folder: nobody can write to these.
    for cache in [file.join("cache"), PathBuf::from("/proc/cache")] {
        let cache = cache.to_str().expect("a path in text");
        let exit = run(
            &["--in-memory", "--port", "0"],
            &[("LOG_CACHE__DIR", cache)],
        );
        assert_eq!(exit.code, Some(2), "{exit:?}");
        let lines: Vec<_> = exit.stderr.lines().collect();
        assert_eq!(lines.len(), 1, "{exit:?}");
        assert!(
            lines[0].contains("cache folder") && lines[0].contains(cache),
            "{exit:?}"
        );
    }
}

/// A file system of 1 MiB in memory, unmounted when dropped.
struct SmallDisk {
    folder: TempDir,
}

impl SmallDisk {
    fn mount() -> Self {
        let folder = TempDir::with_prefix("log-disk-").expect("make a temporary folder");
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=1m", "tmpfs"])
            .arg(folder.path())
            .output()
            .expect("run mount");
        assert!(
            mounted.status.success(),
            "this test needs a small disk, and so the right to mount one (run it as root): {}",
            String::from_utf8_lossy(&mounted.stderr)
        );
        Self { folder }
    }

    /// Possible when there is no concurrent write.
    async fn make_read_only(&self) {
        for _ in 0..200 {
            let remounted = Command::new("mount")
                .args(["-o", "remount,ro"])
                .arg(self.folder.path())
                .output();
            if remounted.is_ok_and(|output| output.status.success()) {
                return;
            }
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
        panic!("somebody writes to the disk all the time");
    }

    /// Takes what is left.
    fn fill(&self) {
        let file = self.folder.path().join("full");
        let error = fs::write(file, vec![1; 2 * MIB]).expect_err("1 MiB is not 2 MiB");
        assert_eq!(error.kind(), std::io::ErrorKind::StorageFull);
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Lazily, for the server may still have files open.
        drop(
            Command::new("umount")
                .arg("-l")
                .arg(self.folder.path())
                .status(),
        );
    }
}

/// A key, and its sequences and values.
type Held = (Vec<u8>, Vec<(u64, Vec<u8>)>);

/// Appends values that do not compress, and gives back what every key holds.
async fn fill(client: &Client) -> Vec<Held> {
    let mut held: Vec<Held> = (0..KEYS)
        .map(|key| (format!("key-{key}").into_bytes(), Vec::new()))
        .collect();
    let mut noise = 7_u64;
    let (mut next, mut written) = (0, 0);
    while written < DATA {
        let mut batch: Vec<Record> = Vec::new();
        for (key, values) in &mut held {
            let value: Vec<u8> = (0..VALUE)
                .map(|_| {
                    noise = noise
                        .wrapping_mul(6_364_136_223_846_793_005)
                        .wrapping_add(1);
                    noise.to_be_bytes()[0]
                })
                .collect();
            values.push((next + batch.len() as u64, value.clone()));
            batch.push((key.clone(), value));
        }
        assert_eq!(
            client.append(&batch, true).await,
            Outcome::Acknowledged(next)
        );
        next += batch.len() as u64;
        written += batch.len() * VALUE;
    }
    held
}

async fn holds(client: &Client, held: &[Held]) {
    for (key, values) in held {
        // Compared without printing megabytes when it fails.
        assert!(
            client.scan_all(key, 50).await == *values,
            "{key:?} is not what was appended"
        );
    }
}

/// The value of a metric without labels.
async fn metric(client: &Client, name: &str) -> f64 {
    let scrape = client.metrics().await;
    let line = scrape
        .lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    let value = line.unwrap_or_else(|| panic!("{name} is not in:\n{scrape}"));
    value.trim().parse().expect("a number")
}

/// All files below a folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten() {
        let path = entry.expect("list the cache").path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.push(path);
        }
    }
    found
}
