//! Servers that run with other settings than those that the checkers know.

use super::Planted;
use crate::plan::{Plan, PlannedSettings, WEEK_MS};

/// When a log is backed up, and how old records get, in runs that need it to show a bug and have not drawn it.
const BACKUP_MS: u64 = 4_000;
const MAX_AGE_MS: u64 = 9_000;

/// The plan, with what the planted bug needs to show. The checkers know of it.
pub fn exposed(plan: &Plan, planted: Option<Planted>) -> Plan {
    let mut plan = plan.clone();
    match planted {
        Some(Planted::HideWal) => plan.backup_ms = plan.backup_ms.or(Some(BACKUP_MS)),
        Some(Planted::TrimYoung) => {
            let settings = &mut plan.settings;
            settings.max_age_ms = settings.max_age_ms.or(Some(MAX_AGE_MS));
        }
        _ => {}
    }
    plan
}

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
