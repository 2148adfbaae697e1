//! A container of Azure Blob Storage as an object store, with Azure's native API.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use log_domain::{Error, Result};
use object_store::azure::{AzureConfigKey, MicrosoftAzure, MicrosoftAzureBuilder};
use object_store::{ClientConfigKey, RetryConfig};

use super::check::{self, Candidate};
use super::client_environment::{ClientEnvironment, TIMEOUTS};
use super::credential_file::{CredentialFile, Guarded};
use super::library_variables::{self, Reader};
use super::proxy;
use crate::concealed::{self, in_one_line};

/// The metadata service of the machine, as every virtual machine and every AKS node sees it.
const METADATA: &str = "http://169.254.169.254";

/// A container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Container {
    /// The storage account that it is in.
    pub account: String,
    /// Its name.
    pub name: String,
    /// The URL of the account's blob service; `AZURE_STORAGE_ENDPOINT`, or the account's public one, if not given.
    pub endpoint: Option<String>,
}

impl Container {
    /// A client of this container. Nothing in it is read or written yet; a file with a token is.
    pub(super) fn candidate(
        &self,
        environment: &ClientEnvironment,
        retries: RetryConfig,
    ) -> Result<Candidate> {
        let builder = self.builder(environment)?.with_retry(retries);
        let source = AzureCredentials::of(&builder)?;
        let value = |key| builder.get_config_value(&key);
        let endpoint = value(AzureConfigKey::Endpoint);
        let endpoint =
            endpoint.unwrap_or_else(|| format!("https://{}.blob.core.windows.net", self.account));
        let configured = value(AzureConfigKey::Client(ClientConfigKey::ProxyUrl));
        let store = self.built(builder, &source)?;
        let credentials = match source {
            AzureCredentials::Unsigned => None,
            _ => check::credentials(store.credentials()),
        };
        Ok(Candidate {
            name: format!("az://{}/{}", self.account, self.name),
            holder: "container",
            precondition: "If-None-Match: *",
            store: Arc::new(store),
            source: source.to_string(),
            credentials,
            proxy: proxy::of(&endpoint, configured),
        })
    }

    fn builder(&self, environment: &ClientEnvironment) -> Result<MicrosoftAzureBuilder> {
        let mut builder = MicrosoftAzureBuilder::new().with_http_connector(environment.connector());
        for (key, default) in TIMEOUTS {
            builder = builder.with_config(AzureConfigKey::Client(key), default);
        }
        library_variables::name_part("the name of the container", &self.name)?;
        library_variables::name_part("the name of the storage account", &self.account)?;
        let mut endpoint = "AZURE_STORAGE_ENDPOINT";
        for (key, value) in environment.options(Reader::Azure)? {
            builder = builder.with_config(key, value);
        }
        if let Some(given) = &self.endpoint {
            builder = builder.with_endpoint(given.trim_end_matches('/').to_owned());
            endpoint = "the endpoint";
        }
        if let Some(value) = builder.get_config_value(&AzureConfigKey::Endpoint) {
            let allowed = AzureConfigKey::Client(ClientConfigKey::AllowHttp);
            let allowed = builder.get_config_value(&allowed);
            library_variables::endpoint(endpoint, &value, "AZURE_ALLOW_HTTP", allowed)?;
        }
        Ok(builder
            .with_account(&self.account)
            .with_container_name(&self.name))
    }

    /// The client, which reads files of others only when they can be used.
    fn built(
        &self,
        builder: MicrosoftAzureBuilder,
        source: &AzureCredentials,
    ) -> Result<MicrosoftAzure> {
        let build = |builder: MicrosoftAzureBuilder| builder.build().map_err(|e| self.invalid(&e));
        let Some(file) = source.file() else {
            return build(builder);
        };
        file.read()?;
        let client = build(builder.clone())?;
        build(builder.with_credentials(Guarded::new(client.credentials(), file)))
    }

    fn invalid(&self, error: &object_store::Error) -> Error {
        Error::invalid(in_one_line(&format!(
            "Azure options for container {} of account {}: {error}",
            self.name, self.account
        )))
    }
}

/// Who gives credentials: the first of these that is named, in the order in which the client looks.
#[derive(Debug, PartialEq, Eq)]
enum AzureCredentials {
    /// None: requests are not signed.
    Unsigned,
    /// A variable with this name.
    Variable(&'static str),
    /// Entra ID, for a token in a file: workload identity.
    WorkloadIdentity { client: String, token_file: String },
    /// Entra ID, for the secret of a service principal.
    ClientSecret(String),
    /// The command line tool.
    Cli,
    /// The metadata service.
    ManagedIdentity(String),
}

impl AzureCredentials {
    /// # Errors
    /// [`Error::Invalid`] for a part of what only works together. The client would pass over it in silence and ask the
    /// next in line.
    fn of(builder: &MicrosoftAzureBuilder) -> Result<Self> {
        use AzureConfigKey as Key;
        let value = |key| builder.get_config_value(&key);
        let is_on = |key| value(key).is_some_and(|value| value == "true" || value == "1");
        if is_on(Key::SkipSignature) {
            return Ok(Self::Unsigned);
        }
        for (key, name) in [
            (Key::Token, "AZURE_STORAGE_TOKEN"),
            (Key::AccessKey, "AZURE_STORAGE_ACCOUNT_KEY"),
        ] {
            if value(key).is_some() {
                return Ok(Self::Variable(name));
            }
        }
        let needs = |set: &str, key, name: &str| {
            value(key).ok_or_else(|| Error::invalid(format!("{set} is set, but {name} is not")))
        };
        if let Some(token_file) = value(Key::FederatedTokenFile) {
            let set = "AZURE_FEDERATED_TOKEN_FILE";
            needs(set, Key::AuthorityId, "AZURE_TENANT_ID")?;
            let client = needs(set, Key::ClientId, "AZURE_CLIENT_ID")?;
            return Ok(Self::WorkloadIdentity { client, token_file });
        }
        if value(Key::ClientSecret).is_some() {
            let set = "AZURE_CLIENT_SECRET";
            needs(set, Key::AuthorityId, "AZURE_TENANT_ID")?;
            return Ok(Self::ClientSecret(needs(
                set,
                Key::ClientId,
                "AZURE_CLIENT_ID",
            )?));
        }
        if value(Key::SasKey).is_some() {
            return Ok(Self::Variable("AZURE_STORAGE_SAS_TOKEN"));
        }
        if is_on(Key::UseAzureCli) {
            return Ok(Self::Cli);
        }
        let endpoint = value(Key::MsiEndpoint);
        Ok(Self::ManagedIdentity(
            endpoint.unwrap_or_else(|| METADATA.into()),
        ))
    }
}

impl AzureCredentials {
    /// The file that the client reads again and again.
    fn file(&self) -> Option<CredentialFile> {
        match self {
            Self::WorkloadIdentity { token_file, .. } => Some(CredentialFile::new(
                "AZURE_FEDERATED_TOKEN_FILE",
                token_file,
            )),
            _ => None,
        }
    }
}

impl fmt::Display for AzureCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unsigned => f.write_str("nowhere (AZURE_SKIP_SIGNATURE)"),
            Self::Variable(name) => f.write_str(name),
            Self::WorkloadIdentity { client, token_file } => {
                let token_file = concealed::path(Path::new(token_file));
                write!(f, "Entra ID (client {client}, token file {token_file})")
            }
            Self::ClientSecret(client) => write!(f, "Entra ID (client {client}, its secret)"),
            Self::Cli => f.write_str("the Azure command line (AZURE_USE_AZURE_CLI)"),
            Self::ManagedIdentity(endpoint) => write!(
                f,
                "the machine's metadata service ({endpoint}), as no AZURE_* variable names another source"
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(variables: &[(&str, &str)]) -> std::result::Result<AzureCredentials, String> {
        let mut builder = MicrosoftAzureBuilder::new();
        for (name, value) in variables {
            let key = name.to_ascii_lowercase().parse().expect("a variable");
            builder = builder.with_config(key, *value);
        }
        AzureCredentials::of(&builder).map_err(|error| error.to_string())
    }

    #[test]
    fn what_the_webhook_of_aks_sets_is_workload_identity_and_a_part_of_it_is_refused_by_name() {
        let mut variables = vec![
            ("AZURE_FEDERATED_TOKEN_FILE", "/token"),
            ("AZURE_AUTHORITY_HOST", "https://login.microsoftonline.com/"),
            ("AZURE_CLIENT_ID", "client"),
            ("AZURE_TENANT_ID", "tenant"),
        ];
        let (client, token_file) = ("client".to_owned(), "/token".to_owned());
        let workload = AzureCredentials::WorkloadIdentity { client, token_file };
        assert_eq!(source(&variables), Ok(workload));
        variables.pop();
        let refusal = source(&variables).unwrap_err();
        assert_eq!(
            refusal,
            "AZURE_FEDERATED_TOKEN_FILE is set, but AZURE_TENANT_ID is not"
        );
        let metadata = AzureCredentials::ManagedIdentity(METADATA.into());
        assert_eq!(source(&[("AZURE_CLIENT_ID", "client")]), Ok(metadata));
    }
}
