//! The OpenAPI document and Swagger UI.

use std::collections::BTreeSet;

use super::*;
use crate::http::wire::route_table::{
    ACCESS, COMMITS, CONFIG, CONSOLE_METRICS, NODE_APPENDS, ROUTES, WAKE,
};
use crate::http::{DocumentFormat, document};

#[tokio::test]
async fn the_document_describes_every_route_but_those_that_serve_pages_and_those_that_change_with_any_version()
 {
    let document = memory_server().get("/openapi.json").await.json();
    let paths = document["paths"].as_object().expect("paths");
    let described: BTreeSet<&str> = paths.keys().map(String::as_str).collect();
    let routes = ROUTES.iter().map(|route| route.path);
    let expected: BTreeSet<&str> = routes
        .filter(|path| {
            ![COMMITS, WAKE, NODE_APPENDS, ACCESS, CONFIG, CONSOLE_METRICS].contains(path)
        })
        .filter(|path| {
            ["/api/", "/-/", "/metrics"]
                .iter()
                .any(|start| path.starts_with(start))
        })
        .collect();
    assert_eq!(described, expected);

    let operation = |method: &str, path: &str| paths[path][method]["operationId"].clone();
    assert_eq!(operation("post", "/api/v1/log/append"), "append");
    assert_eq!(operation("post", "/api/v1/log/trim"), "trim");
    assert_eq!(operation("delete", "/api/v1/log/key"), "deleteKey");
    assert_eq!(operation("get", "/api/v1/log/scan"), "scan");
    assert_eq!(operation("get", "/api/v1/log/keys"), "listKeys");
    assert_eq!(operation("get", "/api/v1/log/segments"), "listSegments");
    assert_eq!(operation("get", "/api/v1/log/count"), "count");
    assert_eq!(operation("get", "/api/v1/log/stream"), "stream");
    assert_eq!(operation("post", "/api/v1/log/scan"), "scanKeys");
    assert_eq!(operation("post", "/api/v1/log/stream"), "streamKeys");
    let cursor = "/api/v1/log/cursors/{name}";
    assert_eq!(operation("get", "/api/v1/log/cursors"), "listCursors");
    assert_eq!(operation("get", cursor), "getCursor");
    assert_eq!(operation("put", cursor), "putCursor");
    assert_eq!(operation("delete", cursor), "deleteCursor");
    assert_eq!(operation("get", "/api/v1/cluster"), "getCluster");
}

#[tokio::test]
async fn every_operation_parameter_and_field_is_described() {
    let document = memory_server().get("/openapi.json").await.json();
    for (path, operations) in document["paths"].as_object().expect("paths") {
        for operation in operations.as_object().expect("operations").values() {
            assert!(
                operation["summary"].is_string() && operation["description"].is_string(),
                "{path}"
            );
            for parameter in operation["parameters"].as_array().into_iter().flatten() {
                assert!(parameter["description"].is_string(), "{path} {parameter}");
                let is_required = parameter["in"] == "path";
                assert_eq!(parameter["required"], is_required, "{path} {parameter}");
            }
        }
    }
    let schemas = document["components"]["schemas"]
        .as_object()
        .expect("schemas");
    for name in ["AppendRequest", "ScanResponse", "Value", "ErrorResponse"] {
        assert!(schemas.contains_key(name), "{name}");
    }
    for (name, schema) in schemas {
        for (field, schema) in schema["properties"].as_object().expect("properties") {
            let of = schema["$ref"].as_str().and_then(|of| of.rsplit('/').next());
            let schema = of.map_or(schema, |of| &schemas[of]);
            assert!(schema["description"].is_string(), "{name}.{field}");
        }
    }
    let limit = document["paths"]["/api/v1/log/scan"]["get"]["parameters"]
        .as_array()
        .and_then(|parameters| {
            parameters
                .iter()
                .find(|parameter| parameter["name"] == "limit")
        })
        .expect("limit");
    assert_eq!(limit["schema"]["default"], 32);
    let body = &document["paths"]["/api/v1/log/append"]["post"]["requestBody"]["content"];
    assert!(body["application/json"].is_object() && body["application/protobuf"].is_object());
}

#[tokio::test]
async fn the_committed_document_is_the_served_one() {
    let server = memory_server();
    for (format, name) in [
        (DocumentFormat::Yaml, "openapi.yaml"),
        (DocumentFormat::Json, "openapi.json"),
    ] {
        let text = document::<MemoryStore>(format);
        let served = server.get(&format!("/{name}")).await.body;
        let served = std::str::from_utf8(&served).expect("UTF-8");
        assert_eq!(served.trim_end(), text.trim_end(), "{name}");

        let path = format!("{}/../openapi/{name}", env!("CARGO_MANIFEST_DIR"));
        if std::env::var_os("UPDATE_OPENAPI").is_some() {
            std::fs::write(&path, &text).expect("written");
        }
        let committed = std::fs::read_to_string(&path).expect("the committed document");
        assert!(
            committed == text,
            "openapi/{name} is not current: run this test with UPDATE_OPENAPI=1"
        );
    }
}

#[tokio::test]
async fn the_document_is_served_as_yaml_too() {
    let yaml = memory_server().get("/openapi.yaml").await;
    assert_eq!(yaml.header("content-type"), "application/yaml");
    assert!(yaml.body.starts_with(b"openapi: 3.0.0"));
}

#[tokio::test]
async fn the_document_says_which_operations_may_need_a_token() {
    let document = memory_server().get("/openapi.json").await.json();
    let scheme = &document["components"]["securitySchemes"]["bearerAuth"];
    assert_eq!(scheme["type"], "http");
    assert_eq!(scheme["scheme"], "bearer");
    let mut asking = 0;
    for (path, operations) in document["paths"].as_object().expect("paths") {
        let route = ROUTES.into_iter().find(|route| route.path == path);
        let needs = route.is_some_and(|route| route.needs.is_some());
        asking += usize::from(needs);
        for operation in operations.as_object().expect("operations").values() {
            assert_eq!(
                operation["security"][0]["bearerAuth"].is_array(),
                needs,
                "{path}"
            );
            for status in ["401", "403"] {
                assert_eq!(operation["responses"][status].is_object(), needs, "{path}");
            }
        }
    }
    assert_eq!(asking, 13);
}

#[tokio::test]
async fn the_root_leads_to_the_documents_for_people_in_a_browser_and_on_a_terminal() {
    let without_console = HttpOptions {
        console: false,
        ..HttpOptions::default()
    };
    let server = memory_server_with(Limits::default(), without_console);
    let page = server
        .send(get("/", &[("accept", "text/html,*/*;q=0.8")]))
        .await;
    assert_eq!(page.status, StatusCode::OK);
    assert_eq!(page.header("content-type"), "text/html; charset=utf-8");
    let text = server.get("/").await;
    assert_eq!(text.header("content-type"), "text/plain; charset=utf-8");
    for answer in [page, text] {
        assert_eq!(answer.header("vary"), "accept");
        let body = std::str::from_utf8(&answer.body).expect("UTF-8");
        for path in ["docs", "openapi.json", "openapi.yaml"] {
            assert!(body.contains(path), "{body}");
        }
        assert!(body.ends_with('\n'), "{body}");
    }
}

#[tokio::test]
async fn pages_bring_what_they_need_and_run_nothing_that_is_written_into_them() {
    let without_console = HttpOptions {
        console: false,
        ..HttpOptions::default()
    };
    let server = memory_server_with(Limits::default(), without_console);
    for (page, folder) in [("/docs", "/docs/"), ("/docs/", "/docs/"), ("/", "/")] {
        let answer = server.send(get(page, &[("accept", "text/html")])).await;
        assert_eq!(answer.status, StatusCode::OK, "{page}");
        let policy = answer.header("content-security-policy");
        assert!(policy.contains("frame-ancestors 'none'"), "{policy}");
        assert!(!policy.contains("unsafe"), "{policy}");
        assert_eq!(answer.header("referrer-policy"), "same-origin");
        let html = std::str::from_utf8(&answer.body).expect("UTF-8");
        assert!(
            !html.contains("<script>") && !html.contains("<style"),
            "{html}"
        );
        let base = if page == "/docs" { "/" } else { folder };
        let links = ["href=\"", "src=\""].map(|attribute| html.split(attribute).skip(1));
        let links = links.into_iter().flatten();
        let links = links.filter_map(|part| Some(part.split_once('"')?.0));
        let mut found = 0;
        for link in links {
            let file = server.get(&format!("{base}{link}")).await;
            assert_eq!(file.status, StatusCode::OK, "{page}: {base}{link}");
            found += 1;
        }
        assert!(found >= 3, "{page}: {found} links");
    }
}

#[tokio::test]
async fn every_answer_tells_browsers_not_to_guess_its_type_and_data_is_not_kept() {
    let server = memory_server();
    for (path, kept) in [
        ("/api/v1/log/keys", "no-store"),
        ("/api/v1/log/stream?key=k&end_seq=0", "no-store"),
        ("/api/v1/log/scan", "no-store"),
        ("/nothing", "no-store"),
        ("/metrics", "no-store"),
        ("/-/ready", "no-store"),
        ("/openapi.json", "no-cache"),
        ("/docs", "no-cache"),
        ("/docs/swagger-ui-bundle.js", "max-age=3600"),
    ] {
        let answer = server.get(path).await;
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{path}");
        assert_eq!(answer.header("cache-control"), kept, "{path}");
    }
}

#[test]
fn swagger_ui_is_of_the_versions_that_are_stated_beside_it() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src/http/routes/swagger-ui");
    let read = |name| std::fs::read_to_string(format!("{folder}/{name}")).expect("a file");
    let (stated, bundle) = (read("README.md"), read("swagger-ui-bundle.js"));
    let version = |name: &str| {
        let (_, rest) = stated.split_once(name).expect("a version is stated");
        let version: String = rest
            .chars()
            .take_while(|c| c.is_ascii_digit() || *c == '.')
            .collect();
        version.trim_end_matches('.').to_owned()
    };
    let swagger_ui = format!("PACKAGE_VERSION:\"{}\"", version("`swagger-ui-dist` "));
    let dom_purify = format!("DOMPurify.version=\"{}\"", version("DOMPurify "));
    for stated in [swagger_ui, dom_purify] {
        assert!(bundle.contains(&stated), "{stated}");
    }
}
