//! Which partition of a cluster a key or a cursor belongs to.

use std::num::NonZeroU32;

use bytes::Bytes;
use twox_hash::XxHash3_64;

/// The partition of a key in a cluster with that many partitions. That of a cursor is that of its name.
///
/// It is XXH3 with 64 bits and seed 0 of the tag, modulo the number of partitions. The tag is what is between the first `{` of the key and the
/// next `}`; without braces, or with nothing between them, it is the whole key. So keys with one tag are in one partition.
///
/// ```
/// # use std::num::NonZeroU32;
/// # use opendata_log::partition_of;
/// let partitions = NonZeroU32::new(64).expect("not 0");
/// assert_eq!(partition_of("orders/{42}/lines", partitions), partition_of("42", partitions));
/// ```
pub fn partition_of(key: impl AsRef<[u8]>, partitions: NonZeroU32) -> u32 {
    of_tag(tag_of(key.as_ref()), partitions)
}

/// The partition of all keys that begin with `prefix`, if it has a whole tag, such as `{42}/`. The keys of another one may be in any partition.
///
/// ```
/// # use std::num::NonZeroU32;
/// # use opendata_log::{partition_of, partition_of_prefix};
/// let partitions = NonZeroU32::new(64).expect("not 0");
/// assert_eq!(partition_of_prefix("orders/{42}/", partitions), Some(partition_of("42", partitions)));
/// assert_eq!(partition_of_prefix("orders/", partitions), None);
/// ```
pub fn partition_of_prefix(prefix: impl AsRef<[u8]>, partitions: NonZeroU32) -> Option<u32> {
    tag_in(prefix.as_ref()).map(|tag| of_tag(tag, partitions))
}

/// The partition of all keys with this tag.
pub(crate) fn of_tag(tag: &[u8], partitions: NonZeroU32) -> u32 {
    let remainder = XxHash3_64::oneshot(tag) % u64::from(partitions.get());
    u32::try_from(remainder).unwrap_or_default()
}

/// The tag of a key or a cursor.
pub(crate) fn tag_of(name: &[u8]) -> &[u8] {
    tag_in(name).unwrap_or(name)
}

/// What is between the first `{` and the next `}`, unless that is nothing. All keys that begin with this have that tag.
pub(crate) fn tag_in(name: &[u8]) -> Option<&[u8]> {
    let begin = name.iter().position(|byte| *byte == b'{')? + 1;
    let length = name[begin..].iter().position(|byte| *byte == b'}')?;
    (length > 0).then(|| &name[begin..begin + length])
}

/// What a request is about: keys and cursors with a tag, a partition, or neither.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct About {
    pub(crate) tag: Option<Bytes>,
    pub(crate) partition: Option<u32>,
}

impl About {
    /// About a key.
    pub(crate) fn key(key: &Bytes) -> Self {
        Self {
            tag: Some(key.slice_ref(tag_of(key))),
            partition: None,
        }
    }

    /// About a cursor.
    pub(crate) fn cursor(name: &str) -> Self {
        Self {
            tag: Some(Bytes::copy_from_slice(tag_of(name.as_bytes()))),
            partition: None,
        }
    }

    /// About all keys with a prefix, if they have one tag.
    pub(crate) fn prefix(prefix: &Bytes) -> Self {
        Self {
            tag: tag_in(prefix).map(|tag| prefix.slice_ref(tag)),
            partition: None,
        }
    }

    /// The parameter that names the partition.
    pub(crate) fn parameter(&self) -> Option<(&'static str, String)> {
        let partition = self.partition?;
        Some(("partition", partition.to_string()))
    }

    /// About a partition.
    pub(crate) fn partition(partition: Option<u32>) -> Self {
        Self {
            tag: None,
            partition,
        }
    }
}
