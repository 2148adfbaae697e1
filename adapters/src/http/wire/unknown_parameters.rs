//! Query parameters that an operation does not have are refused, by the declarations that its document is made of.

use std::collections::HashMap;

use poem::endpoint::BoxEndpoint;
use poem::http::Method;
use poem::{Endpoint, EndpointExt, Request, Response};
use poem_openapi::registry::{MetaApi, MetaOperation, MetaParamIn};

use super::param;

/// Where unknown parameters are refused. Probes and scrapers may send what they like.
const STRICT: &str = "/api/";

/// Handlers by their paths and methods, as `poem-openapi` collects them.
pub(in crate::http) type Table = HashMap<String, HashMap<Method, BoxEndpoint<'static>>>;

/// Makes every operation of `apis` in `table` refuse query parameters that it does not declare.
pub(in crate::http) fn refuse_unknown(apis: Vec<MetaApi>, table: &mut Table) {
    for path in apis.into_iter().flat_map(|api| api.paths) {
        if !path.path.starts_with(STRICT) {
            continue;
        }
        let Some(methods) = table.get_mut(&routed(&path.path)) else {
            continue;
        };
        for operation in path.operations {
            if let Some(inner) = methods.remove(&operation.method) {
                let method = operation.method.clone();
                let declared = declared(operation);
                methods.insert(method, Strict { declared, inner }.boxed());
            }
        }
    }
}

/// The path of a document as the router has it, which numbers variable segments.
fn routed(path: &str) -> String {
    let mut number = 0;
    let segments = path.split('/').map(|segment| {
        if !segment.starts_with('{') {
            return segment.to_owned();
        }
        number += 1;
        format!(":param{}", number - 1)
    });
    segments.collect::<Vec<_>>().join("/")
}

fn declared(operation: MetaOperation) -> Vec<String> {
    let parameters = operation.params.into_iter();
    parameters
        .filter(|parameter| parameter.in_type == MetaParamIn::Query)
        .map(|parameter| parameter.name)
        .collect()
}

struct Strict {
    declared: Vec<String>,
    inner: BoxEndpoint<'static>,
}

impl Endpoint for Strict {
    type Output = Response;

    async fn call(&self, request: Request) -> poem::Result<Response> {
        param::refuse_unknown(request.uri().query().unwrap_or_default(), &self.declared)?;
        self.inner.call(request).await
    }
}
