//! Gives up what the retention settings no longer keep, again and again, and seals the newest segment of a log that was trimmed as a whole.

use std::sync::Arc;
use std::time::Duration;

use log_domain::{
    Clock, Error, Growth, LogService, LogStore, PrefixRules, Retention, SealPolicy, Sequence,
    StoredSegment, Trim,
};
use tokio::time::Instant;

use crate::clock_steps::ClockSteps;
use crate::log_throttle::LogThrottle;
use crate::vital::VitalTasks;

/// How often to check. A check costs a walk through the list of data files; a trim is only written when something is due.
const CHECK_EVERY: Duration = Duration::from_secs(5);
/// How often to log that it fails.
const LOG_EVERY: Duration = Duration::from_secs(60);

/// Trims the log for as long as there is another reference to `service`.
pub(crate) fn keep_trimming<S: LogStore>(
    service: &Arc<LogService<S>>,
    (retention, rules): (Retention, PrefixRules),
    seal: SealPolicy,
    clock: Arc<dyn Clock>,
    tasks: &VitalTasks,
) {
    if !retention.is_off() || !rules.is_off() {
        tracing::info!(
            max_age = ?retention.max_age,
            max_bytes = retention.max_bytes,
            rules = rules.all().len(),
            shortest_rule = ?rules.shortest(),
            seal_interval = ?seal.interval,
            seal_bytes = seal.bytes,
            "retention is on: what exceeds it is deleted, by whole segments"
        );
    }
    let service = Arc::downgrade(service);
    tasks.spawn("retention", async move {
        let mut throttle = LogThrottle::new(LOG_EVERY);
        let mut steps = ClockSteps::new(clock.now_ms(), Instant::now());
        let mut is_believed = true;
        let mut growth = Growth::default();
        loop {
            tokio::time::sleep(CHECK_EVERY).await;
            let Some(service) = service.upgrade() else {
                return;
            };
            let now_ms = clock.now_ms();
            let before = is_believed;
            is_believed = steps.believes(now_ms, Instant::now());
            if before && !is_believed {
                tracing::error!(
                    "the clock was set ahead: for an hour, or until it is set back, retention.max_age and retention.rules delete nothing"
                );
            }
            let retention = Retention {
                max_age: retention.max_age.filter(|_| is_believed),
                ..retention
            };
            // Without retention, the list of data files is not walked through.
            let stored = match retention.is_off() {
                true => Vec::new(),
                false => service.stored(),
            };
            let has_size = retention.max_bytes.is_some();
            let retention = match has_size {
                true => growth.leave_room(retention, bytes(&stored)),
                false => retention,
            };
            let due = retention.due(&stored, now_ms).collect();
            let no_rules = PrefixRules::default();
            let rules = if is_believed { &rules } else { &no_rules };
            match enforce(&service, due, rules).await {
                Ok(()) => throttle.is_over(),
                // The process ends, or says itself that it cannot write.
                Err(_) if service.status().stopped.is_some() => return,
                Err(error) => {
                    if throttle.is_due() {
                        tracing::warn!(%error, "could not delete what retention no longer keeps; it is tried again");
                    }
                }
            }
            if has_size {
                growth.left(bytes(&service.stored()));
            }
        }
    });
}

fn bytes(stored: &[StoredSegment]) -> u64 {
    stored.iter().map(|segment| segment.bytes).sum()
}

/// # Errors
/// As [`LogService::trim`] and [`LogService::apply_rules`].
async fn enforce<S: LogStore>(
    service: &LogService<S>,
    due: Vec<Trim>,
    rules: &PrefixRules,
) -> Result<(), Error> {
    trim(service, due).await?;
    let raised = service.apply_rules(rules).await?;
    if let Some(highest) = raised.iter().map(|raised| raised.floor).max() {
        tracing::info!(prefixes = raised.len(), %highest, "retention: records of keys with these prefixes are deleted");
    }
    Ok(())
}

/// # Errors
/// As [`LogService::trim`].
async fn trim<S: LogStore>(service: &LogService<S>, due: Vec<Trim>) -> Result<(), Error> {
    let floor = service.floor();
    // The sequencer seals it when nothing was appended for a while.
    let is_emptied = floor > Sequence::ZERO && floor == service.watermarks().tip;
    let of_emptied = is_emptied.then_some(Trim::BeforeSequence(floor));
    for due in due.into_iter().chain(of_emptied) {
        let before = service.floor();
        let floor = service.trim(due).await?;
        if floor > before {
            tracing::info!(%floor, "retention: records below this sequence are deleted");
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

    use log_adapters::store::memory::{Memory, MemoryStore};
    use log_domain::follow::Followers;
    use log_domain::{
        Batch, Durability, Key, Limits, PrefixRule, ProducerPolicy, Record, SequenceRange,
    };

    use super::*;

    /// A clock that goes with the runtime's, can be set ahead, and panics once it is broken.
    struct Breaks {
        since: Instant,
        is_broken: AtomicBool,
        ahead_ms: AtomicI64,
    }

    impl Clock for Breaks {
        fn now_ms(&self) -> i64 {
            assert!(!self.is_broken.load(Ordering::SeqCst), "broken");
            let ahead_ms = self.ahead_ms.load(Ordering::SeqCst);
            1_000_000 + ahead_ms + self.since.elapsed().as_millis() as i64
        }
    }

    /// A log in memory that is trimmed, its clock, and the task.
    fn trimmed(
        retention: Retention,
        rules: PrefixRules,
    ) -> (Arc<LogService<MemoryStore>>, Arc<Breaks>, VitalTasks) {
        let limits = Limits::default();
        let followers = Arc::new(Followers::new(&limits));
        let clock = Arc::new(Breaks {
            since: Instant::now(),
            is_broken: AtomicBool::default(),
            ahead_ms: AtomicI64::default(),
        });
        let memory = Memory::new(SealPolicy::default(), ProducerPolicy::default());
        let (of_store, listener) = (Arc::clone(&clock), Arc::clone(&followers));
        let store = MemoryStore::open(memory, of_store, listener);
        let service = Arc::new(LogService::new(store, followers, Arc::new(()), limits));
        let tasks = VitalTasks::default();
        let of_task = Arc::clone(&clock);
        let (limits, seal) = ((retention, rules), SealPolicy::default());
        keep_trimming(&service, limits, seal, of_task, &tasks);
        (service, clock, tasks)
    }

    #[tokio::test(start_paused = true)]
    async fn when_it_panics_the_server_is_told_and_only_then() {
        let retention = Retention {
            max_age: Some(Duration::from_secs(60)),
            max_bytes: None,
        };
        let (_service, clock, tasks) = trimmed(retention, PrefixRules::default());
        let told = tokio::time::timeout(3 * CHECK_EVERY, tasks.one_panicked());
        assert!(told.await.is_err(), "nothing has happened");
        clock.is_broken.store(true, Ordering::SeqCst);
        let told = tokio::time::timeout(3 * CHECK_EVERY, tasks.one_panicked());
        told.await.expect("told");
    }

    #[tokio::test(start_paused = true)]
    async fn rules_delete_what_is_too_old_unless_the_clock_was_set_ahead() {
        let limits = Limits::default();
        let rule = PrefixRule {
            prefix: "session/".into(),
            max_age: Duration::from_secs(300),
        };
        let rules = PrefixRules::new(vec![rule], &limits).expect("rules");
        let (service, clock, _tasks) = trimmed(Retention::default(), rules);
        let records = ["session/1", "user/1"].map(|key| {
            let record = Record::parse(key.into(), "v".into(), &limits);
            record.expect("a record")
        });
        let batch = Batch::new(records.into(), &limits).expect("a batch");
        let appended = service.append(batch, Durability::Applied).await;
        appended.expect("appended");
        let left = async || {
            let count = async |key: &'static str| {
                let key = Key::parse(key.into(), &limits).expect("a key");
                let counted = service.count(&key, SequenceRange::ALL).await;
                counted.expect("counted").records
            };
            (count("session/1").await, count("user/1").await)
        };
        tokio::time::sleep(2 * CHECK_EVERY).await;
        clock.ahead_ms.store(1_000_000, Ordering::SeqCst);
        tokio::time::sleep(4 * CHECK_EVERY).await;
        assert_eq!(left().await, (1, 1), "the clock is not believed");
        clock.ahead_ms.store(0, Ordering::SeqCst);
        tokio::time::sleep(4 * CHECK_EVERY).await;
        assert_eq!(left().await, (1, 1), "it is not so old yet");
        tokio::time::sleep(Duration::from_secs(300)).await;
        assert_eq!(left().await, (0, 1));
    }

    #[tokio::test(start_paused = true)]
    async fn the_newest_segment_of_a_log_that_was_trimmed_as_a_whole_is_sealed_when_nothing_follows()
     {
        let (service, _clock, _tasks) = trimmed(Retention::default(), PrefixRules::default());
        let limits = Limits::default();
        let segment = async || {
            let all = service.segments(SequenceRange::ALL).await.expect("listed");
            let [segment] = all[..] else {
                panic!("{all:?}");
            };
            segment.id
        };
        let append = async || {
            let record = Record::parse("k".into(), "v".into(), &limits).expect("a record");
            let batch = Batch::new(vec![record], &limits).expect("a batch");
            let appended = service.append(batch, Durability::Applied).await;
            appended.expect("appended").end()
        };
        let end = append().await;
        let floor = service.trim(Trim::BeforeSequence(end)).await;
        assert_eq!(floor.expect("trimmed"), end);
        assert_eq!(segment().await, 1, "it is young");
        tokio::time::sleep(4 * CHECK_EVERY).await;
        assert_eq!(segment().await, 2);
        // Of a log that has records, nothing is sealed.
        append().await;
        tokio::time::sleep(4 * CHECK_EVERY).await;
        assert_eq!(segment().await, 2);
    }
}
