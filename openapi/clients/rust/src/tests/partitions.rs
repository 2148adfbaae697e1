//! Which partition a key belongs to.

use std::num::NonZeroU32;

use crate::partition::{partition_of, partition_of_prefix, tag_in};

fn partitions(number: u32) -> NonZeroU32 {
    NonZeroU32::new(number).expect("not 0")
}

/// These numbers are promised by `docs/cluster.md`.
#[test]
fn keys_are_where_the_documentation_says() {
    for (key, number) in [
        ("", 2),
        ("a", 31),
        ("orders/1", 43),
        ("42", 17),
        ("{42}", 17),
        ("orders/{42}/lines", 17),
        ("mailbox/\u{e9}", 10),
        ("{}x", 52),
        ("a{}b{c}", 61),
    ] {
        assert_eq!(partition_of(key, partitions(64)), number, "{key:?}");
    }
    let long = [b'k'; 1000];
    assert_eq!(partition_of(long, partitions(1)), 0);
    assert!(partition_of(long, partitions(4096)) < 4096);
}

#[test]
fn a_prefix_has_a_tag_if_its_braces_are_closed() {
    assert_eq!(tag_in(b"orders/{42}/"), Some(&b"42"[..]));
    assert_eq!(tag_in(b"a{b{c}d}"), Some(&b"b{c"[..]));
    assert_eq!(tag_in(b"}{x}"), Some(&b"x"[..]));
    for none in [&b"orders/{42"[..], b"{}", b"a{}b{c}", b"plain", b""] {
        assert_eq!(tag_in(none), None, "{none:?}");
        assert_eq!(partition_of_prefix(none, partitions(64)), None);
    }
    assert_eq!(
        partition_of_prefix("orders/{42}/", partitions(64)),
        Some(17)
    );
}
