//! The images that the cluster, the stories and users run.

use std::fs;
use std::path::Path;

use super::carve::{self, carve};
use super::layer::Layer;
use super::oci::{Settings, image};
use super::{Error, Image, packages};
use crate::cluster::{Azurite, Cache, Tools};

/// Part of every layer's definition: raise it when the code that fills layers changes what it makes.
const EDITION: u32 = 1;

/// The user of Coffer's processes; the chart names the same.
const COFFER_USER: u32 = 65532;
/// The user of the PostgreSQL servers.
const POSTGRES_USER: u32 = 999;

/// The PostgreSQL versions whose pg_dump is in Coffer's image, one for each range of servers it has to serve.
const CLIENTS: [u8; 3] = [15, 17, 18];

/// Debian's archive of certificate authorities, one file each.
const AUTHORITIES: &str = "usr/share/ca-certificates/mozilla";

/// Coffer itself: the binary at `binary` over the clients that it runs. Nothing else is in it, no shell either.
///
/// # Errors
/// What fails while packages are unpacked or files written.
pub fn coffer(cache: &Cache, binary: &Path) -> Result<Image, Error> {
    let clients = coffer_clients(cache)?;
    let settings = Settings {
        name: "coffer",
        tag: None,
        title: "Coffer",
        user: "65532:65532",
        entrypoint: &["/usr/bin/coffer"],
        command: &[],
        environment: &[],
        directory: "/",
    };
    cache.scratch("coffer", |scratch| {
        let root = scratch.join("root");
        let content = fs::read(binary).map_err(Error::file("read", binary))?;
        carve::write(&root, "usr/bin/coffer", &content, 0o755)?;
        let program = Layer::pack(&root, scratch.join("layer.tar"))?;
        image(cache, &settings, &[&clients, &program])
    })
}

/// A PostgreSQL server that runs as any pod of the restricted profile does: not as root, on a read-only root, with
/// volumes at `/var/lib/postgresql` and `/tmp`. What its entrypoint takes is told in `postgres-entrypoint.sh`.
///
/// # Errors
/// [`Error::NoServer`], and what fails while packages are unpacked or files written.
pub fn postgres(cache: &Cache, major: u8) -> Result<Image, Error> {
    const ENTRYPOINT: &str = include_str!("postgres-entrypoint.sh");
    let suite = match major {
        15 => "bookworm",
        17 => "trixie",
        18 => "forky",
        other => return Err(Error::NoServer(other)),
    };
    let definition = format!("{EDITION} {major} {suite} {ENTRYPOINT}");
    let server = Layer::keep(cache, &format!("postgres-{major}"), &definition, |root| {
        eprintln!("unpacking PostgreSQL {major} for its image");
        let all = root.with_file_name("packages");
        packages::unpack(&[suite], &[&format!("postgresql-{major}"), "busybox-static", "tzdata"], &all)?;
        let wanted = [
            format!("usr/lib/postgresql/{major}"),
            format!("usr/share/postgresql/{major}"),
            "usr/lib/locale/C.utf8".to_owned(),
            "usr/share/zoneinfo".to_owned(),
        ];
        carve(&all, root, &wanted, is_not_for_servers)?;
        add_busybox(&all, root)?;
        fs::remove_dir_all(&all).map_err(Error::file("remove", &all))?;
        add_shell(root)?;
        add_accounts(root, "postgres", POSTGRES_USER)?;
        carve::directory(root, "var/lib/postgresql", POSTGRES_USER, 0o700)?;
        carve::write(root, "usr/bin/start-postgres", ENTRYPOINT.as_bytes(), 0o755)
    })?;
    let environment = [
        format!("PATH=/usr/lib/postgresql/{major}/bin:/usr/bin"),
        "PGDATA=/var/lib/postgresql/data".to_owned(),
        "PGHOST=/tmp".to_owned(),
        "PGUSER=postgres".to_owned(),
    ];
    let settings = Settings {
        name: "postgres",
        tag: Some(&major.to_string()),
        title: "PostgreSQL for Coffer's tests",
        user: "999:999",
        entrypoint: &["/usr/bin/start-postgres"],
        command: &[],
        environment: &environment,
        directory: "/",
    };
    image(cache, &settings, &[&server])
}

/// A server that speaks S3 on top of a directory, for tests.
///
/// # Errors
/// What fails while files are written.
pub fn versitygw(cache: &Cache, tools: &Tools) -> Result<Image, Error> {
    go_server(cache, "versitygw", "/usr/bin/versitygw", &tools.versitygw())
}

/// A server that speaks Google Cloud Storage's protocol, for tests.
///
/// # Errors
/// What fails while files are written.
pub fn fake_gcs_server(cache: &Cache, tools: &Tools) -> Result<Image, Error> {
    go_server(cache, "fake-gcs-server", "/usr/bin/fake-gcs-server", &tools.fake_gcs_server())
}

/// A server that speaks Azure Blob Storage's protocol, over the Node that runs it, for tests.
///
/// # Errors
/// What fails while packages are unpacked or files written.
pub fn azurite(cache: &Cache, azurite: &Azurite) -> Result<Image, Error> {
    const SUITE: &str = "trixie";
    const DIRECTORY: &str = "usr/lib/azurite";
    let definition = format!("{EDITION} {SUITE} {}", azurite.place().display());
    let layer = Layer::keep(cache, "azurite", &definition, |root| {
        eprintln!("unpacking Node for Azurite's image");
        let all = root.with_file_name("packages");
        packages::unpack(&[SUITE], &["nodejs"], &all)?;
        // Debian's Node reads some of its own modules from there.
        let wanted = ["usr/bin/node".to_owned(), "usr/share/nodejs".to_owned()];
        carve(&all, root, &wanted, |_| false)?;
        fs::remove_dir_all(&all).map_err(Error::file("remove", &all))?;
        carve::copy_tree(azurite.place(), &root.join(DIRECTORY), "node_modules")?;
        add_accounts(root, "azurite", COFFER_USER)?;
        carve::directory(root, "tmp", 0, 0o1777)
    })?;
    let settings = Settings {
        name: "azurite",
        tag: Some("1"),
        title: "Azurite for Coffer's tests",
        user: "65532:65532",
        entrypoint: &["/usr/bin/node", &format!("/{DIRECTORY}/{}", Azurite::PROGRAM)],
        command: &[],
        environment: &[],
        directory: "/tmp",
    };
    image(cache, &settings, &[&layer])
}

/// A shell and the usual small programs, for pods that help a test.
///
/// # Errors
/// What fails while packages are unpacked or files written.
pub fn busybox(cache: &Cache) -> Result<Image, Error> {
    let settings = Settings {
        name: "busybox",
        tag: Some("1"),
        title: "Small programs for Coffer's tests",
        user: "65532:65532",
        entrypoint: &[],
        command: &["sh"],
        environment: &[],
        directory: "/",
    };
    image(cache, &settings, &[&small_programs(cache)?])
}

/// What holds the namespaces of a pod: it only sleeps.
///
/// # Errors
/// What fails while packages are unpacked or files written.
pub fn pause(cache: &Cache) -> Result<Image, Error> {
    let settings = Settings {
        name: "pause",
        tag: Some("1"),
        title: "The sandbox of pods in Coffer's test clusters",
        user: "65532:65532",
        entrypoint: &["/usr/bin/busybox", "sleep", "2147483647"],
        command: &[],
        environment: &[],
        directory: "/",
    };
    image(cache, &settings, &[&small_programs(cache)?])
}

/// Puts the clients of Coffer's image into the directory `into`, with the libraries and the loader that they need.
///
/// # Errors
/// What fails while packages are unpacked or files written.
pub fn unpack_clients(cache: &Cache, into: &Path) -> Result<(), Error> {
    coffer_clients(cache)?.unpack(into)
}

/// A Go program needs nothing but itself. `program` is where the image has it.
fn go_server(cache: &Cache, name: &str, program: &str, tool: &Path) -> Result<Image, Error> {
    // The tool's directory is named by its version and a digest of all that it is built from.
    let definition = format!("{EDITION} {}", tool.display());
    let layer = Layer::keep(cache, name, &definition, |root| {
        let content = fs::read(tool).map_err(Error::file("read", tool))?;
        carve::write(root, program.trim_start_matches('/'), &content, 0o755)?;
        add_accounts(root, name, COFFER_USER)?;
        carve::directory(root, "tmp", 0, 0o1777)
    })?;
    let settings = Settings {
        name,
        tag: Some("1"),
        title: &format!("{name} for Coffer's tests"),
        user: "65532:65532",
        entrypoint: &[program],
        command: &[],
        environment: &[],
        directory: "/",
    };
    image(cache, &settings, &[&layer])
}

/// The clients, out of the oldest suites that have them; what they share is the newest suite's.
fn coffer_clients(cache: &Cache) -> Result<Layer, Error> {
    const SUITES: [&str; 3] = ["forky", "trixie", "bookworm"];
    // What every Rust program for this platform unwinds its stack with; pg_dump does without.
    let unwinder = format!("usr/lib/{}-linux-gnu/libgcc_s.so.1", std::env::consts::ARCH);
    let definition = format!("{EDITION} {SUITES:?} {CLIENTS:?} {unwinder} {COFFER_USER}");
    Layer::keep(cache, "coffer", &definition, |root| {
        eprintln!("unpacking the PostgreSQL clients {CLIENTS:?} for Coffer's image");
        let all = root.with_file_name("packages");
        let clients = CLIENTS.map(|major| format!("postgresql-client-{major}"));
        let names: Vec<&str> = clients.iter().map(String::as_str).chain(["ca-certificates"]).collect();
        packages::unpack(&SUITES, &names, &all)?;
        let programs = CLIENTS.map(|major| format!("usr/lib/postgresql/{major}/bin/pg_dump"));
        let wanted: Vec<String> = programs.into_iter().chain([unwinder]).collect();
        carve(&all, root, &wanted, |_| false)?;
        carve::write(root, "etc/ssl/certs/ca-certificates.crt", &authorities(&all)?, 0o644)?;
        fs::remove_dir_all(&all).map_err(Error::file("remove", &all))?;
        add_accounts(root, "coffer", COFFER_USER)?;
        carve::directory(root, "tmp", 0, 0o1777)
    })
}

fn small_programs(cache: &Cache) -> Result<Layer, Error> {
    Layer::keep(cache, "busybox", &format!("{EDITION} busybox"), |root| {
        let all = root.with_file_name("packages");
        packages::unpack(&["bookworm"], &["busybox-static"], &all)?;
        for name in ["usr/bin", "usr/sbin"] {
            carve::directory(root, name, 0, 0o755)?;
        }
        add_busybox(&all, root)?;
        fs::remove_dir_all(&all).map_err(Error::file("remove", &all))?;
        std::os::unix::fs::symlink("usr/bin", root.join("bin"))
            .map_err(Error::file("link", &root.join("bin")))?;
        add_shell(root)?;
        add_accounts(root, "helper", COFFER_USER)
    })
}

/// It is linked statically: the loader must not be asked for its libraries.
fn add_busybox(packages: &Path, root: &Path) -> Result<(), Error> {
    let program = packages.join("bin/busybox");
    let content = fs::read(&program).map_err(Error::file("read", &program))?;
    carve::write(root, "usr/bin/busybox", &content, 0o755)
}

/// All of busybox's programs by their names.
fn add_shell(root: &Path) -> Result<(), Error> {
    let mut busybox = std::process::Command::new(root.join("usr/bin/busybox"));
    let names = crate::cluster::command::run(busybox.arg("--list"))
        .map_err(Error::command("list busybox's programs"))?;
    for name in names.lines().filter(|name| *name != "busybox") {
        let link = root.join("usr/bin").join(name);
        std::os::unix::fs::symlink("busybox", &link).map_err(Error::file("link", &link))?;
    }
    carve::directory(root, "tmp", 0, 0o1777)
}

/// Programs look up the name of the user that they run as, and where to resolve names.
fn add_accounts(root: &Path, name: &str, id: u32) -> Result<(), Error> {
    let users = format!("root:x:0:0:root:/:/nonexistent\n{name}:x:{id}:{id}:{name}:/tmp:/nonexistent\n");
    carve::write(root, "etc/passwd", users.as_bytes(), 0o644)?;
    carve::write(root, "etc/group", format!("root:x:0:\n{name}:x:{id}:\n").as_bytes(), 0o644)?;
    carve::write(root, "etc/nsswitch.conf", b"passwd: files\ngroup: files\nhosts: files dns\n", 0o644)
}

/// One file of all authorities, where OpenSSL and rustls look for it.
fn authorities(all: &Path) -> Result<Vec<u8>, Error> {
    let directory = all.join(AUTHORITIES);
    let entries = fs::read_dir(&directory).map_err(Error::file("list", &directory))?;
    let mut paths = entries
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<Vec<_>, _>>()
        .map_err(Error::file("list", &directory))?;
    paths.sort();
    let mut bundle = Vec::new();
    for path in paths {
        bundle.extend(fs::read(&path).map_err(Error::file("read", &path))?);
    }
    Ok(bundle)
}

/// The just-in-time compiler with its 150 MB of LLVM, and manuals.
fn is_not_for_servers(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    name.starts_with("llvmjit") || matches!(name, "bitcode" | "pgxs" | "man") && path.components().count() > 4
}
