//! Styles, scripts and pictures: read once, named by their content, served for ever.
//!
//! They are built from pinned packages by `scripts/lib/assets` into a folder outside the
//! repository. Nothing else is ever served from a disk, and nothing from elsewhere.

use actix_web::{
    HttpRequest, HttpResponse,
    http::header::{self, HeaderValue},
    web::{Bytes, Data, Path},
};
use anyhow::Context;
use flate2::{Compression, write::GzEncoder};
use sha2::{Digest, Sha256};
use std::{collections::BTreeMap, io::Write, path};

/// Where they are served from.
pub(crate) const PREFIX: &str = "/assets/";
const FOR_EVER: &str = "public, max-age=31536000, immutable";
const HASH_CHARACTERS: usize = 16;
/// What is smaller than this is not worth compressing.
const COMPRESS_FROM_BYTES: usize = 1_000;

/// Every asset, in memory.
pub(crate) struct Assets {
    /// From a file's own name, such as `portal.css`, to the name it is served by.
    names: BTreeMap<String, String>,
    files: BTreeMap<String, File>,
}

struct File {
    content_type: &'static str,
    plain: Bytes,
    gzip: Option<Bytes>,
    brotli: Option<Bytes>,
}

impl Assets {
    /// Reads a folder that `scripts/lib/assets` made.
    pub(crate) fn read(folder: &path::Path) -> anyhow::Result<Self> {
        let mut assets = Self { names: BTreeMap::new(), files: BTreeMap::new() };
        let entries = std::fs::read_dir(folder).with_context(|| {
            format!("no assets in {}: scripts/lib/assets builds them", folder.display())
        })?;
        for entry in entries {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            if let Some(content_type) = content_type(&name) {
                assets.add(&name, content_type, std::fs::read(entry.path())?)?;
            }
        }
        anyhow::ensure!(
            assets.names.contains_key("portal.css"),
            "{} has no portal.css: scripts/lib/assets builds it",
            folder.display()
        );
        Ok(assets)
    }

    fn add(&mut self, name: &str, kind: &'static str, bytes: Vec<u8>) -> anyhow::Result<()> {
        let hash = hex::encode(Sha256::digest(&bytes));
        let (stem, ending) = name.rsplit_once('.').unwrap_or((name, ""));
        let served = format!("{stem}.{}.{ending}", &hash[..HASH_CHARACTERS]);
        let compressed = bytes.len() >= COMPRESS_FROM_BYTES && kind != "image/png";
        let gzip = compressed.then(|| gzip(&bytes)).transpose()?;
        let brotli = compressed.then(|| brotli(&bytes)).transpose()?;
        self.names.insert(name.to_owned(), served.clone());
        let file = File { content_type: kind, plain: bytes.into(), gzip, brotli };
        self.files.insert(served, file);
        Ok(())
    }

    /// The address of an asset by its file's own name.
    pub(crate) fn address(&self, name: &str) -> Option<String> {
        self.names.get(name).map(|served| format!("{PREFIX}{served}"))
    }
}

fn content_type(name: &str) -> Option<&'static str> {
    Some(match name.rsplit_once('.')?.1 {
        "css" => "text/css; charset=utf-8",
        "js" => "text/javascript; charset=utf-8",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "txt" => "text/plain; charset=utf-8",
        _ => return None,
    })
}

fn gzip(bytes: &[u8]) -> anyhow::Result<Bytes> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes)?;
    Ok(encoder.finish()?.into())
}

fn brotli(bytes: &[u8]) -> anyhow::Result<Bytes> {
    let mut packed = Vec::new();
    let mut encoder = brotli::CompressorWriter::new(&mut packed, 4096, 9, 20);
    encoder.write_all(bytes)?;
    encoder.flush()?;
    drop(encoder);
    Ok(packed.into())
}

/// `GET /assets/{name}`
pub(crate) async fn serve(
    request: HttpRequest,
    name: Path<String>,
    assets: Data<Assets>,
) -> HttpResponse {
    let Some(file) = assets.files.get(name.as_str()) else {
        return HttpResponse::NotFound().content_type("text/plain").body("no such asset");
    };
    let accepted = request.headers().get(header::ACCEPT_ENCODING);
    let accepts = |coding: &str| {
        accepted.and_then(|header| header.to_str().ok()).is_some_and(|header| {
            header.split(',').any(|one| one.split(';').next().unwrap_or_default().trim() == coding)
        })
    };
    let (encoding, bytes) = match (&file.brotli, &file.gzip) {
        (Some(packed), _) if accepts("br") => ("br", packed),
        (_, Some(packed)) if accepts("gzip") => ("gzip", packed),
        _ => ("identity", &file.plain),
    };
    HttpResponse::Ok()
        .content_type(file.content_type)
        .insert_header((header::CACHE_CONTROL, FOR_EVER))
        .insert_header((header::VARY, "Accept-Encoding"))
        .insert_header((header::CONTENT_ENCODING, HeaderValue::from_static(encoding)))
        .body(bytes.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_asset_is_named_by_its_content() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("portal.css"), "a{color:red}").unwrap();
        let first = Assets::read(folder.path()).unwrap().address("portal.css").unwrap();
        std::fs::write(folder.path().join("portal.css"), "a{color:blue}").unwrap();
        let second = Assets::read(folder.path()).unwrap().address("portal.css").unwrap();
        assert!(first.starts_with("/assets/portal."), "{first}");
        assert_ne!(first, second);
    }

    #[test]
    fn a_folder_that_was_never_built_is_refused_with_what_to_do() {
        let folder = tempfile::tempdir().unwrap();
        let refusal = Assets::read(folder.path()).err().unwrap().to_string();
        assert!(refusal.contains("scripts/lib/assets"), "{refusal}");
    }
}
