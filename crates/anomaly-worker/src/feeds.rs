//! Invoices and customs declarations that were handed in: what they are about is judged anew.

use crate::{
    consuming::Judges,
    filings::{Asked, judge_filings},
    message::Heard,
    telling::Told,
};
use database::{Error, Transaction, matching, screening::Loader};
use domain::event::Event;
use jiff::Timestamp;
use std::collections::BTreeSet;
use tokio::sync::Mutex;

/// Judges dispatches and exports about which a paper was handed in.
#[derive(Default)]
pub(crate) struct Feeds {
    loader: Mutex<Loader>,
}

impl Judges for Feeds {
    async fn judge(
        &self,
        transaction: &mut Transaction,
        heard: &[Heard],
        now: Timestamp,
    ) -> Result<Told, Error> {
        let (mut invoices, mut declarations) = (BTreeSet::new(), BTreeSet::new());
        for heard in heard {
            match &heard.event {
                Event::InvoiceRecorded { number, .. } => invoices.insert(number.clone()),
                Event::DeclarationRecorded { number, .. } => declarations.insert(number.clone()),
                _ => false,
            };
        }
        let (invoices, declarations): (Vec<_>, Vec<_>) =
            (invoices.into_iter().collect(), declarations.into_iter().collect());
        let latest = heard.iter().map(|heard| heard.occurred_at).max().unwrap_or(now);
        let mut filings = matching::dispatches_to_judge(transaction, &invoices).await?;
        filings.extend(matching::exports_to_judge(transaction, &declarations).await?);
        let asked: Asked = filings.into_iter().map(|filing| (filing, latest)).collect();
        let mut loader = self.loader.lock().await;
        judge_filings(transaction, &mut loader, &asked, Vec::new(), heard, now).await
    }
}
