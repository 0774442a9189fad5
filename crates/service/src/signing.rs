//! The key that signs licences, determinations and the log, and signed notes (C2SP signed-note).

use anyhow::Context;
use base64::{Engine, prelude::BASE64_STANDARD};
use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey, pkcs8::DecodePrivateKey};
use sha2::{Digest, Sha256};
use std::path::Path;

/// The signature type of Ed25519 in a note's key id.
const ED25519: u8 = 0x01;

/// Reads a signing key: PKCS#8 in PEM.
pub fn read_key(path: &Path) -> anyhow::Result<SigningKey> {
    let pem = std::fs::read_to_string(path)
        .with_context(|| format!("cannot read the signing key from {}", path.display()))?;
    SigningKey::from_pkcs8_pem(&pem)
        .with_context(|| format!("{} is no Ed25519 key in PKCS#8 PEM", path.display()))
}

/// Signs a text, which must end with a line break, under the name of a key.
pub fn sign_note(text: &str, name: &str, key: &SigningKey) -> String {
    debug_assert!(text.ends_with('\n'), "a note's text ends with a line break");
    let mut signature = key_id(name, &key.verifying_key()).to_vec();
    signature.extend_from_slice(&key.sign(text.as_bytes()).to_bytes());
    format!("{text}\n\u{2014} {name} {}\n", BASE64_STANDARD.encode(signature))
}

/// The text of a note that this key signed under this name; `None` where it did not.
pub fn verify_note<'a>(note: &'a str, name: &str, key: &VerifyingKey) -> Option<&'a str> {
    let (before, signatures) = note.rsplit_once("\n\n")?;
    let text = &note[..=before.len()];
    let of_name = format!("\u{2014} {name} ");
    let signed = signatures.lines().filter_map(|line| line.strip_prefix(&of_name)).any(|encoded| {
        let Ok(bytes) = BASE64_STANDARD.decode(encoded) else { return false };
        let Some((id, signature)) = bytes.split_at_checked(4) else { return false };
        let Ok(signature) = Signature::from_slice(signature) else { return false };
        id == key_id(name, key) && key.verify_strict(text.as_bytes(), &signature).is_ok()
    });
    signed.then_some(text)
}

/// The key as verifiers are given it: `<name>+<key id>+<base64>`.
pub fn verifier_key(name: &str, key: &VerifyingKey) -> String {
    let mut typed = vec![ED25519];
    typed.extend_from_slice(key.as_bytes());
    format!("{name}+{}+{}", hex::encode(key_id(name, key)), BASE64_STANDARD.encode(typed))
}

fn key_id(name: &str, key: &VerifyingKey) -> [u8; 4] {
    let hash = Sha256::new()
        .chain_update(name.as_bytes())
        .chain_update([b'\n', ED25519])
        .chain_update(key.as_bytes())
        .finalize();
    hash.first_chunk().copied().expect("a hash is longer than four bytes")
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "example.com/log\n3\nAAAA\n";

    fn key() -> SigningKey {
        SigningKey::from_bytes(&[5; 32])
    }

    #[test]
    fn a_signed_note_verifies_to_its_text() {
        let note = sign_note(TEXT, "example.com/log", &key());
        assert_eq!(verify_note(&note, "example.com/log", &key().verifying_key()), Some(TEXT));
    }

    #[test]
    fn a_changed_text_another_name_or_another_key_does_not_verify() {
        let note = sign_note(TEXT, "example.com/log", &key());
        let verifies = |note: &str, name, key: &SigningKey| {
            verify_note(note, name, &key.verifying_key()).is_some()
        };
        assert!(!verifies(&note.replace("\n3\n", "\n4\n"), "example.com/log", &key()));
        assert!(!verifies(&note, "example.com/other", &key()));
        assert!(!verifies(&note, "example.com/log", &SigningKey::from_bytes(&[6; 32])));
        assert!(!verifies("", "example.com/log", &key()));
        assert!(!verifies("\n\n\u{2014} example.com/log AAAA", "example.com/log", &key()));
    }

    #[test]
    fn the_example_of_the_specification_verifies() {
        // From C2SP signed-note (and Go's sumdb/note): PeterNeumann's key.
        let note = "If you think cryptography is the answer to your problem,\n\
                    then you don't know what your problem is.\n\n\
                    \u{2014} PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n";
        let bytes = BASE64_STANDARD.decode("ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW").unwrap();
        let key = VerifyingKey::from_bytes(bytes[1..].try_into().unwrap()).unwrap();
        assert_eq!(
            verifier_key("PeterNeumann", &key),
            "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
        );
        assert!(verify_note(note, "PeterNeumann", &key).is_some());
    }
}
