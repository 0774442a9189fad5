//! Every service role against every table that belongs to organisations: acting for one of them,
//! what of another's can it read, write, change or remove?

use database::Role;
use domain::ids::OrganisationId;
use testkit::TestDatabase;
use tokio_postgres::Client;
use uuid::Uuid;

/// Who may read across organisations; anybody else sees only those it acts for.
#[rustfmt::skip]
const OVERSEERS: &[(Role, &[&str])] = &[
    (Role::Official, &["account_balances", "cases", "epcis_captures", "epcis_event_terms", "epcis_events", "events",
        "filing_lines", "filing_references", "filings", "findings", "licence_arrivals", "licence_changes", "licence_departures", "reservation_amendments", "licences", "log_leaves", "lot_edges", "lot_holders", "lots", "material_balances", "monthly_flows",
        "movement_answers", "movement_explanations", "movement_lines", "movements", "parties", "postings", "products", "site_months", "sites", "unmaskings"]),
    (Role::Worker, &["account_balances", "cases", "filing_lines", "filing_references", "filings", "findings", "licence_arrivals", "licence_changes", "licence_departures", "reservation_amendments", "licences",
        "lot_edges", "lot_holders", "lots", "monthly_flows", "movement_lines", "movements", "parties", "postings", "products", "sites"]),
    (Role::Reporting, &["log_leaves"]),
    (Role::Relay, &["events", "log_leaves", "webhook_calls", "webhooks"]),
    (Role::Notifier, &["memberships", "movement_answers", "movement_explanations", "movements", "notifications", "sites"]),
    (Role::Tracer, &["filing_lines", "filing_references", "filings", "lots", "movement_lines", "sites"]),
    (Role::Identity, &["api_keys", "delegations", "idempotency_keys", "invitations", "memberships", "products", "sites"]),
    (Role::Licensing, &["application_documents", "cases", "determination_batches", "determinations", "events", "findings", "licence_arrivals", "licence_changes", "licence_departures", "reservation_amendments", "licences", "licensing_requests", "memberships", "sealed_channels"]),
];

/// Tables about organisations without policies: whoever may touch them oversees them.
const NO_POLICIES: [&str; 4] = ["memberships", "invitations", "delegations", "api_keys"];

struct Table {
    name: String,
    columns: Vec<(String, String)>,
}

impl Table {
    /// Statement that adds a row of this organisation, with something in every column.
    fn insertion(&self, organisation: Uuid) -> String {
        let (names, values): (Vec<_>, Vec<_>) = self
            .columns
            .iter()
            .map(|(name, kind)| {
                let value = match (name.as_str(), kind.as_str()) {
                    ("organisation", _) => format!("'{organisation}'"),
                    (_, "uuid") => "gen_random_uuid()".to_owned(),
                    (_, "text") => "md5(random()::text)".to_owned(),
                    // Places in the log are everybody's one count.
                    ("index", _) => "(random() * 1e9)::bigint".to_owned(),
                    (_, "int2" | "int4" | "int8" | "numeric") => "1".to_owned(),
                    (_, "bool") => "false".to_owned(),
                    (_, "date" | "timestamptz") => "now()".to_owned(),
                    (_, "bytea") => "decode(md5(random()::text), 'hex')".to_owned(),
                    (_, "jsonb") => "'{}'".to_owned(),
                    (_, kind) if kind.starts_with('_') => "'{}'".to_owned(),
                    (column, kind) => panic!("say what to put into {column} of type {kind}"),
                };
                (name.as_str(), value)
            })
            .unzip();
        format!(
            "insert into lodestone.{} ({}) values ({})",
            self.name,
            names.join(", "),
            values.join(", ")
        )
    }
}

/// All tables with a column `organisation`, freed of constraints that are not about isolation.
async fn tables_of_organisations(owner: &Client) -> Vec<Table> {
    let constraints = owner
        .query(
            "select format('alter table %s drop constraint if exists %I cascade', conrelid::regclass, conname)
             from pg_constraint c join pg_namespace n on n.oid = c.connamespace
             where nspname = 'lodestone' and contype in ('c', 'f') and conparentid = 0 and conislocal",
            &[],
        )
        .await
        .unwrap();
    for row in constraints {
        owner.batch_execute(row.get(0)).await.unwrap();
    }
    let rows = owner
        .query(
            "select c.relname::text, a.attname::text, t.typname::text
             from pg_class c join pg_namespace n on n.oid = c.relnamespace
             join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped and a.attgenerated = ''
             join pg_type t on t.oid = a.atttypid
             where n.nspname = 'lodestone' and c.relkind in ('r', 'p') and exists (
                select from pg_attribute o where o.attrelid = c.oid and o.attname = 'organisation')
             order by c.relname, a.attnum",
            &[],
        )
        .await
        .unwrap();
    let mut tables: Vec<Table> = Vec::new();
    for row in rows {
        let (table, column, kind): (String, String, String) = (row.get(0), row.get(1), row.get(2));
        if tables.last().is_none_or(|last| last.name != table) {
            tables.push(Table { name: table, columns: Vec::new() });
        }
        tables.last_mut().unwrap().columns.push((column, kind));
    }
    tables
}

fn oversees(role: Role, table: &str) -> bool {
    OVERSEERS.iter().any(|(overseer, tables)| *overseer == role && tables.contains(&table))
}

/// How many rows of an organisation a role sees; `None` when it may not read the table.
async fn seen(client: &Client, table: &str, organisation: Uuid) -> Option<i64> {
    let statement =
        format!("select count(*) from lodestone.{table} where organisation = '{organisation}'");
    client.query_one(&statement, &[]).await.ok().map(|row| row.get(0))
}

/// How many rows a statement touched; none when it is not allowed at all.
async fn touched(client: &Client, statement: &str) -> u64 {
    client.execute(statement, &[]).await.unwrap_or(0)
}

#[tokio::test]
async fn no_role_reaches_another_organisations_rows_unless_it_oversees_them() {
    let database = TestDatabase::create().await;
    let owner = database.owner().await;
    let tables = tables_of_organisations(&owner).await;
    assert!(20 < tables.len());
    let [mine, theirs] = [Uuid::now_v7(), Uuid::now_v7()];
    for table in &tables {
        for organisation in [mine, theirs] {
            owner.batch_execute(&table.insertion(organisation)).await.unwrap();
        }
    }
    let mut leaks = Vec::new();
    let (mut read, mut denied) = (0, 0);
    for role in Role::ALL {
        let client = database.acting_for(role, &[OrganisationId::from_uuid(mine)]).await;
        let nobody = database.as_role(role).await;
        for Table { name, .. } in &tables {
            let (theirs_seen, unasked) =
                (seen(&client, name, theirs).await, seen(&nobody, name, theirs).await);
            match theirs_seen {
                None => denied += 1,
                Some(_) => read += 1,
            }
            if oversees(role, name) {
                if theirs_seen != Some(1) {
                    leaks.push(format!("{} is said to oversee {name} but cannot", role.name()));
                }
                continue;
            }
            if theirs_seen.is_some_and(|count| count > 0) || unasked.is_some_and(|count| count > 0)
            {
                leaks.push(format!("{} reads {name}", role.name()));
            }
        }
    }
    assert!(leaks.is_empty(), "{leaks:#?}");
    assert!(20 < read && 20 < denied, "{read} read and {denied} denied: was anything tried?");
}

#[tokio::test]
async fn no_role_writes_changes_or_removes_another_organisations_rows() {
    let database = TestDatabase::create().await;
    let owner = database.owner().await;
    let tables = tables_of_organisations(&owner).await;
    let [mine, theirs] = [Uuid::now_v7(), Uuid::now_v7()];
    for table in &tables {
        owner.batch_execute(&table.insertion(theirs)).await.unwrap();
    }
    let mut leaks = Vec::new();
    for role in [Role::FilingWriter, Role::Reporting, Role::Applicant] {
        let client = database.acting_for(role, &[OrganisationId::from_uuid(mine)]).await;
        for table in &tables {
            let Table { name, columns } = table;
            if touched(&client, &table.insertion(theirs)).await > 0 {
                leaks.push(format!("{} inserts into {name}", role.name()));
            }
            for (column, _) in columns {
                let update = format!(
                    "update lodestone.{name} set {column} = {column} where organisation = '{theirs}'"
                );
                if touched(&client, &update).await > 0 {
                    leaks.push(format!("{} updates {name}.{column}", role.name()));
                }
            }
            if touched(
                &client,
                &format!("delete from lodestone.{name} where organisation = '{theirs}'"),
            )
            .await
                > 0
            {
                leaks.push(format!("{} deletes from {name}", role.name()));
            }
        }
    }
    assert!(leaks.is_empty(), "{leaks:#?}");
}

/// What hangs on a case or a licence has no organisation of its own.
#[tokio::test]
async fn an_applicant_sees_of_cases_and_licences_only_what_hangs_on_its_own() {
    let database = TestDatabase::create().await;
    let owner = database.owner().await;
    tables_of_organisations(&owner).await;
    let [mine, theirs] = [Uuid::now_v7(), Uuid::now_v7()];
    for organisation in [mine, theirs] {
        owner.batch_execute(&a_case_with_its_licence(organisation)).await.unwrap();
    }
    let client = database.acting_for(Role::Applicant, &[OrganisationId::from_uuid(mine)]).await;
    let nobody = database.as_role(Role::Applicant).await;
    for table in ["cases", "case_events", "licences", "licence_lines", "licence_reservations"] {
        let count = format!("select count(*) from lodestone.{table}");
        let seen: i64 = client.query_one(&count, &[]).await.unwrap().get(0);
        assert_eq!(seen, 1, "{table}");
        let seen: i64 = nobody.query_one(&count, &[]).await.unwrap().get(0);
        assert_eq!(seen, 0, "{table} for nobody");
    }
    for (forbidden, statement) in [
        ("approving itself", "update lodestone.cases set state = 'approved'"),
        ("recommending itself", "update lodestone.cases set state = 'countersign'"),
        ("lifting a suspension", "update lodestone.licences set state = 'issued'"),
        ("widening a licence", "update lodestone.licence_lines set licensed_grams = 2"),
        ("releasing its own use", "update lodestone.licence_reservations set state = 'released'"),
        ("numbering licences", "insert into lodestone.number_series values ('LS-2026', 1)"),
        (
            "writing another's history",
            "insert into lodestone.case_events select id, 2, 'withdraw', 'withdrawn', null, now(), now(), '{}'
             from unnest(array[$theirs]) id",
        ),
    ] {
        let statement = statement.replace("$theirs", &format!("'{theirs}'::uuid"));
        assert!(client.execute(&statement, &[]).await.is_err(), "{forbidden}");
    }
    let withdrawn = "update lodestone.cases set state = 'withdrawn'";
    assert_eq!(touched(&client, withdrawn).await, 1);
    let surrendered = "update lodestone.licences set state = 'surrendered'";
    assert_eq!(touched(&client, surrendered).await, 1);
}

/// A case that is under review and a licence that is suspended; all ids are the organisation's.
fn a_case_with_its_licence(organisation: Uuid) -> String {
    format!(
        "insert into lodestone.cases (id, number, organisation, version, kind, state, reviewer, created_by,
             created_at, updated_at, content)
         values ('{organisation}', '{organisation}', '{organisation}', 1, 'single', 'under_review',
             gen_random_uuid(), gen_random_uuid(), now(), now(), '{{}}');
         insert into lodestone.case_events
         values ('{organisation}', 1, 'create', 'draft', null, now(), now(), '{{}}');
         insert into lodestone.licences (id, number, case_id, organisation, version, kind, state, valid_from,
             valid_until, destination, consignee, end_user, end_use, issued_at, issued_by, signed_content,
             signing_key, signature)
         values ('{organisation}', '{organisation}', '{organisation}', '{organisation}', 1, 'single', 'issued',
             now(), now(), 'DE', '', '', '', now(), gen_random_uuid(), '', '', '');
         insert into lodestone.licence_lines (licence, line, control_code, description, licensed_grams)
         values ('{organisation}', 1, '', '', 1);
         insert into lodestone.licence_reservations (id, licence, line, declaration, declaration_line, grams, state,
             reserved_by, reserved_at)
         values ('{organisation}', '{organisation}', 1, 'D', 1, 1, 'reserved', gen_random_uuid(), now());
         update lodestone.licences set state = 'suspended' where id = '{organisation}';"
    )
}

#[tokio::test]
async fn what_was_recorded_cannot_be_changed_or_removed_by_any_role() {
    let database = TestDatabase::create().await;
    let owner = database.owner().await;
    let tables = tables_of_organisations(&owner).await;
    let organisation = Uuid::now_v7();
    let recorded = [
        "filings",
        "filing_lines",
        "postings",
        "filing_references",
        "first_receipts",
        "lots",
        "lot_edges",
        "movements",
        "movement_lines",
        "movement_explanations",
        "movement_answers",
        "events",
        "determinations",
    ];
    for table in tables.iter().filter(|table| recorded.contains(&table.name.as_str())) {
        owner.batch_execute(&table.insertion(organisation)).await.unwrap();
        for role in Role::ALL {
            let client =
                database.acting_for(role, &[OrganisationId::from_uuid(organisation)]).await;
            let Table { name, columns } = table;
            for (column, _) in columns {
                let update = format!("update lodestone.{name} set {column} = {column}");
                assert_eq!(touched(&client, &update).await, 0, "{} updates {name}", role.name());
            }
            assert_eq!(touched(&client, &format!("delete from lodestone.{name}")).await, 0);
            assert_eq!(touched(&client, &format!("truncate lodestone.{name}")).await, 0);
        }
    }
}

#[tokio::test]
async fn row_level_security_is_forced_wherever_rows_belong_to_somebody() {
    let database = TestDatabase::create().await;
    let owner = database.owner().await;
    let open = owner
        .query(
            "select c.relname::text from pg_class c join pg_namespace n on n.oid = c.relnamespace
             where n.nspname = 'lodestone' and c.relkind in ('r', 'p')
             and not (c.relrowsecurity and c.relforcerowsecurity) and exists (
                select from pg_attribute o where o.attrelid = c.oid and o.attname = 'organisation')
             order by c.relname",
            &[],
        )
        .await
        .unwrap();
    let open: Vec<String> = open.iter().map(|row| row.get(0)).collect();
    let mut expected = NO_POLICIES.to_vec();
    expected.sort_unstable();
    assert_eq!(open, expected);
    for role in Role::ALL {
        let client = database.as_role(role).await;
        for table in NO_POLICIES.into_iter().filter(|table| !oversees(role, table)) {
            let seen = seen(&client, table, Uuid::nil()).await;
            assert_eq!(seen, None, "{} reads {table}", role.name());
        }
    }
}

#[tokio::test]
async fn no_role_owns_anything_or_may_pass_rights_on() {
    let database = TestDatabase::create().await;
    let owner = database.owner().await;
    let row = owner
        .query_one(
            "select count(*) from pg_roles r
             where r.rolname like 'lodestone\\_%' and (r.rolsuper or r.rolbypassrls or r.rolcreaterole or r.rolcreatedb
                or exists (select from pg_class c where c.relowner = r.oid)
                or exists (select from pg_proc p where p.proowner = r.oid)
                or exists (select from information_schema.role_table_grants g
                    where g.grantee = r.rolname and g.is_grantable = 'YES'))",
            &[],
        )
        .await
        .unwrap();
    assert_eq!(row.get::<_, i64>(0), 0);
}
