//! The rows of a batch: what is left of the lines, the reservations, the licences' steps, the events.

use super::judging::New;
use crate::{
    Error, events,
    licences::usage::{declared_json, sql_line, used},
};
use anyhow::anyhow;
use domain::ids::OrganisationId;
use futures_util::try_join;
use jiff::Timestamp;
use postgres_types::ToSql;
use serde_json::Value;
use std::collections::BTreeMap;
use tokio_postgres::{Client, Statement};
use uuid::Uuid;

/// The statements that write, one for each table.
#[derive(Debug)]
pub(super) struct Writing {
    draw: Statement,
    reserve: Statement,
    note: Statement,
    tell: Statement,
    queue: Statement,
    notify: Statement,
}

type Parameters<'a> = &'a [&'a (dyn ToSql + Sync)];

impl Writing {
    pub(super) async fn prepare(client: &Client) -> Result<Self, Error> {
        Ok(Self {
            draw: client
                .prepare(
                    "update licence_lines l set reserved_grams = l.reserved_grams + w.grams
                     from unnest($1::uuid[], $2::smallint[], $3::bigint[]) w (licence, line, grams)
                     where l.licence = w.licence and l.line = w.line
                         and l.reserved_grams + l.confirmed_grams + w.grams <= l.licensed_grams",
                )
                .await?,
            reserve: client
                .prepare(
                    "insert into licence_reservations (id, licence, line, declaration, declaration_line, grams, state,
                         reserved_by, reserved_at, declared)
                     select w.id, w.licence, w.line, w.declaration, w.declaration_line, w.grams, 'reserved', w.person, w.at,
                         w.declared
                     from unnest($1::uuid[], $2::uuid[], $3::smallint[], $4::text[], $5::smallint[], $6::bigint[],
                         $7::uuid[], $8::timestamptz[], $9::jsonb[])
                         w (id, licence, line, declaration, declaration_line, grams, person, at, declared)",
                )
                .await?,
            note: client
                .prepare(
                    "insert into licence_events (id, licence, action, person, occurred_at, detail)
                     select w.id, w.licence, 'reserved', w.person, w.at, w.detail
                     from unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::timestamptz[], $5::jsonb[])
                         w (id, licence, person, at, detail)",
                )
                .await?,
            tell: client
                .prepare(
                    "insert into events (id, name, organisation, subject, person, occurred_at, traceparent, body)
                     select w.id, $1, w.organisation, w.licence, w.person, w.at, w.traceparent, w.body
                     from unnest($2::uuid[], $3::uuid[], $4::uuid[], $5::uuid[], $6::timestamptz[], $7::text[], $8::bytea[])
                         w (id, organisation, licence, person, at, traceparent, body)",
                )
                .await?,
            queue: client
                .prepare("insert into outbox (event) select unnest($1::uuid[])")
                .await?,
            notify: client.prepare("select pg_notify($1, '')").await?,
        })
    }

    /// Writes all rows of these reservations, a statement for each table in one round trip, and
    /// commits.
    pub(super) async fn write_and_commit(
        &self,
        client: &Client,
        new: &[New<'_>],
    ) -> Result<(), Error> {
        let drawn = Drawn::by(new);
        let rows = Rows::of(new);
        let draw: Parameters = &[&drawn.licences, &drawn.lines, &drawn.grams];
        let reserve: Parameters = &[
            &rows.ids,
            &rows.licences,
            &rows.lines,
            &rows.declarations,
            &rows.declaration_lines,
            &rows.grams,
            &rows.people,
            &rows.moments,
            &rows.declared,
        ];
        let note: Parameters =
            &[&rows.notes, &rows.licences, &rows.people, &rows.moments, &rows.details];
        let tell: Parameters = &[
            &rows.name,
            &rows.events,
            &rows.organisations,
            &rows.licences,
            &rows.people,
            &rows.moments,
            &rows.traceparents,
            &rows.bodies,
        ];
        let queue: Parameters = &[&rows.events];
        let notify: Parameters = &[&events::OUTBOX_CHANNEL];
        let (moved, ..) = try_join!(
            client.execute(&self.draw, draw),
            client.execute(&self.reserve, reserve),
            client.execute(&self.note, note),
            client.execute(&self.tell, tell),
            client.execute(&self.queue, queue),
            client.execute(&self.notify, notify),
        )?;
        if usize::try_from(moved).ok() != Some(drawn.lines.len()) {
            // The lines are held, so what was judged is what is there.
            let why = anyhow!("{moved} of {} lines were drawn from", drawn.lines.len());
            return Err(Error::Unavailable(why));
        }
        Ok(client.batch_execute("commit").await?)
    }
}

/// How much is drawn from each line.
#[derive(Debug, Default)]
struct Drawn {
    licences: Vec<Uuid>,
    lines: Vec<i16>,
    grams: Vec<i64>,
}

impl Drawn {
    fn by(new: &[New<'_>]) -> Self {
        let mut of_line: BTreeMap<(Uuid, i16), i64> = BTreeMap::new();
        for New { record, .. } in new {
            *of_line.entry((record.licence.as_uuid(), sql_line(record.line))).or_default() +=
                record.grams.cast_signed();
        }
        let mut drawn = Self::default();
        for ((licence, line), grams) in of_line {
            drawn.licences.push(licence);
            drawn.lines.push(line);
            drawn.grams.push(grams);
        }
        drawn
    }
}

/// The columns of all other tables.
#[derive(Debug, Default)]
struct Rows {
    ids: Vec<Uuid>,
    licences: Vec<Uuid>,
    lines: Vec<i16>,
    declarations: Vec<String>,
    declaration_lines: Vec<i16>,
    grams: Vec<i64>,
    people: Vec<Uuid>,
    moments: Vec<Timestamp>,
    declared: Vec<Option<Value>>,
    notes: Vec<Uuid>,
    details: Vec<Value>,
    name: &'static str,
    events: Vec<Uuid>,
    organisations: Vec<Uuid>,
    traceparents: Vec<Option<String>>,
    bodies: Vec<Vec<u8>>,
}

impl Rows {
    fn of(new: &[New<'_>]) -> Self {
        let mut rows = Self::default();
        for New { request, record, organisation } in new {
            let (detail, event) = used(*organisation, record, "reserved");
            let origin = request.moment.origin(Some(request.person));
            rows.ids.push(record.id.as_uuid());
            rows.licences.push(record.licence.as_uuid());
            rows.lines.push(sql_line(record.line));
            rows.declarations.push(record.declaration.clone());
            rows.declaration_lines.push(sql_line(record.declaration_line));
            rows.grams.push(record.grams.cast_signed());
            rows.people.push(request.person.as_uuid());
            rows.moments.push(record.reserved_at);
            rows.declared.push(record.declared.as_ref().map(declared_json));
            rows.notes.push(Uuid::now_v7());
            rows.details.push(detail);
            rows.name = event.name();
            rows.events.push(origin.id.as_uuid());
            rows.organisations.push(OrganisationId::as_uuid(*organisation));
            rows.traceparents.push(origin.traceparent.clone());
            rows.bodies.push(events::body(&origin, &event));
        }
        rows
    }
}
