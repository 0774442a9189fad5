//! How officers work: the rows about refusals, flags and signatures.

use super::Sentence;
use crate::codes::{Role, words};
use serde::{Deserialize, Serialize};

/// Why an application may be refused. Its key is the reason's one spelling.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefusalGround {
    /// Where that stands.
    pub article: String,
    /// What it says, for people.
    #[serde(flatten)]
    pub text: Sentence,
}

words! {
    /// What a flag does to a case.
    FlagEffect {
        /// Nobody recommends or signs before it is cleared.
        BlocksDecision = "blocks_decision",
        /// It only tells the next officer.
        Tells = "tells",
    }
}

/// What officers may mark a case with. Its key is the flag.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CaseFlag {
    /// What it does.
    pub effect: FlagEffect,
    /// What it means, for people.
    #[serde(flatten)]
    pub text: Sentence,
}

/// Who must sign a decision, one after the other. Its key is the risk.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CountersignRule {
    /// The role that each signature takes; as many persons as signatures, none of them the one who
    /// recommended.
    pub signatures: Vec<Role>,
}
