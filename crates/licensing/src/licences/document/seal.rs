//! The signature in the PDF (`PAdES` B-B): ECDSA on P-256, which every reader of PDF knows.
//!
//! Its key follows from the signing key and is replaced together with it. The certificate is the
//! authority's own word; `/v1/signing-keys` publishes it.

use anyhow::Context;
use base64::{Engine, prelude::BASE64_STANDARD};
use p256::{
    ecdsa::{DerSignature, SigningKey, signature::hazmat::PrehashSigner},
    pkcs8::EncodePublicKey,
};
use serde::Serialize;
use service::signer::Signer;
use std::{str::FromStr, time::Duration};
use underskrift::{
    CryptoSigner, DigestAlgorithm, PdfSigner, SignatureAlgorithm, SigningOptions, SubFilter,
    error::CryptoError,
};
use utoipa::ToSchema;
use x509_cert::{
    builder::{Builder, CertificateBuilder, Profile},
    der::{Decode, Encode, asn1::UtcTime},
    name::Name,
    serial_number::SerialNumber,
    spki::SubjectPublicKeyInfoOwned,
    time::{Time, Validity},
};

const PURPOSE: &str = "lodestone document signature 1";
/// 2025-01-01: before anything was signed here.
const NOT_BEFORE_SECONDS: u64 = 1_735_689_600;
const SERIAL_BYTES: usize = 8;

/// What signs documents.
pub(crate) struct DocumentSeal {
    key: SigningKey,
    certificate: Vec<u8>,
}

/// The certificate that signatures in documents are checked with.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct DocumentSealView {
    /// The certificate (X.509, DER), in base64.
    certificate: String,
}

impl DocumentSeal {
    /// The seal that belongs to a signing key.
    pub(crate) fn of(signer: &Signer) -> anyhow::Result<Self> {
        let key = SigningKey::from_slice(&signer.derived_secret(PURPOSE))?;
        let subject =
            Name::from_str(&format!("CN=Lodestone licences {},O=Lodestone", signer.key_id()))?;
        let public = key.verifying_key().to_public_key_der()?;
        let public = SubjectPublicKeyInfoOwned::from_der(public.as_bytes())?;
        let validity = Validity {
            not_before: Time::UtcTime(UtcTime::from_unix_duration(Duration::from_secs(
                NOT_BEFORE_SECONDS,
            ))?),
            not_after: Time::INFINITY,
        };
        let profile = Profile::Leaf {
            issuer: subject.clone(),
            enable_key_agreement: false,
            enable_key_encipherment: false,
        };
        let serial = SerialNumber::new(&signer.public_key()[..SERIAL_BYTES])?;
        let builder = CertificateBuilder::new(profile, serial, validity, subject, public, &key)?;
        let certificate = builder.build::<DerSignature>().context("the certificate")?.to_der()?;
        Ok(Self { key, certificate })
    }

    /// How others check it.
    pub(crate) fn public(&self) -> DocumentSealView {
        DocumentSealView { certificate: BASE64_STANDARD.encode(&self.certificate) }
    }

    /// The document with its signature.
    pub(super) async fn sign(&self, pdf: &[u8]) -> anyhow::Result<Vec<u8>> {
        let options = SigningOptions {
            sub_filter: SubFilter::Pades,
            field_name: "Licence".to_owned(),
            reason: Some("Export licence".to_owned()),
            ..SigningOptions::default()
        };
        Ok(PdfSigner::new().options(options).sign(pdf, self).await?)
    }
}

impl CryptoSigner for DocumentSeal {
    fn sign_hash(&self, hash: &[u8]) -> Result<Vec<u8>, CryptoError> {
        let signature: DerSignature = self
            .key
            .sign_prehash(hash)
            .map_err(|error| CryptoError::SigningFailed(error.to_string()))?;
        Ok(signature.as_bytes().to_vec())
    }

    fn certificate_der(&self) -> &[u8] {
        &self.certificate
    }

    fn certificate_chain_der(&self) -> Vec<&[u8]> {
        vec![&self.certificate]
    }

    fn digest_algorithm(&self) -> DigestAlgorithm {
        DigestAlgorithm::Sha256
    }

    fn signature_algorithm(&self) -> SignatureAlgorithm {
        SignatureAlgorithm::EcdsaP256
    }
}
