//! Where credentials for S3 come from.

use std::fmt;
use std::path::Path;

use log_domain::{Error, Result};
use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey};

use super::credential_file::CredentialFile;
use crate::concealed;

/// The instance's metadata service, as every EC2 instance sees it.
const METADATA: &str = "http://169.254.169.254";

/// Who gives credentials: the first of these that the environment names, in the order in which the S3 client looks.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum S3Credentials {
    /// Nobody: requests are not signed.
    Unsigned,
    /// The environment.
    Variables,
    /// STS, for a token in a file: IAM roles for service accounts.
    WebIdentity { role: String, token_file: String },
    /// The agent of the container: ECS tasks (an address below its own), EKS Pod Identity (a whole URL, and a token in a file).
    Container {
        url: String,
        token_file: Option<String>,
    },
    /// The metadata service of the instance.
    Instance(String),
}

impl S3Credentials {
    /// Who the S3 client of this builder will ask.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a half of two variables that only work together. The client would pass over it in
    /// silence and ask the next in line.
    pub(super) fn of(builder: &AmazonS3Builder) -> Result<Self> {
        use AmazonS3ConfigKey as Key;
        let value = |key| builder.get_config_value(&key);
        let both = |one: (Key, &str), other: (Key, &str)| match (value(one.0), value(other.0)) {
            (Some(first), Some(second)) => Ok(Some((first, second))),
            (None, None) => Ok(None),
            (Some(_), None) => Err(half(one.1, other.1)),
            (None, Some(_)) => Err(half(other.1, one.1)),
        };
        if value(Key::SkipSignature).is_some_and(|skip| skip == "true") {
            return Ok(Self::Unsigned);
        }
        let key = both(
            (Key::AccessKeyId, "AWS_ACCESS_KEY_ID"),
            (Key::SecretAccessKey, "AWS_SECRET_ACCESS_KEY"),
        )?;
        if key.is_some() {
            return Ok(Self::Variables);
        }
        let web_identity = match value(Key::WebIdentityTokenFile) {
            // A role alone is what other tools are told; it does not ask for a token.
            None => None,
            Some(_) => both(
                (Key::WebIdentityTokenFile, "AWS_WEB_IDENTITY_TOKEN_FILE"),
                (Key::RoleArn, "AWS_ROLE_ARN"),
            )?,
        };
        if let Some((token_file, role)) = web_identity {
            return Ok(Self::WebIdentity { role, token_file });
        }
        if let Some(uri) = value(Key::ContainerCredentialsRelativeUri) {
            return Ok(Self::Container {
                url: format!("http://169.254.170.2{uri}"),
                token_file: None,
            });
        }
        let container = both(
            (
                Key::ContainerCredentialsFullUri,
                "AWS_CONTAINER_CREDENTIALS_FULL_URI",
            ),
            (
                Key::ContainerAuthorizationTokenFile,
                "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
            ),
        )?;
        Ok(match container {
            Some((url, token_file)) => Self::Container {
                url,
                token_file: Some(token_file),
            },
            None => Self::Instance(value(Key::MetadataEndpoint).unwrap_or_else(|| METADATA.into())),
        })
    }

    /// The file that the client reads again and again.
    pub(super) fn file(&self) -> Option<CredentialFile> {
        let of = CredentialFile::new;
        match self {
            Self::WebIdentity { token_file, .. } => {
                Some(of("AWS_WEB_IDENTITY_TOKEN_FILE", token_file).in_a_url())
            }
            Self::Container { token_file, .. } => {
                let file = of(
                    "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
                    token_file.as_ref()?,
                );
                Some(file.in_a_header())
            }
            _ => None,
        }
    }
}

fn half(set: &str, missing: &str) -> Error {
    Error::invalid(format!("{set} is set, but {missing} is not"))
}

impl fmt::Display for S3Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unsigned => f.write_str("nowhere (AWS_SKIP_SIGNATURE)"),
            Self::Variables => f.write_str("AWS_ACCESS_KEY_ID"),
            Self::WebIdentity { role, token_file } => {
                let token_file = concealed::path(Path::new(token_file));
                write!(f, "STS (role {role}, token file {token_file})")
            }
            Self::Container { url, .. } => write!(f, "the container's agent ({url})"),
            Self::Instance(endpoint) => write!(
                f,
                "the instance's metadata service ({endpoint}), as no AWS_* variable names another source"
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use object_store::aws::AmazonS3Builder;

    use super::{METADATA, S3Credentials};

    fn source(variables: &[(&str, &str)]) -> Result<S3Credentials, String> {
        let mut builder = AmazonS3Builder::new();
        for (name, value) in variables {
            let key = name.to_ascii_lowercase().parse().expect("a variable");
            builder = builder.with_config(key, *value);
        }
        S3Credentials::of(&builder).map_err(|error| error.to_string())
    }

    #[test]
    fn static_credentials_come_before_a_role_and_a_role_before_the_container() {
        let mut variables = vec![
            ("AWS_ACCESS_KEY_ID", "id"),
            ("AWS_SECRET_ACCESS_KEY", "secret"),
            ("AWS_ROLE_ARN", "role"),
            ("AWS_WEB_IDENTITY_TOKEN_FILE", "/token"),
            ("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://127.0.0.1/"),
            ("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", "/agent"),
        ];
        assert_eq!(source(&variables), Ok(S3Credentials::Variables));
        variables.drain(..2);
        let (role, token_file) = ("role".to_owned(), "/token".to_owned());
        assert_eq!(
            source(&variables),
            Ok(S3Credentials::WebIdentity { role, token_file })
        );
        variables.drain(..2);
        let agent = S3Credentials::Container {
            url: "http://127.0.0.1/".to_owned(),
            token_file: Some("/agent".to_owned()),
        };
        assert_eq!(source(&variables), Ok(agent));
        assert_eq!(
            source(&[]),
            Ok(S3Credentials::Instance(METADATA.to_owned()))
        );
    }

    #[test]
    fn half_of_two_variables_that_work_together_is_refused_by_name() {
        for (set, missing) in [
            ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"),
            ("AWS_SECRET_ACCESS_KEY", "AWS_ACCESS_KEY_ID"),
            ("AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_ROLE_ARN"),
            (
                "AWS_CONTAINER_CREDENTIALS_FULL_URI",
                "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
            ),
        ] {
            let refusal = source(&[(set, "value")]).unwrap_err();
            assert_eq!(refusal, format!("{set} is set, but {missing} is not"));
        }
    }
}
