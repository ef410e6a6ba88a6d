//! What signs S3 requests and where they go: the AWS tools' environment variables first, then their files.

use std::path::{Path, PathBuf};
use std::{fs, io};

use contract::{S3Credentials, Secret};

use super::environment::{Environment, read_if_present};
use super::ini;

/// Where requests go when nothing names a region; stores of one's own take any.
const DEFAULT_REGION: &str = "us-east-1";

/// What the environment says about S3.
#[derive(Debug)]
pub struct Settings {
    pub credentials: S3Credentials,
    pub region: String,
    pub endpoint: Option<String>,
    /// PEM bundle.
    pub ca: Option<String>,
}

/// What the environment does not say, or says in a file that cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum AwsError {
    #[error(
        "no S3 credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE and a credentials file"
    )]
    NoCredentials,
    #[error("AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY go together: {missing} is not set")]
    HalfCredentials { missing: &'static str },
    #[error("the profile `{profile}` is in none of the AWS tools' files")]
    NoProfile { profile: String },
    #[error("failed to read {path}: {source}")]
    Read { path: PathBuf, source: io::Error },
}

/// Credentials, region, endpoint and authority as the AWS tools would find them, except that no network is asked.
///
/// # Errors
/// Any [`AwsError`].
pub fn settings(environment: &Environment) -> Result<Settings, AwsError> {
    let profile = Profile::load(environment)?;
    let first = |variables: &[&str], setting: &str| -> Option<String> {
        let variable = variables.iter().find_map(|name| environment.get(name)).map(str::to_owned);
        variable.or_else(|| profile.get(setting))
    };
    Ok(Settings {
        credentials: credentials(environment, &profile)?,
        region: first(&["AWS_REGION", "AWS_DEFAULT_REGION"], "region")
            .unwrap_or_else(|| DEFAULT_REGION.into()),
        endpoint: first(&["AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"], "endpoint_url"),
        ca: first(&["AWS_CA_BUNDLE"], "ca_bundle").map(|path| read(Path::new(&path))).transpose()?,
    })
}

fn credentials(environment: &Environment, profile: &Profile) -> Result<S3Credentials, AwsError> {
    let own = |name| environment.get(name).map(str::to_owned);
    let (id, key, token) = match (own("AWS_ACCESS_KEY_ID"), own("AWS_SECRET_ACCESS_KEY")) {
        (Some(id), Some(key)) => (id, key, own("AWS_SESSION_TOKEN")),
        (Some(_), None) => return Err(AwsError::HalfCredentials { missing: "AWS_SECRET_ACCESS_KEY" }),
        (None, Some(_)) => return Err(AwsError::HalfCredentials { missing: "AWS_ACCESS_KEY_ID" }),
        (None, None) => match (profile.get("aws_access_key_id"), profile.get("aws_secret_access_key")) {
            (Some(id), Some(key)) => (id, key, profile.get("aws_session_token")),
            (None, _) | (_, None) => return Err(AwsError::NoCredentials),
        },
    };
    Ok(S3Credentials {
        access_key_id: id,
        secret_access_key: Secret::new(key),
        session_token: token.map(Secret::new),
    })
}

/// One profile of the two files, the credentials file before the other.
struct Profile {
    entries: Vec<(String, String)>,
}

impl Profile {
    fn load(environment: &Environment) -> Result<Self, AwsError> {
        let name = environment.get("AWS_PROFILE").unwrap_or("default");
        let file = |variable, usual| -> Result<String, AwsError> {
            let path = environment.get(variable).map(PathBuf::from).or_else(|| environment.in_home(usual));
            let Some(path) = path else { return Ok(String::new()) };
            let text = read_if_present(&path).map_err(|source| AwsError::Read { path, source })?;
            Ok(text.unwrap_or_default())
        };
        let credentials = file("AWS_SHARED_CREDENTIALS_FILE", ".aws/credentials")?;
        let config = file("AWS_CONFIG_FILE", ".aws/config")?;
        // The second file writes `[profile NAME]`, save for the default one.
        let title = if name == "default" { name.to_owned() } else { format!("profile {name}") };
        let sections = [ini::section(&credentials, name), ini::section(&config, &title)];
        if environment.get("AWS_PROFILE").is_some() && sections.iter().all(Option::is_none) {
            return Err(AwsError::NoProfile { profile: name.to_owned() });
        }
        let own = |(key, value): (&str, &str)| (key.to_owned(), value.to_owned());
        Ok(Self { entries: sections.into_iter().flatten().flatten().map(own).collect() })
    }

    fn get(&self, key: &str) -> Option<String> {
        self.entries.iter().find(|(name, _)| name == key).map(|(_, value)| value.clone())
    }
}

fn read(path: &Path) -> Result<String, AwsError> {
    fs::read_to_string(path).map_err(|source| AwsError::Read { path: path.to_owned(), source })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn home() -> tempfile::TempDir {
        let home = tempfile::tempdir().unwrap();
        fs::create_dir(home.path().join(".aws")).unwrap();
        fs::write(
            home.path().join(".aws/credentials"),
            "[default]\naws_access_key_id = file-id\naws_secret_access_key = file-key\n\
             [work]\naws_access_key_id=work-id\naws_secret_access_key=work-key\naws_session_token=work-token\n",
        )
        .unwrap();
        fs::write(home.path().join(".aws/config"), "[profile work]\nregion = eu-west-3\n").unwrap();
        home
    }

    #[test]
    fn variables_win_over_files_as_a_pair() {
        let home = home();
        let path = home.path().to_str().unwrap();
        let from_files = settings(&[("HOME", path)].into()).unwrap();
        assert_eq!(from_files.credentials.access_key_id, "file-id");
        let from_variables =
            settings(&[("HOME", path), ("AWS_ACCESS_KEY_ID", "id"), ("AWS_SECRET_ACCESS_KEY", "key")].into())
                .unwrap();
        assert_eq!(from_variables.credentials.access_key_id, "id");
        assert_eq!(from_variables.credentials.secret_access_key.reveal(), "key");
        let half = settings(&[("HOME", path), ("AWS_ACCESS_KEY_ID", "id")].into()).unwrap_err();
        assert!(half.to_string().contains("AWS_SECRET_ACCESS_KEY is not set"), "{half}");
    }

    #[test]
    fn a_profile_brings_its_token_and_its_region() {
        let home = home();
        let path = home.path().to_str().unwrap();
        let settings = settings(&[("HOME", path), ("AWS_PROFILE", "work")].into()).unwrap();
        assert_eq!(settings.credentials.access_key_id, "work-id");
        assert_eq!(settings.credentials.session_token, Some(Secret::new("work-token")));
        assert_eq!(settings.region, "eu-west-3");
    }

    #[test]
    fn nothing_at_all_and_an_unknown_profile_say_what_to_set() {
        let nothing = settings(&Environment::default()).unwrap_err();
        assert!(matches!(nothing, AwsError::NoCredentials), "{nothing}");
        let unknown = settings(&[("AWS_PROFILE", "nobody")].into()).unwrap_err();
        assert!(unknown.to_string().contains("`nobody`"), "{unknown}");
    }
}
