//! What the OpenAPI document says of tokens, from the table of routes.

use std::collections::HashMap;

use poem::endpoint::BoxEndpoint;
use poem::http::Method;
use poem_openapi::OpenApi;
use poem_openapi::registry::{MetaApi, MetaSecurityScheme, Registry};

use super::failure;
use super::routes;

/// The scheme's name in the document.
const SCHEME: &str = "bearer";

/// `T`, with tokens described where the table of routes asks for them.
pub(super) struct Secured<T>(pub(super) T);

impl<T: OpenApi> OpenApi for Secured<T> {
    fn meta() -> Vec<MetaApi> {
        let mut apis = T::meta();
        for path in apis.iter_mut().flat_map(|api| &mut api.paths) {
            if routes::find(&path.path).is_none_or(|route| route.needs.is_none()) {
                continue;
            }
            for operation in &mut path.operations {
                // Either of them: a server without tokens asks for none.
                operation.security = vec![HashMap::from([(SCHEME, Vec::new())]), HashMap::new()];
                operation.responses.responses.extend(failure::refusals());
            }
        }
        apis
    }

    fn register(registry: &mut Registry) {
        T::register(registry);
        registry.create_security_scheme(
            SCHEME,
            MetaSecurityScheme {
                ty: "http",
                description: Some(
                    "A token of the server's token file, where one is configured. Appending needs the right append, \
                     everything else read; admin has both.",
                ),
                name: None,
                key_in: None,
                scheme: Some("bearer"),
                bearer_format: None,
                flows: None,
                openid_connect_url: None,
            },
        );
    }

    fn add_routes(self, table: &mut HashMap<String, HashMap<Method, BoxEndpoint<'static>>>) {
        self.0.add_routes(table);
    }
}
