//! The console: its files, who may see what only it asks for, and how it is switched off.

use super::*;
use crate::http::Setting;

fn serving(options: HttpOptions, authorizer: Option<Arc<dyn Authorizer>>) -> Server {
    let memory = memory_server();
    serve(memory.service, options, Ready(Ok(())), authorizer)
}

fn with_rights() -> Server {
    let options = HttpOptions {
        settings: vec![Setting {
            name: "port".to_owned(),
            value: "8080".to_owned(),
            source: "default".to_owned(),
        }],
        ..HttpOptions::default()
    };
    serving(options, Some(Arc::new(NamedRights)))
}

async fn with_token(server: &Server, path: &str, token: &str) -> Answer {
    let authorization = format!("Bearer {token}");
    server
        .send(get(path, &[("authorization", &authorization)]))
        .await
}

#[tokio::test]
async fn browsers_are_sent_to_the_console_from_the_root_and_others_are_told_of_it() {
    let server = memory_server();
    let answer = server
        .send(get("/", &[("accept", "text/html,*/*;q=0.8")]))
        .await;
    assert_eq!(answer.status, StatusCode::FOUND);
    // Relative, so that it works below every path that a proxy puts it at.
    assert_eq!(answer.header("location"), "console");
    assert_eq!(answer.header("vary"), "accept");
    let text = server.get("/").await;
    assert_eq!(text.status, StatusCode::OK);
    let text = std::str::from_utf8(&text.body).expect("UTF-8");
    assert!(text.contains("/console"), "{text}");
}

#[tokio::test]
async fn the_page_runs_files_of_this_server_only_and_finds_them_with_and_without_a_slash() {
    let server = with_rights();
    for (page, base) in [("/console", "/"), ("/console/", "/console/")] {
        let answer = server.get(page).await;
        assert_eq!(answer.status, StatusCode::OK, "{page}");
        assert_eq!(answer.header("content-type"), "text/html; charset=utf-8");
        assert_eq!(answer.header("cache-control"), "no-cache");
        let policy = answer.header("content-security-policy");
        for part in [
            "default-src 'none'",
            "script-src 'self'",
            "style-src 'self'",
            "connect-src 'self'",
            "base-uri 'none'",
            "form-action 'none'",
            "frame-ancestors 'none'",
        ] {
            assert!(policy.contains(part), "{policy}");
        }
        assert!(!policy.contains("unsafe"), "{policy}");
        let html = std::str::from_utf8(&answer.body).expect("UTF-8");
        assert!(!html.contains("<script>") && !html.contains("<style"));
        assert!(!html.contains("style="));
        let mut found = 0;
        for attribute in [
            "<link rel=\"icon\" href=\"",
            "<link rel=\"stylesheet\" href=\"",
            "src=\"",
        ] {
            for link in html.split(attribute).skip(1) {
                let (link, _) = link.split_once('"').expect("its end");
                let file = server.get(&format!("{base}{link}")).await;
                assert_eq!(file.status, StatusCode::OK, "{page}: {link}");
                found += 1;
            }
        }
        assert_eq!(found, 4, "{html}");
    }
}

#[tokio::test]
async fn a_file_is_not_sent_again_to_a_browser_that_has_it() {
    let server = memory_server();
    for (path, content_type) in [
        ("/console/app.js", "text/javascript; charset=utf-8"),
        ("/console/style.css", "text/css; charset=utf-8"),
        ("/console/icon.svg", "image/svg+xml"),
        ("/console/views/keys.js", "text/javascript; charset=utf-8"),
        (
            "/console/libraries/preact.mjs",
            "text/javascript; charset=utf-8",
        ),
    ] {
        let first = server.get(path).await;
        assert_eq!(first.status, StatusCode::OK, "{path}");
        assert_eq!(first.header("content-type"), content_type);
        assert_eq!(first.header("cache-control"), "no-cache");
        assert_eq!(first.header("x-content-type-options"), "nosniff");
        let tag = first.header("etag");
        for known in [tag.to_owned(), format!("W/\"other\", {tag}")] {
            let again = server.send(get(path, &[("if-none-match", &known)])).await;
            assert_eq!(again.status, StatusCode::NOT_MODIFIED, "{path}");
            assert!(again.body.is_empty());
        }
        let other = server
            .send(get(path, &[("if-none-match", "W/\"other\"")]))
            .await;
        assert_eq!(other.body, first.body);
    }
    for path in [
        "/console/none.js",
        "/console/views/",
        "/console/libraries/README.md",
    ] {
        server.get(path).await.error(404, "not_found");
    }
    let hooks = server.get("/console/libraries/hooks.mjs").await;
    let hooks = std::str::from_utf8(&hooks.body).expect("UTF-8");
    assert!(hooks.contains("from\"./preact.mjs\"") && !hooks.contains("from\"preact\""));
}

#[tokio::test]
async fn everybody_may_ask_what_a_token_may_do() {
    let server = with_rights();
    for (token, known, rights) in [
        ("read", true, vec!["read"]),
        ("append", true, vec!["append"]),
        ("admin", true, vec!["read", "append", "admin"]),
        ("wrong", false, vec![]),
        ("", false, vec![]),
    ] {
        let answer = with_token(&server, "/-/access", token).await;
        assert_eq!(answer.status, StatusCode::OK, "{token}");
        assert_eq!(answer.header("cache-control"), "no-store");
        let expected = serde_json::json!({
            "status": "success", "version": env!("CARGO_PKG_VERSION"), "authentication": true, "known": known, "rights": rights, "changes": "applied",
        });
        assert_eq!(answer.json(), expected);
    }
    let open = memory_server().get("/-/access").await.json();
    assert_eq!(open["authentication"], false);
    assert_eq!(
        open["rights"],
        serde_json::json!(["read", "append", "admin"])
    );
}

#[tokio::test]
async fn a_read_only_server_says_what_it_does_with_changes_and_who_may_know_where_the_writer_is() {
    let writer = "https://writer.example";
    for (writer_url, changes) in [(None, "refused"), (Some(writer), "forwarded")] {
        let options = HttpOptions {
            read_only: true,
            writer_url: writer_url.map(str::to_owned),
            ..HttpOptions::default()
        };
        let server = serving(options, Some(Arc::new(NamedRights)));
        let answer = with_token(&server, "/-/access", "read").await.json();
        assert_eq!(answer["changes"], changes);
        assert_eq!(answer["writer"].as_str(), writer_url);
        let stranger = server.get("/-/access").await.json();
        assert!(stranger.get("writer").is_none(), "{stranger}");
        // It reads, so it is no change that a read-only server refuses.
        let config = with_token(&server, "/-/config", "admin").await;
        assert_eq!(config.status, StatusCode::OK);
    }
}

#[tokio::test]
async fn the_configuration_needs_the_right_to_everything_and_metrics_the_right_to_read() {
    let server = with_rights();
    server.get("/-/config").await.error(401, "unauthenticated");
    server.get("/-/metrics").await.error(401, "unauthenticated");
    for token in ["read", "append"] {
        with_token(&server, "/-/config", token)
            .await
            .error(403, "permission_denied");
    }
    let answer = with_token(&server, "/-/config", "admin").await.json();
    let setting = serde_json::json!({"name": "port", "value": "8080", "source": "default"});
    assert_eq!(answer["settings"], serde_json::json!([setting]));
    with_token(&server, "/-/metrics", "append")
        .await
        .error(403, "permission_denied");
    let metrics = with_token(&server, "/-/metrics", "read").await;
    assert_eq!(metrics.body.as_ref(), b"# metrics\n");
}

#[tokio::test]
async fn without_the_console_nothing_of_it_is_served() {
    let options = HttpOptions {
        console: false,
        ..HttpOptions::default()
    };
    let server = serving(options, None);
    for path in [
        "/console",
        "/console/",
        "/console/app.js",
        "/-/access",
        "/-/config",
        "/-/metrics",
    ] {
        server.get(path).await.error(404, "not_found");
    }
    let page = server.send(get("/", &[("accept", "text/html")])).await;
    assert_eq!(page.status, StatusCode::OK);
    for answer in [page, server.get("/").await] {
        let text = std::str::from_utf8(&answer.body).expect("UTF-8");
        assert!(text.contains("docs") && !text.contains("console"), "{text}");
    }
    assert_eq!(server.get("/metrics").await.status, StatusCode::OK);
}
