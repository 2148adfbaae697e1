//! Looks for damage in a log, which a server may be writing.
//!
//! [`check`] reads every row once, at a checkpoint, through a reader of SlateDB: it opens no writer and fences none. `system`
//! reads the rows of the system segment, `segment` the records of one segment, and `listings` holds the two against each other. `names` and
//! `order` hold the order of a segment's records against the records.

mod findings;
mod floors;
mod frozen;
mod listings;
mod names;
mod opening;
mod order;
mod peeked;
mod segment;
mod system;
#[cfg(test)]
mod tests;

use log_domain::sequencer::EngineNumber;
use log_domain::{Error, Result, Sequence};
use slatedb::DbReader;

use super::backup::{Progress, Source, pin};
use super::emptied_wal;
use super::wal_files::WalFiles;
use findings::Findings;
use listings::Listings;
use opening::Opened;
use system::System;

/// Segments whose records are read at the same time, with the directory of the keys. Each pass over the directory checks so many.
const SEGMENTS: usize = 16;

/// Keys of a segment whose names are held in memory, as hashes, with their floors: 4 MiB for each of [`SEGMENTS`].
const HELD: u32 = 1 << 18;

/// What a check found.
#[derive(Debug, Default)]
pub struct Report {
    /// Segments that were read.
    pub segments: u64,
    /// Distinct keys.
    pub keys: u64,
    /// Records.
    pub records: u64,
    /// Where the log ended: every record that was read has a lower sequence.
    pub end: u64,
    /// What is wrong and where, in the order in which it was found; only the first findings.
    pub findings: Vec<String>,
    /// How many more findings there were.
    pub more: u64,
}

/// Reads the whole log, with everything that is durable now, and says what is wrong with it. Ends early, with an error, when
/// `stop` does.
///
/// # Errors
/// [`Error::Invalid`] when there is no log or its WAL is somewhere else; [`Error::Unavailable`] when a store does not answer.
/// Damage is not an error.
pub async fn check(
    source: &Source,
    progress: &dyn Progress,
    stop: impl Future<Output = ()>,
) -> Result<Report> {
    check_holding(HELD, source, progress, stop).await
}

/// The same, with the names of so many keys of a segment held in memory.
async fn check_holding(
    held: u32,
    source: &Source,
    progress: &dyn Progress,
    stop: impl Future<Output = ()>,
) -> Result<Report> {
    let mut findings = Findings::default();
    // A log that no server has opened yet has no identity, and can be read nevertheless.
    let place = || "the newest manifest, or the location of the WAL".to_owned();
    let settled = source.settled().await;
    if findings.unless_damaged(place, settled)?.is_none() {
        return Ok(findings.into_report(Report::default()));
    }
    let place = || "the stored watermark".to_owned();
    let durable = source.durable().await;
    let durable = findings.unless_damaged(place, durable)?.flatten();
    let files = WalFiles::of(&source.path);
    let (data, wal) = (&source.objects, source.wal_objects());
    match emptied_wal::refuse(data, wal, &source.path, &files).await {
        Err(Error::Invalid(why) | Error::Corrupt(why)) => findings.add(why),
        other => other?,
    }
    let Some(opened) = opening::open(source, &mut findings).await? else {
        return Ok(findings.into_report(Report::default()));
    };
    let Opened { pin, reader } = opened;
    let outcome = tokio::select! {
        biased;
        outcome = walk(&reader, (durable, held), &mut findings, progress) => outcome,
        expired = pin.keep() => Err(expired),
        () = stop => Err(Error::unavailable("stopped")),
    };
    let outcome = match outcome {
        Ok(_) if !findings.is_empty() && pin.is_lost().await => Err(pin::lost()),
        Err(failure) => Err(pin.judge(failure).await),
        outcome => outcome,
    };
    // It only read.
    let _ = reader.close().await;
    pin.release().await;
    Ok(findings.into_report(outcome?))
}

async fn walk(
    reader: &DbReader,
    (durable, held): (Option<u64>, u32),
    findings: &mut Findings,
    progress: &dyn Progress,
) -> Result<Report> {
    progress.stage("checking", 0);
    let end = EngineNumber::new(reader.status().durable_seq).watermark();
    if let Some(durable) = durable
        && end < Sequence::new(durable)
    {
        findings.add(format!(
            "the log was durable up to sequence {durable}, but what is left of it ends at {end}"
        ));
    }
    let system = System::read(reader, end, findings, progress).await?;
    let mut report = Report {
        segments: system.segments.len() as u64,
        end: end.get(),
        ..Report::default()
    };
    let of_manifest = opening::segments_with_data(&reader.manifest());
    for id in of_manifest.filter(|id| !system.has(*id) && !system.was_removed(*id)) {
        findings.add(format!("segment {id} has data files and no segment row"));
    }
    let mut start = 0;
    // Once also without any segment, for the listings.
    loop {
        let batch = &system.segments[start..system.segments.len().min(start + SEGMENTS)];
        let listings = Listings {
            system: &system,
            batch,
            is_first: start == 0,
            end,
            held,
        };
        let (keys, records) = listings.check(reader, findings, progress).await?;
        report.keys += keys;
        report.records += records;
        start += SEGMENTS;
        if start >= system.segments.len() {
            return Ok(report);
        }
    }
}
