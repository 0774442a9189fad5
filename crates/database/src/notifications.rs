//! Who is told about open items, and the mails that carry it.
//!
//! A step of an item is told once, however often a sweep finds it due: the table says so. A mail is
//! claimed before it leaves, with the moment of its next attempt, and marked afterwards: what stops
//! in between is sent again, never forgotten. Who chose one mail a day has everything in that.

use crate::{
    CorruptRow, Error, act_for,
    row::Reader,
    schema::{notification_deliveries, notifications},
};
use diesel::{
    ExpressionMethods, HasQuery, OptionalExtension, QueryDsl, QueryableByName,
    sql_types::{Array, Date as SqlDate, Integer, Text, Timestamptz, Uuid as SqlUuid},
};
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl};
use domain::{
    ids::{NotificationId, OrganisationId, PersonId},
    mails::{MailRhythm, next_daily_mail},
    open_item::{DueStep, NotificationAudience, OpenItem, OpenItemKind, Step},
    regime::Sentence,
};
use jiff::{SignedDuration, Timestamp, civil::Date};
use jiff_diesel::ToDiesel;
use uuid::Uuid;

/// Attempts after which a mail is given up.
const ATTEMPTS: i32 = 20;
/// However often it failed, a mail is tried again within this time.
const LONGEST_WAIT: SignedDuration = SignedDuration::from_hours(6);

/// Something that somebody is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notification {
    /// Its id.
    pub id: NotificationId,
    /// Whose turn it is.
    pub organisation: OrganisationId,
    /// What kind of thing it is about.
    pub subject_kind: String,
    /// Which one.
    pub subject: String,
    /// What is to be done.
    pub kind: OpenItemKind,
    /// At which step they are told.
    pub step: Step,
    /// By when it is or was due.
    pub due: Date,
    /// What they are told.
    pub text: Sentence,
    /// When.
    pub created_at: Timestamp,
    /// When somebody read it.
    pub read_at: Option<Timestamp>,
}

/// Whose notifications to read or mark.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recipient {
    /// A filer's own.
    Filer(OrganisationId),
    /// Those meant for officials.
    Official,
}

/// Whether notifications also leave by mail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ByMail {
    /// To everybody they concern.
    Yes,
    /// In the portal only.
    No,
}

/// A mail that is to leave now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mail {
    /// What it tells, the oldest first: never nothing.
    pub notifications: Vec<NotificationId>,
    /// Whom.
    pub person: PersonId,
    /// Their address.
    pub address: String,
    /// What it says of each of them, in their language.
    pub texts: Vec<String>,
    /// Which that is: `zh` or `en`.
    pub language: String,
    /// How often it was tried, this time included.
    pub attempts: i32,
}

/// What became of a mail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// The server took it.
    Sent,
    /// It did not, and will not.
    Refused(String),
    /// It did not, this time.
    Failed(String),
}

/// Stores what somebody is to be told and was not told before. Answers how much that was.
pub async fn tell(
    conn: &mut AsyncPgConnection,
    items: &[(OpenItem, DueStep)],
    by_mail: ByMail,
    now: Timestamp,
) -> Result<usize, Error> {
    conn.transaction(async |conn| {
        let new = insert_new(conn, items, now).await?;
        if by_mail == ByMail::Yes && !new.is_empty() {
            address(conn, &new, now).await?;
        }
        Ok(new.len())
    })
    .await
}

/// One statement with one array for each column, however many there are: it stays prepared.
const INSERT: &str =
    "insert into lodestone.notifications (id, audience, organisation, subject_kind,
        subject, kind, since, step, due, text_zh, text_en, created_at)
    select told.*, $12
    from unnest($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) as told
    on conflict do nothing returning id";

#[derive(QueryableByName)]
struct IdRow {
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
}

async fn insert_new(
    conn: &mut AsyncPgConnection,
    items: &[(OpenItem, DueStep)],
    now: Timestamp,
) -> Result<Vec<Uuid>, Error> {
    fn column<T>(items: &[(OpenItem, DueStep)], read: impl Fn(&OpenItem, &DueStep) -> T) -> Vec<T> {
        items.iter().map(|(item, told)| read(item, told)).collect()
    }
    let texts = |read: fn(&Sentence) -> &str| -> Vec<&str> {
        items.iter().map(|(_, told)| read(&told.text)).collect()
    };
    let new: Vec<IdRow> = diesel::sql_query(INSERT)
        .bind::<Array<SqlUuid>, _>(column(items, |_, _| Uuid::now_v7()))
        .bind::<Array<Text>, _>(column(items, |_, told| told.audience.as_str()))
        .bind::<Array<SqlUuid>, _>(column(items, |item, _| item.owner.as_uuid()))
        .bind::<Array<Text>, _>(column(items, |item, _| item.subject.kind()))
        .bind::<Array<Text>, _>(column(items, |item, _| item.subject.key()))
        .bind::<Array<Text>, _>(column(items, |item, _| item.kind.as_str()))
        .bind::<Array<SqlDate>, _>(column(items, |item, _| item.since.to_diesel()))
        .bind::<Array<Text>, _>(column(items, |_, told| told.step.as_str()))
        .bind::<Array<SqlDate>, _>(column(items, |_, told| told.due.to_diesel()))
        .bind::<Array<Text>, _>(texts(|text| &text.zh))
        .bind::<Array<Text>, _>(texts(|text| &text.en))
        .bind::<Timestamptz, _>(now.to_diesel())
        .load(conn)
        .await?;
    Ok(new.into_iter().map(|row| row.id).collect())
}

/// Whom a notification reaches: those who report for the filer, the authority's inspectors; at once,
/// or with the mail of the day where they chose that.
const ADDRESS: &str = "insert into lodestone.notification_deliveries
        (notification, person, state, attempts, next_attempt_at)
    select distinct told.id, person.id, 'waiting', 0, case person.mails when 'daily' then $3 else $2 end
    from lodestone.notifications told
    join lodestone.organisations reached on case told.audience when 'filer'
        then reached.id = told.organisation else reached.kind = 'authority' end
    join lodestone.memberships member on member.organisation = reached.id and member.ended_at is null
        and member.role = case told.audience when 'filer' then 'reporter' else 'inspector' end
    join lodestone.people person on person.id = member.person and person.disabled_at is null
    where told.id = any ($1)";

async fn address(conn: &mut AsyncPgConnection, new: &[Uuid], now: Timestamp) -> Result<(), Error> {
    diesel::sql_query(ADDRESS)
        .bind::<Array<SqlUuid>, _>(new)
        .bind::<Timestamptz, _>(now.to_diesel())
        .bind::<Timestamptz, _>(next_daily_mail(now).to_diesel())
        .execute(conn)
        .await?;
    Ok(())
}

#[derive(QueryableByName)]
struct MailRow {
    #[diesel(sql_type = SqlUuid)]
    notification: Uuid,
    #[diesel(sql_type = SqlUuid)]
    person: Uuid,
    #[diesel(sql_type = Integer)]
    attempts: i32,
    #[diesel(sql_type = Text)]
    email: String,
    #[diesel(sql_type = Text)]
    language: String,
    #[diesel(sql_type = Text)]
    mails: String,
    #[diesel(sql_type = Text)]
    text: String,
}

/// The next attempt is due after the first wait, doubled with each attempt before. Whoever has one
/// mail a day has with it everything that waits for them.
const CLAIM: &str = "with due as materialized (
        select waiting.notification, waiting.person from lodestone.notification_deliveries waiting
        where waiting.state = 'waiting' and waiting.next_attempt_at <= $1
        order by waiting.next_attempt_at limit $4 for update skip locked
    ), chosen as materialized (
        select notification, person from due
        union
        select other.notification, other.person from lodestone.notification_deliveries other
        where other.state = 'waiting' and other.next_attempt_at <= $1 and other.person in (
            select due.person from due join lodestone.people daily on daily.id = due.person
            where daily.mails = 'daily')
    )
    update lodestone.notification_deliveries delivery
    set attempts = delivery.attempts + 1,
        next_attempt_at = $1 + least($2 * power(2, delivery.attempts), $3) * interval '1 second'
    from chosen, lodestone.notifications told, lodestone.people person
    where told.id = delivery.notification and person.id = delivery.person
        and chosen.notification = delivery.notification and chosen.person = delivery.person
    returning delivery.notification, delivery.person, delivery.attempts, person.email, person.language,
        person.mails, case person.language when 'zh' then told.text_zh else told.text_en end as text";

/// Claims mails whose attempt is due; they are due again later, unless it is known what became of
/// them.
pub async fn claim_mails(
    conn: &mut AsyncPgConnection,
    now: Timestamp,
    first_wait: SignedDuration,
    most: u16,
) -> Result<Vec<Mail>, Error> {
    let seconds = |wait: SignedDuration| i32::try_from(wait.as_secs()).unwrap_or(i32::MAX);
    let rows: Vec<MailRow> = diesel::sql_query(CLAIM)
        .bind::<Timestamptz, _>(now.to_diesel())
        .bind::<Integer, _>(seconds(first_wait))
        .bind::<Integer, _>(seconds(LONGEST_WAIT))
        .bind::<Integer, _>(i32::from(most))
        .load(conn)
        .await?;
    mails_of(rows)
}

/// One mail for each notification, or for each person who has them once a day.
fn mails_of(mut rows: Vec<MailRow>) -> Result<Vec<Mail>, Error> {
    rows.sort_by_key(|row| (row.person, row.notification));
    let mut mails: Vec<Mail> = Vec::with_capacity(rows.len());
    for row in rows {
        let reader = Reader { table: "people", id: row.person };
        let rhythm: MailRhythm = reader.word("mails", &row.mails)?;
        let (notification, person) =
            (NotificationId::from_uuid(row.notification), PersonId::from_uuid(row.person));
        match mails.last_mut().filter(|last| last.person == person) {
            Some(last) if rhythm == MailRhythm::Daily => {
                last.notifications.push(notification);
                last.texts.push(row.text);
                last.attempts = last.attempts.max(row.attempts);
            }
            _ => mails.push(Mail {
                notifications: vec![notification],
                person,
                address: row.email,
                texts: vec![row.text],
                language: row.language,
                attempts: row.attempts,
            }),
        }
    }
    Ok(mails)
}

/// Notes what became of a mail.
pub async fn note_delivery(
    conn: &mut AsyncPgConnection,
    mail: &Mail,
    delivery: &Delivery,
    now: Timestamp,
) -> Result<(), Error> {
    let given_up = ATTEMPTS <= mail.attempts;
    let (state, error, sent_at) = match delivery {
        Delivery::Sent => ("sent", None, Some(now.to_diesel())),
        Delivery::Refused(error) => ("failed", Some(error), None),
        Delivery::Failed(error) if given_up => ("failed", Some(error), None),
        Delivery::Failed(error) => ("waiting", Some(error), None),
    };
    let told: Vec<Uuid> = mail.notifications.iter().map(|it| it.as_uuid()).collect();
    let deliveries = notification_deliveries::table
        .filter(notification_deliveries::person.eq(mail.person.as_uuid()))
        .filter(notification_deliveries::notification.eq_any(told));
    diesel::update(deliveries)
        .set((
            notification_deliveries::state.eq(state),
            notification_deliveries::last_error.eq(error),
            notification_deliveries::sent_at.eq(sent_at),
        ))
        .execute(conn)
        .await?;
    Ok(())
}

/// A recipient's notifications, newest first.
pub async fn list(
    conn: &mut AsyncPgConnection,
    recipient: Recipient,
    before: Option<NotificationId>,
    limit: u16,
) -> Result<Vec<Notification>, Error> {
    conn.transaction(async |conn| {
        let before = before.map_or(Uuid::max(), NotificationId::as_uuid);
        let query = Row::query().filter(notifications::id.lt(before)).into_boxed();
        let query = match recipient {
            Recipient::Filer(organisation) => {
                act_for(conn, &[organisation]).await?;
                query
                    .filter(notifications::audience.eq(NotificationAudience::Filer.as_str()))
                    .filter(notifications::organisation.eq(organisation.as_uuid()))
            }
            Recipient::Official => {
                query.filter(notifications::audience.eq(NotificationAudience::Official.as_str()))
            }
        };
        let query = query.order(notifications::id.desc()).limit(limit.into());
        let rows: Vec<Row> = query.load(conn).await?;
        rows.into_iter().map(|row| Ok(row.try_into()?)).collect()
    })
    .await
}

/// Notes that somebody read a notification, the first time. `None` where the recipient has no such
/// notification.
pub async fn mark_read(
    conn: &mut AsyncPgConnection,
    recipient: Recipient,
    id: NotificationId,
    person: PersonId,
    now: Timestamp,
) -> Result<Option<Notification>, Error> {
    conn.transaction(async |conn| {
        if let Recipient::Filer(organisation) = recipient {
            act_for(conn, &[organisation]).await?;
        }
        // Policies decide which ones there are.
        let unread =
            notifications::table.find(id.as_uuid()).filter(notifications::read_at.is_null());
        diesel::update(unread)
            .set((
                notifications::read_at.eq(now.to_diesel()),
                notifications::read_by.eq(person.as_uuid()),
            ))
            .execute(conn)
            .await?;
        let row: Option<Row> =
            Row::query().filter(notifications::id.eq(id.as_uuid())).first(conn).await.optional()?;
        Ok(row.map(Notification::try_from).transpose()?)
    })
    .await
}

#[derive(HasQuery)]
#[diesel(table_name = notifications)]
#[diesel(check_for_backend(diesel::pg::Pg))]
struct Row {
    id: Uuid,
    organisation: Uuid,
    subject_kind: String,
    subject: String,
    kind: String,
    step: String,
    due: jiff_diesel::Date,
    text_zh: String,
    text_en: String,
    created_at: jiff_diesel::Timestamp,
    read_at: Option<jiff_diesel::Timestamp>,
}

impl TryFrom<Row> for Notification {
    type Error = CorruptRow;

    fn try_from(row: Row) -> Result<Self, CorruptRow> {
        let reader = Reader { table: "notifications", id: row.id };
        Ok(Self {
            id: NotificationId::from_uuid(row.id),
            organisation: OrganisationId::from_uuid(row.organisation),
            subject_kind: row.subject_kind,
            subject: row.subject,
            kind: reader.word("kind", &row.kind)?,
            step: reader.word("step", &row.step)?,
            due: row.due.to_jiff(),
            text: Sentence::new(row.text_zh, row.text_en),
            created_at: row.created_at.to_jiff(),
            read_at: row.read_at.map(jiff_diesel::Timestamp::to_jiff),
        })
    }
}
