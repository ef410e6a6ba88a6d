//! From a description to a client. Credentials are always given: object_store would else ask the machine it runs on for its
//! own identity.

use std::sync::Arc;

use base64::{Engine as _, prelude::BASE64_STANDARD};
use contract::AzureCredentials;
use object_store::{
    azure::{MicrosoftAzureBuilder, split_sas},
    client::HttpConnector as _,
};

use super::Azure;
use crate::{
    clock::Clock,
    store::{
        StoreError, StoreErrorKind,
        http::{
            BucketPlace, HttpStore,
            network::{self, Network},
            watch::{Watch, Watched},
        },
    },
};

/// Who hands out tokens for a client's secret.
const AUTHORITY: &str = "login.microsoftonline.com";

/// Where a prefix of a container is and how to get there.
#[derive(Debug, Clone)]
pub struct AzureSettings<'a> {
    pub account: &'a str,
    pub container: &'a str,
    /// Without slashes at either end; empty: the container's root.
    pub prefix: &'a str,
    /// `None`: Azure's own endpoint of the account.
    pub endpoint: Option<&'a str>,
    /// PEM bundle besides the public authorities.
    pub ca: Option<&'a str>,
    pub credentials: &'a AzureCredentials,
}

impl HttpStore<Azure> {
    /// Prepares a store; nothing is sent yet.
    ///
    /// # Errors
    /// When the description cannot be used.
    pub fn azure(settings: &AzureSettings<'_>, network: &Network, clock: &Clock) -> Result<Self, StoreError> {
        let AzureSettings { account, container, prefix, .. } = settings;
        let location = format!("az://{account}/{container}/{prefix}");
        let misconfigured =
            |message: String| network::unusable(&location, StoreErrorKind::Misconfigured, message);
        let own = format!("https://{account}.blob.core.windows.net");
        let address = network::endpoint(&location, Some(settings.endpoint.unwrap_or(&own)))?
            .ok_or_else(|| misconfigured("the account has no address".into()))?;
        let options = network.options(&location, Some(&address), settings.ca)?;
        let watch = Arc::new(Watch::with_authority(clock, AUTHORITY));
        let client = with_credentials(settings.credentials)
            .map_err(misconfigured)?
            .with_account(*account)
            .with_container_name(*container)
            .with_endpoint(address.as_str().trim_end_matches('/').to_owned())
            .with_retry(network::once())
            .with_http_connector(Watched::new(Arc::clone(&watch)))
            .with_client_options(options.clone())
            .build()
            .map_err(|error| misconfigured(error.to_string()))?;
        let http = Watched::new(Arc::clone(&watch))
            .connect(&options)
            .map_err(|error| misconfigured(error.to_string()))?;
        let mut url = address;
        url.path_segments_mut()
            .map_err(|()| misconfigured("the endpoint has no path".into()))?
            .pop_if_empty()
            .push(container);
        let place = BucketPlace { bucket: container, prefix, location };
        let wire = Azure { client, http, account: (*account).to_owned(), container: url };
        Ok(Self::new(wire, place, watch, network.patience))
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
