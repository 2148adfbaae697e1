//! Numbers: a text as it is written, or refused; and what is said of one that a setting does not take.

use super::*;

#[test]
fn a_number_given_for_a_text_is_never_rewritten() {
    Jail::expect_with(|jail| {
        for (text, file) in [
            ("0x10", "a.yaml"),
            ("0o17", "a.yaml"),
            ("0b11", "a.yaml"),
            ("+5", "a.yaml"),
            ("-5", "a.yaml"),
            ("1.50", "a.yaml"),
            ("1e3", "a.yaml"),
            (".inf", "a.yaml"),
            ("0x10", "a.toml"),
            ("0b11", "a.toml"),
            ("+5", "a.toml"),
            ("1_000", "a.toml"),
            ("1.50", "a.toml"),
        ] {
            let line = match file {
                "a.yaml" => format!("storage: {{ s3: {{ bucket: b, prefix: {text} }} }}"),
                _ => format!("[storage.s3]\nbucket = 'b'\nprefix = {text}"),
            };
            jail.create_file(file, &line)?;
            match load(Some(file), json!({})) {
                Ok(config) => assert_eq!(config.storage.s3.prefix.as_deref(), Some(text), "{file}"),
                Err(refusal) => {
                    let said = refusal.to_string();
                    assert!(
                        said.contains("storage.s3.prefix") && said.contains("in quotes"),
                        "{said}"
                    );
                }
            }
        }
        for text in ["2024", "0", "18446744073709551616", &"1234567890".repeat(5)] {
            let anchored =
                format!("log: &a warn\nstorage: {{ s3: {{ bucket: &b {text}, prefix: *b }} }}");
            jail.create_file("b.yaml", &anchored)?;
            let s3 = load(Some("b.yaml"), json!({})).expect(text).storage.s3;
            assert_eq!(s3.bucket.as_deref(), Some(text));
            assert_eq!(s3.prefix.as_deref(), Some(text));
        }
        Ok(())
    });
}

#[test]
fn what_is_said_of_a_number_that_a_setting_does_not_take_is_true() {
    Jail::expect_with(|jail| {
        for (line, parts) in [
            (
                "port: \"80\"",
                &["\"80\" is a text", "without quotes", "65535"][..],
            ),
            ("port: 1e3", &["1000.0 has a point or an exponent", "65535"]),
            ("port: 65536", &["65536 is too large", "65535"]),
            ("port: -1", &["-1 is less than 0", "65535"]),
            (
                "port: 18446744073709551616",
                &["18446744073709551616 is too large", "65535"],
            ),
            (
                "port: 999999999999999999999999999999",
                &["is too large", "65535"],
            ),
            (
                "port: eighty",
                &["\"eighty\" is not a whole number", "65535"],
            ),
            (
                "storage: { in_memory: \"true\" }",
                &["\"true\" is a text", "without quotes"],
            ),
        ] {
            jail.create_file("a.yaml", line)?;
            let said = refusal(Some("a.yaml"), json!({}));
            for part in parts {
                assert!(said.contains(part), "{line}: {said}");
            }
            assert!(said.contains("a.yaml"), "{said}");
        }
        Ok(())
    });
}

#[test]
fn a_value_is_quoted_with_the_same_length_wherever_it_is_wrong() {
    let long = "x ".repeat(30_000);
    for name in [
        "LOG_HTTP__ALLOWED_HOSTS",
        "LOG_HTTP__CORS__ALLOW_ORIGINS",
        "LOG_PORT",
        "LOG_LOG",
        "LOG_STORAGE__CREATE",
    ] {
        Jail::expect_with(|jail| {
            jail.set_env(name, &long);
            let said = refusal(None, json!({}));
            assert!(said.contains('…') && said.chars().count() < 400, "{said}");
            Ok(())
        });
    }
}
