//! The one task that writes entries.

use std::{
    collections::VecDeque,
    sync::{Arc, PoisonError},
    time::Duration,
};

use tokio::{
    sync::mpsc,
    time::{Instant, timeout_at},
};

use super::{LedgerError, LedgerHead, Place, Refused, Request, Shared, State, Verdict, chain, stored_state};
use crate::{
    format::{Hash, PROMISES_LIMIT, Promise},
    seal::ObjectKind,
    store::Name,
};

/// How long the requests of a busy moment wait for more. One that comes alone does not wait.
const GATHER: Duration = Duration::from_millis(50);
/// Entries between two stored states.
const STATE_EVERY: u64 = 256;
/// Plain bytes of promises in one entry; the rest of its bound is for what stands around them.
const ENTRY_ROOM: usize = 1_000_000;
/// After so long without a word of storage about the newest entry it is asked whether it still has it, before another
/// follows.
const BELIEVED: Duration = Duration::from_secs(2);
/// How often another custodian may be faster before the requests are given back.
const TRIES: usize = 32;

/// Serves requests until nobody can send any more, then stores the state.
pub(super) async fn run(place: Place, shared: Arc<Shared>, mut requests: mpsc::Receiver<Request>) {
    let mut waiting: VecDeque<Request> = VecDeque::new();
    let mut stored_at = shared.state().head().sequence;
    let mut seen = Some(Instant::now());
    loop {
        if waiting.is_empty() {
            match requests.recv().await {
                Some(request) => waiting.push_back(request),
                None => break,
            }
            gather(&mut requests, &mut waiting).await;
        }
        serve(&place, &shared, &mut waiting, &mut seen).await;
        let head = shared.state().head().sequence;
        if head / STATE_EVERY > stored_at / STATE_EVERY {
            store_state(&place, &shared).await;
            stored_at = head;
        }
    }
    if shared.state().head().sequence > stored_at && !shared.is_lost() {
        store_state(&place, &shared).await;
    }
}

async fn gather(requests: &mut mpsc::Receiver<Request>, waiting: &mut VecDeque<Request>) {
    tokio::task::yield_now().await;
    match requests.try_recv() {
        Ok(request) => waiting.push_back(request),
        Err(_) => return,
    }
    let until = Instant::now() + GATHER;
    while waiting.len() < PROMISES_LIMIT {
        match timeout_at(until, requests.recv()).await {
            Ok(Some(request)) => waiting.push_back(request),
            Ok(None) | Err(_) => break,
        }
    }
}

/// Decides the requests that go into one entry, writes it, and answers them. Those that found no room stay.
async fn serve(place: &Place, shared: &Shared, waiting: &mut VecDeque<Request>, seen: &mut Option<Instant>) {
    for _ in 0..TRIES {
        let state = shared.state();
        let batch = decide(&state, place, waiting);
        if batch.promises.is_empty() {
            answer(waiting, batch.answers, state.head());
            return;
        }
        let written = match is_there(place, shared, *seen).await {
            Ok(()) => write(place, &state, batch.promises).await,
            Err(error) => Err(error),
        };
        // After a failure nobody knows what storage is like now.
        *seen = written.is_ok().then(Instant::now);
        match written {
            Ok(Written::Stored(state)) => {
                let head = state.head();
                shared.set(Arc::new(state));
                answer(waiting, batch.answers, head);
                return;
            }
            Ok(Written::OthersWereFaster(state)) => shared.set(Arc::new(state)),
            Err(error) => {
                fail(waiting, batch.answers.len(), &error);
                return;
            }
        }
    }
    fail(waiting, waiting.len(), &LedgerError::Contended { tries: TRIES });
}

/// The entry that the next one follows is still in storage.
async fn is_there(place: &Place, shared: &Shared, seen: Option<Instant>) -> Result<(), LedgerError> {
    let head = shared.state().head();
    let believed = seen.is_some_and(|seen| seen.elapsed() <= BELIEVED);
    if !shared.is_lost() && !believed && !chain::holds(&place.store, head).await? {
        shared.lose();
    }
    if shared.is_lost() { Err(LedgerError::Lost) } else { Ok(()) }
}

/// What the first requests come to.
struct Batch {
    /// One per request that was decided, in order.
    answers: Vec<Result<(), Refused>>,
    promises: Vec<Promise>,
}

fn decide(state: &State, place: &Place, waiting: &mut VecDeque<Request>) -> Batch {
    let mut batch = Batch { answers: Vec::new(), promises: Vec::new() };
    let mut scratch = state.clone();
    let (sequence, now) = (state.head().sequence + 1, place.clock.now());
    let mut room = ENTRY_ROOM;
    for request in waiting.iter_mut() {
        match (request.decide)(&scratch) {
            Verdict::Nothing => batch.answers.push(Ok(())),
            Verdict::Refuse(refused) => batch.answers.push(Err(refused)),
            Verdict::Append(_) if state.has_unknown_promises() => {
                batch.answers.push(Err(Refused::UnknownPromises));
            }
            Verdict::Append(promises) => {
                let size = promises.iter().map(size_of).sum();
                let is_full = size > room || batch.promises.len() + promises.len() > PROMISES_LIMIT;
                if is_full && !batch.promises.is_empty() {
                    break;
                }
                room = room.saturating_sub(size);
                for promise in &promises {
                    scratch.fold(sequence, now, promise);
                }
                batch.promises.extend(promises);
                batch.answers.push(Ok(()));
            }
        }
    }
    batch
}

enum Written {
    Stored(State),
    OthersWereFaster(State),
}

async fn write(place: &Place, state: &State, promises: Vec<Promise>) -> Result<Written, LedgerError> {
    let (entry, sealed) = chain::seal(place, state.head(), promises)?;
    let hash = Hash::of(&sealed);
    let mut next = state.clone();
    match place.store.create(&Name::ledger(entry.sequence), sealed).await {
        Ok(_) => {
            next.apply(&entry, hash);
            Ok(Written::Stored(next))
        }
        Err(error) if error.already_exists() => {
            chain::follow(place, &mut next).await?;
            Ok(Written::OthersWereFaster(next))
        }
        Err(error) => Err(error.into()),
    }
}

/// Answers the first requests. Whoever does not wait any more needs no answer.
fn answer(waiting: &mut VecDeque<Request>, answers: Vec<Result<(), Refused>>, head: LedgerHead) {
    for (request, answer) in waiting.drain(..answers.len()).zip(answers) {
        let _ = request.reply.send(answer.map(|()| head).map_err(LedgerError::Refused));
    }
}

fn fail(waiting: &mut VecDeque<Request>, count: usize, error: &LedgerError) {
    for request in waiting.drain(..count) {
        let _ = request.reply.send(Err(error.clone()));
    }
}

/// Stores the state. It is a short cut: failing to store it is no failure.
async fn store_state(place: &Place, shared: &Shared) {
    let mut state = (*shared.state()).clone();
    let cleared = shared.cleared.lock().unwrap_or_else(PoisonError::into_inner).clone();
    state.forget(place.clock.now(), &cleared);
    let sequence = state.head().sequence;
    let stored = match stored_state::seal(place, &state) {
        Ok(sealed) if sealed.len() as u64 > ObjectKind::LedgerState.stored_limit() => {
            tracing::warn!(sequence, bytes = sealed.len(), "the ledger's state is too large to be stored");
            return;
        }
        Ok(sealed) => place.store.create(&Name::ledger_state(sequence), sealed).await,
        Err(error) => {
            tracing::warn!(sequence, %error, "the ledger's state could not be sealed");
            return;
        }
    };
    match stored {
        Err(error) if !error.already_exists() => {
            tracing::warn!(sequence, %error, "the ledger's state could not be stored");
        }
        _ => shared.set(Arc::new(state)),
    }
}

fn size_of(promise: &Promise) -> usize {
    serde_json::to_vec(promise).map_or(usize::MAX, |text| text.len() + 1)
}
