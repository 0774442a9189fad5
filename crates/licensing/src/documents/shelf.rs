//! Where the bytes of papers lie: a folder, or a bucket of an S3 service.
//!
//! Names are ids, never what somebody called a file.

use anyhow::Context;
use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use object_store::{
    ObjectStore, ObjectStoreExt, PutPayload, aws::AmazonS3Builder, buffered::BufWriter,
    local::LocalFileSystem, path::Path,
};
use secrecy::ExposeSecret;
use service::{problem::Problem, settings::Settings};
use std::{fmt::Display, io, sync::Arc};
use tokio::{fs::File, io::AsyncWriteExt};

/// The object store.
#[derive(Clone, Debug)]
pub(crate) struct Shelf(Arc<dyn ObjectStore>);

impl Shelf {
    /// The one that the settings name.
    pub(crate) fn open(settings: &Settings) -> anyhow::Result<Self> {
        let set = &settings.documents;
        let Some(bucket) = &set.s3_bucket else {
            let folder = settings.documents_folder()?;
            std::fs::create_dir_all(&folder)
                .with_context(|| format!("cannot make the folder {}", folder.display()))?;
            return Ok(Self(Arc::new(LocalFileSystem::new_with_prefix(folder)?)));
        };
        let mut builder = AmazonS3Builder::new()
            .with_bucket_name(bucket)
            .with_region(&set.s3_region)
            .with_allow_http(true);
        if let Some(endpoint) = &set.s3_endpoint {
            builder = builder.with_endpoint(endpoint);
        }
        if let Some(key) = &set.s3_access_key_id {
            builder = builder.with_access_key_id(key);
        }
        if let Some(secret) = &set.s3_secret_access_key {
            builder = builder.with_secret_access_key(secret.expose_secret());
        }
        Ok(Self(Arc::new(builder.build().context("the bucket of papers cannot be used")?)))
    }

    /// Keeps a file under an id, piece by piece.
    pub(super) async fn keep(&self, id: impl Display, mut file: File) -> Result<(), Problem> {
        let mut writer = BufWriter::new(Arc::clone(&self.0), place(id));
        let kept = async {
            tokio::io::copy(&mut file, &mut writer).await?;
            writer.shutdown().await
        };
        kept.await.map_err(unavailable)
    }

    /// Keeps bytes under an id.
    pub(crate) async fn keep_bytes(&self, id: impl Display, bytes: Vec<u8>) -> Result<(), Problem> {
        let kept = self.0.put(&place(id), PutPayload::from(bytes)).await;
        kept.map(|_| ()).map_err(unavailable)
    }

    /// The bytes under an id, all at once.
    pub(crate) async fn bytes(&self, id: impl Display) -> Result<Bytes, Problem> {
        let got = self.0.get(&place(id)).await.map_err(unavailable)?;
        got.bytes().await.map_err(unavailable)
    }

    /// The bytes under an id, as they come.
    pub(super) async fn stream(
        &self,
        id: impl Display,
    ) -> Result<impl Stream<Item = Result<Bytes, io::Error>> + 'static, Problem> {
        let got = self.0.get(&place(id)).await.map_err(unavailable)?;
        Ok(got.into_stream().map(|piece| piece.map_err(io::Error::other)))
    }

    /// Puts away what was kept for nothing.
    pub(crate) async fn put_away(&self, id: impl Display) {
        if let Err(error) = self.0.delete(&place(&id)).await {
            tracing::warn!(document.id = %id, error = %error, "a paper nobody refers to stays");
        }
    }
}

fn place(id: impl Display) -> Path {
    Path::from(format!("papers/{id}"))
}

fn unavailable(error: impl Into<anyhow::Error>) -> Problem {
    Problem::DependencyDown(error.into().context("the store of papers cannot be used"))
}
