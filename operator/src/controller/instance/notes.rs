//! What people are told of a change, once it stands in the status. Pure.

use crds::common::ConditionType;
use crds::instance::InstanceState;
use crds::{BackupInstanceStatus, Reason};

use super::status::find;
use crate::cluster::Note;

/// What is new between two statuses.
pub fn notes(before: Option<&BackupInstanceStatus>, now: &BackupInstanceStatus) -> Vec<Note> {
    let troubles = [ConditionType::Ready, ConditionType::BackupReady]
        .into_iter()
        .filter_map(|condition| trouble(before, now, condition));
    troubles.chain(turn(before, now)).collect()
}

/// A condition that has become false, or is for another reason.
fn trouble(
    before: Option<&BackupInstanceStatus>,
    now: &BackupInstanceStatus,
    condition: ConditionType,
) -> Option<Note> {
    let was = before.and_then(|before| find(&before.conditions, condition));
    let is = find(&now.conditions, condition)?;
    if is.status != "False" || was.is_some_and(|was| was.reason == is.reason) {
        return None;
    }
    let reason = is.reason.parse().unwrap_or(Reason::InProgress);
    // Objects that are applied together become ready one after the other; a vault that fails says so itself.
    let note = if reason == Reason::VaultNotReady { Note::normal } else { Note::warning };
    Some(note(reason, is.message.as_str()))
}

/// Protection begins, goes on or rests.
fn turn(before: Option<&BackupInstanceStatus>, now: &BackupInstanceStatus) -> Option<Note> {
    let was = before.and_then(|before| before.state);
    let (reason, message) = match now.state.filter(|is| was != Some(*is))? {
        // A check that passes once more changes nothing for anybody.
        InstanceState::ProtectionConfigured if was == Some(InstanceState::UpdatingProtection) => return None,
        InstanceState::ProtectionConfigured => (Reason::AsConfigured, protected(now)),
        InstanceState::BackupsSuspended => (
            Reason::BackupsSuspended,
            "No backup runs; points expire as stamped, and the newest stays.".to_owned(),
        ),
        InstanceState::ProtectionStopped => {
            (Reason::ProtectionStopped, "No backup runs and no point expires.".to_owned())
        }
        InstanceState::ConfiguringProtection
        | InstanceState::ConfiguringProtectionFailed
        | InstanceState::UpdatingProtection
        | InstanceState::ProtectionError => return None,
    };
    Some(Note::normal(reason, message))
}

fn protected(status: &BackupInstanceStatus) -> String {
    match &status.next_backup_time {
        Some(next) => format!("The database is protected; the next backup is due at {:.0}.", next.0),
        None => "The database is protected.".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn row_a12_what_begins_goes_on_or_rests_is_told_once() {
        let of = |state| Some(BackupInstanceStatus { state: Some(state), ..BackupInstanceStatus::default() });
        let told = |before: Option<InstanceState>, now: InstanceState| {
            let notes = notes(before.and_then(of).as_ref(), &of(now).unwrap());
            notes.into_iter().map(|note| note.reason).collect::<Vec<_>>()
        };
        use InstanceState::{
            BackupsSuspended, ConfiguringProtection, ProtectionConfigured, ProtectionError,
            ProtectionStopped, UpdatingProtection,
        };
        assert_eq!(told(None, ConfiguringProtection), []);
        assert_eq!(told(Some(ConfiguringProtection), ProtectionConfigured), [Reason::AsConfigured]);
        assert_eq!(told(Some(ProtectionConfigured), ProtectionConfigured), []);
        assert_eq!(told(Some(UpdatingProtection), ProtectionConfigured), []);
        assert_eq!(told(Some(ProtectionConfigured), BackupsSuspended), [Reason::BackupsSuspended]);
        assert_eq!(told(Some(BackupsSuspended), ProtectionStopped), [Reason::ProtectionStopped]);
        assert_eq!(told(Some(ProtectionStopped), ProtectionConfigured), [Reason::AsConfigured]);
        assert_eq!(told(Some(ProtectionConfigured), ProtectionError), [], "its condition tells of it");
    }
}
