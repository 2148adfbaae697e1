//! Settings of a log in a local folder.

use super::*;

fn folder(file: Option<&str>) -> Folder {
    match load(file, json!({})).expect("valid").place().0 {
        Place::Folder(folder) => folder,
        place => panic!("{place:?} is no folder"),
    }
}

#[test]
fn a_folder_is_synced_unless_a_file_or_the_environment_says_otherwise() {
    Jail::expect_with(|jail| {
        let synced = Folder::new(".data");
        let not_synced = Folder {
            sync: false,
            ..synced.clone()
        };
        assert_eq!(folder(None), synced);
        jail.create_file("a.yaml", "storage: { sync: false }")?;
        jail.create_file("a.toml", "[storage]\nsync = false\ndata_dir = '.data'")?;
        assert_eq!(folder(Some("a.yaml")), not_synced);
        assert_eq!(folder(Some("a.toml")), not_synced);
        jail.set_env("LOG_STORAGE__SYNC", "true");
        assert_eq!(folder(Some("a.yaml")), synced);
        jail.set_env("LOG_STORAGE__SYNC", "false");
        assert_eq!(folder(None), not_synced);
        jail.set_env("LOG_STORAGE__SYNC", "no");
        let message = refusal(None, json!({}));
        assert!(message.contains("is not true or false"), "{message}");
        Ok(())
    });
}

#[test]
fn storage_sync_is_refused_for_a_log_that_is_not_in_a_folder_whatever_it_says() {
    for place in [
        json!({ "in_memory": true }),
        json!({ "s3": { "bucket": "b" } }),
        json!({ "gcs": { "bucket": "b" } }),
        json!({ "azure": { "account": "a", "container": "c" } }),
    ] {
        let flags = json!({ "storage": place });
        Jail::expect_with(|jail| {
            load(None, flags.clone()).expect("valid without it");
            for value in ["true", "false"] {
                jail.set_env("LOG_STORAGE__SYNC", value);
                let message = refusal(None, flags.clone());
                for part in ["storage.sync is set", "local folder", "storage.data_dir"] {
                    assert!(message.contains(part), "{flags}: {message}");
                }
                assert_eq!(message.lines().count(), 1, "{message}");
            }
            Ok(())
        });
    }
}
