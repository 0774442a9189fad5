//! Sends filings: many at once, but none before those it rests on.

use super::registration::Filer;
use crate::{
    Plan,
    api::{Api, text},
};
use anyhow::Context;
use domain::ids::OrganisationId;
use futures_util::{StreamExt, stream::FuturesUnordered};
use indicatif::ProgressBar;
use std::{cmp::Reverse, collections::BinaryHeap};

/// What was recorded.
#[derive(Debug)]
pub(super) struct Sent {
    /// The id of each filing of the plan.
    ids: Vec<String>,
}

impl Sent {
    /// The id of the last version filed under a reference.
    pub(super) fn id_of(&self, plan: &Plan, organisation: usize, reference: &str) -> Option<&str> {
        let index = plan
            .filings
            .iter()
            .rposition(|filing| filing.filer == organisation && filing.reference == reference)?;
        self.ids.get(index).map(String::as_str)
    }
}

/// Which filings can go, and which wait for how many others.
struct Queue {
    ready: BinaryHeap<Reverse<usize>>,
    waiting_for: Vec<usize>,
    waited_for_by: Vec<Vec<usize>>,
}

impl Queue {
    fn of(plan: &Plan) -> Self {
        let mut queue = Self {
            ready: BinaryHeap::new(),
            waiting_for: vec![0; plan.filings.len()],
            waited_for_by: vec![Vec::new(); plan.filings.len()],
        };
        for (index, filing) in plan.filings.iter().enumerate() {
            queue.waiting_for[index] = filing.after.len();
            for before in &filing.after {
                queue.waited_for_by[*before].push(index);
            }
            if filing.after.is_empty() {
                queue.ready.push(Reverse(index));
            }
        }
        queue
    }

    /// The oldest that can go.
    fn next(&mut self) -> Option<usize> {
        self.ready.pop().map(|Reverse(index)| index)
    }

    fn done(&mut self, index: usize) {
        for waiting in std::mem::take(&mut self.waited_for_by[index]) {
            self.waiting_for[waiting] -= 1;
            if self.waiting_for[waiting] == 0 {
                self.ready.push(Reverse(waiting));
            }
        }
    }
}

/// Sends a whole plan, `concurrency` requests at a time.
pub(super) async fn send(
    api: &Api,
    plan: &Plan,
    filers: &[Filer],
    concurrency: usize,
    progress: &ProgressBar,
) -> anyhow::Result<Sent> {
    let ids: Vec<OrganisationId> = filers.iter().map(|filer| filer.id).collect();
    let mut queue = Queue::of(plan);
    let mut sent = Sent { ids: vec![String::new(); plan.filings.len()] };
    let mut under_way = FuturesUnordered::new();
    let mut left = plan.filings.len();
    while 0 < left {
        while under_way.len() < concurrency.max(1) {
            let Some(index) = queue.next() else { break };
            under_way.push(send_one(
                api,
                plan,
                index,
                &ids,
                &filers[plan.filings[index].filer].key,
            ));
        }
        let (index, id) = under_way.next().await.context("filings wait for each other")??;
        sent.ids[index] = id;
        queue.done(index);
        left -= 1;
        progress.inc(1);
    }
    Ok(sent)
}

async fn send_one(
    api: &Api,
    plan: &Plan,
    index: usize,
    ids: &[OrganisationId],
    key: &str,
) -> anyhow::Result<(usize, String)> {
    let filing = &plan.filings[index];
    let request = api
        .reporting("POST", "/v1/filings")
        .by(key)
        .once(&filing.idempotency_key())
        .with_bytes(filing.body(ids));
    let answer = api.send(&request).await?;
    Ok((index, text(&answer.body, "id")?))
}
