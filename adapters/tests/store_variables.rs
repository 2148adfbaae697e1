//! No value of a variable makes the client of a store panic: those that it cannot use are refused by name.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

use log_adapters::objects::library_variables::{Reader, names};
use log_adapters::objects::{ClientEnvironment, Place, Variables, azure, gcs, s3};
use log_testkit::arbitrary;
use object_store::ClientOptions;
use object_store::client::{
    HttpClient, HttpConnector, HttpError, HttpRequest, HttpResponse, HttpResponseBody, HttpService,
};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use tokio::runtime::Runtime;

/// What STS, metadata servers and the rest of those answer that give credentials, so that requests get as far as to be signed.
const FOR_A_ROLE: &str = "<AssumeRoleWithWebIdentityResponse><AssumeRoleWithWebIdentityResult><Credentials>\
    <SessionToken>t</SessionToken><SecretAccessKey>s</SecretAccessKey><Expiration>2100-01-01T00:00:00Z</Expiration>\
    <AccessKeyId>i</AccessKeyId></Credentials></AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>";
const TOKEN: &str = r#"{"access_token":"t","expires_in":3600,"expires_on":"4102444800","token_type":"Bearer",
    "AccessKeyId":"i","SecretAccessKey":"s","Token":"t","Expiration":"2100-01-01T00:00:00Z"}"#;

/// A network where credentials are given to everybody, and there is no object.
#[derive(Debug, Clone, Copy)]
struct Empty;

impl HttpConnector for Empty {
    fn connect(&self, _options: &ClientOptions) -> object_store::Result<HttpClient> {
        Ok(HttpClient::new(*self))
    }
}

#[async_trait::async_trait]
impl HttpService for Empty {
    async fn call(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let uri = request.uri().to_string();
        let is_of = |parts: &[&str]| parts.iter().any(|part| uri.contains(part));
        let (status, body) = if is_of(&["AssumeRole"]) {
            (200, FOR_A_ROLE)
        } else if is_of(&[
            "oauth2",
            "computeMetadata",
            "metadata/identity",
            "credentials",
        ]) {
            (200, TOKEN)
        } else {
            (404, "nothing")
        };
        let response = http::Response::builder().status(status);
        let body = HttpResponseBody::from(body.to_owned());
        Ok(response.body(body).expect("a response"))
    }
}

type Base<'a> = &'a [(&'a str, &'a str)];

/// A value that must not be in a message.
fn is_secret(name: &str, value: &str) -> bool {
    let words = ["SECRET", "KEY_BASE64", "_KEY", "SAS_", "TOKEN"];
    let harmless = name.ends_with("_FILE") || name.ends_with("_URL");
    value.len() >= 12 && !harmless && words.iter().any(|word| name.contains(word))
}

/// Sets some variables to arbitrary values, beside one of the bases, and finds out what the start says: never a panic, and
/// one line without a secret.
fn nothing_panics(place: &Place, bases: &[Base<'_>], cases: u32) {
    let runtime = Runtime::new().expect("a runtime");
    let names = names(place.reader().expect("a store"));
    let one = (select(names), arbitrary::value());
    let input = (vec(one, 1..3), 0..bases.len());
    let outcome = arbitrary::runner(cases).run(&input, |(given, base)| {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        let mut variables: Variables = bases[base].iter().map(owned).collect();
        variables.retain(|(name, _)| given.iter().all(|(given, _)| given != name));
        variables.extend(given.clone());
        let environment = ClientEnvironment {
            variables,
            network: Some(Arc::new(Empty)),
        };
        let place = place.clone();
        let checking = runtime.spawn(async move { place.check("log", &environment).await });
        let checked = runtime.block_on(checking);
        let refused = checked.map_err(|panic| TestCaseError::fail(panic.to_string()))?;
        let said = refused.expect_err("nothing is there").to_string();
        prop_assert!(!said.contains(char::is_control), "{said:?}");
        prop_assert!(!said.contains("password@"), "{said}");
        for (name, value) in &given {
            prop_assert!(
                !is_secret(name, value) || !said.contains(value.as_str()),
                "{said}"
            );
        }
        Ok(())
    });
    outcome.unwrap_or_else(|wrong| panic!("{wrong}"));
}

/// The real network client takes the options, or one line says why not.
fn the_real_client_takes_its_options_or_refuses(place: &Place, base: Base<'_>) {
    let of_the_network = |name: &String| {
        let parts = [
            "TIMEOUT",
            "HTTP",
            "PROXY",
            "POOL",
            "CERTIFICATES",
            "AGENT",
            "RANDOMIZE",
        ];
        parts.iter().any(|part| name.contains(part))
    };
    let names: Vec<_> = names(place.reader().expect("a store"));
    let names: Vec<_> = names.into_iter().filter(of_the_network).collect();
    let input = (select(names), arbitrary::value());
    let outcome = arbitrary::runner(60).run(&input, |(name, value)| {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        let mut variables: Variables = base.iter().map(owned).collect();
        variables.push((name, value));
        let environment = ClientEnvironment {
            variables,
            network: None,
        };
        if let Err(refusal) = place.validate(&environment) {
            let said = refusal.to_string();
            prop_assert!(!said.contains(char::is_control), "{said:?}");
        }
        Ok(())
    });
    outcome.unwrap_or_else(|wrong| panic!("{wrong}"));
}

/// The sources of `object_store` that this was built with.
fn sources() -> PathBuf {
    let lock = include_str!("../../Cargo.lock");
    let (_, package) = lock
        .split_once("name = \"object_store\"\n")
        .expect("locked");
    let version = package.split('"').nth(1).expect("a version");
    let home = std::env::var_os("CARGO_HOME").map(PathBuf::from);
    let home = home.or_else(|| Some(std::env::home_dir()?.join(".cargo")));
    let registries = home.expect("a home").join("registry/src");
    let registries = std::fs::read_dir(&registries).expect("crates of a registry");
    let mut folders = registries.map(|registry| {
        let registry = registry.expect("a registry").path();
        registry.join(format!("object_store-{version}/src"))
    });
    let found = folders.find(|folder| folder.is_dir());
    found.expect("the sources of object_store in the registry's folder")
}

/// The names in the quotes of each `from_str` of a file.
fn parsed_names(file: &str) -> BTreeSet<String> {
    let text = std::fs::read_to_string(sources().join(file)).expect(file);
    let functions = text.split("fn from_str(").skip(1);
    let bodies = functions.filter_map(|rest| rest.split("\n    }\n").next());
    let quoted = bodies.flat_map(|body| body.split('"').skip(1).step_by(2));
    let is_name = |name: &&str| {
        !name.contains(|c: char| !c.is_ascii_digit() && !c.is_ascii_lowercase() && c != '_')
    };
    quoted
        .filter(is_name)
        .map(str::to_ascii_uppercase)
        .collect()
}

#[test]
fn the_table_has_every_variable_that_the_clients_read_and_no_other() {
    let shared = parsed_names("client/mod.rs");
    assert!(shared.len() >= 20, "{shared:?}");
    for (reader, folder) in [
        (Reader::S3, "aws"),
        (Reader::Gcs, "gcp"),
        (Reader::Azure, "azure"),
    ] {
        let prefix = reader.prefix().expect("a prefix");
        let own = parsed_names(&format!("{folder}/builder.rs"));
        let own = own.into_iter().filter(|name| name.len() > prefix.len());
        let own = own.filter(|name| name.starts_with(prefix));
        let shared = shared.iter().map(|name| format!("{prefix}{name}"));
        let read: BTreeSet<_> = own.chain(shared).collect();
        let known: BTreeSet<_> = names(reader).into_iter().collect();
        let with_prefix = known.iter().filter(|name| name.starts_with(prefix));
        let missing: Vec<_> = read.difference(&known).collect();
        assert!(missing.is_empty(), "not in the table: {missing:?}");
        let gone: Vec<_> = with_prefix.filter(|name| !read.contains(*name)).collect();
        assert!(gone.is_empty(), "nobody reads {gone:?}");
    }
}

#[test]
fn the_table_has_every_variable_that_the_clients_read_past_their_options() {
    let known: Vec<_> = [Reader::Gcs, Reader::Azure]
        .into_iter()
        .flat_map(names)
        .collect();
    for (file, read) in [
        (
            "gcp/credential.rs",
            &["GCE_METADATA_HOST", "GCE_METADATA_ROOT", "GCE_METADATA_IP"][..],
        ),
        ("azure/credential.rs", &["IDENTITY_HEADER"]),
        ("azure/builder.rs", &["AZURITE_BLOB_STORAGE_URL"]),
        ("aws/credential.rs", &[]),
        ("client/mod.rs", &[]),
    ] {
        let text = std::fs::read_to_string(sources().join(file)).expect(file);
        let code = text.split("mod tests {").next().expect("code");
        // Those of the options of `from_env`, which is not called, and of the home folder are not texts in the call.
        let texts = code.split("env::var(\"").skip(1);
        let called = texts.filter_map(|rest| rest.split('"').next());
        for name in called.chain(read.iter().copied()) {
            assert!(
                known.iter().any(|known| known == name),
                "{file} reads {name}"
            );
            assert!(code.contains(name), "{file} does not read {name}");
        }
    }
}

#[test]
fn no_value_of_a_variable_makes_the_client_of_s3_panic() {
    let place = Place::S3(s3::Bucket {
        name: "bucket".into(),
        region: None,
        encryption: None,
    });
    let keys = [
        ("AWS_ACCESS_KEY_ID", "id"),
        ("AWS_SECRET_ACCESS_KEY", "secret"),
    ];
    let token = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");
    let folder = tempfile::tempdir().expect("a folder");
    let line = folder.path().join("line");
    std::fs::write(&line, "token").expect("written");
    let line = line.display().to_string();
    let role = [
        ("AWS_ROLE_ARN", "role"),
        ("AWS_WEB_IDENTITY_TOKEN_FILE", token),
    ];
    let agent = [
        (
            "AWS_CONTAINER_CREDENTIALS_FULL_URI",
            "http://127.0.0.1/v1/credentials",
        ),
        ("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", line.as_str()),
    ];
    nothing_panics(&place, &[&keys, &role, &agent, &[]], 3_000);
    the_real_client_takes_its_options_or_refuses(&place, &keys);
}

#[test]
fn no_value_of_a_variable_makes_the_client_of_google_panic() {
    let place = Place::Gcs(gcs::Bucket {
        name: "bucket".into(),
        endpoint: None,
    });
    let token = [("GOOGLE_BEARER_TOKEN", "token")];
    nothing_panics(&place, &[&token, &[]], 1_500);
    the_real_client_takes_its_options_or_refuses(&place, &token);
}

#[test]
fn no_value_of_a_variable_makes_the_client_of_azure_panic() {
    let place = Place::Azure(azure::Container {
        account: "account".into(),
        name: "container".into(),
        endpoint: None,
    });
    let key = [("AZURE_STORAGE_ACCOUNT_KEY", "a2V5")];
    let token = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");
    let workload = [
        ("AZURE_FEDERATED_TOKEN_FILE", token),
        ("AZURE_CLIENT_ID", "client"),
        ("AZURE_TENANT_ID", "tenant"),
    ];
    let emulator = [
        ("AZURE_STORAGE_USE_EMULATOR", "true"),
        ("AZURE_ALLOW_HTTP", "true"),
    ];
    nothing_panics(&place, &[&key, &workload, &emulator, &[]], 2_500);
    the_real_client_takes_its_options_or_refuses(&place, &key);
}
