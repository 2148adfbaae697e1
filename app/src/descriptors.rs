//! File descriptors: the process limit, and how many of them connections may use.

use log_adapters::http::FORWARDED_AT_ONCE;

use crate::config::Config;

/// Kept for everything but clients and the files of a disk cache: listeners, connections to the object store, files of a local
/// folder, and health checks at the limit of connections.
const KEPT: u64 = 128;

/// Raises the descriptor limit of this process as far as allowed, and limits connections to leave enough descriptors for the store;
/// otherwise idle clients could prevent flushes. Returns what an operator should know about it, if anything.
pub fn settle(config: &mut Config) -> Option<String> {
    let limit = match rlimit::increase_nofile_limit(u64::MAX) {
        Ok(limit) => limit,
        Err(error) => {
            return Some(format!(
                "cannot tell how many file descriptors there are: {error}"
            ));
        }
    };
    let forwarding = match config.reader.writer_url {
        Some(_) => FORWARDED_AT_ONCE as u64,
        None => 0,
    };
    let kept = cached(config) + forwarding;
    let room = room(limit, kept, config.admin.port.is_some());
    let wanted = config.limits.connections;
    if (wanted as u64) <= room {
        return None;
    }
    config.limits.connections = usize::try_from(room).unwrap_or(usize::MAX);
    Some(format!(
        "there are {limit} file descriptors: taking {room} connections, not the {wanted} of limits.connections; see `ulimit -n`"
    ))
}

/// How many files the disk cache keeps open.
fn cached(config: &Config) -> u64 {
    let options = &config.slatedb.0.object_store_cache_options;
    if config.cache.dir.is_some() {
        options.max_open_file_handles as u64
    } else {
        0
    }
}

/// How many connections each listener may take if the process may open `limit` descriptors and needs `others` for other purposes.
fn room(limit: u64, others: u64, two_listeners: bool) -> u64 {
    let kept = (KEPT + others).min(limit / 2);
    (limit - kept) / if two_listeners { 2 } else { 1 }
}

#[cfg(test)]
mod tests {
    use super::room;

    #[test]
    fn connections_leave_descriptors_to_the_store() {
        assert_eq!(room(1_024, 0, false), 896);
        assert_eq!(room(1_024, 0, true), 448);
        assert_eq!(room(1_048_576, 1_000, false), 1_047_448);
        assert_eq!(room(256, 1_000, false), 128);
    }
}
