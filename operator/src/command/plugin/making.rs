//! What making a backup and making a restore have in common: a name, who asked, what is there already, and waiting.

use std::collections::BTreeMap;

use crds::{annotations, labels};
use kube::ResourceExt as _;
use uuid::Uuid;

use super::cluster::{Cluster, Kind};
use super::follow::{self, WaitOptions};
use super::job::Job;
use super::output::{Format, OutputOption, Screen, yaml};
use super::problem::Problem;
use crate::command::people::Exit;

/// The letters of names that Kubernetes makes up: none that could be mistaken or spell a word.
const ALPHABET: &[u8; 27] = b"bcdfghjklmnpqrstvwxz2456789";
const LETTERS: usize = 5;

/// `orders-ondemand-x7k2f`: five letters that nobody else has, so that a call that is repeated finds its own job.
pub fn name(instance: &str, what: &str) -> String {
    let random = Uuid::new_v4();
    let letter = |byte: &u8| char::from(ALPHABET[usize::from(*byte) % ALPHABET.len()]);
    let suffix: String = random.as_bytes().iter().take(LETTERS).map(letter).collect();
    format!("{instance}-{what}-{suffix}")
}

/// How a job is made.
pub struct Making<'a> {
    pub cluster: &'a Cluster,
    pub output: OutputOption,
    pub wait: WaitOptions,
    pub dry_run: bool,
    /// For selecting jobs, as those of the schedule can be.
    pub vault: &'a str,
    pub instance: Option<&'a str>,
}

impl Making<'_> {
    /// Makes the job, waits if that is asked for, and prints what came of it. A job of that name that asks for the same is
    /// the same job.
    ///
    /// # Errors
    /// When it cannot be made, or another job has that name.
    pub async fn make<K: Kind>(
        &self,
        mut object: K,
        same: impl Fn(&K, &K) -> bool,
        job: impl Fn(K) -> Job,
        screen: &mut Screen<'_>,
    ) -> Result<Exit, Problem> {
        object.meta_mut().namespace = Some(self.cluster.namespace.clone());
        object.meta_mut().labels = Some(self.labels());
        if self.dry_run {
            return self.print_only(&object, screen);
        }
        if let Some(user) = self.cluster.user().await {
            object.meta_mut().annotations =
                Some(BTreeMap::from([(annotations::REQUESTED_BY.to_owned(), user)]));
        }
        let made = match self.cluster.create(&object).await? {
            Some(made) => made,
            None => self.already_there(&object, same, screen).await?,
        };
        self.print(job(made), screen).await
    }

    fn labels(&self) -> BTreeMap<String, String> {
        let instance = self.instance.map(|instance| (labels::INSTANCE, instance));
        let words = [Some((labels::VAULT, self.vault)), instance].into_iter().flatten();
        words.map(|(key, value)| (key.to_owned(), value.to_owned())).collect()
    }

    fn print_only(&self, object: &impl serde::Serialize, screen: &mut Screen<'_>) -> Result<Exit, Problem> {
        let text = match self.output.format {
            Format::Json => serde_json::to_string_pretty(object)
                .map_err(|error| Problem::Render { what: "JSON", source: Box::new(error) })?,
            Format::Table | Format::Yaml | Format::Name => yaml(object)?,
        };
        writeln!(screen.out, "{}", text.trim_end())?;
        Ok(Exit::Done)
    }

    async fn already_there<K: Kind>(
        &self,
        wanted: &K,
        same: impl Fn(&K, &K) -> bool,
        screen: &mut Screen<'_>,
    ) -> Result<K, Problem> {
        let name = wanted.name_any();
        let there: K = self.cluster.get(&self.cluster.namespace, &name).await?;
        if !same(wanted, &there) {
            return Err(Problem::usage(
                format!("there is a {} called {name} already, and it asks for something else", K::kind(&())),
                "choose another name with --name, or leave it out",
            ));
        }
        screen.note(&format!("{name} is there already: nothing new was made"))?;
        Ok(there)
    }

    async fn print(&self, job: Job, screen: &mut Screen<'_>) -> Result<Exit, Problem> {
        if !self.wait.wait {
            self.output.print(screen, &Made(&job))?;
            return Ok(Exit::Done);
        }
        screen.note(&format!("waiting for {}; Ctrl-C ends the waiting, not the job", job.reference()))?;
        let ended = follow::until_ended(self.cluster, job, self.wait.timeout, screen).await?;
        self.output.print(screen, &ended)?;
        Ok(ended.exit())
    }
}

/// A job that has just been made: for people its name is enough.
#[derive(serde::Serialize)]
#[serde(transparent)]
struct Made<'a>(&'a Job);

impl super::output::Shown for Made<'_> {
    fn text(&self) -> String {
        let job = self.0;
        let more = match job.view().state.is_terminal() {
            true => String::new(),
            false => {
                format!("; kubectl coffer logs -f {} -n {} follows it", job.reference(), job.namespace())
            }
        };
        format!("{} {}{more}\n", job.reference(), job.standing())
    }

    fn names(&self) -> Vec<String> {
        self.0.names()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn made_up_names_are_no_slots_and_fit_a_label() {
        let longest = "o".repeat(40);
        let name = name(&longest, "ondemand");
        assert!(name.len() <= 63, "{name}");
        assert!(name.starts_with(&format!("{longest}-ondemand-")), "{name}");
        let tail = name.rsplit('-').next().unwrap();
        assert!(tail.len() == LETTERS && tail.bytes().all(|letter| ALPHABET.contains(&letter)), "{name}");
        assert!(!tail.ends_with('z') || tail.len() < 14, "a slot's name ends in -YYYYMMDDtHHMMz");
        assert_ne!(super::name("a", "b"), super::name("a", "b"));
    }
}
