//! What the engine stores of a log in addition to its records.

use futures::FutureExt;
use log_domain::sequencer::State;
use log_domain::{Cursor, Error, ProducerId, ProducerState, Result, Segment};
use slatedb::Db;

use super::error;
use super::key_floors::{self, FoundFloors};
use super::layout::{cursors, producers, segments, state};
use super::stored_rows::all;

/// The state of a log when it is opened.
pub(super) struct StoredState {
    /// By the clock of who wrote it (Unix ms).
    pub(super) last_write_ms: i64,
    pub(super) state: State,
    pub(super) segments: Vec<Segment>,
    pub(super) producers: Vec<(ProducerId, ProducerState)>,
    pub(super) cursors: Vec<Cursor>,
    pub(super) floors: FoundFloors,
}

/// Reads it. A data file that the compactor of this engine replaced meanwhile is missing like one that is lost, so what is
/// missing is looked for again, by a newer list of files.
///
/// # Errors
/// [`Error::Corrupt`] for what is missing then too, or is not of this version.
pub(super) async fn read(db: &Db) -> Result<StoredState> {
    match read_once(db).await {
        Err(Error::Corrupt(reason)) => {
            tracing::info!(%reason, "reading the state of the log once more");
            db.refresh_manifest().await.map_err(error::read)?;
            read_once(db).await
        }
        answer => answer,
    }
}

async fn read_once(db: &Db) -> Result<StoredState> {
    let own = async {
        let row = db.get_key_value(state::key()).await.map_err(error::read)?;
        match row {
            Some(row) => Ok((row.create_ts, state::decode(&row.value)?)),
            None => Ok((i64::MIN, State::default())),
        }
    };
    let ((last_write_ms, state), segments, producers, cursors, floors) = futures::try_join!(
        own.boxed(),
        all(db, segments::prefix(), segments::decode).boxed(),
        all(db, producers::prefix(), producers::decode).boxed(),
        all(db, cursors::prefix(), cursors::decode).boxed(),
        key_floors::read(db).boxed(),
    )?;
    Ok(StoredState {
        last_write_ms,
        state,
        segments,
        producers,
        cursors,
        floors,
    })
}
