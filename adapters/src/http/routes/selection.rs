//! Which records to read, as the parameters of several routes say it.

use log_domain::{Error, Key, Limits, PageLimit, Scan, Visibility};

use crate::http::wire::param;

/// What to read, as the parameters of scans and streams say it.
pub(in crate::http) struct Selection {
    pub(in crate::http) key: Key,
    pub(in crate::http) start_seq: u64,
    pub(in crate::http) end_seq: Option<u64>,
    pub(in crate::http) start_time_ms: Option<i64>,
    pub(in crate::http) visibility: Option<Visibility>,
}

impl Selection {
    pub(in crate::http) fn into_scan(self, limit: PageLimit) -> Result<Scan, Error> {
        Ok(Scan {
            key: self.key,
            range: param::range(self.start_seq, self.end_seq)?,
            start_time_ms: self.start_time_ms,
            limit,
            visibility: self.visibility.unwrap_or_default(),
        })
    }
}

/// What `limit` allows.
pub(in crate::http) fn page_limit(limit: u64, limits: &Limits) -> Result<PageLimit, Error> {
    PageLimit::new(limit, limits)
}

/// How many records or keys a page has if the client does not say.
pub(in crate::http) fn default_limit() -> u64 {
    32
}
