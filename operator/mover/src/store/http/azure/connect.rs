//! From a description to a client. Credentials are always given: object_store would else ask the machine it runs on for its
//! own identity.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use contract::AzureCredentials;
use object_store::azure::{MicrosoftAzureBuilder, split_sas};

use super::Azure;
use crate::{
    clock::Clock,
    store::{
        StoreError,
        http::{
            BucketSettings, HttpStore,
            network::{self, Network},
            watch::Watch,
            way::Way,
        },
    },
};

/// Who hands out tokens for a client's secret.
const AUTHORITY: &str = "login.microsoftonline.com";

/// A container of an account, and what lets in to it.
#[derive(Debug, Clone)]
pub struct AzureSettings<'a> {
    pub account: &'a str,
    pub container: BucketSettings<'a>,
    pub credentials: &'a AzureCredentials,
}

impl HttpStore<Azure> {
    /// Prepares a store; nothing is sent yet.
    ///
    /// # Errors
    /// When the description cannot be used.
    pub fn azure(settings: &AzureSettings<'_>, network: &Network, clock: &Clock) -> Result<Self, StoreError> {
        let AzureSettings { account, container, credentials } = *settings;
        let location = format!("az://{account}/{}/{}", container.bucket, container.prefix);
        let own = format!("https://{account}.blob.core.windows.net");
        let address = network::endpoint(&location, container.endpoint.unwrap_or(&own))?;
        let watch = Watch::with_authority(clock, AUTHORITY);
        let way = Way::new(&container, location, Some(&address), watch, network)?;
        let client = with_credentials(credentials)
            .map_err(|message| way.misconfigured(message))?
            .with_account(account)
            .with_container_name(container.bucket)
            .with_endpoint(address.as_str().trim_end_matches('/').to_owned())
            .with_retry(network::once())
            .with_http_connector(way.connector())
            .with_client_options(way.options.clone())
            .build()
            .map_err(|error| way.misconfigured(error.to_string()))?;
        let mut url = address;
        url.path_segments_mut()
            .map_err(|()| way.misconfigured("the endpoint has no path"))?
            .pop_if_empty()
            .push(container.bucket);
        let wire = Azure { client, http: way.client()?, account: account.to_owned(), container: url };
        Ok(Self::new(wire, way))
    }
}

fn with_credentials(credentials: &AzureCredentials) -> Result<MicrosoftAzureBuilder, String> {
    let builder = MicrosoftAzureBuilder::new();
    Ok(match credentials {
        AzureCredentials::AccountKey(key) => {
            if BASE64_STANDARD.decode(key.reveal()).is_err() {
                return Err("the account's key is not base64".into());
            }
            builder.with_access_key(key.reveal()).with_credential_type("access_key")
        }
        AzureCredentials::Sas(sas) => {
            let pairs = split_sas(sas.reveal())
                .map_err(|_| "the shared access signature is not a list of name=value".to_owned())?;
            if !pairs.iter().any(|(name, _)| name == "sig") {
                return Err("the shared access signature has no part sig=".into());
            }
            builder.with_sas_authorization(pairs).with_credential_type("sas_token")
        }
        AzureCredentials::ClientSecret { tenant_id, client_id, client_secret } => builder
            .with_client_secret_authorization(client_id, client_secret.reveal(), tenant_id)
            .with_credential_type("client_secret"),
    })
}

#[cfg(test)]
mod tests {
    use contract::Secret;

    use super::*;

    #[test]
    fn credentials_that_are_none_are_refused_without_being_repeated() {
        for given in [
            AzureCredentials::AccountKey(Secret::new("secret!")),
            AzureCredentials::Sas(Secret::new("secret")),
            AzureCredentials::Sas(Secret::new("?sv=secret")),
        ] {
            let refused = with_credentials(&given).err().unwrap();
            assert!(!refused.contains("secret"), "{refused}");
        }
        assert!(with_credentials(&AzureCredentials::Sas(Secret::new("?sv=1&sig=a%3D"))).is_ok());
    }
}
