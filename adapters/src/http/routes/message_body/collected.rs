//! A body in one piece, which grows while it arrives: charged by capacity, before there is more of it.

use std::io::{self, Write};

use bytes::Bytes;
use log_domain::Error;
use log_domain::budget::Permit;

/// The least that is asked for when there is no room for more.
const FIRST_BYTES: usize = 64 << 10;

/// What has arrived so far.
pub(super) struct Collected {
    what: &'static str,
    bytes: Vec<u8>,
    limit: usize,
    permit: Permit,
    /// Why no more was taken, of what was written.
    refused: Option<Error>,
}

impl Collected {
    /// Nothing yet, and never more than `limit` bytes of `what`.
    pub(super) fn new(what: &'static str, limit: usize, permit: Permit) -> Self {
        Self {
            what,
            bytes: Vec::new(),
            limit,
            permit,
            refused: None,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Takes more in.
    ///
    /// # Errors
    /// [`Error::TooLarge`] and [`Error::Overloaded`].
    pub(super) fn add(&mut self, piece: &[u8]) -> Result<(), Error> {
        let length = self.bytes.len() + piece.len();
        if length > self.limit {
            return Err(Error::TooLarge {
                what: self.what,
                actual: length as u64,
                limit: self.limit as u64,
            });
        }
        let capacity = self.bytes.capacity();
        if length > capacity {
            let larger = (capacity * 2).max(FIRST_BYTES).min(self.limit).max(length);
            self.charge((larger - capacity) as u64)?;
            self.bytes.reserve_exact(larger - self.bytes.len());
        }
        self.bytes.extend_from_slice(piece);
        Ok(())
    }

    /// Charges what is held beside it.
    ///
    /// # Errors
    /// [`Error::Overloaded`].
    pub(super) fn charge(&mut self, bytes: u64) -> Result<(), Error> {
        self.permit.grow(bytes)
    }

    /// Keeps why no more is taken, which an [`io::Error`] cannot tell.
    pub(super) fn refuse(&mut self, why: Error) -> io::Error {
        self.refused = Some(why);
        io::Error::other("refused")
    }

    /// What was kept.
    pub(super) fn refusal(&mut self) -> Option<Error> {
        self.refused.take()
    }

    pub(super) fn into_parts(self) -> (Bytes, Permit) {
        (self.bytes.into(), self.permit)
    }
}

impl Write for Collected {
    fn write(&mut self, piece: &[u8]) -> io::Result<usize> {
        match self.add(piece) {
            Ok(()) => Ok(piece.len()),
            Err(error) => Err(self.refuse(error)),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
