//! Every reason that a condition or an event may give: a closed list. Reasons are API; messages are not.
//!
//! Each has what it means, why it comes about and what to do, in code, so that docs/api.md and messages agree.

mod list;

pub use list::Reason;

/// What a reason means to the person who reads it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Explanation {
    /// What is the case.
    pub what: &'static str,
    /// Why it comes about.
    pub why: &'static str,
    /// What to do about it; for good news, that there is nothing to do.
    pub action: &'static str,
}

/// Declares the enum from one table, so that no reason can be without its three sentences.
macro_rules! reasons {
    ($($section:literal { $(#[doc = $what:literal] $name:ident: $why:literal => $action:literal;)+ })+) => {
        /// Why a condition has its status, or what an event tells.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Reason {
            $($(#[doc = $what] $name,)+)+
        }

        impl Reason {
            /// Every reason, in the order of the documentation.
            pub const ALL: &[Self] = &[$($(Self::$name,)+)+];

            /// The sections of the documentation with their reasons.
            pub const SECTIONS: &[(&str, &[Self])] = &[$(($section, &[$(Self::$name,)+]),)+];

            /// The reason as it is written in conditions and events.
            pub const fn as_str(self) -> &'static str {
                match self { $($(Self::$name => stringify!($name),)+)+ }
            }

            /// What it means, why it comes about, what to do.
            pub fn explanation(self) -> Explanation {
                match self {
                    $($(Self::$name => Explanation { what: $what.trim_ascii(), why: $why, action: $action },)+)+
                }
            }
        }
    };
}
use reasons;

impl std::fmt::Display for Reason {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(self.as_str())
    }
}

impl std::str::FromStr for Reason {
    type Err = UnknownReason;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.iter().copied().find(|reason| reason.as_str() == text).ok_or(UnknownReason)
    }
}

/// A word that is no reason of this version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnknownReason;

impl std::fmt::Display for UnknownReason {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("the word is no reason of this version")
    }
}

impl std::error::Error for UnknownReason {}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_reason_says_what_why_and_what_to_do() {
        for reason in Reason::ALL {
            let Explanation { what, why, action } = reason.explanation();
            for sentence in [what, why, action] {
                assert!(sentence.len() > 12, "{reason} has a sentence that says nothing: {sentence:?}");
                assert!(sentence.ends_with('.'), "{reason} has a sentence without an end: {sentence:?}");
                assert!(!sentence.contains("  "), "{reason} has two blanks in: {sentence:?}");
            }
            assert!(what != why && why != action, "{reason} repeats itself");
        }
    }

    #[test]
    fn reasons_are_words_that_a_condition_takes() {
        for reason in Reason::ALL {
            let word = reason.as_str();
            assert!(
                word.len() <= 64 && word.starts_with(|letter: char| letter.is_ascii_uppercase()),
                "{word}"
            );
            assert!(word.chars().all(|letter| letter.is_ascii_alphanumeric()), "{word}");
            assert_eq!(word.parse(), Ok(*reason));
        }
        assert_eq!("NoSuchWord".parse::<Reason>(), Err(UnknownReason));
    }

    #[test]
    fn the_sections_hold_every_reason_once() {
        let listed: Vec<Reason> =
            Reason::SECTIONS.iter().flat_map(|(_, reasons)| reasons.iter().copied()).collect();
        assert_eq!(listed, Reason::ALL);
        assert_eq!(listed.iter().collect::<BTreeSet<_>>().len(), listed.len());
    }
}
