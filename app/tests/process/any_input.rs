//! Nothing in the environment, on the command line or in a file makes the process panic or hang: it says why in one line.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::process::{Command, Stdio};

use log_testkit::arbitrary;
use proptest::prelude::*;
use proptest::sample::select;
use tokio::time::{Duration, Instant};

use crate::support::server::binary;

/// A process that ends at once needs a part of it, on a busy machine.
const SOON: Duration = Duration::from_secs(20);

/// How the process ended: within seconds, with a documented code, and with at most one line on standard error.
fn ended(arguments: &[&OsStr], variables: &[(&str, &OsStr)]) -> (i32, String, String) {
    let begun = Instant::now();
    let exit = Command::new("timeout")
        .args(["-s", "KILL", &SOON.as_secs().to_string()])
        .arg(binary())
        .args(arguments)
        .env_clear()
        .envs(variables.iter().copied())
        .stdin(Stdio::null())
        .output()
        .expect("run the binary");
    let said = String::from_utf8_lossy(&exit.stderr).into_owned();
    let context = format!("{arguments:?} {variables:?}: {:?} {said}", exit.status);
    assert!(begun.elapsed() < SOON, "{context}");
    assert!(matches!(exit.status.code(), Some(0 | 2)), "{context}");
    assert!(!said.contains("panicked"), "{context}");
    assert!(said.lines().count() <= 1, "{context}");
    let escapes = said.trim_end_matches('\n').contains(char::is_control);
    assert!(!escapes, "{context}");
    let code = exit.status.code().unwrap_or_default();
    assert_eq!(code == 2, said.lines().count() == 1, "{context}");
    (
        code,
        said,
        String::from_utf8_lossy(&exit.stdout).into_owned(),
    )
}

/// Refused with one line that has all of these.
fn refused(arguments: &[&str], variables: &[(&str, &str)], parts: &[&str]) {
    let arguments: Vec<_> = arguments.iter().map(OsStr::new).collect();
    let all = variables.iter();
    let all: Vec<_> = all
        .map(|(name, value)| (*name, OsStr::new(*value)))
        .collect();
    let (code, said, _) = ended(&arguments, &all);
    assert_eq!(code, 2, "{variables:?}: {said}");
    for part in parts {
        assert!(said.contains(part), "{part} is not in {said}");
    }
}

const S3: [&str; 4] = ["--port", "0", "--s3-bucket", "b"];
const GCS: [&str; 4] = ["--port", "0", "--gcs-bucket", "b"];
const AZURE: [&str; 6] = [
    "--port",
    "0",
    "--azure-account",
    "a",
    "--azure-container",
    "b",
];

#[test]
fn what_libraries_read_past_the_options_of_their_clients_is_checked_before_they_do() {
    let on = ("AZURE_STORAGE_USE_EMULATOR", "true");
    for (arguments, variables, parts) in [
        (
            &GCS[..],
            &[("GCE_METADATA_HOST", "a b")][..],
            &["GCE_METADATA_HOST", "host"][..],
        ),
        (
            &GCS,
            &[("GCE_METADATA_IP", "")],
            &["GCE_METADATA_IP", "127.0.0.1"],
        ),
        (
            &AZURE,
            &[("IDENTITY_HEADER", "a\nb")],
            &["IDENTITY_HEADER", "ASCII"],
        ),
        (
            &AZURE,
            &[on, ("AZURITE_BLOB_STORAGE_URL", "mailto:a@b")],
            &["AZURITE_BLOB_STORAGE_URL", "https://"],
        ),
        (
            &S3,
            &[("AWS_ENDPOINT_URL", "http://1.2.3.999")],
            &["AWS_ENDPOINT_URL", "https://"],
        ),
        (
            &S3,
            &[("AWS_ENDPOINT_URL", "http://127.0.0.1:1/p?sig=s3cr3t")],
            &["AWS_ENDPOINT_URL", "query", "such as https://", "/p?***"],
        ),
        (
            &GCS,
            &[("GOOGLE_BASE_URL", "https://127.0.0.1:1/#f")],
            &["GOOGLE_BASE_URL", "fragment", "such as https://"],
        ),
        (
            &AZURE,
            &[("AZURE_STORAGE_ENDPOINT", "https://127.0.0.1:1?a")],
            &["AZURE_STORAGE_ENDPOINT", "query", "such as https://"],
        ),
        (
            &S3,
            &[("AWS_PROXY_URL", "http://u:x@proxy:x")],
            &["AWS_PROXY_URL", "http://proxy.example.com"],
        ),
        (
            &S3,
            &[("HTTPS_PROXY", "http//proxy:x")],
            &["HTTPS_PROXY", "http://proxy.example.com"],
        ),
        (
            &["--in-memory"],
            &[("TOKIO_WORKER_THREADS", "0")],
            &["TOKIO_WORKER_THREADS", "1024"],
        ),
        (
            &["--in-memory"],
            &[("LOG_TIMEOUTS__IDLE", "500000000000y")],
            &["timeouts.idle", "100 years"],
        ),
    ] {
        refused(arguments, variables, parts);
    }
}

#[test]
fn a_file_that_a_library_reads_is_looked_at_before_it_does() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str| folder.path().join(name).display().to_string();
    let fifo = path("fifo");
    let made = Command::new("mkfifo").arg(&fifo).status();
    assert!(made.expect("run mkfifo").success());
    std::fs::write(path("line"), "token\n").expect("written");
    std::fs::write(path("huge"), vec![b'x'; 20 << 20]).expect("written");
    let files = [
        (fifo, "FIFO"),
        (path(""), "folder"),
        ("/dev/zero".to_owned(), "device"),
        (path("missing"), "No such file"),
        (path("huge"), "larger"),
    ];
    let role = ("AWS_ROLE_ARN", "role");
    let url = ("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://127.0.0.1:1/");
    let client = [("AZURE_CLIENT_ID", "c"), ("AZURE_TENANT_ID", "t")];
    for (arguments, variable, with) in [
        (&S3[..], "AWS_WEB_IDENTITY_TOKEN_FILE", &[role][..]),
        (&S3, "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", &[url]),
        (&S3, "SSL_CERT_FILE", &[]),
        (&GCS, "GOOGLE_SERVICE_ACCOUNT", &[]),
        (&GCS, "GOOGLE_APPLICATION_CREDENTIALS", &[]),
        (&AZURE, "AZURE_FEDERATED_TOKEN_FILE", &client),
    ] {
        for (file, why) in &files {
            let mut all = with.to_vec();
            all.push((variable, file));
            refused(arguments, &all, &[variable, why]);
        }
    }
    let line = path("line");
    let token = ("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", line.as_str());
    refused(&S3, &[url, token], &[token.0, &line, "line break"]);

    let home = folder.path().join("home");
    let gcloud = home.join(".config/gcloud");
    std::fs::create_dir_all(gcloud.join("application_default_credentials.json")).expect("made");
    let home = home.display().to_string();
    refused(&GCS, &[("HOME", &home)], &["HOME", "folder"]);

    let key = path("key.json");
    std::fs::write(&key, "{\"gcs_base_url\": \"minio:9000\"}").expect("written");
    refused(
        &GCS,
        &[("GOOGLE_SERVICE_ACCOUNT", &key)],
        &["gcs_base_url", "https://"],
    );
}

#[test]
fn a_secret_in_the_place_of_the_file_of_a_library_is_not_printed_and_a_mistyped_path_is() {
    let secret = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJsb2cifQ.c2lnbmF0dXJl";
    for (arguments, variable, with) in [
        (
            &S3[..],
            "AWS_WEB_IDENTITY_TOKEN_FILE",
            &[("AWS_ROLE_ARN", "role")][..],
        ),
        (&GCS, "GOOGLE_APPLICATION_CREDENTIALS", &[]),
        (&["--port", "0"], "LOG_AUTH__TOKENS", &[]),
    ] {
        for command in [&["serve"][..], &["config", "check"], &["config", "show"]] {
            for (value, is_shown) in [(secret, false), ("/etc/lgo/tokens.txt", true)] {
                let arguments = arguments.iter().chain(command).map(OsStr::new);
                let mut all: Vec<_> = with
                    .iter()
                    .map(|(name, value)| (*name, OsStr::new(*value)))
                    .collect();
                all.push((variable, OsStr::new(value)));
                let (_, said, shown) = ended(&arguments.collect::<Vec<_>>(), &all);
                assert_eq!(
                    (said + &shown).contains(value),
                    is_shown,
                    "{variable} {command:?}"
                );
            }
        }
    }
}

#[test]
fn a_line_break_in_a_path_or_a_value_makes_no_second_line() {
    refused(
        &["config", "check", "--config", "a\nb.yaml"],
        &[],
        &["a\\nb.yaml"],
    );
    let nowhere = ("LOG_STORAGE__DATA_DIR", "/proc/a\nb");
    for format in ["text", "json"] {
        refused(
            &["--port", "0"],
            &[nowhere, ("LOG_LOG_FORMAT", format)],
            &["a\\nb"],
        );
    }
    let instance = ("LOG_STORAGE__INSTANCE", OsStr::new("a\nport = 1"));
    let (_, _, shown) = ended(&["config", "show"].map(OsStr::new), &[instance]);
    assert!(
        !shown.lines().any(|line| line.starts_with("port = 1 ")),
        "{shown}"
    );
}

#[test]
fn any_variable_flag_and_file_ends_the_process_as_documented() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("log.yaml");
    let variables = select(
        &[
            "LOG_PORT",
            "LOG_HOST",
            "LOG_LOG",
            "LOG_LOG_FORMAT",
            "LOG_AUTH__TOKENS",
            "LOG_TLS__KEY",
            "LOG_STORAGE__INSTANCE",
            "LOG_HTTP__CORS__ALLOW_ORIGINS",
            "LOG_TIMEOUTS__OPEN",
            "LOG_LIMITS__CONNECTIONS",
            "LOG_MEMORY__BLOCK_CACHE",
            "LOG_SLATEDB__L0_SST_SIZE_BYTES",
            "LOG_SHUTDOWN__LAME_DUCK",
            "LOG_CACHE__DIR",
            "AWS_REGION",
            "AWS_ENDPOINT_URL",
            "AWS_ACCESS_KEY_ID",
            "AWS_TIMEOUT",
            "AWS_PROXY_URL",
            "HTTP_PROXY",
            "https_proxy",
            "NO_PROXY",
            "SSL_CERT_FILE",
            "SSL_CERT_DIR",
            "TOKIO_WORKER_THREADS",
            "RUST_MIN_STACK",
            "RUST_LOG",
            "RUST_BACKTRACE",
            "NO_COLOR",
            "TERM",
            "TZ",
            "HOME",
            "TMPDIR",
            "COLUMNS",
            "OTEL_RESOURCE_ATTRIBUTES",
            "OTEL_SERVICE_NAME",
            "KUBERNETES_SERVICE_HOST",
            "HOSTNAME",
            "FAILPOINTS",
            "SSLKEYLOGFILE",
            "LC_ALL",
            "REQUEST_METHOD",
        ][..],
    );
    let flags = select(
        &[
            "--port",
            "--host",
            "--s3-bucket",
            "--s3-region",
            "--create",
            "--azure-prefix",
            "--data-dir",
            "-x",
        ][..],
    );
    let input = (
        variables,
        arbitrary::bytes(),
        flags,
        arbitrary::bytes(),
        arbitrary::file(),
        0..4,
    );
    let outcome = arbitrary::runner(40).run(&input, |(name, value, flag, given, content, what)| {
        let (value, given) = (OsStr::from_bytes(&value), OsStr::from_bytes(&given));
        std::fs::write(&file, content).expect("written");
        let arguments: &[&OsStr] = match what {
            0 => &["config", "check", "--s3-bucket", "b"].map(OsStr::new),
            1 => &[
                OsStr::new("config"),
                OsStr::new("check"),
                OsStr::new(flag),
                given,
            ],
            2 => &[
                OsStr::new("config"),
                OsStr::new("check"),
                OsStr::new("--config"),
                file.as_os_str(),
            ],
            // A place that cannot be.
            _ => &["--data-dir", "/dev/null/data", "--port", "0"].map(OsStr::new),
        };
        // One argument is too long for the system when the value is.
        prop_assume!(given.len() < 100_000 && value.len() < 100_000);
        ended(arguments, &[(name, value)]);
        Ok(())
    });
    outcome.unwrap_or_else(|wrong| panic!("{wrong}"));
}

#[test]
fn what_cannot_be_read_on_the_command_line_is_named() {
    let not_text = OsStr::from_bytes(b"\xe4");
    let (code, said, _) = ended(&[OsStr::new("--data-dir"), not_text], &[]);
    assert_eq!(code, 2, "{said}");
    assert!(
        said.contains("--data-dir") && said.contains("UTF-8"),
        "{said}"
    );
    refused(&["config"], &[], &["check", "show"]);
}

/// Whatever else is wrong with it: a password that is before an `@`, or where the path of its file should be, is in no line.
#[test]
fn a_password_in_anything_that_could_be_a_url_is_never_printed() {
    const BEGIN: &str = "xK9";
    const END: &str = "qZ7w";
    let secret =
        "[ -~]{0,3}[/?#@: ,ä]{0,3}[ -~]{0,6}".prop_map(|text| format!("{BEGIN}{text}{END}"));
    let form = select(
        &[
            ("https://user:", "@127.0.0.1:1"),
            ("htps://user:", "@127.0.0.1:1/path"),
            ("http:/user:", "@127.0.0.1"),
            ("user:", "@host"),
            ("https://", "@"),
        ][..],
    );
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("a.yaml");
    let places = [
        (&S3[2..], "AWS_ENDPOINT_URL"),
        (&S3[2..], "AWS_PROXY_URL"),
        (&S3[2..], "HTTPS_PROXY"),
        (&GCS[2..], "GOOGLE_BASE_URL"),
        (&GCS[2..], "LOG_STORAGE__GCS__ENDPOINT"),
        (&AZURE[2..], "AZURE_STORAGE_ENDPOINT"),
        (&[], "LOG_STORAGE__S3__BUCKET"),
        (&[], "LOG_STORAGE__GCS__BUCKET"),
        (&[], "LOG_HTTP__CORS__ALLOW_ORIGINS"),
        (&[], "LOG_HTTP__ALLOWED_HOSTS"),
        (&[], "LOG_PORT"),
        (&[], "--s3-bucket"),
        (&[], "--config"),
        (&[], "auth: {tokens: [SECRET]}"),
        (&[], "auth: {tokens: {a: SECRET}}"),
        (&[], "tls: {key: [SECRET]}"),
    ];
    let input = (secret, form, select(places.to_vec()), any::<bool>());
    let outcome = arbitrary::runner(120).run(&input, |(secret, form, (arguments, place), show)| {
        let value = format!("{}{secret}{}", form.0, form.1);
        let command = ["config", if show { "show" } else { "check" }];
        let mut all: Vec<&OsStr> = command.iter().chain(arguments).map(OsStr::new).collect();
        let mut variables = vec![("AWS_REGION", OsStr::new("r"))];
        if place.starts_with("--") {
            all.extend([OsStr::new(place), OsStr::new(&value)]);
        } else if place.contains(' ') {
            let secret = serde_json::to_string(&secret).expect("a text");
            std::fs::write(&file, place.replace("SECRET", &secret)).expect("written");
            all.extend([OsStr::new("--config"), file.as_os_str()]);
        } else {
            variables.push((place, OsStr::new(&value)));
        }
        let (_, said, shown) = ended(&all, &variables);
        for line in [said, shown] {
            let is_told = line.contains(BEGIN) || line.contains(END);
            prop_assert!(!is_told, "{place} {value}: {line}");
        }
        Ok(())
    });
    outcome.unwrap_or_else(|wrong| panic!("{wrong}"));
}
