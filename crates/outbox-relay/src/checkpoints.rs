//! Signs the log's tree whenever it grew: whoever keeps a checkpoint can tell if we ever take
//! something back.

use crate::{leading::pause, relay::Relay};
use database::{Connection, outbox};
use domain::log::{Checkpoint, Frontier};
use service::{clock, signing};
use std::time::Duration;

/// Signs until told to stop.
pub(crate) async fn run(relay: &Relay) {
    let interval = Duration::from_secs(relay.settings.checkpoint_seconds);
    while sign(relay).await.is_some() && pause(relay, interval).await {}
}

async fn sign(relay: &Relay) -> Option<()> {
    let read = |mut conn: Connection| async move { outbox::tree_to_sign(&mut conn).await };
    let Some(tree) = relay.in_database("read the log's tree", read).await? else { return Some(()) };
    let (tree, note, now) = (&tree, &*signed(relay, &tree), clock::now());
    let store = |mut conn: Connection| async move {
        outbox::store_checkpoint(&mut conn, tree, note, now).await
    };
    relay.in_database("store a checkpoint", store).await
}

fn signed(relay: &Relay, tree: &Frontier) -> String {
    let origin = relay.settings.log_origin.clone();
    let checkpoint = Checkpoint { origin, size: tree.size(), root: tree.root() };
    signing::sign_note(&checkpoint.to_string(), &checkpoint.origin, &relay.key)
}
