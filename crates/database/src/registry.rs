//! The register: groups, organisations, and their catalogues of sites and products.
//!
//! Names and identifiers of organisations are public; catalogues are their owner's.

use crate::{
    ChangeError, CorruptRow, Error, act_for,
    events::{self, Act},
    idempotency::{self, KeyedRequest},
    identity::{self, NewInvitation, NewKey, NewPerson},
    row::Reader,
    schema::{groups, organisations, products, sites},
};
use diesel::{AsChangeset, ExpressionMethods, HasQuery, OptionalExtension, QueryDsl};
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl};
use domain::{
    codes::{Category, OrganisationKind, Role, Stage},
    composition::StatedComposition,
    event::Event,
    identifiers::{CountryCode, HsCode, Lei, Uscc},
    ids::{GroupId, OrganisationId, ProductId, SiteId},
};
use jiff::Timestamp;
use jiff_diesel::ToDiesel;
use uuid::Uuid;

/// What another register calls an organisation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Identifier {
    /// In China.
    Uscc(Uscc),
    /// Abroad, where it has one.
    Lei(Lei),
    /// Its number in its country's own register.
    Registration(String),
}

/// A name in both languages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Names {
    /// 中文名称。
    pub zh: String,
    /// In English.
    pub en: String,
}

/// An organisation to register.
#[derive(Clone, Debug)]
pub struct NewOrganisation {
    /// Its id.
    pub id: OrganisationId,
    /// What kind it is.
    pub kind: OrganisationKind,
    /// What another register calls it.
    pub identifier: Identifier,
    /// Where it is registered.
    pub country: CountryCode,
    /// Its names.
    pub names: Names,
    /// The stages of the chain it is registered for.
    pub stages: Vec<Stage>,
    /// The group it belongs to.
    pub group: Option<GroupId>,
}

/// An organisation as it is registered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Organisation {
    /// Its id.
    pub id: OrganisationId,
    /// What kind it is.
    pub kind: OrganisationKind,
    /// What another register calls it.
    pub identifier: Identifier,
    /// Where it is registered.
    pub country: CountryCode,
    /// Its names.
    pub names: Names,
    /// The stages of the chain it is registered for.
    pub stages: Vec<Stage>,
    /// The group it belongs to.
    pub group: Option<GroupId>,
    /// Since when it takes part.
    pub registered_at: Timestamp,
    /// Since when it no longer does.
    pub closed_at: Option<Timestamp>,
}

/// A site in an organisation's catalogue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Site {
    /// Its id.
    pub id: SiteId,
    /// What its organisation calls it.
    pub code: String,
    /// Its names.
    pub names: Names,
    /// The administrative division it lies in.
    pub region: String,
    /// The stages it is registered for.
    pub stages: Vec<Stage>,
}

/// A product in an organisation's catalogue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CatalogueProduct {
    /// Its id.
    pub id: ProductId,
    /// What its organisation calls it.
    pub code: String,
    /// Its names.
    pub names: Names,
    /// What kind of goods.
    pub category: Category,
    /// Its shape or state, such as `powder`.
    pub form: Option<String>,
    /// Its customs code.
    pub hs_code: HsCode,
    /// Its trade grade.
    pub grade: Option<String>,
    /// What it is made of unless a filing says otherwise.
    pub composition: StatedComposition,
}

/// An organisation with what it begins with.
#[derive(Clone, Debug)]
pub struct Registration {
    /// The organisation.
    pub organisation: NewOrganisation,
    /// Its sites.
    pub sites: Vec<Site>,
    /// Its products.
    pub products: Vec<CatalogueProduct>,
    /// Its first administrator, when they are to be known at once.
    pub administrator: Option<(NewPerson, Vec<Role>)>,
    /// An invitation to its first administrator, when they are to choose a password.
    pub invitation: Option<NewInvitation>,
    /// Its first key.
    pub key: Option<NewKey>,
}

/// Registers an organisation with what it begins with, or nothing of it.
pub async fn register(
    conn: &mut AsyncPgConnection,
    registration: &Registration,
    request: Option<&KeyedRequest>,
    act: &Act,
) -> Result<(), ChangeError> {
    conn.transaction(async |conn| {
        idempotency::claim(conn, request, act.at).await?;
        let organisation = registration.organisation.id;
        insert_organisation(conn, &registration.organisation, act.at).await?;
        let event = Event::OrganisationRegistered { organisation };
        events::append(conn, &act.origin(), organisation.as_uuid(), &event).await?;
        for site in &registration.sites {
            insert_site(conn, organisation, site).await?;
        }
        for product in &registration.products {
            insert_product(conn, organisation, product).await?;
        }
        if let Some((person, roles)) = &registration.administrator {
            identity::add_person(conn, person, act.at).await?;
            identity::grant(conn, person.id, organisation, roles, act).await?;
        }
        if let Some(invitation) = &registration.invitation {
            identity::insert_invitation(conn, invitation, act).await?;
        }
        if let Some(key) = &registration.key {
            identity::insert_key(conn, key, act).await?;
        }
        Ok(())
    })
    .await
}

async fn insert_organisation(
    conn: &mut AsyncPgConnection,
    organisation: &NewOrganisation,
    at: Timestamp,
) -> Result<(), ChangeError> {
    let (uscc, lei, registration) = match &organisation.identifier {
        Identifier::Uscc(uscc) => (Some(uscc.as_str()), None, None),
        Identifier::Lei(lei) => (None, Some(lei.as_str()), None),
        Identifier::Registration(number) => (None, None, Some(number.as_str())),
    };
    diesel::insert_into(organisations::table)
        .values((
            organisations::id.eq(organisation.id.as_uuid()),
            organisations::kind.eq(organisation.kind.as_str()),
            organisations::uscc.eq(uscc),
            organisations::lei.eq(lei),
            organisations::registration.eq(registration),
            organisations::country.eq(organisation.country.to_string()),
            organisations::name_zh.eq(&organisation.names.zh),
            organisations::name_en.eq(&organisation.names.en),
            organisations::stages.eq(stage_names(&organisation.stages)),
            organisations::group_id.eq(organisation.group.map(GroupId::as_uuid)),
            organisations::registered_at.eq(at.to_diesel()),
        ))
        .execute(conn)
        .await?;
    Ok(())
}

/// Finds an organisation.
pub async fn find(
    conn: &mut AsyncPgConnection,
    id: OrganisationId,
) -> Result<Option<Organisation>, Error> {
    let row = OrganisationRow::query().find(id.as_uuid()).first(conn).await.optional()?;
    Ok(row.map(Organisation::try_from).transpose()?)
}

/// Which organisations to list.
#[derive(Clone, Debug, Default)]
pub struct OrganisationFilter {
    /// Of this kind.
    pub kind: Option<OrganisationKind>,
    /// With this unified social credit code or LEI.
    pub identifier: Option<String>,
    /// After this one, in the order of their ids.
    pub after: Option<OrganisationId>,
}

/// Organisations in the order of their ids, closed ones included.
pub async fn list(
    conn: &mut AsyncPgConnection,
    filter: &OrganisationFilter,
    limit: u16,
) -> Result<Vec<Organisation>, Error> {
    use diesel::BoolExpressionMethods;
    let mut found = OrganisationRow::query().into_boxed();
    if let Some(kind) = filter.kind {
        found = found.filter(organisations::kind.eq(kind.as_str()));
    }
    if let Some(identifier) = &filter.identifier {
        found = found.filter(
            organisations::uscc
                .eq(identifier.clone())
                .or(organisations::lei.eq(identifier.clone())),
        );
    }
    if let Some(after) = filter.after {
        found = found.filter(organisations::id.gt(after.as_uuid()));
    }
    let rows: Vec<OrganisationRow> =
        found.order(organisations::id).limit(limit.into()).load(conn).await?;
    rows.into_iter().map(|row| Ok(row.try_into()?)).collect()
}

/// The authority, which is there from the first administrator on.
pub async fn any_authority(conn: &mut AsyncPgConnection) -> Result<Option<Organisation>, Error> {
    let filter =
        OrganisationFilter { kind: Some(OrganisationKind::Authority), ..Default::default() };
    Ok(list(conn, &filter, 1).await?.into_iter().next())
}

/// What changes about an organisation; `None` leaves it as it is.
#[derive(Clone, Debug, Default)]
pub struct OrganisationChange {
    /// Its name in Chinese.
    pub name_zh: Option<String>,
    /// Its name in English.
    pub name_en: Option<String>,
    /// The stages it is registered for.
    pub stages: Option<Vec<Stage>>,
    /// The group it belongs to; `Some(None)`: to none.
    pub group: Option<Option<GroupId>>,
}

#[derive(AsChangeset)]
#[diesel(table_name = organisations)]
struct OrganisationChangeset<'a> {
    name_zh: Option<&'a str>,
    name_en: Option<&'a str>,
    stages: Option<Vec<&'static str>>,
    #[expect(clippy::option_option, reason = "nothing said, said none, said one")]
    group_id: Option<Option<Uuid>>,
}

/// Changes an organisation. Answers it as it then is.
pub async fn change(
    conn: &mut AsyncPgConnection,
    id: OrganisationId,
    change: &OrganisationChange,
    act: &Act,
) -> Result<Organisation, ChangeError> {
    conn.transaction(async |conn| {
        let changeset = OrganisationChangeset {
            name_zh: change.name_zh.as_deref(),
            name_en: change.name_en.as_deref(),
            stages: change.stages.as_deref().map(stage_names),
            group_id: change.group.map(|group| group.map(GroupId::as_uuid)),
        };
        let found = find(conn, id).await?.ok_or(ChangeError::Unknown("organisation"))?;
        let changes_nothing = change.name_zh.is_none()
            && change.name_en.is_none()
            && change.stages.is_none()
            && change.group.is_none();
        if changes_nothing {
            return Ok(found);
        }
        diesel::update(organisations::table.find(id.as_uuid()))
            .set(changeset)
            .execute(conn)
            .await?;
        changed(conn, id, "changed".to_owned(), act).await?;
        find(conn, id).await?.ok_or(ChangeError::Unknown("organisation"))
    })
    .await
}

/// Closes an organisation: from now on nobody can act for it. What it filed stays.
pub async fn close(
    conn: &mut AsyncPgConnection,
    id: OrganisationId,
    act: &Act,
) -> Result<Organisation, ChangeError> {
    conn.transaction(async |conn| {
        let found = find(conn, id).await?.ok_or(ChangeError::Unknown("organisation"))?;
        if found.closed_at.is_some() {
            return Ok(found);
        }
        diesel::update(organisations::table.find(id.as_uuid()))
            .set(organisations::closed_at.eq(act.at.to_diesel()))
            .execute(conn)
            .await?;
        let event = Event::OrganisationClosed { organisation: id };
        events::append(conn, &act.origin(), id.as_uuid(), &event).await?;
        Ok(Organisation { closed_at: Some(act.at), ..found })
    })
    .await
}

/// Adds a site to the caller's own catalogue.
pub async fn add_site(
    conn: &mut AsyncPgConnection,
    organisation: OrganisationId,
    site: &Site,
    request: Option<&KeyedRequest>,
    act: &Act,
) -> Result<(), ChangeError> {
    conn.transaction(async |conn| {
        act_for(conn, &[organisation]).await?;
        idempotency::claim(conn, request, act.at).await?;
        insert_site(conn, organisation, site).await?;
        Ok(changed(conn, organisation, format!("site {} added", site.code), act).await?)
    })
    .await
}

/// Adds a product to the caller's own catalogue.
pub async fn add_product(
    conn: &mut AsyncPgConnection,
    organisation: OrganisationId,
    product: &CatalogueProduct,
    request: Option<&KeyedRequest>,
    act: &Act,
) -> Result<(), ChangeError> {
    conn.transaction(async |conn| {
        act_for(conn, &[organisation]).await?;
        idempotency::claim(conn, request, act.at).await?;
        insert_product(conn, organisation, product).await?;
        Ok(changed(conn, organisation, format!("product {} added", product.code), act).await?)
    })
    .await
}

/// An organisation's sites after the one with this code.
pub async fn sites(
    conn: &mut AsyncPgConnection,
    organisation: OrganisationId,
    after: &str,
    limit: u16,
) -> Result<Vec<Site>, Error> {
    let rows: Vec<SiteRow> = conn
        .transaction(async |conn| {
            act_for(conn, &[organisation]).await?;
            let rows = SiteRow::query()
                .filter(sites::organisation.eq(organisation.as_uuid()))
                .filter(sites::code.gt(after))
                .order(sites::code)
                .limit(limit.into())
                .load(conn)
                .await;
            rows.map_err(Error::from)
        })
        .await?;
    rows.into_iter().map(|row| Ok(row.try_into()?)).collect()
}

/// An organisation's products after the one with this code.
pub async fn products(
    conn: &mut AsyncPgConnection,
    organisation: OrganisationId,
    after: &str,
    limit: u16,
) -> Result<Vec<CatalogueProduct>, Error> {
    let rows: Vec<ProductRow> = conn
        .transaction(async |conn| {
            act_for(conn, &[organisation]).await?;
            let rows = ProductRow::query()
                .filter(products::organisation.eq(organisation.as_uuid()))
                .filter(products::code.gt(after))
                .order(products::code)
                .limit(limit.into())
                .load(conn)
                .await;
            rows.map_err(Error::from)
        })
        .await?;
    rows.into_iter().map(|row| Ok(row.try_into()?)).collect()
}

/// A group of organisations that shares quotas.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// Its id.
    pub id: GroupId,
    /// Its names.
    pub names: Names,
}

/// Registers a group.
pub async fn add_group(
    conn: &mut AsyncPgConnection,
    group: &Group,
    request: Option<&KeyedRequest>,
    act: &Act,
) -> Result<(), ChangeError> {
    conn.transaction(async |conn| {
        idempotency::claim(conn, request, act.at).await?;
        diesel::insert_into(groups::table)
            .values((
                groups::id.eq(group.id.as_uuid()),
                groups::name_zh.eq(&group.names.zh),
                groups::name_en.eq(&group.names.en),
            ))
            .execute(conn)
            .await?;
        let event = Event::GroupRegistered { group: group.id };
        Ok(events::append(conn, &act.origin(), group.id.as_uuid(), &event).await?)
    })
    .await
}

/// Groups in the order of their ids.
pub async fn list_groups(
    conn: &mut AsyncPgConnection,
    after: Option<GroupId>,
    limit: u16,
) -> Result<Vec<Group>, Error> {
    let rows: Vec<(Uuid, String, String)> = groups::table
        .filter(groups::id.gt(after.map_or(Uuid::nil(), GroupId::as_uuid)))
        .order(groups::id)
        .limit(limit.into())
        .select((groups::id, groups::name_zh, groups::name_en))
        .load(conn)
        .await?;
    let group = |(id, zh, en)| Group { id: GroupId::from_uuid(id), names: Names { zh, en } };
    Ok(rows.into_iter().map(group).collect())
}

async fn changed(
    conn: &mut AsyncPgConnection,
    organisation: OrganisationId,
    change: String,
    act: &Act,
) -> Result<(), Error> {
    let event = Event::OrganisationChanged { organisation, change };
    events::append(conn, &act.origin(), organisation.as_uuid(), &event).await
}

async fn insert_site(
    conn: &mut AsyncPgConnection,
    organisation: OrganisationId,
    site: &Site,
) -> Result<(), ChangeError> {
    diesel::insert_into(sites::table)
        .values((
            sites::organisation.eq(organisation.as_uuid()),
            sites::id.eq(site.id.as_uuid()),
            sites::code.eq(&site.code),
            sites::name_zh.eq(&site.names.zh),
            sites::name_en.eq(&site.names.en),
            sites::region.eq(&site.region),
            sites::stages.eq(stage_names(&site.stages)),
        ))
        .execute(conn)
        .await?;
    Ok(())
}

async fn insert_product(
    conn: &mut AsyncPgConnection,
    organisation: OrganisationId,
    product: &CatalogueProduct,
) -> Result<(), ChangeError> {
    let composition =
        serde_json::to_value(&product.composition).expect("a composition is always valid JSON");
    diesel::insert_into(products::table)
        .values((
            products::organisation.eq(organisation.as_uuid()),
            products::id.eq(product.id.as_uuid()),
            products::code.eq(&product.code),
            products::name_zh.eq(&product.names.zh),
            products::name_en.eq(&product.names.en),
            products::category.eq(product.category.as_str()),
            products::form.eq(product.form.as_deref()),
            products::hs_code.eq(product.hs_code.to_string()),
            products::grade.eq(product.grade.as_deref()),
            products::composition.eq(composition),
        ))
        .execute(conn)
        .await?;
    Ok(())
}

fn stage_names(stages: &[Stage]) -> Vec<&'static str> {
    stages.iter().map(|stage| stage.as_str()).collect()
}

fn stages(reader: Reader, names: &[String]) -> Result<Vec<Stage>, CorruptRow> {
    names.iter().map(|name| reader.word("stages", name)).collect()
}

#[derive(HasQuery)]
#[diesel(table_name = organisations)]
#[diesel(check_for_backend(diesel::pg::Pg))]
struct OrganisationRow {
    id: Uuid,
    kind: String,
    uscc: Option<String>,
    lei: Option<String>,
    registration: Option<String>,
    country: String,
    name_zh: String,
    name_en: String,
    stages: Vec<String>,
    group_id: Option<Uuid>,
    registered_at: jiff_diesel::Timestamp,
    closed_at: Option<jiff_diesel::Timestamp>,
}

impl TryFrom<OrganisationRow> for Organisation {
    type Error = CorruptRow;

    fn try_from(row: OrganisationRow) -> Result<Self, CorruptRow> {
        let reader = Reader { table: "organisations", id: row.id };
        let identifier = match (&row.uscc, &row.lei, row.registration) {
            (Some(uscc), ..) => Identifier::Uscc(reader.word("uscc", uscc)?),
            (None, Some(lei), _) => Identifier::Lei(reader.word("lei", lei)?),
            (None, None, Some(number)) => Identifier::Registration(number),
            (None, None, None) => return Err(reader.corrupt("registration")),
        };
        Ok(Self {
            id: OrganisationId::from_uuid(row.id),
            kind: reader.word("kind", &row.kind)?,
            identifier,
            country: reader.word("country", &row.country)?,
            names: Names { zh: row.name_zh, en: row.name_en },
            stages: stages(reader, &row.stages)?,
            group: row.group_id.map(GroupId::from_uuid),
            registered_at: row.registered_at.into(),
            closed_at: row.closed_at.map(Into::into),
        })
    }
}

#[derive(HasQuery)]
#[diesel(table_name = sites)]
#[diesel(check_for_backend(diesel::pg::Pg))]
struct SiteRow {
    id: Uuid,
    code: String,
    name_zh: String,
    name_en: String,
    region: String,
    stages: Vec<String>,
}

impl TryFrom<SiteRow> for Site {
    type Error = CorruptRow;

    fn try_from(row: SiteRow) -> Result<Self, CorruptRow> {
        let reader = Reader { table: "sites", id: row.id };
        Ok(Self {
            id: SiteId::from_uuid(row.id),
            code: row.code,
            names: Names { zh: row.name_zh, en: row.name_en },
            region: row.region,
            stages: stages(reader, &row.stages)?,
        })
    }
}

#[derive(HasQuery)]
#[diesel(table_name = products)]
#[diesel(check_for_backend(diesel::pg::Pg))]
struct ProductRow {
    id: Uuid,
    code: String,
    name_zh: String,
    name_en: String,
    category: String,
    form: Option<String>,
    hs_code: String,
    grade: Option<String>,
    composition: serde_json::Value,
}

impl TryFrom<ProductRow> for CatalogueProduct {
    type Error = CorruptRow;

    fn try_from(row: ProductRow) -> Result<Self, CorruptRow> {
        let reader = Reader { table: "products", id: row.id };
        Ok(Self {
            id: ProductId::from_uuid(row.id),
            code: row.code,
            names: Names { zh: row.name_zh, en: row.name_en },
            category: reader.word("category", &row.category)?,
            form: row.form,
            hs_code: reader.word("hs_code", &row.hs_code)?,
            grade: row.grade,
            composition: serde_json::from_value(row.composition)
                .map_err(|_| reader.corrupt("composition"))?,
        })
    }
}
