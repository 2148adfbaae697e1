//! Servers that run with other settings than those that the checkers know.

use super::Planted;
use crate::plan::{PlannedSettings, WEEK_MS};

/// What servers are configured with instead, if the planted bug is one of settings.
pub fn configured(planned: &PlannedSettings, planted: Option<Planted>) -> PlannedSettings {
    let mut settings = planned.clone();
    match planted {
        Some(Planted::KeepExpired) => settings.producer_expiry_ms = WEEK_MS,
        Some(Planted::ExpireEarly) => settings.producer_expiry_ms /= 4,
        Some(Planted::TrimYoung) => {
            let quarter = |ms: u64| ms / 4;
            settings.max_age_ms = settings.max_age_ms.map(quarter);
            settings.seal_interval_ms = settings.seal_interval_ms.map(quarter);
        }
        Some(Planted::TrimSmall) => {
            settings.max_bytes = Some(1_000);
            settings.seal_bytes = Some(settings.seal_bytes.map_or(500, |bytes| bytes.min(500)));
        }
        _ => {}
    }
    settings
}
