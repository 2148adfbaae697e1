//! The OpenAPI document and Swagger UI.

use std::collections::BTreeSet;

use super::*;
use crate::http::routes::ROUTES;
use crate::http::{DocumentFormat, document};

#[tokio::test]
async fn the_document_describes_every_route_but_those_that_serve_it() {
    let document = memory_server().get("/openapi.json").await.json();
    let paths = document["paths"].as_object().expect("paths");
    let described: BTreeSet<&str> = paths.keys().map(String::as_str).collect();
    let routes = ROUTES.iter().map(|route| route.path);
    let expected: BTreeSet<&str> = routes
        .filter(|path| !path.starts_with("/openapi.") && *path != "/docs")
        .collect();
    assert_eq!(described, expected);

    let operation = |method: &str, path: &str| paths[path][method]["operationId"].clone();
    assert_eq!(operation("post", "/api/v1/log/append"), "append");
    assert_eq!(operation("get", "/api/v1/log/scan"), "scan");
    assert_eq!(operation("get", "/api/v1/log/keys"), "listKeys");
    assert_eq!(operation("get", "/api/v1/log/segments"), "listSegments");
    assert_eq!(operation("get", "/api/v1/log/count"), "count");
    assert_eq!(operation("get", "/api/v1/log/stream"), "stream");
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
                assert_eq!(parameter["required"], false, "{path} {parameter}");
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
        let text = document(format);
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
async fn the_documentation_page_loads_nothing_from_elsewhere() {
    let docs = memory_server().get("/docs").await;
    assert_eq!(docs.status, StatusCode::OK);
    assert_eq!(docs.header("content-type"), "text/html; charset=utf-8");
    assert!(
        docs.header("content-security-policy")
            .starts_with("default-src 'none'")
    );
    let page = String::from_utf8(docs.body.to_vec()).expect("UTF-8");
    assert!(page.contains("SwaggerUIBundle({") && page.contains("listSegments"));
    for loads in [
        "<script src",
        "<link",
        "<iframe",
        "@import",
        "url(http",
        "url(//",
    ] {
        assert!(!page.contains(loads), "{loads}");
    }
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
    assert_eq!(asking, 7);
}
