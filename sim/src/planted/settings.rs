//! Servers that run with other settings than those that the checkers know.

use super::Planted;
use crate::plan::{Plan, PlannedRule, PlannedSettings, WEEK_MS};

/// When a log is backed up, and how old records get, in runs that need it to show a bug and have not drawn it.
const BACKUP_MS: u64 = 4_000;
const MAX_AGE_MS: u64 = 9_000;
const OTHERS_MS: u64 = 2_000;

fn rule(prefix: &'static str, max_age_ms: u64) -> PlannedRule {
    PlannedRule { prefix, max_age_ms }
}

/// The plan, with what the planted bug needs to show. The checkers know of it.
pub fn exposed(plan: &Plan, planted: Option<Planted>) -> Plan {
    let mut plan = plan.clone();
    match planted {
        Some(Planted::HideWal) => plan.backup_ms = plan.backup_ms.or(Some(BACKUP_MS)),
        Some(Planted::TrimYoung) => {
            let settings = &mut plan.settings;
            settings.max_age_ms = settings.max_age_ms.or(Some(MAX_AGE_MS));
        }
        // Without others, so that no other retention allows it.
        Some(bug @ (Planted::RuleOthers | Planted::RuleYoung)) => {
            let settings = &mut plan.settings;
            (settings.max_age_ms, settings.max_bytes) = (None, None);
            let age_ms = match bug {
                Planted::RuleOthers => OTHERS_MS,
                _ => MAX_AGE_MS,
            };
            settings.rules = vec![rule("a", age_ms)];
            let sealed = settings.seal_interval_ms.map(|ms| ms.min(age_ms));
            settings.seal_interval_ms = sealed;
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
        Some(Planted::RuleOthers) => {
            let others = ["\u{7f}", "k"].map(|prefix| rule(prefix, OTHERS_MS));
            settings.rules.extend(others);
        }
        Some(Planted::RuleYoung) => {
            settings.rules = vec![rule("a", MAX_AGE_MS / 4)];
            let quarter = |ms: u64| ms / 4;
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
