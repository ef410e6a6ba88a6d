//! What lets in to Azure Blob Storage, and where it is: from the environment variables that Azure's own tools read.

use std::path::{Path, PathBuf};
use std::{fs, io};

use contract::{AzureCredentials, Secret};

use super::environment::Environment;

/// What the environment says about Azure.
#[derive(Debug)]
pub struct Settings {
    pub credentials: AzureCredentials,
    pub endpoint: Option<String>,
    /// PEM bundle.
    pub ca: Option<String>,
}

/// What the environment does not say, or says in a file that cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum AzureError {
    #[error(
        "no Azure credentials: set AZURE_STORAGE_KEY, or AZURE_STORAGE_SAS_TOKEN, or AZURE_TENANT_ID, AZURE_CLIENT_ID \
         and AZURE_CLIENT_SECRET"
    )]
    NoCredentials,
    #[error("AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_CLIENT_SECRET go together: {missing} is not set")]
    PartOfPrincipal { missing: &'static str },
    #[error("failed to read {path}: {source}")]
    Read { path: PathBuf, source: io::Error },
}

/// Credentials, endpoint and authority. The account's key counts for more than a signature, and that for more than a service
/// principal. No network is asked.
///
/// # Errors
/// Any [`AzureError`].
pub fn settings(environment: &Environment) -> Result<Settings, AzureError> {
    let read = |path: &str| {
        let path = Path::new(path);
        fs::read_to_string(path).map_err(|source| AzureError::Read { path: path.to_owned(), source })
    };
    Ok(Settings {
        credentials: credentials(environment)?,
        endpoint: environment.get("AZURE_STORAGE_SERVICE_ENDPOINT").map(str::to_owned),
        ca: environment.get("REQUESTS_CA_BUNDLE").map(read).transpose()?,
    })
}

fn credentials(environment: &Environment) -> Result<AzureCredentials, AzureError> {
    if let Some(key) = environment.get("AZURE_STORAGE_KEY") {
        return Ok(AzureCredentials::AccountKey(Secret::new(key)));
    }
    if let Some(sas) = environment.get("AZURE_STORAGE_SAS_TOKEN") {
        return Ok(AzureCredentials::Sas(Secret::new(sas)));
    }
    let names = ["AZURE_TENANT_ID", "AZURE_CLIENT_ID", "AZURE_CLIENT_SECRET"];
    if names.iter().all(|name| environment.get(name).is_none()) {
        return Err(AzureError::NoCredentials);
    }
    let part = |missing| environment.get(missing).ok_or(AzureError::PartOfPrincipal { missing });
    let [tenant_id, client_id, client_secret] = names.map(part);
    Ok(AzureCredentials::ClientSecret {
        tenant_id: tenant_id?.to_owned(),
        client_id: client_id?.to_owned(),
        client_secret: Secret::new(client_secret?),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_direct_way_in_is_taken() {
        let principal =
            [("AZURE_TENANT_ID", "t"), ("AZURE_CLIENT_ID", "c"), ("AZURE_CLIENT_SECRET", "hidden")];
        let found = settings(&principal.into()).unwrap().credentials;
        assert!(matches!(found, AzureCredentials::ClientSecret { .. }), "{found:?}");
        let [tenant, client, secret] = principal;
        let all =
            [tenant, client, secret, ("AZURE_STORAGE_SAS_TOKEN", "sig=1"), ("AZURE_STORAGE_KEY", "a2V5")];
        assert_eq!(
            settings(&all.into()).unwrap().credentials,
            AzureCredentials::AccountKey(Secret::new("a2V5"))
        );
        let [.., sas, _] = all;
        assert_eq!(settings(&[sas].into()).unwrap().credentials, AzureCredentials::Sas(Secret::new("sig=1")));
    }

    #[test]
    fn what_is_missing_is_named() {
        assert!(matches!(settings(&Environment::default()), Err(AzureError::NoCredentials)));
        let part = settings(&[("AZURE_CLIENT_ID", "c"), ("AZURE_CLIENT_SECRET", "hidden")].into());
        let said = part.unwrap_err().to_string();
        assert!(said.contains("AZURE_TENANT_ID is not set") && !said.contains("hidden"), "{said}");
    }
}
