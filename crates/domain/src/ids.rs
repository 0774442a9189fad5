//! Identifiers: each thing has its own type, so that no id can stand where another belongs.
//!
//! Ids are made at the edges, never here. Ids of things recorded are time-ordered (UUID v7);
//! ids of things that a filer names itself (lots, movements, parties) are derived from the
//! organisation and that name (UUID v5), so that the same name always means the same thing and
//! can be referred to before it is stored.

use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};
use uuid::Uuid;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Uuid);

        impl $name {
            /// Takes an id that was made or stored elsewhere.
            pub const fn from_uuid(id: Uuid) -> Self {
                Self(id)
            }

            /// The bare UUID, for storage.
            pub const fn as_uuid(self) -> Uuid {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = uuid::Error;

            fn from_str(text: &str) -> Result<Self, uuid::Error> {
                text.parse().map(Self)
            }
        }
    };
}

id!(/// A producer, trader, authority or agency that takes part.
    OrganisationId);
id!(/// A group of organisations that shares a quota.
    GroupId);
id!(/// A plant, mine or warehouse of an organisation.
    SiteId);
id!(/// A product in an organisation's own catalogue.
    ProductId);
id!(/// A client, supplier or end user as one organisation knows it.
    PartyId);
id!(/// A human being; four eyes are counted in persons.
    PersonId);
id!(/// An API key or a session.
    CredentialId);
id!(/// An invitation to join an organisation.
    InvitationId);
id!(/// What lets one organisation's people act for another.
    DelegationId);
id!(/// One immutable version of a filing.
    FilingId);
id!(/// A batch of material.
    LotId);
id!(/// Goods under way between two filers.
    MovementId);
id!(/// Why one party of a movement says that there is a difference.
    ExplanationId);
id!(/// A question to an applicant.
    QueryId);
id!(/// Something that somebody is told.
    NotificationId);
id!(/// Something suspicious or of doubtful quality that a detector saw.
    FindingId);
id!(/// An application for a licence, from draft to decision.
    CaseId);
id!(/// An export licence.
    LicenceId);
id!(/// A reservation of licensed mass at customs.
    ReservationId);
id!(/// Goods that had left under a licence before the register was asked.
    DepartureId);
id!(/// A signed answer to "is this controlled?".
    DeterminationId);
id!(/// An address that an organisation wants to be called at.
    WebhookId);
id!(/// Signed answers about a whole catalogue.
    DeterminationBatchId);
id!(/// A paper of an application.
    DocumentId);
id!(/// The way on which an end user answers the authority past the supplier.
    SealedChannelId);
id!(/// What an end user handed in through a sealed channel.
    SealedItemId);
id!(/// A fact in the append-only event log.
    EventId);

impl SiteId {
    /// The site that `organisation` calls `code`.
    pub fn of(organisation: OrganisationId, code: &str) -> Self {
        Self(named(organisation, "site", code))
    }
}

impl ProductId {
    /// The product that `organisation` calls `code`.
    pub fn of(organisation: OrganisationId, code: &str) -> Self {
        Self(named(organisation, "product", code))
    }
}

impl LotId {
    /// The lot that `maker` calls `number`.
    pub fn of(maker: OrganisationId, number: &str) -> Self {
        Self(named(maker, "lot", number))
    }
}

impl MovementId {
    /// The movement started by the dispatch that `seller` filed under `reference`.
    pub fn of(seller: OrganisationId, reference: &str) -> Self {
        Self(named(seller, "movement", reference))
    }
}

impl PartyId {
    /// The party that `knower` identifies by `identifier`.
    pub fn of(knower: OrganisationId, identifier: &str) -> Self {
        Self(named(knower, "party", identifier))
    }
}

fn named(organisation: OrganisationId, kind: &str, name: &str) -> Uuid {
    Uuid::new_v5(&organisation.0, format!("{kind}:{name}").as_bytes())
}
