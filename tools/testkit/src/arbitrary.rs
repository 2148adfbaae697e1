//! Arbitrary input for settings: what people, templates and shells put into variables, files and flags, and arbitrary text.
//!
//! The same cases in each run. `PROPTEST_CASES` asks for more of them, and `PROPTEST_RNG_SEED` for others.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::{Config, RngSeed, TestRunner};

/// Values that have made some program fail.
const FIXED: [&str; 44] = [
    "",
    "\n",
    "value\n",
    " value",
    "a b",
    "a\nb = c",
    "größe",
    "\u{feff}",
    "\u{7f}",
    "\u{1f980}",
    "\u{1b}[31m",
    "\u{2028}",
    "..",
    "/",
    "//",
    "?",
    "%",
    "%00",
    "minio:9000",
    "localhost",
    "mailto:a@b",
    "http://",
    "https://:1",
    "http://[::1",
    "http://[::1]:9000",
    "http://host:99999",
    "http://a b/",
    "http://1.2.3.999",
    "http://xn--zzzzz/",
    "http://host/\"<>^`{|}",
    "https://host/?a=b#c",
    "https://user:password@host",
    "/dev/zero",
    "/dev/null",
    "/proc/self/mem",
    "/no/such/file",
    "true",
    "-1",
    "1e999",
    "99999999999999999999",
    "500000000000y",
    "{}",
    "[[{\"",
    "arn:aws:iam::123456789012:role/log",
];

/// A text that a variable can have: it is without NUL.
pub fn value() -> impl Strategy<Value = String> {
    let any = prop_oneof![
        6 => select(&FIXED[..]).prop_map(str::to_owned),
        2 => any::<String>(),
        2 => "[ -~]{0,40}",
        2 => "(https?|HTTP|ftp|socks5|[a-z]{0,4}):?/{0,2}([a-z0-9.%@:_-]|xn--|\\[|\\]){0,20}(:[0-9]{0,6})?(/[ -~]{0,10})?",
        1 => "[0-9.]{1,20}",
        2 => "-?[0-9]{1,25} ?(ns|ms|s|m|h|days|y|years|KiB|GiB|E|%)?",
        1 => "[A-Za-z0-9+/=]{0,64}",
        1 => "[a-zA-Z0-9._-]{1,70}",
        1 => "\\PC{0,30}",
        1 => "[\\x01-\\x20]{1,6}",
        1 => (any::<char>(), 1_000..100_000_usize).prop_map(|(char, count)| char.to_string().repeat(count)),
    ];
    any.prop_map(|text| text.replace('\0', ""))
}

/// Bytes that a variable or an argument can have, most of them text.
pub fn bytes() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        3 => value().prop_map(String::into_bytes),
        1 => vec(1..=255_u8, 0..40),
    ]
}

/// The content of a file of settings: anything, or something that a parser goes far into.
pub fn file() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        1 => vec(any::<u8>(), 0..200),
        4 => "([a-z]{1,6}: ?|[-\\[\\]{},&*!|>'\"%@`#?=.\n ]|[0-9]{1,3}|: |\n|true|~){0,60}".prop_map(String::into_bytes),
        1 => (select(&["[", "{a: ", "a:\n ", "[[a.", "- ", "&a [*a, ", "a = [", "'", "\"\\u"][..]), 1..5_000_usize)
            .prop_map(|(part, count)| part.repeat(count).into_bytes()),
    ]
}

/// Runs so many cases, or as many as `PROPTEST_CASES` asks for if these are more.
pub fn runner(cases: u32) -> TestRunner {
    let config = Config::default();
    let asked = std::env::var_os("PROPTEST_CASES").map_or(0, |_| config.cases);
    let rng_seed = match config.rng_seed {
        RngSeed::Random => RngSeed::Fixed(20),
        asked => asked,
    };
    TestRunner::new(Config {
        cases: cases.max(asked),
        rng_seed,
        failure_persistence: None,
        ..config
    })
}
