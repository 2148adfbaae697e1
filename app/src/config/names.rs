//! The names that a setting has: in a file, as a variable, as a flag; and which one a wrong name was meant to be.

/// Settings that have a flag.
pub(super) const FLAGS: [(&str, &str); 16] = [
    ("host", "--host"),
    ("port", "--port"),
    ("storage.data_dir", "--data-dir"),
    ("storage.in_memory", "--in-memory"),
    ("storage.s3.bucket", "--s3-bucket"),
    ("storage.s3.region", "--s3-region"),
    ("storage.s3.prefix", "--s3-prefix"),
    ("storage.gcs.bucket", "--gcs-bucket"),
    ("storage.gcs.prefix", "--gcs-prefix"),
    ("storage.azure.account", "--azure-account"),
    ("storage.azure.container", "--azure-container"),
    ("storage.azure.prefix", "--azure-prefix"),
    ("storage.take_over", "--take-over"),
    ("read_only", "--read-only"),
    ("reader.writer_url", "--writer-url"),
    ("storage.create", "--create"),
];

/// What the names of all our variables begin with.
pub(super) const PREFIX: &str = "LOG_";

/// Variables of the client. A server ignores them.
pub(super) const OF_CLIENT: [&str; 3] = ["LOG_URL", "LOG_TOKEN", "LOG_CA"];

/// The variable of a setting.
pub(super) fn variable(path: &str) -> String {
    format!("{PREFIX}{}", path.replace('.', "__").to_ascii_uppercase())
}

/// The name of a setting, with its flag if it has one.
pub(super) fn named(path: &str) -> String {
    match FLAGS.iter().find(|(setting, _)| *setting == path) {
        Some((_, flag)) => format!("{path} ({flag})"),
        None => path.to_owned(),
    }
}

/// The one of these names that is almost `name`.
pub(super) fn nearest<'a>(name: &str, known: &[&'a str]) -> Option<&'a str> {
    let known = known.iter();
    let near = known.filter_map(|known| Some((distance(name, known)?, *known)));
    near.min().map(|(_, known)| known)
}

/// How many characters are wrong, if so few that `known` was meant. In a short name any other word would be near.
pub(super) fn distance(name: &str, known: &str) -> Option<usize> {
    let allowed = match known.len() {
        0..=3 => 0,
        4..=7 => 1,
        _ => 2,
    };
    let distance = strsim::osa_distance(name, known);
    (distance <= allowed).then_some(distance)
}
