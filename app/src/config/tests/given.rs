//! What sources may give: once, not empty, of the right kind, under a name that is known.

use super::*;

#[test]
fn a_setting_or_section_given_twice_is_refused_at_any_depth_in_any_source() {
    Jail::expect_with(|jail| {
        for (file, text, named) in [
            ("a.yaml", "port: 1\nport: 2\n", "port"),
            (
                "b.yaml",
                "storage: { s3: { bucket: b } }\nstorage: { in_memory: false }\n",
                "storage",
            ),
            (
                "c.yaml",
                "storage:\n  s3: { bucket: b }\n  s3: { prefix: p }\n",
                "s3",
            ),
            (
                "d.yml",
                "slatedb: { compactor_options: { worker: { a: 1, a: 2 } } }\n",
                "\"a\"",
            ),
            ("e.toml", "port = 1\nport = 2\n", "port"),
            (
                "f.toml",
                "[storage.s3]\nbucket = 'a'\n[storage.s3]\nprefix = 'b'\n",
                "s3",
            ),
        ] {
            jail.create_file(file, text)?;
            let message = refusal(Some(file), json!({}));
            assert!(
                message.contains(file) && message.contains(named),
                "{message}"
            );
            assert_eq!(message.lines().count(), 1, "{message}");
        }
        jail.set_env("LOG_PORT", "1");
        jail.set_env("log_port", "1");
        let message = refusal(None, json!({}));
        assert!(message.contains("port is given twice"), "{message}");
        Ok(())
    });
}

#[test]
fn a_number_is_a_text_where_the_setting_is_one() {
    Jail::expect_with(|jail| {
        jail.create_file(
            "a.yaml",
            "storage: { s3: { bucket: 123456789012, prefix: 2024 } }",
        )?;
        jail.create_file(
            "a.toml",
            "[storage.s3]\nbucket = 123456789012\nprefix = 2024",
        )?;
        for file in ["a.yaml", "a.toml"] {
            let s3 = load(Some(file), json!({})).expect(file).storage.s3;
            assert_eq!(s3.bucket.as_deref(), Some("123456789012"), "{file}");
            assert_eq!(s3.prefix.as_deref(), Some("2024"), "{file}");
        }
        for text in [
            "123456789012",
            "007",
            "1.50",
            "true",
            "[a]",
            "{a=1}",
            "0x1F",
            "'q'",
        ] {
            jail.set_env("LOG_STORAGE__S3__BUCKET", text);
            let config = load(None, json!({})).expect(text);
            assert_eq!(config.storage.s3.bucket.as_deref(), Some(text));
        }
        for text in ["1.50", "1e3", "true"] {
            jail.create_file(
                "b.yaml",
                &format!("storage: {{ s3: {{ prefix: {text} }} }}"),
            )?;
            let message = refusal(Some("b.yaml"), json!({}));
            assert!(message.contains("storage.s3.prefix"), "{message}");
            assert!(message.contains("write it in quotes"), "{message}");
        }
        Ok(())
    });
}

#[test]
fn an_empty_value_is_refused_from_the_environment_and_is_not_given_in_a_file() {
    Jail::expect_with(|jail| {
        jail.create_file("empty.yaml", "")?;
        jail.create_file("a.yaml", "storage:\nport:\ncache: { dir: }\n")?;
        for file in ["empty.yaml", "a.yaml"] {
            assert_eq!(load(Some(file), json!({})).expect(file), Config::default());
        }
        jail.create_file("b.yaml", "storage: { data_dir: '' }")?;
        let message = refusal(Some("b.yaml"), json!({}));
        assert!(
            message.starts_with("storage.data_dir (--data-dir) is empty"),
            "{message}"
        );
        jail.set_env("LOG_STORAGE__DATA_DIR", "");
        let message = refusal(None, json!({}));
        assert!(message.contains("LOG_STORAGE__DATA_DIR"), "{message}");
        Ok(())
    });
}

#[test]
fn a_variable_that_is_almost_a_setting_is_refused_and_any_other_is_left_alone() {
    let with = |name: &str| {
        let mut outcome = Ok(());
        Jail::expect_with(|jail| {
            jail.set_env(name, "1");
            outcome = load(None, json!({}))
                .map(drop)
                .map_err(|refusal| refusal.to_string());
            Ok(())
        });
        outcome
    };
    for (name, meant) in [
        ("LOG_AUTH_TOKENS", "LOG_AUTH__TOKENS"),
        ("LOG_AUTH__TOKEN", "LOG_AUTH__TOKENS"),
        ("LOG_STORAGE_S3_BUCKET", "LOG_STORAGE__S3__BUCKET"),
        ("LOG_DATA_DIR", "LOG_STORAGE__DATA_DIR"),
        ("LOG_S3_BUCKET", "LOG_STORAGE__S3__BUCKET"),
        ("LOG_PROT", "LOG_PORT"),
        ("LOG_LIMIT__KEY_BYTES", "LOG_LIMITS__KEY_BYTES"),
        ("LOG_TSL_CERTIFICATE", "LOG_TLS__CERTIFICATE"),
        ("log_auth_tokens", "LOG_AUTH__TOKENS"),
        ("LOG_LEVEL", "LOG_LOG"),
        ("LOG_LOG_LEVEL", "LOG_LOG"),
        ("LOG_FORMAT", "LOG_LOG_FORMAT"),
        ("LOG_TOKENS", "LOG_AUTH__TOKENS"),
        ("LOG_TLS_CERT", "LOG_TLS__CERTIFICATE"),
        ("LOG_CERTIFICATE", "LOG_TLS__CERTIFICATE"),
        ("LOG_CORS", "LOG_HTTP__CORS__ALLOW_ORIGINS"),
        ("LOG_CORS_ORIGINS", "LOG_HTTP__CORS__ALLOW_ORIGINS"),
        ("LOG_ALLOWED_HOSTS", "LOG_HTTP__ALLOWED_HOSTS"),
        ("LOG_ADMIN_PORT", "LOG_ADMIN__PORT"),
        ("LOG_S3", "LOG_STORAGE__S3__BUCKET"),
        ("LOG_TIMEOUT_READ", "LOG_TIMEOUTS__READ"),
    ] {
        let message = with(name).expect_err(name);
        let meant = meant.trim_start_matches("LOG_");
        let setting = meant.to_ascii_lowercase().replace("__", ".");
        let last = setting.rsplit('.').next().expect("a name");
        assert!(
            message.contains(meant) || message.contains(last),
            "{name}: {message}"
        );
        assert!(message.contains("did you mean"), "{name}: {message}");
    }
    for name in [
        "LOG_URL",
        "LOG_TOKEN",
        "LOG_DIR",
        "LOG_REQUESTS",
        "LOG_CONNECTIONS",
        "LOG_SIZE",
        "LOG_URL_FILE",
        "LOG_FILE",
        "LOG_PATH",
        "LOG_SERVICE_HOST",
        "LOG_SERVICE_PORT",
        "LOG_PORT_8080_TCP",
        "LOG_",
        "LOG",
        "LOGS_PORT",
        "LOG_CA",
        "LOG_TIMEOUT",
    ] {
        assert_eq!(with(name), Ok(()), "{name}");
    }
}

/// A bad value for every setting: the message is ours, and says what is accepted.
#[test]
fn what_is_accepted_is_said_of_every_setting_that_does_not_take_any_text() {
    let tree = crate::config::tree::of(Config::default()).expect("a tree");
    let mut refused = 0;
    for (path, _) in crate::config::tree::leaves(&tree) {
        Jail::expect_with(|jail| {
            jail.set_env(names::variable(&path), "?");
            let Err(message) = load(None, json!({})) else {
                return Ok(());
            };
            let message = message.to_string();
            let theirs = path.trim_start_matches("slatedb.");
            assert!(message.contains(theirs), "{path}: {message}");
            assert_eq!(message.lines().count(), 1, "{message}");
            // What a setting's own check says names the entry, not the source.
            if message.contains("; expected, for example, ") {
                return Ok(());
            }
            if message.contains(" is not ") && !message.starts_with("slatedb: ") {
                let source = format!("environment {}", names::variable(&path));
                assert!(message.contains(&source), "{path}: {message}");
                let example = ["such as", "for example", "one of", "true or false"];
                assert!(
                    example.iter().any(|word| message.contains(word)),
                    "{message}"
                );
                refused += 1;
            }
            for word in ["expected", "parsable", "invalid", "a section of settings"] {
                assert!(!message.contains(word), "{path}: {message}");
            }
            Ok(())
        });
    }
    assert!(refused > 80, "only {refused}");
}

#[test]
fn hosts_are_addresses_or_localhost_from_every_source() {
    Jail::expect_with(|jail| {
        jail.create_file("a.yaml", "host: localhost\nadmin: { host: '[::1]' }")?;
        let config = load(Some("a.yaml"), json!({})).expect("valid");
        assert_eq!(config.host.to_string(), "127.0.0.1");
        assert_eq!(config.admin.host.to_string(), "::1");
        let config = load(None, json!({ "host": "localhost", "port": "9000" })).expect("valid");
        assert_eq!(
            (config.host.to_string().as_str(), config.port),
            ("127.0.0.1", 9000)
        );
        jail.set_env("LOG_HOST", "::");
        assert_eq!(load(None, json!({})).expect("valid").host.to_string(), "::");
        jail.set_env("LOG_HOST", "my-host");
        let message = refusal(None, json!({}));
        assert!(
            message.contains("localhost") && message.contains("0.0.0.0"),
            "{message}"
        );
        Ok(())
    });
}

#[test]
fn files_may_begin_with_a_byte_order_mark_and_be_named_in_capitals() {
    Jail::expect_with(|jail| {
        for (file, text) in [
            ("A.YAML", "\u{feff}port: 7\n"),
            ("A.YML", "port: 7\n"),
            ("A.TOML", "\u{feff}port = 7\n"),
        ] {
            jail.create_file(file, text)?;
            assert_eq!(load(Some(file), json!({})).expect(file).port, 7);
        }
        Ok(())
    });
}

#[test]
fn a_file_that_does_not_parse_is_refused_without_the_line_that_is_wrong() {
    Jail::expect_with(|jail| {
        jail.create_file("a.toml", "[auth]\ntokens = \"my-secret\n")?;
        jail.create_file("a.yaml", "auth: [my-secret\n")?;
        jail.create_file("b.yaml", "my-secret")?;
        jail.create_file("c.yaml", "auth: [my-secret]")?;
        jail.create_file("d.yaml", "auth: my-secret")?;
        for file in ["a.toml", "a.yaml", "b.yaml", "c.yaml", "d.yaml"] {
            let message = refusal(Some(file), json!({}));
            assert!(message.contains(file), "{message}");
            assert!(!message.contains("my-secret"), "{message}");
            assert_eq!(message.lines().count(), 1, "{message}");
        }
        Ok(())
    });
}

#[test]
fn a_list_in_a_variable_is_written_with_commas_or_as_in_a_file() {
    for text in [
        "https://a,https://b",
        "[https://a, https://b]",
        "[\"https://a\",\"https://b\"]",
    ] {
        Jail::expect_with(|jail| {
            jail.set_env("LOG_HTTP__CORS__ALLOW_ORIGINS", text);
            let config = load(None, json!({})).expect(text);
            assert_eq!(config.http.cors.allow_origins, ["https://a", "https://b"]);
            Ok(())
        });
    }
}

/// What is found by nobody who tries arbitrary input.
#[test]
fn a_file_or_a_name_that_is_deep_long_or_odd_is_refused_in_one_line() {
    let deep = "[".repeat(10_000);
    let nested = "a: {".repeat(10_000);
    let huge = "9".repeat(100_000);
    let sections = format!("LOG_SLATEDB{}", "__A".repeat(10_000));
    Jail::expect_with(|jail| {
        for text in [
            &deep,
            &nested,
            &huge,
            "&a [*a, *a]",
            "<<: {port: 1}",
            "? [a]: b",
            "!x y",
            "1: 2",
            "\0",
        ] {
            for file in ["a.yaml", "a.toml"] {
                jail.create_file(file, text)?;
                let message = refusal(Some(file), json!({}));
                assert_eq!(message.lines().count(), 1, "{message}");
            }
        }
        jail.set_env(&sections, "1");
        assert_eq!(refusal(None, json!({})).lines().count(), 1);
        Ok(())
    });
}
