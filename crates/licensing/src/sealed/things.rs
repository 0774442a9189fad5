//! What was handed in: its bytes and its description, both sealed and bound to their place.

use super::{
    seal::{ChannelKey, Wrapped},
    wrapping_keys,
};
use crate::app::App;
use database::sealed::{ChannelRecord, SealedItem};
use domain::{
    ids::{SealedChannelId, SealedItemId},
    sealed::SealedKind,
};
use serde::{Deserialize, Serialize};
use service::problem::Problem;
use uuid::Uuid;

/// What a thing is: stored sealed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Description {
    /// What it is.
    pub(super) kind: SealedKind,
    /// What the file is called.
    pub(super) name: String,
    /// What it was found to be.
    pub(super) media_type: String,
    /// How large it is.
    pub(super) size_bytes: u64,
    /// SHA-256 of its bytes, in hexadecimal.
    pub(super) sha256: String,
    /// Whether a scanner looked at it.
    pub(super) scanned: bool,
    /// Under which id its sealed bytes lie.
    pub(super) object: Uuid,
}

/// The key of a channel.
pub(super) fn key_of(app: &App, channel: &ChannelRecord) -> Result<ChannelKey, Problem> {
    let (by, bytes) = (channel.wrapping_key.clone(), channel.wrapped_key.clone());
    Ok(wrapping_keys(app)?
        .unwrap(channel.id, &Wrapped { by, bytes })
        .map_err(anyhow::Error::from)?)
}

/// What the description of a thing is bound to.
pub(super) fn about_description(channel: SealedChannelId, item: SealedItemId) -> String {
    format!("description of {item} in {channel}")
}

/// What the bytes of a thing are bound to.
pub(super) fn about_bytes(channel: SealedChannelId, object: Uuid) -> String {
    format!("bytes of {object} in {channel}")
}

/// Opens the description of a thing.
pub(super) fn described(
    key: &ChannelKey,
    channel: SealedChannelId,
    item: &SealedItem,
) -> Result<Description, Problem> {
    let about = about_description(channel, item.id);
    let opened = key.open(&about, &item.sealed_description).map_err(anyhow::Error::from)?;
    Ok(serde_json::from_slice(&opened).map_err(anyhow::Error::from)?)
}

/// Opens the bytes of a thing.
pub(super) async fn opened(
    app: &App,
    key: &ChannelKey,
    channel: SealedChannelId,
    description: &Description,
) -> Result<Vec<u8>, Problem> {
    let sealed = app.papers.shelf.bytes(description.object).await?;
    let about = about_bytes(channel, description.object);
    Ok(key.open(&about, &sealed).map_err(anyhow::Error::from)?)
}
