//! What the operator remembers of each vault's keeper between reconciles: its client, its catalogue, how its runs move.
//!
//! Nothing here is needed after a restart: all of it comes back with the first answers.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use contract::{
    Owner, OwnerView, Pledges, PointId, PointState, PointView, Points, RunId, RunView, Runs, Secret, Stage,
    VaultView,
};
use jiff::{SignedDuration, Timestamp};

use super::call::{KeeperAddress, KeeperClient, KeeperError};
use crate::clock::Clock;

/// Why the keeper gave no answer, in a form that decisions can carry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trouble {
    /// It could not be reached, or not be understood.
    Unreachable(String),
    /// It answered, and would not.
    Refused { reason: String, message: String },
}

impl Trouble {
    /// A sentence for people.
    pub fn message(&self) -> &str {
        match self {
            Self::Unreachable(message) | Self::Refused { message, .. } => message,
        }
    }
}

impl From<&KeeperError> for Trouble {
    fn from(error: &KeeperError) -> Self {
        match error {
            KeeperError::Refused { refusal, .. } => {
                Self::Refused { reason: refusal.reason.clone(), message: refusal.message.clone() }
            }
            KeeperError::Prepare { .. }
            | KeeperError::Client { .. }
            | KeeperError::Reach { .. }
            | KeeperError::Answer { .. } => Self::Unreachable(chain(error)),
        }
    }
}

/// An error with its causes in one line.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}

/// The points of a vault, folded from what the keeper has told so far.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Catalogue {
    /// The newest ledger entry that is folded in.
    pub sequence: u64,
    pub points: BTreeMap<PointId, PointView>,
    /// What the ledger tells of instances, those included whose objects are gone.
    pub owners: BTreeMap<Owner, OwnerView>,
}

impl Catalogue {
    /// Folds the keeper's answer in.
    pub fn fold(&mut self, answer: Points) {
        for point in answer.points {
            self.sequence = self.sequence.max(point.sequence);
            self.points.insert(point.id.clone(), point);
        }
        for owner in answer.owners {
            self.sequence = self.sequence.max(owner.sequence);
            self.owners.insert(owner.owner.clone(), owner);
        }
        if let Some(head) = answer.head {
            self.sequence = self.sequence.max(head.sequence);
        }
    }
}

/// A run, and since when it has been where it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Movement {
    pub view: RunView,
    /// When its numbers last moved, by the operator's wall clock.
    pub moved: Timestamp,
    /// When the keeper last heard of it, by the operator's wall clock.
    pub heard: Timestamp,
    /// When the keeper last told of it, by the operator's wall clock.
    pub polled: Timestamp,
    /// Where its speed is counted from: what its status was last told, before that what was first heard.
    pub base: Mark,
    /// When its status was last told how far it is, by the operator's wall clock. `None`: never by this process.
    pub told: Option<Timestamp>,
}

/// So many bytes were done at that time of the operator's wall clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mark {
    pub bytes: u64,
    pub wall: Timestamp,
}

impl Movement {
    /// A run that is heard of for the first time.
    pub fn first(view: RunView, wall: Timestamp) -> Self {
        let base = Mark { bytes: view.progress.bytes_done, wall };
        Self { view, moved: wall, heard: wall, polled: wall, base, told: None }
    }
}

/// Points that are due and stay, for the vault's status.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HeldBack {
    pub count: usize,
    /// Why, in a sentence.
    pub message: String,
}

#[derive(Default)]
struct Memory {
    address: Option<KeeperAddress>,
    client: Option<KeeperClient>,
    answered: Option<Timestamp>,
    catalogue: Option<Arc<Catalogue>>,
    runs: HashMap<RunId, Movement>,
    listening: Option<Timestamp>,
    held_back: HeldBack,
    clock_skewed: bool,
    undeleted: BTreeMap<PointId, String>,
    /// Until when of the wall clock a point is not read back.
    verification_pauses: HashMap<PointId, Timestamp>,
    pledges: Pledges,
    untold_since: Option<Timestamp>,
}

/// The keepers of all vaults, by the vault's UID.
pub struct Keepers {
    clock: Clock,
    vaults: Mutex<HashMap<String, Memory>>,
}

impl Keepers {
    pub fn new(clock: Clock) -> Self {
        Self { clock, vaults: Mutex::default() }
    }

    /// A client of the vault's keeper, made anew only when the address has changed.
    ///
    /// # Errors
    /// Those of [`KeeperClient::new`].
    pub fn client(
        &self,
        vault_uid: &str,
        address: &KeeperAddress,
        token: Secret,
    ) -> Result<KeeperClient, KeeperError> {
        self.with(vault_uid, |memory| {
            if let Some(client) = memory.client.as_ref().filter(|_| memory.address.as_ref() == Some(address))
            {
                return Ok(client.clone());
            }
            let client = KeeperClient::new(address, token, self.clock.clone())?;
            memory.address = Some(address.clone());
            memory.client = Some(client.clone());
            Ok(client)
        })
    }

    /// Puts a client in the place of the one that would be made for `address`.
    #[cfg(test)]
    pub fn remember(&self, vault_uid: &str, address: KeeperAddress, client: KeeperClient) {
        self.with(vault_uid, |memory| {
            memory.address = Some(address);
            memory.client = Some(client);
        });
    }

    /// Notes that the keeper has answered at `wall`, whether its clock differs too much from the storage's or the
    /// operator's to delete anything by them, what the vault has pledged, and which expired points storage does not let go.
    pub fn answered(&self, vault_uid: &str, wall: Timestamp, clock_skewed: bool, view: &VaultView) {
        self.with(vault_uid, |memory| {
            memory.answered = Some(wall);
            memory.clock_skewed = clock_skewed;
            memory.pledges = view.pledges;
            memory.undeleted = view.undeleted.as_ref().map(|left| left.named.clone()).unwrap_or_default();
        });
    }

    /// What storage said of the expired points that it did not let go when the keeper last answered.
    pub fn undeleted(&self, vault_uid: &str) -> BTreeMap<PointId, String> {
        self.with(vault_uid, |memory| memory.undeleted.clone())
    }

    /// What the vault had pledged when the keeper last answered.
    pub fn pledges(&self, vault_uid: &str) -> Pledges {
        self.with(vault_uid, |memory| memory.pledges)
    }

    /// Whether the clocks of operator, keeper and storage differed too much when the keeper last answered.
    pub fn is_clock_skewed(&self, vault_uid: &str) -> bool {
        self.with(vault_uid, |memory| memory.clock_skewed)
    }

    /// When the keeper last answered; `None` since the operator's start.
    pub fn last_answer(&self, vault_uid: &str) -> Option<Timestamp> {
        self.with(vault_uid, |memory| memory.answered)
    }

    /// Folds an answer into the vault's catalogue.
    pub fn fold(&self, vault_uid: &str, answer: Points) -> Arc<Catalogue> {
        self.with(vault_uid, |memory| {
            let mut catalogue = memory.catalogue.take().unwrap_or_default();
            Arc::make_mut(&mut catalogue).fold(answer);
            memory.catalogue = Some(Arc::clone(&catalogue));
            catalogue
        })
    }

    /// Folds one point in, which the keeper has just accepted, so that nobody has to wait for the next poll.
    pub fn fold_point(&self, vault_uid: &str, point: PointView) {
        self.with(vault_uid, |memory| {
            // Without what came before, one point would pass for the whole catalogue. The sequence stays: other
            // entries before this one may not have been heard of.
            if let Some(catalogue) = &mut memory.catalogue {
                Arc::make_mut(catalogue).points.insert(point.id.clone(), point);
            }
        });
    }

    /// Notes points that the keeper has just promised to delete.
    pub fn expire(&self, vault_uid: &str, points: &[PointId]) {
        self.with(vault_uid, |memory| {
            let Some(catalogue) = memory.catalogue.as_mut().filter(|_| !points.is_empty()) else { return };
            let catalogue = Arc::make_mut(catalogue);
            for point in points {
                if let Some(point) = catalogue.points.get_mut(point) {
                    point.state = PointState::Expired;
                }
            }
        });
    }

    /// The vault's points; `None` until the keeper was first asked.
    pub fn catalogue(&self, vault_uid: &str) -> Option<Arc<Catalogue>> {
        self.with(vault_uid, |memory| memory.catalogue.clone())
    }

    /// Forgets the catalogue: storage holds another history than before.
    pub fn forget_catalogue(&self, vault_uid: &str) {
        self.with(vault_uid, |memory| memory.catalogue = None);
    }

    /// Takes in how the runs are.
    pub fn heard(&self, vault_uid: &str, runs: Runs, wall: Timestamp) {
        self.with(vault_uid, |memory| {
            memory.listening.get_or_insert(wall);
            let mut before = std::mem::take(&mut memory.runs);
            for view in runs.runs {
                let movement = moved(before.remove(&view.run), view, wall);
                memory.runs.insert(movement.view.run.clone(), movement);
            }
        });
    }

    /// When of the wall clock the keeper first told how runs are, since the operator's start.
    pub fn listening(&self, vault_uid: &str) -> Option<Timestamp> {
        self.with(vault_uid, |memory| memory.listening)
    }

    /// How a run is, as far as the keeper told.
    pub fn movement(&self, vault_uid: &str, run: &RunId) -> Option<Movement> {
        self.with(vault_uid, |memory| memory.runs.get(run).cloned())
    }

    /// Notes that a run's status says now how far it is: the next time that it does so, and its speed until then, are
    /// counted from here.
    pub fn told(&self, vault_uid: &str, run: &RunId, wall: Timestamp) {
        self.with(vault_uid, |memory| {
            if let Some(movement) = memory.runs.get_mut(run) {
                movement.base = Mark { bytes: movement.view.progress.bytes_done, wall: movement.heard };
                movement.told = Some(wall);
            }
        });
    }

    /// Notes the points that are due and stay.
    pub fn hold_back(&self, vault_uid: &str, held_back: HeldBack) {
        self.with(vault_uid, |memory| memory.held_back = held_back);
    }

    /// The points that are due and stay.
    pub fn held_back(&self, vault_uid: &str) -> HeldBack {
        self.with(vault_uid, |memory| memory.held_back.clone())
    }

    /// Lets a point not be read back until then: the last run did not come to its end.
    pub fn pause_verification(&self, vault_uid: &str, point: &PointId, until: Timestamp) {
        self.with(vault_uid, |memory| memory.verification_pauses.insert(point.clone(), until));
    }

    /// The vault's points that are not read back at this time of the wall clock, and until when.
    pub fn verification_pauses(&self, vault_uid: &str, wall: Timestamp) -> HashMap<PointId, Timestamp> {
        self.with(vault_uid, |memory| {
            memory.verification_pauses.retain(|_, until| *until > wall);
            memory.verification_pauses.clone()
        })
    }

    /// Notes that the keeper tells at this time of the wall clock what the vault's status does not say yet; `None`: the
    /// status says all.
    pub fn untold(&self, vault_uid: &str, wall: Option<Timestamp>) {
        self.with(vault_uid, |memory| {
            memory.untold_since = wall.map(|wall| memory.untold_since.unwrap_or(wall));
        });
    }

    /// Since when it does so.
    pub fn untold_since(&self, vault_uid: &str) -> Option<Timestamp> {
        self.with(vault_uid, |memory| memory.untold_since)
    }

    /// Forgets a vault that is gone.
    pub fn forget(&self, vault_uid: &str) {
        self.vaults.lock().unwrap_or_else(PoisonError::into_inner).remove(vault_uid);
    }

    fn with<T>(&self, vault_uid: &str, action: impl FnOnce(&mut Memory) -> T) -> T {
        let mut vaults = self.vaults.lock().unwrap_or_else(PoisonError::into_inner);
        action(vaults.entry(vault_uid.to_owned()).or_default())
    }
}

/// Between two answers of a keeper that has active runs there are seconds; more than this, and it could not be asked.
const DEAF: SignedDuration = SignedDuration::from_mins(2);

/// What is known of a run after hearing `view`.
fn moved(before: Option<Movement>, view: RunView, wall: Timestamp) -> Movement {
    let numbers = |view: &RunView| {
        let progress = &view.progress;
        (progress.attempt, progress.stage, progress.bytes_done, progress.tables_done, progress.bytes_stored)
    };
    match before.filter(|before| before.view.progress.attempt == view.progress.attempt) {
        None => Movement::first(view, wall),
        Some(before) => {
            // What was missed while the keeper could not be asked is nobody's silence.
            let deaf = wall.duration_since(before.polled) > DEAF;
            let is_still = !deaf && numbers(&before.view) == numbers(&view);
            let is_silent = !deaf && before.view.heard == view.heard;
            Movement {
                moved: if is_still { before.moved } else { wall },
                heard: if is_silent { before.heard } else { wall },
                polled: wall,
                view,
                ..before
            }
        }
    }
}

/// Whether bytes are what a run of this stage is measured by. In others the server works silently, on an index for hours.
pub fn moves_bytes(stage: Stage) -> bool {
    match stage {
        Stage::Data | Stage::LargeObjects => true,
        Stage::Starting
        | Stage::Connecting
        | Stage::Preflight
        | Stage::Locking
        | Stage::Schema
        | Stage::Indexes
        | Stage::Committing
        | Stage::Accepting
        | Stage::Finishing => false,
    }
}

#[cfg(test)]
mod tests {
    use contract::Progress;

    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn view(bytes: u64, heard: i64) -> RunView {
        let progress = Progress {
            attempt: 1,
            stage: Stage::Data,
            started: None,
            bytes_done: bytes,
            bytes_total: 100,
            bytes_stored: bytes,
            tables_done: 0,
            tables_total: 1,
        };
        RunView { run: RunId("run".into()), progress, heard: at(heard) }
    }

    fn keepers() -> Keepers {
        Keepers::new(Clock::default())
    }

    #[test]
    fn a_run_that_repeats_its_numbers_has_not_moved_but_was_heard() {
        let keepers = keepers();
        let run = RunId("run".into());
        keepers.heard("vault", Runs { runs: vec![view(10, 1)] }, at(100));
        keepers.heard("vault", Runs { runs: vec![view(10, 2)] }, at(105));
        let movement = keepers.movement("vault", &run).unwrap();
        assert_eq!((movement.moved, movement.heard), (at(100), at(105)));
        keepers.heard("vault", Runs { runs: vec![view(11, 2)] }, at(110));
        let movement = keepers.movement("vault", &run).unwrap();
        assert_eq!((movement.moved, movement.heard), (at(110), at(105)));
    }

    #[test]
    fn a_keeper_is_listened_to_from_its_first_answer_on_be_there_a_run_or_none() {
        let keepers = keepers();
        assert_eq!(keepers.listening("vault"), None);
        keepers.heard("vault", Runs { runs: Vec::new() }, at(100));
        keepers.heard("vault", Runs { runs: vec![view(10, 1)] }, at(105));
        assert_eq!(keepers.listening("vault"), Some(at(100)));
    }

    #[test]
    fn who_could_not_be_asked_has_not_been_silent() {
        let keepers = keepers();
        let run = RunId("run".into());
        keepers.heard("vault", Runs { runs: vec![view(10, 1)] }, at(100));
        keepers.heard("vault", Runs { runs: vec![view(10, 1)] }, at(220));
        let movement = keepers.movement("vault", &run).unwrap();
        assert_eq!((movement.moved, movement.heard, movement.polled), (at(100), at(100), at(220)));
        keepers.heard("vault", Runs { runs: vec![view(10, 1)] }, at(341));
        let movement = keepers.movement("vault", &run).unwrap();
        assert_eq!((movement.moved, movement.heard, movement.polled), (at(341), at(341), at(341)));
    }

    #[test]
    fn speed_is_counted_from_what_the_status_was_last_told() {
        let keepers = keepers();
        let run = RunId("run".into());
        keepers.heard("vault", Runs { runs: vec![view(10, 1)] }, at(100));
        keepers.heard("vault", Runs { runs: vec![view(40, 2)] }, at(105));
        let movement = keepers.movement("vault", &run).unwrap();
        assert_eq!((movement.base, movement.told), (Mark { bytes: 10, wall: at(100) }, None));
        keepers.told("vault", &run, at(107));
        let movement = keepers.movement("vault", &run).unwrap();
        assert_eq!((movement.base, movement.told), (Mark { bytes: 40, wall: at(105) }, Some(at(107))));
        let mut second = view(0, 3);
        second.progress.attempt = 2;
        keepers.heard("vault", Runs { runs: vec![second] }, at(200));
        let movement = keepers.movement("vault", &run).unwrap();
        assert_eq!(movement.base, Mark { bytes: 0, wall: at(200) }, "another attempt begins anew");
        assert_eq!(movement.told, None);
    }

    #[test]
    fn a_run_that_the_keeper_no_longer_knows_is_forgotten() {
        let keepers = keepers();
        keepers.heard("vault", Runs { runs: vec![view(10, 1)] }, at(100));
        keepers.heard("vault", Runs { runs: Vec::new() }, at(105));
        assert_eq!(keepers.movement("vault", &RunId("run".into())), None);
    }

    #[test]
    fn nothing_is_known_of_a_catalogue_until_the_keeper_was_asked() {
        let keepers = keepers();
        assert!(keepers.catalogue("vault").is_none());
        keepers.fold("vault", Points { head: None, points: Vec::new(), owners: Vec::new() });
        assert_eq!(keepers.catalogue("vault").as_deref(), Some(&Catalogue::default()));
    }

    #[test]
    fn the_sequence_follows_the_head_past_entries_that_concern_no_point() {
        let mut catalogue = Catalogue::default();
        let head = contract::Head { sequence: 9, hash: "aa".into() };
        catalogue.fold(Points { head: Some(head), points: Vec::new(), owners: Vec::new() });
        assert_eq!(catalogue.sequence, 9);
        catalogue.fold(Points { head: None, points: Vec::new(), owners: Vec::new() });
        assert_eq!(catalogue.sequence, 9, "an answer without a head takes nothing back");
    }
}
