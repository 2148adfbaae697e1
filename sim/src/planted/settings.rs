//! Servers that run with other settings than those that the checkers know.

use super::Planted;
use crate::plan::{PlannedSettings, WEEK_MS};

/// What servers are configured with instead, if the planted bug is one of settings.
pub fn configured(planned: &PlannedSettings, planted: Option<Planted>) -> PlannedSettings {
    let mut settings = planned.clone();
    match planted {
        Some(Planted::KeepExpired) => settings.producer_expiry_ms = WEEK_MS,
        Some(Planted::ExpireEarly) => settings.producer_expiry_ms /= 4,
        _ => {}
    }
    settings
}
