//! The search for the first row that is not older than some time.

use log_domain::{Result, Sequence, SequenceRange};

/// The first sequence of `range` whose row is not older than some time; the end of the range if there is none. `older_at` says where the
/// first row from a sequence on ends, if it is older. Append times never decrease, so this is a binary search.
pub(super) async fn first_newer<F>(
    range: SequenceRange,
    older_at: impl Fn(Sequence) -> F,
) -> Result<Sequence>
where
    F: Future<Output = Result<Option<Sequence>>>,
{
    let (mut low, mut high) = (range.start().get(), range.end().get());
    while low < high {
        let middle = low + (high - low) / 2;
        match older_at(Sequence::new(middle)).await? {
            Some(last) => low = last.get().saturating_add(1),
            None => high = middle,
        }
    }
    Ok(Sequence::new(low.min(range.end().get())))
}
