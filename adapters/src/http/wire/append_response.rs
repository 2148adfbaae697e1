//! `AppendResponse`: how an append ended that was applied.

use log_domain::Appended;

use super::proto::{self, AppendResponse};

/// The answer to an append that was applied.
pub(in crate::http) fn of(appended: &Appended) -> AppendResponse {
    AppendResponse {
        status: proto::SUCCESS.to_owned(),
        records_appended: i32::try_from(appended.count).unwrap_or(i32::MAX),
        start_sequence: appended.start.get(),
        duplicate: appended.duplicate,
        parts: Vec::new(),
    }
}
