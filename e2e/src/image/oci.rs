//! Writes an image as an OCI archive: a tar of blobs, of which each has its digest as name, and an index.

use std::fs;
use std::io;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::layer::{Fact, Layer};
use super::{Error, Image};
use crate::cluster::{Cache, command};

/// How many archives named by their content are kept: each new build of a binary makes one, and a run may still load an
/// older.
const KEPT: usize = 4;

/// What an image is besides its layers.
pub(super) struct Settings<'a> {
    /// The last part of the image's name.
    pub name: &'a str,
    /// `None`: the first digits of the image's own digest, so that the name changes with the content.
    pub tag: Option<&'a str>,
    pub title: &'a str,
    pub user: &'a str,
    pub entrypoint: &'a [&'a str],
    pub command: &'a [&'a str],
    pub environment: &'a [String],
    pub directory: &'a str,
}

/// The image of these layers, the lowest first.
pub(super) fn image(cache: &Cache, settings: &Settings<'_>, layers: &[&Layer]) -> Result<Image, Error> {
    let config = encode(&config(settings, layers));
    let digest = sha256(&config);
    let tag = settings.tag.unwrap_or(&digest[..12]);
    let reference = format!("coffer.local/{}:{tag}", settings.name);
    let place = cache.keep("images", &format!("{}-{}", settings.name, &digest[..12]), |place| {
        write(place, &reference, &config, layers)
    })?;
    if settings.tag.is_none() {
        prune(cache, settings.name, &place)?;
    }
    Ok(Image { reference, archive: place.join("image.tar") })
}

fn write(place: &Path, reference: &str, config: &[u8], layers: &[&Layer]) -> Result<(), Error> {
    let root = place.join("oci");
    let blobs = root.join("blobs/sha256");
    fs::create_dir_all(&blobs).map_err(Error::file("create", &blobs))?;
    let blob = |content: &[u8]| -> Result<Fact, Error> {
        let fact = Fact { sha256: sha256(content), size: content.len() as u64 };
        let path = blobs.join(&fact.sha256);
        fs::write(&path, content).map_err(Error::file("write", &path))?;
        Ok(fact)
    };
    for layer in layers {
        let path = blobs.join(&layer.fact.sha256);
        fs::hard_link(&layer.tar, &path).map_err(Error::file("link", &path))?;
    }
    let manifest = json!({
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": descriptor("application/vnd.oci.image.config.v1+json", &blob(config)?),
        "layers": layers.iter().map(|layer| descriptor("application/vnd.oci.image.layer.v1.tar", &layer.fact)).collect::<Vec<_>>(),
    });
    let mut entry = descriptor("application/vnd.oci.image.manifest.v1+json", &blob(&encode(&manifest))?);
    let tag = reference.rsplit(':').next().unwrap_or_default();
    entry["annotations"] =
        json!({"io.containerd.image.name": reference, "org.opencontainers.image.ref.name": tag});
    let index = json!({"schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json", "manifests": [entry]});
    for (name, content) in [("index.json", index), ("oci-layout", json!({"imageLayoutVersion": "1.0.0"}))] {
        let path = root.join(name);
        fs::write(&path, encode(&content)).map_err(Error::file("write", &path))?;
    }
    let mut tar = Command::new("tar");
    tar.args(["--create", "--sort=name", "--file"])
        .arg(place.join("image.tar"))
        .arg("--directory")
        .arg(&root);
    tar.args(["blobs", "index.json", "oci-layout"]);
    command::run(&mut tar).map_err(Error::command("pack an image"))?;
    fs::remove_dir_all(&root).map_err(Error::file("remove", &root))
}

fn config(settings: &Settings<'_>, layers: &[&Layer]) -> Value {
    let architecture = match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    };
    let mut environment = vec!["PATH=/usr/local/bin:/usr/bin:/bin".to_owned()];
    environment.extend_from_slice(settings.environment);
    json!({
        "architecture": architecture,
        "os": "linux",
        "config": {
            "User": settings.user,
            "Env": environment,
            "Entrypoint": settings.entrypoint,
            "Cmd": settings.command,
            "WorkingDir": settings.directory,
            "Labels": {
                "org.opencontainers.image.title": settings.title,
                "org.opencontainers.image.version": env!("CARGO_PKG_VERSION"),
                "org.opencontainers.image.licenses": env!("CARGO_PKG_LICENSE"),
                "org.opencontainers.image.vendor": "Coffer",
            },
        },
        "rootfs": {
            "type": "layers",
            "diff_ids": layers.iter().map(|layer| format!("sha256:{}", layer.fact.sha256)).collect::<Vec<_>>(),
        },
    })
}

fn descriptor(media_type: &str, fact: &Fact) -> Value {
    json!({"mediaType": media_type, "digest": format!("sha256:{}", fact.sha256), "size": fact.size})
}

fn encode(value: &Value) -> Vec<u8> {
    value.to_string().into_bytes()
}

fn sha256(content: &[u8]) -> String {
    data_encoding::HEXLOWER.encode(&Sha256::digest(content))
}

/// Removes the oldest archives of `name` but the newest few, and never `current`.
fn prune(cache: &Cache, name: &str, current: &Path) -> Result<(), Error> {
    let images = cache.path("images");
    let mut found = Vec::new();
    for entry in fs::read_dir(&images).map_err(Error::file("list", &images))? {
        let path = entry.map_err(Error::file("list", &images))?.path();
        let of_name = path
            .file_name()
            .and_then(|file| file.to_str()?.rsplit_once('-'))
            .is_some_and(|(head, _)| head == name);
        // Another run may have removed it since it was listed.
        if let Some(made) =
            fs::metadata(&path).ok().and_then(|metadata| metadata.modified().ok()).filter(|_| of_name)
        {
            found.push((made, path));
        }
    }
    found.sort();
    let surplus = found.len().saturating_sub(KEPT);
    for (_, path) in found.into_iter().take(surplus).filter(|(_, path)| path != current) {
        match fs::remove_dir_all(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(Error::file("remove", &path)(error));
            }
            Ok(()) | Err(_) => {}
        }
    }
    Ok(())
}
