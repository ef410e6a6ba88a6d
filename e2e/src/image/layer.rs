//! Layers: tar files that depend on nothing but their content.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::Command;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::Error;
use crate::cluster::{Cache, command};

/// One layer of an image.
#[derive(Debug, Clone)]
pub(super) struct Layer {
    pub tar: PathBuf,
    pub fact: Fact,
}

/// What an image's manifest says of a layer.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Fact {
    /// In hexadecimal.
    pub sha256: String,
    /// In bytes.
    pub size: u64,
}

impl Layer {
    /// The layer that `fill` makes, kept in the cache under a digest of `definition`: all that its content depends on.
    pub fn keep(
        cache: &Cache,
        name: &str,
        definition: &str,
        fill: impl FnOnce(&Path) -> Result<(), Error>,
    ) -> Result<Self, Error> {
        let digest = data_encoding::HEXLOWER.encode(&Sha256::digest(definition)[..6]);
        let place = cache.keep("layers", &format!("{name}-{digest}"), |place| {
            let root = place.join("root");
            fs::create_dir(&root).map_err(Error::file("create", &root))?;
            fill(&root)?;
            let layer = Self::pack(&root, place.join("layer.tar"))?;
            fs::remove_dir_all(&root).map_err(Error::file("remove", &root))?;
            let (path, fact) = (place.join("layer.json"), serde_json::to_vec(&layer.fact));
            let fact = fact.map_err(io::Error::from).map_err(Error::file("encode", &path))?;
            fs::write(&path, fact).map_err(Error::file("write", &path))
        })?;
        let path = place.join("layer.json");
        let content = fs::read(&path).map_err(Error::file("read", &path))?;
        let fact = serde_json::from_slice(&content)
            .map_err(io::Error::from)
            .map_err(Error::file("decode", &path))?;
        Ok(Self { tar: place.join("layer.tar"), fact })
    }

    /// Unpacks the layer into the directory `into`, which is made.
    pub fn unpack(&self, into: &Path) -> Result<(), Error> {
        fs::create_dir_all(into).map_err(Error::file("create", into))?;
        let mut command = Command::new("tar");
        command.arg("--extract").arg("--file").arg(&self.tar).arg("--directory").arg(into);
        command::run(&mut command).map_err(Error::command("unpack a layer"))?;
        Ok(())
    }

    /// Packs the directory `root`. The order, the times and the names of users do not depend on this machine.
    pub fn pack(root: &Path, tar: PathBuf) -> Result<Self, Error> {
        let mut command = Command::new("tar");
        command.args(["--create", "--sort=name", "--mtime=@0", "--numeric-owner", "--format=gnu"]);
        command.arg("--file").arg(&tar).arg("--directory").arg(root).arg(".");
        command::run(&mut command).map_err(Error::command("pack a layer"))?;
        let fact = Fact { sha256: digest(&tar)?, size: size(&tar)? };
        Ok(Self { tar, fact })
    }
}

fn digest(path: &Path) -> Result<String, Error> {
    let mut file = File::open(path).map_err(Error::file("open", path))?;
    let mut hash = HashWriter(Sha256::new());
    io::copy(&mut file, &mut hash).map_err(Error::file("read", path))?;
    Ok(data_encoding::HEXLOWER.encode(&hash.0.finalize()))
}

fn size(path: &Path) -> Result<u64, Error> {
    fs::metadata(path).map(|metadata| metadata.len()).map_err(Error::file("look at", path))
}

struct HashWriter(Sha256);

impl Write for HashWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_files_make_the_same_layer() {
        let scratch = tempfile::tempdir().unwrap();
        let digests: Vec<String> = ["one", "two"]
            .map(|name| {
                let root = scratch.path().join(name);
                fs::create_dir(&root).unwrap();
                fs::write(root.join("file"), "content").unwrap();
                Layer::pack(&root, scratch.path().join(format!("{name}.tar"))).unwrap().fact.sha256
            })
            .into();
        assert_eq!(digests[0], digests[1]);
    }

    #[test]
    fn another_definition_makes_another_layer() {
        let scratch = tempfile::tempdir().unwrap();
        let cache = Cache::at(scratch.path());
        let layer = |definition: &'static str| {
            Layer::keep(&cache, "test", definition, |root| {
                fs::write(root.join("file"), definition).map_err(Error::file("write", root))
            })
            .unwrap()
        };
        let (first, again, other) = (layer("a"), layer("a"), layer("b"));
        assert_eq!(first.tar, again.tar);
        assert_ne!(first.fact.sha256, other.fact.sha256);
    }
}
