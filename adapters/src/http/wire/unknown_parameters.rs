//! Query parameters that an operation does not have are refused, by the declarations that its document is made of.

use std::collections::HashMap;

use poem::endpoint::BoxEndpoint;
use poem::http::Method;
use poem::{Endpoint, EndpointExt, Request, Response};
use poem_openapi::registry::{MetaApi, MetaOperation, MetaParamIn};

use super::failure::Failure;
use super::param::{self, Param};
use super::route_table::{self, PARTITION, Route};

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
                let mut declared = declared(operation);
                let route = route_table::find(&path.path);
                if route.is_some_and(Route::takes_partition) {
                    declared.push(PARTITION.to_owned());
                }
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
        let query = request.uri().query().unwrap_or_default();
        param::refuse_unknown(query, &self.declared)?;
        check_partition(query)?;
        self.inner.call(request).await
    }
}

/// Refuses a partition that a log does not have. A node of a cluster has taken the parameter out by now.
fn check_partition(query: &str) -> Result<(), Failure> {
    if !query.contains(PARTITION) {
        return Ok(());
    }
    match Param::<Option<u32>>::from_query(query, PARTITION, None)?.0 {
        None | Some(0) => Ok(()),
        Some(number) => Err(Failure::invalid(format!(
            "{number} is not a partition of this log, which is not clustered and has one, 0"
        ))
        .of(PARTITION)),
    }
}
