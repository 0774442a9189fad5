//! What the filers under load do all day: separate feed into three oxides, then dispatch those.

use crate::{
    connection::{Answer, Connection},
    filers::{FEED, Filer, OXIDES, SITE},
};
use anyhow::{Context, bail};
use domain::ids::{LotId, OrganisationId};
use jiff::Timestamp;
use std::net::SocketAddr;

/// Where filings are posted.
pub const FILINGS: &str = "/v1/filings";
/// The two lots that every separation draws from, and how much of it in kilograms.
const FEED_LOTS: [(&str, &str); 2] = [("FEED-A", "1.000"), ("FEED-B", "0.500")];
/// More than any run draws.
const FEED_KG: &str = "50000000.000";
/// What 1.5 kg of feed contains, as oxides of 85 %: each output in kilograms, gram by gram.
const OUTPUTS_KG: [&str; 3] = ["0.247", "0.353", "0.106"];

/// A filing ready to be posted; its reference is also its idempotency key.
#[derive(Clone, Debug)]
pub struct Post {
    /// Its reference.
    pub reference: String,
    /// Its JSON.
    pub body: String,
}

/// One filer's endless stream of work, in the order it must be posted in.
#[derive(Clone, Debug)]
pub struct Work {
    filer: Filer,
    buyer: Filer,
    happened_at: Timestamp,
    series: String,
    step: u64,
    invented: u64,
}

impl Work {
    /// Work of `filer`, who sells to `buyer`. `series` keeps its references apart from others'.
    pub fn new(filer: &Filer, buyer: &Filer, happened_at: Timestamp, series: String) -> Self {
        Self {
            filer: filer.clone(),
            buyer: buyer.clone(),
            happened_at,
            series,
            step: 0,
            invented: 0,
        }
    }

    /// Who files.
    pub const fn filer(&self) -> &Filer {
        &self.filer
    }

    /// The next thing: a separation, then the dispatch of what it made, and again.
    pub fn next_post(&mut self) -> Post {
        let (round, is_dispatch) = (self.step / 2, self.step % 2 == 1);
        self.step += 1;
        let series = format!("{}-{round}", self.series);
        if is_dispatch { self.dispatch(&series) } else { self.separation(&series) }
    }

    fn separation(&self, series: &str) -> Post {
        let inputs = FEED_LOTS
            .map(|(lot, kg)| format!(r#"{{"lot":"{lot}","quantity_kg":"{kg}"}}"#))
            .join(",");
        let outputs = [0, 1, 2]
            .map(|place| {
                let (code, kg) = (OXIDES[place].0, OUTPUTS_KG[place]);
                format!(r#"{{"lot":"{series}-{code}","product":"{code}","quantity_kg":"{kg}"}}"#)
            })
            .join(",");
        let reference = format!("SEP-{series}");
        let body = format!(
            r#"{{"kind":"transformation","process":"separation","reference":"{reference}","site":"{SITE}","happened_at":"{}","inputs":[{inputs}],"outputs":[{outputs}]}}"#,
            self.happened_at
        );
        Post { reference, body }
    }

    fn dispatch(&self, series: &str) -> Post {
        let lines = [0, 1, 2]
            .map(|place| {
                let (code, kg) = (OXIDES[place].0, OUTPUTS_KG[place]);
                format!(
                    r#"{{"lot":"{series}-{code}","quantity_kg":"{kg}","unit_price":{{"amount":"412.50","currency":"CNY"}}}}"#
                )
            })
            .join(",");
        let reference = format!("DSP-{series}");
        let body = format!(
            r#"{{"kind":"dispatch","reference":"{reference}","site":"{SITE}","happened_at":"{}","client":{{"name":"{}","identifier":"{}","country":"CN"}},"contract":"C-2026-1","invoice":"INV-{series}","lines":[{lines}]}}"#,
            self.happened_at, self.buyer.name, self.buyer.uscc
        );
        Post { reference, body }
    }

    /// A lot of 1 kg, and the disposal of 2 kg of it: stock drawn below zero.
    pub fn invented_stock(&mut self) -> (Post, Post, LotId) {
        let series = format!("{}-{}", self.series, self.invented);
        self.invented += 1;
        let (made, gone) = (format!("EXT-{series}"), format!("DIS-{series}"));
        let extraction = extraction(&made, &format!("{series}-X"), "1.000", self.happened_at);
        let disposal = format!(
            r#"{{"kind":"disposal","to":"waste","reference":"{gone}","site":"{SITE}","happened_at":"{}","lines":[{{"lot":"{series}-X","quantity_kg":"2.000"}}]}}"#,
            self.happened_at
        );
        let maker = OrganisationId::from_uuid(self.filer.organisation);
        let lot = LotId::of(maker, &format!("{series}-X"));
        (Post { reference: made, body: extraction }, Post { reference: gone, body: disposal }, lot)
    }
}

/// Posts a filing on a connection of this filer.
pub async fn post(
    connection: &mut Connection,
    filer: &Filer,
    post: &Post,
) -> std::io::Result<Answer> {
    connection.post(FILINGS, &filer.token, &post.reference, &post.body).await
}

/// Gives every filer the feed that its separations draw from.
pub async fn stock_up(
    address: SocketAddr,
    filers: &[Filer],
    happened_at: Timestamp,
) -> anyhow::Result<()> {
    let mut connection = Connection::open(address).await.context("no service answers")?;
    for filer in filers {
        for (lot, _) in FEED_LOTS {
            let reference = format!("STOCK-{lot}");
            let body = extraction(&reference, lot, FEED_KG, happened_at);
            let answer = post(&mut connection, filer, &Post { reference, body }).await?;
            if answer.status != 201 {
                bail!("feed was not accepted: {} {}", answer.status, answer.json());
            }
        }
    }
    Ok(())
}

fn extraction(reference: &str, lot: &str, kg: &str, happened_at: Timestamp) -> String {
    format!(
        r#"{{"kind":"extraction","reference":"{reference}","site":"{SITE}","happened_at":"{happened_at}","lines":[{{"lot":"{lot}","product":"{FEED}","quantity_kg":"{kg}"}}]}}"#
    )
}

/// The socket address in an address such as `http://127.0.0.1:40123`.
pub fn socket(url: &str) -> anyhow::Result<SocketAddr> {
    url.trim_start_matches("http://").parse().with_context(|| format!("{url} is no address"))
}
