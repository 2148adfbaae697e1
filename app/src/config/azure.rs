//! The settings of a container of Azure Blob Storage.

use log_adapters::objects::{Place, azure, check_prefix};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Refusal, Storage};

/// An Azure Blob Storage container. Credentials come from the `AZURE_*` variables or the metadata service.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Azure {
    /// The storage account.
    pub account: Option<String>,
    /// The name of the container.
    pub container: Option<String>,
    /// The prefix of all object names, by default `log`. With different prefixes, one container can hold several logs.
    pub prefix: Option<String>,
    /// The URL of the account's blob service, for example of another cloud or an emulator. Default:
    /// `AZURE_STORAGE_ENDPOINT`, or `https://ACCOUNT.blob.core.windows.net`.
    pub endpoint: Option<String>,
}

/// The container of this name, reached as `azure` says.
pub(super) fn place(azure: &Azure, account: Option<&String>, container: &str) -> Place {
    Place::Azure(azure::Container {
        account: account.cloned().unwrap_or_default(),
        name: container.to_owned(),
        endpoint: azure.endpoint.clone(),
    })
}

/// Settings of which one is there without the other.
pub(super) fn validate(storage: &Storage) -> Result<(), Refusal> {
    const ACCOUNT: &str = "storage.azure.account (--azure-account)";
    const CONTAINER: &str = "storage.azure.container (--azure-container)";
    let azure = &storage.azure;
    let needs = [
        (&azure.container, CONTAINER, &azure.account, ACCOUNT),
        (&azure.account, ACCOUNT, &azure.container, CONTAINER),
        (
            &azure.prefix,
            "storage.azure.prefix (--azure-prefix)",
            &azure.container,
            CONTAINER,
        ),
        (
            &azure.endpoint,
            "storage.azure.endpoint",
            &azure.container,
            CONTAINER,
        ),
    ];
    for (setting, name, needed, needed_name) in needs {
        if setting.is_some() && needed.is_none() {
            return Err(Refusal(format!("{name} is set, but {needed_name} is not")));
        }
        if needed.as_deref() == Some("") {
            return Err(Refusal(format!("{needed_name} is empty")));
        }
    }
    if let Some(prefix) = &storage.azure.prefix {
        check_prefix(prefix)
            .map_err(|why| Refusal(format!("storage.azure.prefix (--azure-prefix): {why}")))?;
    }
    Ok(())
}
