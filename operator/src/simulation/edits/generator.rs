//! A seed makes a history, the same one everywhere and for ever.

use super::words::{Deletion, Edit, Keep, Protection, Shape, SoftDelete, Step, TWICE_A_WEEK, WEDNESDAYS};
use crate::simulation::pods::Play;

const INSTANCES: [&str; 2] = ["orders", "second"];
const DATABASES: [&str; 2] = ["orders", "stock"];
const POLICIES: [&str; 2] = ["weekly", "other"];
/// Looks of a history at most, so that no two of them are at the same second of their hour.
const MOST_LOOKS: usize = 140;

/// A history: what there is at the beginning, then up to forty steps.
pub fn history(seed: u64) -> Vec<Step> {
    // Neighbouring seeds are to have nothing in common.
    let mut dice = Dice(Dice(!seed).next());
    let mut steps = vec![
        Step::Edit(Edit::SoftDelete(dice.soft_delete())),
        Step::Edit(Edit::Policy { name: "weekly", shape: dice.sound_shape() }),
        Step::Edit(Edit::Policy { name: "other", shape: dice.sound_shape() }),
        Step::Edit(Edit::Create {
            name: "orders",
            database: "orders",
            policy: "weekly",
            deletion: dice.deletion(),
        }),
    ];
    // Most of them begin with points to lose.
    if dice.below(8) > 0 {
        let count = dice.below(9) + 5;
        steps.push(dice.nights(count));
    }
    let wanted = steps.len() + usize::try_from(dice.below(31)).unwrap() + 6;
    while steps.len() < wanted {
        let more = if dice.below(10) == 0 { dice.scene() } else { vec![dice.step()] };
        steps.extend(more);
    }
    let mut looks = 0;
    // Two remain for the end.
    let fits = |step: &Step| {
        looks += match step {
            Step::Edit(_) => 1,
            Step::Nights(nights) => nights.len(),
        };
        looks + 2 < MOST_LOOKS
    };
    steps.into_iter().take_while(fits).collect()
}

/// SplitMix64.
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut state = self.0;
        state = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        state = (state ^ (state >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        state ^ (state >> 31)
    }

    fn below(&mut self, count: u64) -> u64 {
        self.next() % count
    }

    fn one_of<T: Copy>(&mut self, list: &[T]) -> T {
        list[usize::try_from(self.below(list.len() as u64)).unwrap()]
    }

    /// The first instance and its database have most of the traffic.
    fn name(&mut self) -> &'static str {
        if self.below(4) == 0 { INSTANCES[1] } else { INSTANCES[0] }
    }

    fn database(&mut self) -> &'static str {
        if self.below(4) == 0 { DATABASES[1] } else { DATABASES[0] }
    }

    fn step(&mut self) -> Step {
        if self.below(5) < 2 {
            let count = if self.below(3) == 0 { self.below(18) } else { self.below(7) };
            let is_away = self.below(8) == 0;
            return Step::Nights((0..=count).map(|_| (!is_away).then(|| self.play())).collect());
        }
        Step::Edit(match self.below(40) {
            0..=12 => self.edit_of_protection(),
            13..=19 => self.edit_of_policies(),
            20..=33 => self.edit_of_instances(),
            34..=36 => Edit::Consent(self.below(3) > 0),
            37 => Edit::SoftDelete(self.soft_delete()),
            _ => Edit::DeleteVault,
        })
    }

    fn nights(&mut self, count: u64) -> Step {
        Step::Nights((0..count).map(|_| Some(self.play())).collect())
    }

    /// What chance alone would seldom put together.
    fn scene(&mut self) -> Vec<Step> {
        let (name, policy, deletion) = (INSTANCES[0], self.one_of(&POLICIES), self.deletion());
        let enabled = Edit::Protect { name, protection: Protection::Enabled };
        let (delete, resume) = (Edit::Delete { name }, Edit::Resume { name });
        let undelete = Edit::Undelete { name, database: DATABASES[0] };
        let again = |name, database| Edit::Create { name, database, policy, deletion };
        let edits = match self.below(5) {
            0 => vec![delete, again(name, DATABASES[1]), undelete, delete, resume],
            1 => vec![delete, again(name, DATABASES[0]), undelete, resume],
            2 => vec![delete, again(INSTANCES[1], DATABASES[0]), undelete, resume, enabled],
            3 => vec![
                delete,
                undelete,
                Edit::DeletionPolicy { name, deletion },
                delete,
                undelete,
                resume,
                enabled,
            ],
            _ => vec![Edit::Protect { name, protection: Protection::Stopped }, enabled],
        };
        let mut steps = Vec::new();
        for edit in edits {
            steps.push(Step::Edit(edit));
            if self.below(2) == 0 {
                let count = self.below(12) + 1;
                steps.push(self.nights(count));
            }
        }
        steps
    }

    fn edit_of_protection(&mut self) -> Edit {
        let name = self.name();
        match self.below(12) {
            0..=1 => Edit::Protect { name, protection: Protection::Suspended },
            2..=3 => Edit::Protect { name, protection: Protection::Stopped },
            4..=7 => Edit::Protect { name, protection: Protection::Enabled },
            8..=10 => {
                let tag = self.one_of(&["Default", "Default", "Monthly", "Nonsense"]);
                Edit::Demand { name, tag, play: self.play() }
            }
            _ => Edit::ResumeWrongly { name },
        }
    }

    fn edit_of_policies(&mut self) -> Edit {
        let name = self.one_of(&POLICIES);
        match self.below(10) {
            0..=4 => Edit::Policy { name, shape: self.shape() },
            5..=6 => Edit::DeletePolicy { name },
            7 => Edit::LosePolicy { name },
            _ => Edit::Follow { name: self.name(), policy: self.one_of(&POLICIES) },
        }
    }

    fn edit_of_instances(&mut self) -> Edit {
        let name = self.name();
        match self.below(16) {
            0..=3 => Edit::Delete { name },
            4..=6 => Edit::Undelete { name, database: self.database() },
            7..=9 => Edit::Resume { name },
            10..=11 => Edit::DeletionPolicy { name, deletion: self.deletion() },
            _ => {
                let (database, policy) = (self.database(), self.one_of(&POLICIES));
                Edit::Create { name, database, policy, deletion: self.deletion() }
            }
        }
    }

    fn play(&mut self) -> Play {
        self.one_of(&[Play::Succeeds, Play::Succeeds, Play::Succeeds, Play::Fails, Play::StoresAndVanishes])
    }

    fn deletion(&mut self) -> Deletion {
        self.one_of(&[Deletion::Retain, Deletion::RetainPerPolicy, Deletion::Delete, Deletion::Delete])
    }

    fn soft_delete(&mut self) -> SoftDelete {
        self.one_of(&[
            SoftDelete::Disabled,
            SoftDelete::Enabled(14),
            SoftDelete::Enabled(14),
            SoftDelete::Enabled(30),
            SoftDelete::AlwaysOn(21),
        ])
    }

    /// Now and then one that the vault does not take in full, or that makes no sense.
    fn shape(&mut self) -> Shape {
        let shape = self.sound_shape();
        match self.below(8) {
            0 => Shape { default: Keep(3, 'D'), ..shape },
            1 => Shape { is_sound: false, ..shape },
            _ => shape,
        }
    }

    fn sound_shape(&mut self) -> Shape {
        Shape {
            days: self.one_of(&[WEDNESDAYS, TWICE_A_WEEK]),
            window_minutes: self.one_of(&[480, 1110]),
            monthly: self.one_of(&[None, Some(Keep(2, 'M')), Some(Keep(40, 'D'))]),
            weekly: self.one_of(&[None, Some(Keep(3, 'W'))]),
            default: self.one_of(&[Keep(7, 'D'), Keep(9, 'D'), Keep(2, 'W'), Keep(1, 'M')]),
            floor: self.one_of(&[1, 1, 2]),
            is_sound: true,
        }
    }
}
