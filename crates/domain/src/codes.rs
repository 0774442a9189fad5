//! Closed lists of words: each is an enum whose one spelling serves JSON, SQL, docs and logs.

/// The text is none of the words allowed here.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not one of {}", expected.join(", "))]
pub struct UnknownWord {
    /// All words allowed here.
    pub expected: Vec<&'static str>,
}

macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$word_doc:meta])* $variant:ident = $word:literal),* $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
        pub enum $name { $($(#[$word_doc])* #[serde(rename = $word)] $variant),* }

        impl $name {
            /// Every word, in the order people read them.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// The one spelling.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word),* }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl std::str::FromStr for $name {
            type Err = $crate::codes::UnknownWord;

            fn from_str(text: &str) -> Result<Self, $crate::codes::UnknownWord> {
                Self::ALL.iter().copied().find(|word| word.as_str() == text).ok_or_else(|| {
                    $crate::codes::UnknownWord { expected: Self::ALL.iter().map(|word| word.as_str()).collect() }
                })
            }
        }
    };
}
pub(crate) use words;

words! {
    /// What a person may do for an organisation.
    Role {
        /// Files production and trade.
        Reporter = "reporter",
        /// Applies for export licences.
        Exporter = "exporter",
        /// Reviews applications.
        Officer = "officer",
        /// Countersigns what an officer recommends.
        SeniorOfficer = "senior_officer",
        /// Advises officers for another agency.
        AgencyAdviser = "agency_adviser",
        /// Verifies and draws down licences at the border.
        Customs = "customs",
        /// Hands in the tax authority's invoices.
        TaxOfficer = "tax_officer",
        /// Reads statistics and balances.
        Analyst = "analyst",
        /// Follows up findings.
        Inspector = "inspector",
        /// Manages people, keys and rules; of a filer: its own people and keys.
        Administrator = "administrator",
        /// Reads the log and who read what.
        Auditor = "auditor",
    }
}

words! {
    /// What kind of organisation takes part.
    OrganisationKind {
        /// Produces, trades or exports.
        Filer = "filer",
        /// Decides on licences and oversees reporting.
        Authority = "authority",
        /// Advises the authority.
        Agency = "agency",
        /// Guards the border.
        Customs = "customs",
        /// Registers tax invoices.
        TaxAuthority = "tax_authority",
    }
}

words! {
    /// A stage of the chain that a site or organisation is registered for.
    Stage {
        /// Digs or leaches ore.
        Mining = "mining",
        /// Turns concentrate into single oxides.
        Separation = "separation",
        /// Turns oxide into metal.
        MetalSmelting = "metal_smelting",
        /// Makes alloy.
        Alloying = "alloying",
        /// Makes magnets.
        MagnetMaking = "magnet_making",
        /// Builds products that contain magnets.
        Assembly = "assembly",
        /// Recovers rare earths from scrap; ore may not be fed (decree 785, article 11).
        Recycling = "recycling",
        /// Buys and sells.
        Trading = "trading",
        /// Sends goods abroad.
        Export = "export",
    }
}

words! {
    /// What kind of goods a product is, in the words of the control lists.
    Category {
        /// Ore as mined.
        Ore = "ore",
        /// Ore after beneficiation, leach precipitate included.
        Concentrate = "concentrate",
        /// Oxides and their mixtures.
        Oxide = "oxide",
        /// Other compounds: chlorides, carbonates, fluorides.
        Compound = "compound",
        /// Unalloyed metal.
        Metal = "metal",
        /// Alloys, magnet flakes and powder before sintering included.
        Alloy = "alloy",
        /// Sputtering targets.
        Target = "target",
        /// Permanent magnets and magnet powder.
        Magnet = "magnet",
        /// Goods that contain magnets: rotors, sensors, motors.
        Assembly = "assembly",
        /// Scrap, swarf and end-of-life material.
        Scrap = "scrap",
    }
}

words! {
    /// What a filing is about.
    FilingKind {
        /// Material taken from nature.
        Extraction = "extraction",
        /// Inputs became outputs and losses.
        Transformation = "transformation",
        /// Goods sent to a client.
        Dispatch = "dispatch",
        /// Goods of a dispatch arrived, or scrap was collected from those who do not file.
        Receipt = "receipt",
        /// Goods came from abroad.
        Import = "import",
        /// Goods left the country.
        Export = "export",
        /// Stock was measured.
        Stocktake = "stocktake",
        /// Goods left the chain as waste.
        Disposal = "disposal",
        /// The period is closed.
        MonthlyReturn = "monthly_return",
    }
}

words! {
    /// What a transformation does.
    Process {
        /// Ore to concentrate; in-situ leaching included.
        Beneficiation = "beneficiation",
        /// Concentrate to single oxides.
        Separation = "separation",
        /// Oxide to metal.
        MetalReduction = "metal_reduction",
        /// Metals to alloy.
        Alloying = "alloying",
        /// Alloy to magnet blanks.
        MagnetMaking = "magnet_making",
        /// Blanks to finished magnets.
        Machining = "machining",
        /// Magnets into products.
        Assembly = "assembly",
        /// Scrap to oxide or alloy.
        Recycling = "recycling",
    }
}

words! {
    /// What a line of a filing stands for.
    LineRole {
        /// Consumed by a transformation.
        Input = "input",
        /// Made or taken in: a new lot.
        Output = "output",
        /// Known to be lost in the process.
        Loss = "loss",
        /// Moved as it is.
        Item = "item",
        /// Counted or weighed, not moved.
        Measured = "measured",
    }
}

words! {
    /// How the receiver found the goods of a dispatch (EMCS report of receipt).
    Outcome {
        /// As announced.
        Satisfactory = "satisfactory",
        /// Accepted although something is wrong.
        Unsatisfactory = "unsatisfactory",
        /// Nothing accepted.
        Refused = "refused",
        /// Some accepted, some not.
        PartiallyRefused = "partially_refused",
    }
}

words! {
    /// Where material goes or comes from that no filer holds.
    Beyond {
        /// Buyers who do not file.
        DomesticUse = "domestic_use",
        /// Products at their end of life.
        EndOfLife = "end_of_life",
        /// Waste.
        Waste = "waste",
        /// Taken by the authorities.
        Seized = "seized",
    }
}

words! {
    /// What an account holds matter for.
    AccountKind {
        /// The ground below a site.
        Nature = "nature",
        /// The stock of a site.
        Site = "site",
        /// A transformation while it is written down; empty after every filing.
        Process = "process",
        /// One movement between two filers.
        InTransit = "in_transit",
        /// Foreign countries, kept per site.
        Abroad = "abroad",
        /// Buyers who do not file, kept per site.
        DomesticUse = "domestic_use",
        /// Products at their end of life, kept per site.
        EndOfLife = "end_of_life",
        /// Known losses of a process.
        ProcessLoss = "process_loss",
        /// Waste.
        Waste = "waste",
        /// Taken by the authorities.
        Seized = "seized",
        /// What is no rare earth: oxygen, iron, boron, cobalt, reagents.
        OtherMatter = "other_matter",
        /// Elements for which a filing gives no account.
        Unaccounted = "unaccounted",
    }
}

words! {
    /// How a filing reached the system.
    Channel {
        /// The reporting API, one filing at a time.
        Api = "api",
        /// A file of many filings.
        Bulk = "bulk",
        /// EPCIS events.
        Epcis = "epcis",
        /// The portal's forms.
        Portal = "portal",
    }
}

words! {
    /// Who may see a finding.
    Audience {
        /// The filer too: plain data quality.
        Filer = "filer",
        /// Officials only: the one suspected must not be warned.
        Official = "official",
    }
}

words! {
    /// How grave a finding is.
    Severity {
        /// Worth knowing.
        Notice = "notice",
        /// Worth a question.
        Warning = "warning",
        /// Worth a visit.
        Alert = "alert",
    }
}

words! {
    /// Where a finding stands.
    FindingState {
        /// Nobody has looked yet.
        Open = "open",
        /// Somebody is looking.
        UnderReview = "under_review",
        /// It was true.
        Confirmed = "confirmed",
        /// It was not; the reason is kept.
        Dismissed = "dismissed",
        /// Nobody decided: what is known now no longer shows it, or its filing was corrected.
        Closed = "closed",
    }
}

impl OrganisationKind {
    /// The roles a person can hold in an organisation of this kind.
    pub const fn roles(self) -> &'static [Role] {
        match self {
            Self::Filer => &[Role::Reporter, Role::Exporter, Role::Administrator],
            Self::Authority => &[
                Role::Officer,
                Role::SeniorOfficer,
                Role::Analyst,
                Role::Inspector,
                Role::Administrator,
                Role::Auditor,
            ],
            Self::Agency => &[Role::AgencyAdviser],
            Self::Customs => &[Role::Customs],
            Self::TaxAuthority => &[Role::TaxOfficer],
        }
    }
}
