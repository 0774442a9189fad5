//! Sealed channels in Postgres: hashes of tokens, wrapped keys, sealed descriptions, and who looked.
//!
//! Nothing here can be read without a key that is in no database. Every change is a conditional
//! update, so that of two at once one has its effect.

use crate::{
    Error,
    cases::Moment,
    events,
    licensing_requests::{self, Answered, Request},
    schema::{organisations, sealed_channels, sealed_items, sealed_reads},
};
use diesel::{
    BoolExpressionMethods, ExpressionMethods, HasQuery, JoinOnDsl, OptionalExtension, QueryDsl,
};
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl};
use domain::{
    event::Event,
    ids::{CaseId, OrganisationId, PersonId, SealedChannelId, SealedItemId},
    sealed::Channel,
};
use jiff::Timestamp;
use jiff_diesel::ToDiesel;
use serde_json::Value;
use uuid::Uuid;

/// Items in one channel, and channels of one application, at most.
pub const ITEMS_AT_MOST: i64 = 200;
const READS_SHOWN: i64 = 500;

/// A channel that is begun.
#[derive(Clone, Debug)]
pub struct NewChannel {
    /// Its id, made by the caller.
    pub id: SealedChannelId,
    /// The supplier.
    pub organisation: OrganisationId,
    /// The application.
    pub case: CaseId,
    /// Who is asked.
    pub end_user: String,
    /// In which language.
    pub language: String,
    /// SHA-256 of the link's token.
    pub link_hash: [u8; 32],
    /// The channel's key, wrapped.
    pub wrapped_key: Vec<u8>,
    /// The key that wraps it.
    pub wrapping_key: String,
    /// Who begins it.
    pub person: PersonId,
    /// When the link ends.
    pub expires_at: Timestamp,
}

/// A channel as its supplier may see it.
#[derive(Clone, Debug)]
pub struct SupplierChannel {
    /// Which.
    pub id: SealedChannelId,
    /// Who is asked.
    pub end_user: String,
    /// In which language.
    pub language: String,
    /// When it was begun.
    pub created_at: Timestamp,
    /// Whether the certificate was released.
    pub released: bool,
    /// Its life; whether it was opened is not known here.
    pub life: Channel,
}

/// A channel, whole.
#[derive(Clone, Debug)]
pub struct ChannelRecord {
    /// Which.
    pub id: SealedChannelId,
    /// The supplier.
    pub organisation: OrganisationId,
    /// The application.
    pub case: CaseId,
    /// Who is asked.
    pub end_user: String,
    /// In which language.
    pub language: String,
    /// The channel's key, wrapped.
    pub wrapped_key: Vec<u8>,
    /// The key that wraps it.
    pub wrapping_key: String,
    /// When somebody opened the link.
    pub opened_at: Option<Timestamp>,
    /// When it was complete.
    pub completed_at: Option<Timestamp>,
    /// When the certificate was released.
    pub released_at: Option<Timestamp>,
    /// Its life.
    pub life: Channel,
}

/// With what a channel was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Via {
    /// The link that the supplier passed on.
    Link,
    /// The key of whoever opened it.
    Key,
}

/// Something that was handed in.
#[derive(Clone, Debug)]
pub struct SealedItem {
    /// Which.
    pub id: SealedItemId,
    /// What it is, sealed.
    pub sealed_description: Vec<u8>,
    /// When it came.
    pub added_at: Timestamp,
}

/// An official's look.
#[derive(Clone, Debug)]
pub struct SealedLook {
    /// The item; none for the list.
    pub item: Option<SealedItemId>,
    /// The office's names in Chinese and English.
    pub office: (String, String),
    /// Why.
    pub purpose: String,
    /// When.
    pub at: Timestamp,
}

/// Begins a channel, once for each request; `answer` is kept for repeats.
pub async fn create(
    conn: &mut AsyncPgConnection,
    request: &Request<'_>,
    new: &NewChannel,
    answer: &Value,
    moment: &Moment,
) -> Result<Answered, Error> {
    conn.transaction(async |conn| {
        if let Some(before) = licensing_requests::begin(conn, request, moment).await? {
            return Ok(before);
        }
        diesel::insert_into(sealed_channels::table)
            .values((
                sealed_channels::id.eq(new.id.as_uuid()),
                sealed_channels::organisation.eq(new.organisation.as_uuid()),
                sealed_channels::case_id.eq(new.case.as_uuid()),
                sealed_channels::end_user.eq(&new.end_user),
                sealed_channels::language.eq(&new.language),
                sealed_channels::link_hash.eq(new.link_hash.as_slice()),
                sealed_channels::wrapped_key.eq(&new.wrapped_key),
                sealed_channels::wrapping_key.eq(&new.wrapping_key),
                sealed_channels::created_by.eq(new.person.as_uuid()),
                sealed_channels::created_at.eq(moment.at.to_diesel()),
                sealed_channels::expires_at.eq(new.expires_at.to_diesel()),
            ))
            .execute(conn)
            .await?;
        let whose = (new.id, new.case, new.organisation);
        tell(conn, whose, "begin", Some(new.person), moment).await?;
        licensing_requests::finish(conn, request, answer).await?;
        Ok(Answered::Now(answer.clone()))
    })
    .await
}

/// The channels of an application, as their supplier may see them.
pub async fn of_supplier(
    conn: &mut AsyncPgConnection,
    case: CaseId,
) -> Result<Vec<SupplierChannel>, Error> {
    type Row = (
        (Uuid, String, String),
        (jiff_diesel::Timestamp, jiff_diesel::Timestamp),
        (
            Option<jiff_diesel::Timestamp>,
            Option<jiff_diesel::Timestamp>,
            Option<jiff_diesel::Timestamp>,
        ),
    );
    let rows: Vec<Row> = sealed_channels::table
        .filter(sealed_channels::case_id.eq(case.as_uuid()))
        .order(sealed_channels::id)
        .limit(ITEMS_AT_MOST)
        .select((
            (sealed_channels::id, sealed_channels::end_user, sealed_channels::language),
            (sealed_channels::created_at, sealed_channels::expires_at),
            (
                sealed_channels::completed_at,
                sealed_channels::released_at,
                sealed_channels::revoked_at,
            ),
        ))
        .load(conn)
        .await?;
    Ok(rows
        .into_iter()
        .map(
            |(
                (id, end_user, language),
                (created_at, expires_at),
                (completed, released, revoked),
            )| {
                SupplierChannel {
                    id: SealedChannelId::from_uuid(id),
                    end_user,
                    language,
                    created_at: created_at.into(),
                    released: released.is_some(),
                    life: Channel {
                        expires_at: expires_at.into(),
                        opened: false,
                        completed: completed.is_some(),
                        revoked: revoked.is_some(),
                    },
                }
            },
        )
        .collect())
}

/// Whether an end user of this application has said all there is to say.
pub async fn any_complete(conn: &mut AsyncPgConnection, case: CaseId) -> Result<bool, Error> {
    let complete = sealed_channels::table
        .filter(sealed_channels::case_id.eq(case.as_uuid()))
        .filter(sealed_channels::completed_at.is_not_null())
        .select(sealed_channels::id);
    Ok(diesel::select(diesel::dsl::exists(complete)).get_result(conn).await?)
}

/// Takes a channel back, unless it is complete. Answers whether it was taken back now.
pub async fn revoke(
    conn: &mut AsyncPgConnection,
    id: SealedChannelId,
    whose: (CaseId, OrganisationId),
    person: PersonId,
    moment: &Moment,
) -> Result<bool, Error> {
    conn.transaction(async |conn| {
        let open = sealed_channels::table
            .filter(sealed_channels::id.eq(id.as_uuid()))
            .filter(sealed_channels::completed_at.is_null())
            .filter(sealed_channels::revoked_at.is_null());
        let revoked = diesel::update(open)
            .set(sealed_channels::revoked_at.eq(moment.at.to_diesel()))
            .execute(conn)
            .await?;
        if revoked == 1 {
            tell(conn, (id, whose.0, whose.1), "revoke", Some(person), moment).await?;
        }
        Ok(revoked == 1)
    })
    .await
}

/// Finds a channel by the hash of a token. `None` is an ordinary answer.
pub async fn by_token(
    conn: &mut AsyncPgConnection,
    hash: &[u8; 32],
) -> Result<Option<(ChannelRecord, Via)>, Error> {
    let hash = hash.as_slice();
    let row: Option<ChannelRow> = ChannelRow::query()
        .filter(sealed_channels::link_hash.eq(hash).or(sealed_channels::key_hash.eq(hash)))
        .first(conn)
        .await
        .optional()?;
    Ok(row.map(|row| {
        let via = if row.link_hash == hash { Via::Link } else { Via::Key };
        (ChannelRecord::from(row), via)
    }))
}

/// The channels of a case, whole.
pub async fn of_case(
    conn: &mut AsyncPgConnection,
    case: CaseId,
) -> Result<Vec<ChannelRecord>, Error> {
    let rows: Vec<ChannelRow> = ChannelRow::query()
        .filter(sealed_channels::case_id.eq(case.as_uuid()))
        .order(sealed_channels::id)
        .limit(ITEMS_AT_MOST)
        .load(conn)
        .await?;
    Ok(rows.into_iter().map(ChannelRecord::from).collect())
}

/// Opens a link, once: whoever does is known by this key from now on.
pub async fn open(
    conn: &mut AsyncPgConnection,
    id: SealedChannelId,
    key_hash: &[u8; 32],
    moment: &Moment,
) -> Result<bool, Error> {
    let waiting = sealed_channels::table
        .filter(sealed_channels::id.eq(id.as_uuid()))
        .filter(sealed_channels::opened_at.is_null())
        .filter(sealed_channels::revoked_at.is_null());
    let opened = diesel::update(waiting)
        .set((
            sealed_channels::opened_at.eq(moment.at.to_diesel()),
            sealed_channels::key_hash.eq(key_hash.as_slice()),
        ))
        .execute(conn)
        .await?;
    Ok(opened == 1)
}

/// Adds something to an open channel. Answers what is there under this id afterwards; nothing where
/// the channel takes nothing more.
pub async fn add_item(
    conn: &mut AsyncPgConnection,
    channel: SealedChannelId,
    id: SealedItemId,
    sealed_description: &[u8],
    moment: &Moment,
) -> Result<Option<SealedItem>, Error> {
    conn.transaction(async |conn| {
        // Of an addition and the completion at once the second waits here.
        let open: Option<Uuid> = sealed_channels::table
            .filter(sealed_channels::id.eq(channel.as_uuid()))
            .filter(sealed_channels::completed_at.is_null())
            .filter(sealed_channels::revoked_at.is_null())
            .select(sealed_channels::id)
            .for_update()
            .first(conn)
            .await
            .optional()?;
        let count: i64 = sealed_items::table
            .filter(sealed_items::channel.eq(channel.as_uuid()))
            .count()
            .get_result(conn)
            .await?;
        if open.is_some() && count < ITEMS_AT_MOST {
            diesel::insert_into(sealed_items::table)
                .values((
                    sealed_items::id.eq(id.as_uuid()),
                    sealed_items::channel.eq(channel.as_uuid()),
                    sealed_items::sealed_description.eq(sealed_description),
                    sealed_items::added_at.eq(moment.at.to_diesel()),
                ))
                .on_conflict_do_nothing()
                .execute(conn)
                .await?;
        }
        item(conn, channel, id).await
    })
    .await
}

/// One thing that was handed in. `None` is an ordinary answer.
pub async fn item(
    conn: &mut AsyncPgConnection,
    channel: SealedChannelId,
    id: SealedItemId,
) -> Result<Option<SealedItem>, Error> {
    let row: Option<ItemRow> = ItemRow::query()
        .filter(sealed_items::channel.eq(channel.as_uuid()))
        .filter(sealed_items::id.eq(id.as_uuid()))
        .first(conn)
        .await
        .optional()?;
    Ok(row.map(SealedItem::from))
}

/// Everything that was handed in, the oldest first.
pub async fn items(
    conn: &mut AsyncPgConnection,
    channel: SealedChannelId,
) -> Result<Vec<SealedItem>, Error> {
    let rows: Vec<ItemRow> = ItemRow::query()
        .filter(sealed_items::channel.eq(channel.as_uuid()))
        .order((sealed_items::added_at, sealed_items::id))
        .limit(ITEMS_AT_MOST)
        .load(conn)
        .await?;
    Ok(rows.into_iter().map(SealedItem::from).collect())
}

/// The end user says that this is all. Answers whether it was said now.
pub async fn complete(
    conn: &mut AsyncPgConnection,
    channel: &ChannelRecord,
    moment: &Moment,
) -> Result<bool, Error> {
    conn.transaction(async |conn| {
        let open = sealed_channels::table
            .filter(sealed_channels::id.eq(channel.id.as_uuid()))
            .filter(sealed_channels::completed_at.is_null())
            .filter(sealed_channels::revoked_at.is_null());
        let completed = diesel::update(open)
            .set(sealed_channels::completed_at.eq(moment.at.to_diesel()))
            .execute(conn)
            .await?;
        if completed == 1 {
            let whose = (channel.id, channel.case, channel.organisation);
            tell(conn, whose, "complete", None, moment).await?;
        }
        Ok(completed == 1)
    })
    .await
}

/// Holds a channel and notes that its certificate is released; answers whether it was not before.
/// Commit the transaction once the supplier has the certificate.
pub async fn release(
    conn: &mut AsyncPgConnection,
    channel: &ChannelRecord,
    moment: &Moment,
) -> Result<bool, Error> {
    let complete = sealed_channels::table
        .filter(sealed_channels::id.eq(channel.id.as_uuid()))
        .filter(sealed_channels::completed_at.is_not_null())
        .filter(sealed_channels::released_at.is_null());
    let released = diesel::update(complete)
        .set(sealed_channels::released_at.eq(moment.at.to_diesel()))
        .execute(conn)
        .await?;
    if released == 1 {
        let whose = (channel.id, channel.case, channel.organisation);
        tell(conn, whose, "release", None, moment).await?;
    }
    Ok(released == 1)
}

/// Notes an official's look before anything is shown.
pub async fn log_look(
    conn: &mut AsyncPgConnection,
    channel: SealedChannelId,
    item: Option<SealedItemId>,
    reader: (PersonId, OrganisationId),
    purpose: &str,
    moment: &Moment,
) -> Result<(), Error> {
    let (person, office) = reader;
    conn.transaction(async |conn| {
        diesel::insert_into(sealed_reads::table)
            .values((
                sealed_reads::id.eq(Uuid::now_v7()),
                sealed_reads::channel.eq(channel.as_uuid()),
                sealed_reads::item.eq(item.map(SealedItemId::as_uuid)),
                sealed_reads::person.eq(person.as_uuid()),
                sealed_reads::office.eq(office.as_uuid()),
                sealed_reads::purpose.eq(purpose),
                sealed_reads::read_at.eq(moment.at.to_diesel()),
            ))
            .execute(conn)
            .await?;
        let event = Event::SealedRead { channel, person, purpose: purpose.to_owned() };
        events::append(conn, &moment.origin(Some(person)), channel.as_uuid(), &event).await
    })
    .await
}

/// Who looked at a channel, the latest first.
pub async fn looks(
    conn: &mut AsyncPgConnection,
    channel: SealedChannelId,
) -> Result<Vec<SealedLook>, Error> {
    type Row = (Option<Uuid>, String, jiff_diesel::Timestamp, String, String);
    let rows: Vec<Row> = sealed_reads::table
        .inner_join(organisations::table.on(organisations::id.eq(sealed_reads::office)))
        .filter(sealed_reads::channel.eq(channel.as_uuid()))
        .order(sealed_reads::id.desc())
        .limit(READS_SHOWN)
        .select((
            sealed_reads::item,
            sealed_reads::purpose,
            sealed_reads::read_at,
            organisations::name_zh,
            organisations::name_en,
        ))
        .load(conn)
        .await?;
    Ok(rows
        .into_iter()
        .map(|(item, purpose, at, zh, en)| SealedLook {
            item: item.map(SealedItemId::from_uuid),
            office: (zh, en),
            purpose,
            at: at.into(),
        })
        .collect())
}

/// Tells the supplier's log what happened, never what was said.
async fn tell(
    conn: &mut AsyncPgConnection,
    (channel, case, organisation): (SealedChannelId, CaseId, OrganisationId),
    step: &str,
    person: Option<PersonId>,
    moment: &Moment,
) -> Result<(), Error> {
    let event = Event::SealedChannelMoved { channel, case, organisation, step: step.to_owned() };
    events::append(conn, &moment.origin(person), case.as_uuid(), &event).await
}

#[derive(HasQuery)]
#[diesel(table_name = sealed_channels)]
#[diesel(check_for_backend(diesel::pg::Pg))]
struct ChannelRow {
    id: Uuid,
    organisation: Uuid,
    case_id: Uuid,
    end_user: String,
    language: String,
    link_hash: Vec<u8>,
    wrapped_key: Vec<u8>,
    wrapping_key: String,
    expires_at: jiff_diesel::Timestamp,
    opened_at: Option<jiff_diesel::Timestamp>,
    completed_at: Option<jiff_diesel::Timestamp>,
    released_at: Option<jiff_diesel::Timestamp>,
    revoked_at: Option<jiff_diesel::Timestamp>,
}

#[derive(HasQuery)]
#[diesel(table_name = sealed_items)]
#[diesel(check_for_backend(diesel::pg::Pg))]
struct ItemRow {
    id: Uuid,
    sealed_description: Vec<u8>,
    added_at: jiff_diesel::Timestamp,
}

impl From<ChannelRow> for ChannelRecord {
    fn from(row: ChannelRow) -> Self {
        let life = Channel {
            expires_at: row.expires_at.into(),
            opened: row.opened_at.is_some(),
            completed: row.completed_at.is_some(),
            revoked: row.revoked_at.is_some(),
        };
        Self {
            id: SealedChannelId::from_uuid(row.id),
            organisation: OrganisationId::from_uuid(row.organisation),
            case: CaseId::from_uuid(row.case_id),
            end_user: row.end_user,
            language: row.language,
            wrapped_key: row.wrapped_key,
            wrapping_key: row.wrapping_key,
            opened_at: row.opened_at.map(Into::into),
            completed_at: row.completed_at.map(Into::into),
            released_at: row.released_at.map(Into::into),
            life,
        }
    }
}

impl From<ItemRow> for SealedItem {
    fn from(row: ItemRow) -> Self {
        Self {
            id: SealedItemId::from_uuid(row.id),
            sealed_description: row.sealed_description,
            added_at: row.added_at.into(),
        }
    }
}
