//! Several slots, one backup: which of them it runs under, and the tag that its point gets.

use jiff::Timestamp;

use crate::tag::{Retention, Tag};
use crate::window::{self, Waiting};
use crate::zone::Zone;

/// A slot that one backup could stand for.
#[derive(Clone, Copy, Debug)]
pub struct Candidate<'a> {
    /// The slot.
    pub slot: Timestamp,
    /// The zone of its backup rule.
    pub zone: &'a Zone,
}

/// What became of the candidates: places in the list that was given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choice {
    /// The slot under which the backup runs.
    pub winner: usize,
    /// The others, which are done with it.
    pub others: Vec<usize>,
    /// The tag of the winner's slot, decided for that slot.
    pub tag: Tag,
}

/// Chooses among slots that are due at the same instant or wait at the same time: the one whose tag expires last, of
/// equals the first in the list, which is in the policy's order. Nothing comes of an empty list.
///
/// `successful` is the history as [`Retention::decide`] asks for it.
pub fn choose(
    candidates: &[Candidate<'_>],
    retention: &Retention,
    successful: &[Timestamp],
) -> Option<Choice> {
    let mut tags: Vec<Tag> = candidates
        .iter()
        .map(|candidate| retention.decide(candidate.slot, candidate.zone, successful))
        .collect();
    let waiting: Vec<Waiting<'_>> = candidates
        .iter()
        .zip(&tags)
        .map(|(candidate, tag)| Waiting { slot: candidate.slot, keep: tag.keep, zone: candidate.zone })
        .collect();
    let merged = window::merge(&waiting)?;
    Some(Choice { tag: tags.swap_remove(merged.winner), winner: merged.winner, others: merged.others })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keep::Keep;
    use crate::tag::{Applies, Criterion, Period, Rule};

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn monthly_and_default() -> Retention {
        let keep = |text| Keep::parse(text).unwrap();
        let first = Applies::When { priority: 15, criteria: vec![Criterion::First(Period::Month)] };
        Retention::new(vec![
            Rule { name: "Monthly".to_owned(), keep: keep("P10Y"), applies: first },
            Rule { name: "Default".to_owned(), keep: keep("P1Y"), applies: Applies::Otherwise },
        ])
        .unwrap()
    }

    #[test]
    fn row_e10_the_slot_whose_own_tag_expires_last_names_the_backup() {
        let (utc, berlin) = (Zone::utc(), Zone::parse("Europe/Berlin").unwrap());
        let january = [at("2026-01-02T00:00:00Z")];
        // 23:30 in UTC is 00:30 of the first of February in Berlin, and so the first of its month there alone.
        let slot = at("2026-01-31T23:30:00Z");
        let table = [
            ("the other zone's month begins", vec![(slot, &utc), (slot, &berlin)], 1, "Monthly"),
            ("of equals the first in the policy", vec![(slot, &utc), (slot, &utc)], 0, "Default"),
            (
                "an earlier slot of a longer tag",
                vec![(at("2026-02-01T00:00:00Z"), &utc), (at("2026-01-31T12:00:00Z"), &utc)],
                0,
                "Monthly",
            ),
            ("one alone", vec![(slot, &utc)], 0, "Default"),
        ];
        for (sentence, candidates, winner, tag) in table {
            let candidates: Vec<_> =
                candidates.into_iter().map(|(slot, zone)| Candidate { slot, zone }).collect();
            let choice = choose(&candidates, &monthly_and_default(), &january).unwrap();
            assert_eq!((choice.winner, choice.tag.name.as_str()), (winner, tag), "{sentence}");
            assert_eq!(choice.others.len(), candidates.len() - 1, "{sentence}");
        }
        assert_eq!(choose(&[], &monthly_and_default(), &january), None);
    }
}
