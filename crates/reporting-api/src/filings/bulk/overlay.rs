//! What earlier lines of the same file made that cannot be read back yet.
//!
//! Recorded chunks are read back from the database soon after they were written, so only the
//! latest are kept here in full. A file that is only checked never writes: of its lots and
//! references a fingerprint of 64 bits is kept, 16 to 32 bytes a line, which bounds a million
//! lines. (Two different lots share one by chance in one of ten million such files; the check
//! would then miss one unknown lot, the recording would not.)

use database::filing_context::{IncomingMovement, LotClaim};
use domain::{
    codes::LineRole,
    filing::{Claim, Filing},
    ids::{FilingId, LotId, MovementId},
};
use std::{
    collections::{HashMap, HashSet, VecDeque},
    hash::{BuildHasher, RandomState},
};

/// Chunks that may be judged before the first of them can be read back.
const RECENT_CHUNKS: usize = 5;

/// How much of a file must be remembered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Memory {
    /// The latest chunks: everything before can be read back.
    Recent,
    /// Everything in full: nothing is written until the end.
    Whole,
    /// Fingerprints of everything: nothing is ever written.
    Fingerprints,
}

/// A filing of the same file with the same reference.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct SameFile {
    pub(super) line: u32,
    pub(super) filing: Option<FilingId>,
    pub(super) same_content: bool,
}

#[derive(Debug)]
struct Seen {
    line: u32,
    filing: FilingId,
    content_hash: [u8; 32],
}

#[derive(Debug, Default)]
struct Made {
    lots: HashMap<LotId, LotClaim>,
    references: HashMap<(String, u16), Seen>,
    /// Movements that were received, with the reference of their first receipt.
    receipts: HashMap<MovementId, String>,
}

/// The lots and references of earlier lines.
#[derive(Debug)]
pub(super) struct Overlay {
    memory: Memory,
    recent: VecDeque<Made>,
    lots: HashSet<u64>,
    references: HashMap<u64, (u32, u64)>,
    state: RandomState,
}

impl Overlay {
    pub(super) fn new(memory: Memory) -> Self {
        Self {
            memory,
            recent: VecDeque::from([Made::default()]),
            lots: HashSet::new(),
            references: HashMap::new(),
            state: RandomState::new(),
        }
    }

    /// From here on lines belong to the next chunk.
    pub(super) fn begin_chunk(&mut self) {
        match self.memory {
            Memory::Recent => {
                self.recent.push_back(Made::default());
                if RECENT_CHUNKS < self.recent.len() {
                    self.recent.pop_front();
                }
            }
            Memory::Fingerprints => self.recent = VecDeque::from([Made::default()]),
            Memory::Whole => {}
        }
    }

    /// The lot, if an earlier line made it. Of a lot of which only a fingerprint is left, nothing
    /// but that it exists is known, and more is not needed to check a line.
    pub(super) fn lot(&self, lot: LotId) -> Option<LotClaim> {
        let claim = self.recent.iter().rev().find_map(|made| made.lots.get(&lot).cloned());
        claim.or_else(|| self.lots.contains(&key(lot)).then(|| nameless(lot)))
    }

    /// The earlier line with this reference, if there is one.
    pub(super) fn reference(
        &self,
        reference: &str,
        version: u16,
        content_hash: &[u8; 32],
    ) -> Option<SameFile> {
        let wanted = (reference.to_owned(), version);
        if let Some(seen) = self.recent.iter().rev().find_map(|made| made.references.get(&wanted)) {
            let same_content = seen.content_hash == *content_hash;
            return Some(SameFile { line: seen.line, filing: Some(seen.filing), same_content });
        }
        let (line, content) = self.references.get(&self.state.hash_one(&wanted))?;
        let same_content = *content == fold(content_hash);
        Some(SameFile { line: *line, filing: None, same_content })
    }

    /// A movement with the receipt that an earlier line of the latest chunks is, where it has none.
    pub(super) fn received(&self, mut movement: IncomingMovement) -> IncomingMovement {
        let before =
            || self.recent.iter().find_map(|made| made.receipts.get(&movement.id).cloned());
        movement.used_by = movement.used_by.or_else(before);
        movement
    }

    /// Remembers what an accepted line made.
    pub(super) fn add(&mut self, filing: &Filing, line: u32, content_hash: [u8; 32]) {
        if let Claim::Receipt { movement, .. } = filing.claim {
            let receipt = filing.reference.clone();
            self.latest().receipts.entry(movement).or_insert(receipt);
        }
        let reference = (filing.reference.clone(), filing.version);
        if self.memory == Memory::Fingerprints {
            let content = fold(&content_hash);
            self.references.insert(self.state.hash_one(&reference), (line, content));
        }
        for made in filing.lines.iter().filter(|line| line.role == LineRole::Output) {
            let (Some(lot), Some(category)) = (made.lot, made.category) else { continue };
            if self.memory == Memory::Fingerprints {
                self.lots.insert(key(lot));
                continue;
            }
            let claim = LotClaim {
                id: lot,
                category,
                hs_code: made.hs_code.clone(),
                grade: made.grade.clone(),
                quantity: made.quantity,
                elements: made.elements,
            };
            self.latest().lots.insert(lot, claim);
        }
        if self.memory != Memory::Fingerprints {
            let seen = Seen { line, filing: filing.id, content_hash };
            self.latest().references.insert(reference, seen);
        }
    }

    fn latest(&mut self) -> &mut Made {
        self.recent.back_mut().expect("a chunk has begun")
    }
}

/// A lot as a number: the ids of lots are as good as random.
pub(super) fn key(lot: LotId) -> u64 {
    let (high, low) = lot.as_uuid().as_u64_pair();
    high ^ low
}

fn fold(hash: &[u8; 32]) -> u64 {
    u64::from_be_bytes(*hash.first_chunk().expect("a hash is longer"))
}

fn nameless(lot: LotId) -> LotClaim {
    LotClaim {
        id: lot,
        category: domain::codes::Category::Ore,
        hs_code: None,
        grade: None,
        quantity: domain::mass::Kilograms::ZERO,
        elements: domain::mass::ElementMasses::ZERO,
    }
}
