//! Customs draw one licence down, from several desks at once, until nothing is left of it.

use crate::{
    connection::{Answer, Connection},
    filers::{Filer, grant_key},
};
use anyhow::Context;
use database::{Role, events::Act, regime};
use domain::{
    ids::{CaseId, LicenceId, OrganisationId},
    licence::{
        CONTENT_VERSION, Holder, LicenceContent, LicenceLine, SerialNumber, Series, Validity,
    },
    regime::{ControlCode, LicenceKind, Regime},
};
use jiff::{Timestamp, ToSpan};
use std::{net::SocketAddr, time::Duration};
use testkit::TestDatabase;
use tokio::{task::JoinHandle, time::timeout};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

const DESKS: usize = 4;
const PAUSE: Duration = Duration::from_millis(150);
const ASK_AGAIN: Duration = Duration::from_millis(100);
const PATIENCE: Duration = Duration::from_secs(25);
/// Runs dry in every run of some length: the end is where a balance goes wrong.
const LICENSED_GRAMS: u64 = 40_000;
const RESERVED_KG: &str = "0.130";
const CONTROL_CODE: &str = "1C902.d";
const CONSIGNEE: &str = "Beispiel Motoren GmbH";
const LICENCE_YEAR: u16 = 2026;

/// A licence and somebody who may use it.
#[derive(Clone, Debug)]
pub struct Border {
    /// The licence's number.
    pub number: String,
    token: String,
}

/// A reservation that customs were told of.
#[derive(Clone, Debug)]
pub struct Told {
    /// Its id.
    pub id: Uuid,
    /// Its declaration.
    pub declaration: String,
    /// `reserved`, `confirmed` or `released`.
    pub state: &'static str,
}

/// What customs were told in all.
#[derive(Clone, Debug, Default)]
pub struct Use {
    /// Every acknowledged reservation with the last state that was acknowledged.
    pub reservations: Vec<Told>,
    /// Reservations refused because too little was left.
    pub refused_for_balance: u64,
    /// Answers that nobody should get.
    pub refusals: Vec<String>,
}

/// Stores the law and a general licence as if it had been issued, and lets customs use it.
pub async fn open(
    database: &TestDatabase,
    holder: &Filer,
    now: Timestamp,
) -> anyhow::Result<Border> {
    let act = Act { person: None, at: now, traceparent: None };
    let law = Regime::default_china_2025();
    let mut conn = database.pool(Role::Identity).get().await?;
    regime::import(&mut conn, &law, now, &act.origin()).await?;
    let number = SerialNumber::new(Series::Licence, LICENCE_YEAR, 1).context("a number")?;
    let content = content(holder, number, &law, now)?;
    let owner = database.owner().await;
    owner
        .execute(
            "insert into licences (id, number, case_id, organisation, version, kind, state, valid_from,
                 valid_until, destination, consignee, end_user, end_use, issued_at, issued_by,
                 signed_content, signing_key, signature)
             values ($1, $2, $3, $4, 1, 'general', 'issued', $5::text::date, $6::text::date, 'DE', $7, $7,
                 'motors', now(), $1, $8, 'none', '')",
            &[
                &content.licence.as_uuid(),
                &number.to_string(),
                &content.case.as_uuid(),
                &holder.organisation,
                &content.validity.from().to_string(),
                &content.validity.until().to_string(),
                &CONSIGNEE,
                &content.signed_bytes()?,
            ],
        )
        .await?;
    owner
        .execute(
            "insert into licence_lines (licence, line, control_code, description, licensed_grams)
             values ($1, 1, $2, 'magnets', $3)",
            &[&content.licence.as_uuid(), &CONTROL_CODE, &LICENSED_GRAMS.cast_signed()],
        )
        .await?;
    let customs = Uuid::now_v7();
    owner
        .execute(
            "insert into organisations (id, kind, registration, country, name_zh, name_en, registered_at)
             values ($1, 'customs', 'customs', 'CN', '海关', 'Customs', now())",
            &[&customs],
        )
        .await?;
    let token = grant_key(database, customs, "customs").await;
    Ok(Border { number: number.to_string(), token })
}

fn content(
    holder: &Filer,
    number: SerialNumber,
    law: &Regime,
    now: Timestamp,
) -> anyhow::Result<LicenceContent> {
    let today = service::clock::date_in_beijing(now);
    Ok(LicenceContent {
        content_version: CONTENT_VERSION,
        licence: LicenceId::from_uuid(Uuid::now_v7()),
        number,
        case: CaseId::from_uuid(Uuid::now_v7()),
        kind: LicenceKind::General,
        holder: Holder {
            organisation: OrganisationId::from_uuid(holder.organisation),
            identifier: holder.uscc.clone(),
            name_zh: holder.name.clone(),
            name_en: holder.name.clone(),
        },
        issued_on: today,
        validity: Validity::new(today, today.checked_add(1.month())?)?,
        destination: "DE".parse()?,
        consignees: vec![CONSIGNEE.to_owned()],
        end_users: vec![CONSIGNEE.to_owned()],
        end_use: "motors".to_owned(),
        lines: vec![LicenceLine {
            line: 1,
            control_code: ControlCode(CONTROL_CODE.to_owned()),
            description: "magnets".to_owned(),
            hs_code: None,
            licensed_grams: LICENSED_GRAMS,
        }],
        conditions: Vec::new(),
        regime_version: law.version().clone(),
    })
}

/// Customs at work.
#[derive(Debug)]
pub struct Customs {
    stop: CancellationToken,
    desks: Vec<JoinHandle<Use>>,
}

impl Customs {
    /// Opens the desks.
    pub fn start(address: SocketAddr, border: &Border) -> Self {
        let stop = CancellationToken::new();
        let desks = (0..DESKS)
            .map(|number| {
                let line = Line { address, border: border.clone(), connection: None };
                tokio::spawn(Desk { number, line, told: Use::default() }.work(stop.clone()))
            })
            .collect();
        Self { stop, desks }
    }

    /// Closes them once everything begun is acknowledged.
    pub async fn stop(self) -> anyhow::Result<Use> {
        self.stop.cancel();
        let mut all = Use::default();
        for desk in self.desks {
            let told = desk.await?;
            all.reservations.extend(told.reservations);
            all.refused_for_balance += told.refused_for_balance;
            all.refusals.extend(told.refusals);
        }
        Ok(all)
    }
}

struct Desk {
    number: usize,
    line: Line,
    told: Use,
}

impl Desk {
    async fn work(mut self, stop: CancellationToken) -> Use {
        let mut count = 0_u32;
        while !stop.is_cancelled() {
            count += 1;
            self.declare(count).await;
            tokio::time::sleep(PAUSE).await;
        }
        self.told
    }

    /// Reserves; then two of three declarations are cleared, one is cancelled, some are left open.
    async fn declare(&mut self, count: u32) {
        let declaration = format!("D{}-{count}", self.number);
        let body = format!(
            r#"{{"line":1,"declaration":"{declaration}","declaration_line":1,"quantity_kg":"{RESERVED_KG}","control_code":"{CONTROL_CODE}","destination":"DE","consignee":"{CONSIGNEE}"}}"#
        );
        let reservations = format!("/v1/licences/{}/reservations", self.line.border.number);
        let answer = self.line.post_until_told(&reservations, &declaration, &body).await;
        let id: Option<Uuid> = answer.json()["id"].as_str().and_then(|id| id.parse().ok());
        let (true, Some(id)) = (answer.is_success(), id) else {
            return self.refused(&declaration, &answer);
        };
        let (step, state) = match count % 8 {
            0 => ("", "reserved"),
            3 | 6 => ("release", "released"),
            _ => ("confirm", "confirmed"),
        };
        self.told.reservations.push(Told { id, declaration: declaration.clone(), state });
        if !step.is_empty() {
            let path = format!("{reservations}/{id}/{step}");
            let key = format!("{declaration}-{step}");
            let answer = self.line.post_until_told(&path, &key, "").await;
            if !answer.is_success() {
                self.refused(&key, &answer);
            }
        }
    }

    fn refused(&mut self, what: &str, answer: &Answer) {
        let said = answer.json().to_string();
        if answer.status == 409 && said.contains("kg are left") {
            self.told.refused_for_balance += 1;
        } else {
            self.told.refusals.push(format!("{what}: {} {said}", answer.status));
        }
    }
}

/// One desk's line to the service, made anew whenever it breaks.
struct Line {
    address: SocketAddr,
    border: Border,
    connection: Option<Connection>,
}

impl Line {
    async fn post_until_told(&mut self, path: &str, key: &str, body: &str) -> Answer {
        loop {
            match self.post_once(path, key, body).await {
                Some(answer) if !matches!(answer.status, 429 | 501..) => return answer,
                _ => tokio::time::sleep(ASK_AGAIN).await,
            }
        }
    }

    async fn post_once(&mut self, path: &str, key: &str, body: &str) -> Option<Answer> {
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => Connection::open(self.address).await.ok()?,
        };
        let posted = connection.post(path, &self.border.token, key, body);
        let answer = timeout(PATIENCE, posted).await.ok()?.ok()?;
        self.connection = Some(connection);
        Some(answer)
    }
}
