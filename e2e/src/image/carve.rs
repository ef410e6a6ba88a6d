//! Carves a small file system out of a large one: what a recipe names, and the libraries that its programs need.

use std::collections::BTreeSet;
use std::fs;
use std::io::Read;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Component, Path, PathBuf};
use std::process::Command;

use super::Error;
use crate::cluster::command;

/// Copies `wanted`, files or directories relative to both roots, with all libraries; `left_out` says which paths below
/// them are not wanted.
pub(super) fn carve(
    from: &Path,
    into: &Path,
    wanted: &[String],
    left_out: fn(&Path) -> bool,
) -> Result<(), Error> {
    merge_usr(into)?;
    let mut programs = Vec::new();
    for path in wanted {
        copy(from, into, Path::new(path), left_out, &mut programs)?;
    }
    let loader = loader(from)?;
    let mut libraries = BTreeSet::from([loader.clone()]);
    for program in &programs {
        libraries.extend(needed(from, &loader, program)?);
    }
    for library in libraries {
        let path = canonical(&library);
        if !into.join(&path).exists() {
            copy_file(&from.join(&path), &into.join(&path))?;
        }
    }
    Ok(())
}

/// Copies the file or directory `path`, relative to both roots, with nothing besides: it holds no programs.
pub(super) fn copy_tree(from: &Path, into: &Path, path: &str) -> Result<(), Error> {
    copy(from, into, Path::new(path), |_| false, &mut Vec::new())
}

/// Writes a file of the image.
pub(super) fn write(into: &Path, path: &str, content: &[u8], mode: u32) -> Result<(), Error> {
    let place = into.join(path);
    create_parent(&place)?;
    fs::write(&place, content).map_err(Error::file("write", &place))?;
    fs::set_permissions(&place, fs::Permissions::from_mode(mode))
        .map_err(Error::file("set the mode of", &place))
}

/// Makes a directory of the image.
pub(super) fn directory(into: &Path, path: &str, owner: u32, mode: u32) -> Result<(), Error> {
    let place = into.join(path);
    fs::create_dir_all(&place).map_err(Error::file("create", &place))?;
    std::os::unix::fs::chown(&place, Some(owner), Some(owner)).map_err(Error::file("give away", &place))?;
    fs::set_permissions(&place, fs::Permissions::from_mode(mode))
        .map_err(Error::file("set the mode of", &place))
}

/// One place for programs and libraries, as in Debian.
fn merge_usr(into: &Path) -> Result<(), Error> {
    for name in ["bin", "lib", "lib64", "sbin"] {
        let real = into.join("usr").join(name);
        fs::create_dir_all(&real).map_err(Error::file("create", &real))?;
        let link = into.join(name);
        symlink(format!("usr/{name}"), &link).map_err(Error::file("link", &link))?;
    }
    Ok(())
}

fn copy(
    from: &Path,
    into: &Path,
    path: &Path,
    left_out: fn(&Path) -> bool,
    programs: &mut Vec<PathBuf>,
) -> Result<(), Error> {
    if left_out(path) {
        return Ok(());
    }
    let (source, target) = (from.join(path), into.join(path));
    let kind = match fs::symlink_metadata(&source) {
        Ok(metadata) => metadata.file_type(),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return Err(Error::Absent { path: path.to_owned() });
        }
        Err(error) => return Err(Error::file("look at", &source)(error)),
    };
    if kind.is_dir() {
        fs::create_dir_all(&target).map_err(Error::file("create", &target))?;
        for entry in fs::read_dir(&source).map_err(Error::file("list", &source))? {
            let name = entry.map_err(Error::file("list", &source))?.file_name();
            copy(from, into, &path.join(name), left_out, programs)?;
        }
        return Ok(());
    }
    if kind.is_symlink() {
        create_parent(&target)?;
        let leads_to = fs::read_link(&source).map_err(Error::file("read the link", &source))?;
        return symlink(leads_to, &target).map_err(Error::file("link", &target));
    }
    copy_file(&source, &target)?;
    if is_program(&target)? {
        programs.push(path.to_owned());
    }
    Ok(())
}

fn copy_file(source: &Path, target: &Path) -> Result<(), Error> {
    create_parent(target)?;
    fs::copy(source, target).map(drop).map_err(Error::file("copy", source))
}

fn create_parent(path: &Path) -> Result<(), Error> {
    let parent = path.parent().unwrap_or(path);
    fs::create_dir_all(parent).map_err(Error::file("create", parent))
}

fn is_program(path: &Path) -> Result<bool, Error> {
    let mut magic = [0; 4];
    let mut file = fs::File::open(path).map_err(Error::file("open", path))?;
    match file.read_exact(&mut magic) {
        Ok(()) => Ok(&magic == b"\x7fELF"),
        Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => Ok(false),
        Err(error) => Err(Error::file("read", path)(error)),
    }
}

/// The program that loads all others, as an absolute path in the image.
fn loader(from: &Path) -> Result<PathBuf, Error> {
    for place in ["usr/lib64", "usr/lib"] {
        let Ok(entries) = fs::read_dir(from.join(place)) else { continue };
        let mut names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
        if let Some(name) = names.find(|name| name.starts_with("ld-linux-")) {
            return Ok(Path::new("/").join(place).join(name));
        }
    }
    Err(Error::Absent { path: PathBuf::from("usr/lib64/ld-linux-*") })
}

/// Asks the loader of the large file system, inside of it, what it would load.
fn needed(from: &Path, loader: &Path, program: &Path) -> Result<Vec<PathBuf>, Error> {
    let mut command = Command::new("chroot");
    command.arg(from).arg(loader).arg("--list").arg(Path::new("/").join(program));
    let listed = command::run(&mut command).map_err(Error::command("list a program's libraries"))?;
    if let Some(missing) = listed.lines().find(|line| line.contains("not found")) {
        return Err(Error::Library { program: program.to_owned(), missing: missing.trim().to_owned() });
    }
    // "libz.so.1 => /lib/x86_64-linux-gnu/libz.so.1 (0x…)"; the loader and the kernel's own page have no arrow.
    let libraries = listed.lines().filter_map(|line| line.split_once("=> ")?.1.split_whitespace().next());
    Ok(libraries.map(PathBuf::from).collect())
}

/// The path below the root at which a library really is: `/lib` and `/lib64` are links into `/usr`.
fn canonical(absolute: &Path) -> PathBuf {
    let relative: PathBuf =
        absolute.components().filter(|part| !matches!(part, Component::RootDir)).collect();
    if relative.starts_with("usr") { relative } else { Path::new("usr").join(relative) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_library_is_kept_under_usr_whatever_name_the_loader_uses() {
        let kept = Path::new("usr/lib/x/libz.so.1");
        assert_eq!(canonical(Path::new("/lib/x/libz.so.1")), kept);
        assert_eq!(canonical(Path::new("/usr/lib/x/libz.so.1")), kept);
    }

    #[test]
    fn a_file_that_no_package_brought_is_named() {
        let (from, into) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let wanted = ["usr/bin/gone".to_owned()];
        let error = carve(from.path(), into.path(), &wanted, |_| false).unwrap_err();
        assert_eq!(error.to_string(), "failed to find usr/bin/gone among the packages' files");
    }
}
