//! The kinds of entries, in pg_dump's own words. A word that is not here is refused when the backup is made: what cannot
//! be put back must not look saved.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

macro_rules! kinds {
    ($($variant:ident $word:literal)+) => {
        /// What an entry defines or says.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Kind {
            $(#[doc = concat!("`", $word, "`")] $variant,)+
        }

        impl Kind {
            /// Every kind there is.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// The kind that pg_dump calls by this word.
            pub fn from_word(word: &str) -> Option<Self> {
                match word {
                    $($word => Some(Self::$variant),)+
                    _ => None,
                }
            }

            /// pg_dump's word for it.
            pub fn word(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)+
                }
            }
        }
    };
}

kinds! {
    AccessMethod "ACCESS METHOD"
    Acl "ACL"
    Aggregate "AGGREGATE"
    Cast "CAST"
    CheckConstraint "CHECK CONSTRAINT"
    Collation "COLLATION"
    Comment "COMMENT"
    Constraint "CONSTRAINT"
    Conversion "CONVERSION"
    Database "DATABASE"
    DatabaseProperties "DATABASE PROPERTIES"
    Default "DEFAULT"
    DefaultAcl "DEFAULT ACL"
    Domain "DOMAIN"
    Encoding "ENCODING"
    EventTrigger "EVENT TRIGGER"
    Extension "EXTENSION"
    ForeignDataWrapper "FOREIGN DATA WRAPPER"
    ForeignKey "FK CONSTRAINT"
    ForeignTable "FOREIGN TABLE"
    Function "FUNCTION"
    Index "INDEX"
    IndexAttach "INDEX ATTACH"
    Language "PROCEDURAL LANGUAGE"
    MaterializedView "MATERIALIZED VIEW"
    MaterializedViewData "MATERIALIZED VIEW DATA"
    Operator "OPERATOR"
    OperatorClass "OPERATOR CLASS"
    OperatorFamily "OPERATOR FAMILY"
    Policy "POLICY"
    Procedure "PROCEDURE"
    Publication "PUBLICATION"
    PublicationSchema "PUBLICATION TABLES IN SCHEMA"
    PublicationTable "PUBLICATION TABLE"
    RowSecurity "ROW SECURITY"
    Rule "RULE"
    Schema "SCHEMA"
    SearchPath "SEARCHPATH"
    SecurityLabel "SECURITY LABEL"
    Sequence "SEQUENCE"
    SequenceOwner "SEQUENCE OWNED BY"
    Server "SERVER"
    ShellType "SHELL TYPE"
    StandardStrings "STDSTRINGS"
    Statistics "STATISTICS"
    Subscription "SUBSCRIPTION"
    Table "TABLE"
    TableAttach "TABLE ATTACH"
    TextSearchConfiguration "TEXT SEARCH CONFIGURATION"
    TextSearchDictionary "TEXT SEARCH DICTIONARY"
    TextSearchParser "TEXT SEARCH PARSER"
    TextSearchTemplate "TEXT SEARCH TEMPLATE"
    Transform "TRANSFORM"
    Trigger "TRIGGER"
    Type "TYPE"
    UserMapping "USER MAPPING"
    View "VIEW"
}

impl Kind {
    /// Whether the entry says something about the archive and defines nothing.
    pub fn is_preamble(self) -> bool {
        matches!(self, Self::Encoding | Self::StandardStrings | Self::SearchPath)
    }

    /// Whether the entry is about the database itself, which a restore makes by its own means.
    pub fn is_database(self) -> bool {
        matches!(self, Self::Database | Self::DatabaseProperties)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.word())
    }
}

impl Serialize for Kind {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.word())
    }
}

impl<'de> Deserialize<'de> for Kind {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let word = String::deserialize(deserializer)?;
        // Worded as serde words it for its own enumerations: such a word is a newer writer's.
        Self::from_word(&word).ok_or_else(|| de::Error::unknown_variant(&word, &["an entry's kind"]))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::Kind;

    #[test]
    fn every_kind_is_found_by_its_own_word_and_no_two_share_one() {
        for kind in Kind::ALL {
            assert_eq!(Kind::from_word(kind.word()), Some(*kind));
        }
        let words: HashSet<_> = Kind::ALL.iter().map(|kind| kind.word()).collect();
        assert_eq!(words.len(), Kind::ALL.len());
        assert_eq!(Kind::from_word("PROPERTY GRAPH"), None);
    }
}
