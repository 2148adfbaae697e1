//! The filters of data files: what a read need not open.

use std::sync::Arc;

use slatedb::{BloomFilterPolicy, FilterPolicy};

use super::layout::prefix::ByKey;
use super::layout::sequences::BySequence;

/// Bits for each key and file in the bloom filters: a false positive rate of about 1 %.
const BLOOM_BITS: u32 = 10;

/// The filters of data files. Readers and compactors need the same as the writer.
pub(super) fn filters() -> Vec<Arc<dyn FilterPolicy>> {
    let by_key = BloomFilterPolicy::new(BLOOM_BITS)
        .with_prefix_extractor(Arc::new(ByKey))
        .with_whole_key_filtering(false);
    vec![Arc::new(by_key), Arc::new(BySequence)]
}
