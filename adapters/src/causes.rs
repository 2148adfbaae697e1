//! What lies behind an error.

use std::error::Error;

/// The error and its causes, outermost first.
pub(crate) fn chain<'a>(
    error: &'a (dyn Error + 'static),
) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |&error| error.source())
}

/// The error and its causes, outermost first, in one line.
pub(crate) fn told(error: &(dyn Error + 'static)) -> String {
    let all: Vec<String> = chain(error).map(ToString::to_string).collect();
    all.join(": ")
}
