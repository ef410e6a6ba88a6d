//! Boots, fills and stops scratch clusters by hand. See `docs/cluster.md`.

#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "this program talks to the person at the terminal"
)]

use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use clap::{Parser, Subcommand};
use e2e::cluster::{Azurite, Cache, Cluster, Tools};
use e2e::image::{self, Image};
use e2e::world::prepare::Program;

#[derive(Parser)]
#[command(about = "Scratch clusters for working on Coffer")]
struct Arguments {
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand)]
enum Action {
    /// Install and build what clusters need
    Tools,
    /// Boot a cluster; one of the same name is replaced
    Up(Name),
    /// Stop a cluster and remove every trace of it
    Down(Name),
    /// Build Coffer's image as it is shipped, and print where its OCI archive is
    Image,
    /// Build images and load them into a cluster
    Images(Images),
}

#[derive(clap::Args)]
struct Images {
    #[command(flatten)]
    name: Name,
    /// The binary for the image coffer.local/coffer
    #[arg(long)]
    coffer: Option<PathBuf>,
    /// PostgreSQL servers to load: 15, 17 or 18
    #[arg(long, value_delimiter = ',')]
    postgres: Vec<u8>,
    /// Load the S3 server
    #[arg(long)]
    versitygw: bool,
    /// Load the Azure Blob Storage server
    #[arg(long)]
    azurite: bool,
    /// Load the Google Cloud Storage server
    #[arg(long)]
    fake_gcs_server: bool,
    /// Load a shell and small programs
    #[arg(long)]
    busybox: bool,
}

impl Images {
    fn build(&self, tools: &Tools) -> Result<Vec<Image>, Box<dyn Error>> {
        let cache = tools.cache();
        let mut images = Vec::new();
        if let Some(binary) = &self.coffer {
            images.push(image::coffer(cache, binary)?);
        }
        for major in &self.postgres {
            images.push(image::postgres(cache, *major)?);
        }
        if self.versitygw {
            images.push(image::versitygw(cache, tools)?);
        }
        if self.azurite {
            images.push(image::azurite(cache, &Azurite::ensure(cache)?)?);
        }
        if self.fake_gcs_server {
            images.push(image::fake_gcs_server(cache, tools)?);
        }
        if self.busybox {
            images.push(image::busybox(cache)?);
        }
        Ok(images)
    }
}

#[derive(clap::Args)]
struct Name {
    /// The cluster's name
    #[arg(long, default_value = "scratch")]
    name: String,
}

#[tokio::main]
async fn main() -> ExitCode {
    let begin = Instant::now();
    match run(Arguments::parse().action).await {
        Ok(()) => {
            eprintln!("done in {:.1} s", begin.elapsed().as_secs_f64());
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("error: {error}");
            let mut source = error.source();
            while let Some(cause) = source {
                eprintln!("  because: {cause}");
                source = cause.source();
            }
            ExitCode::FAILURE
        }
    }
}

async fn run(action: Action) -> Result<(), Box<dyn Error>> {
    match action {
        Action::Tools => drop(Tools::ensure()?),
        Action::Up(Name { name }) => {
            let cluster = Cluster::boot(&name, &Tools::ensure()?).await?;
            println!("export KUBECONFIG={}", cluster.kubeconfig().display());
        }
        Action::Down(Name { name }) => Cluster::remove(&name, &Cache::locate()?).await?,
        Action::Image => {
            let program = Program::Shipped.build()?;
            println!("{}", image::coffer(&Cache::locate()?, &program)?.archive().display());
        }
        Action::Images(wanted) => {
            let tools = Tools::ensure()?;
            let name = &wanted.name.name;
            let cluster =
                Cluster::find(name, &tools)?.ok_or_else(|| format!("no cluster {name} runs here"))?;
            for image in wanted.build(&tools)? {
                cluster.load_image(&image).await?;
                println!("{}", image.reference());
            }
        }
    }
    Ok(())
}
