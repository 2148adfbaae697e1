//! Checks the environment variables that libraries read, before they do; see [`log_adapters::objects::library_variables`].

use log_adapters::objects::Place;
use log_adapters::objects::library_variables::{self, Reader};

use super::{Config, Refusal};

/// Checks what the process itself reads, before its first thread is started.
///
/// # Errors
/// A [`Refusal`] that names the variable and says what is accepted.
pub fn check_process() -> Result<(), Refusal> {
    check(&[Reader::Process])
}

/// Checks what the clients of object stores read, if the configuration has one.
///
/// # Errors
/// As [`check_process`].
pub(crate) fn check_stores(config: &Config) -> Result<(), Refusal> {
    let places = [Some(config.place().0), config.wal_place()];
    let mut readers: Vec<_> = places.iter().flatten().filter_map(Place::reader).collect();
    if !readers.is_empty() {
        readers.push(Reader::Network);
    }
    check(&readers)
}

/// Checks what the client of this place reads.
///
/// # Errors
/// As [`check_process`].
pub(crate) fn check_place(place: &Place) -> Result<(), Refusal> {
    match place.reader() {
        Some(reader) => check(&[reader, Reader::Network]),
        None => Ok(()),
    }
}

fn check(readers: &[Reader]) -> Result<(), Refusal> {
    library_variables::check(readers, std::env::vars_os())
        .map_err(|error| Refusal(error.to_string()))
}
