//! Licences as documents: what a reader of PDF, a phone and a wallet make of them.

use crate::world::{World, a_draft};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use flate2::read::GzDecoder;
use reqwest::Method;
use serde_json::{Value, json};
use service::signer::open_compact_jws;
use std::{
    io::{Read, Write},
    process::{Command, Stdio},
};

/// Poppler's `pdfsig` and `pdftotext`: nobody of ours.
fn poppler(program: &str, arguments: &[&str], pdf: &[u8]) -> String {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("licence.pdf");
    std::fs::write(&file, pdf).unwrap();
    let mut command = Command::new(program);
    command.args(arguments).arg(&file);
    if program == "pdftotext" {
        command.arg("-");
    }
    let output = command.output().expect("poppler-utils is installed: scripts/test does that");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// What Debian's `jwcrypto` makes of a JWT: nobody of ours either. It opens it with the published keys
/// and, where it is a credential, with the key that its issuer names; of a status list it reads a bit.
fn independent(token: &str, keys: &Value, bit: Option<&str>) -> Result<Value, String> {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/independent_verifier.py");
    let mut child = Command::new("/usr/bin/python3")
        .arg(script)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("Python is installed");
    let asked = json!({"token": token, "keys": keys["keys"], "bit": bit}).to_string();
    child.stdin.take().unwrap().write_all(asked.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!said.contains("ModuleNotFoundError"), "scripts/test installs jwcrypto: {said}");
    if output.status.success() {
        Ok(serde_json::from_slice(&output.stdout).expect("it answers JSON"))
    } else {
        Err(said)
    }
}

/// What Debian's `zbarimg` reads in a page that poppler drew.
fn qr_code(pdf: &[u8]) -> String {
    let directory = tempfile::tempdir().unwrap();
    let (file, page) = (directory.path().join("licence.pdf"), directory.path().join("page"));
    std::fs::write(&file, pdf).unwrap();
    let drawn = Command::new("pdftoppm")
        .args(["-png", "-r", "200", "-f", "1", "-singlefile"])
        .args([&file, &page])
        .status()
        .expect("poppler-utils is installed: scripts/test does that");
    assert!(drawn.success());
    let read = Command::new("zbarimg")
        .args(["--quiet", "--raw", "-Sdisable", "-Sqrcode.enable"])
        .arg(directory.path().join("page.png"))
        .output()
        .expect("zbar-tools is installed: scripts/test does that");
    String::from_utf8(read.stdout).unwrap().trim().to_owned()
}

/// The payload of a JWT that the present key signed.
async fn opened(world: &World, jws: &str) -> Value {
    let keys = world.anybody_gets("/v1/signing-keys").await.expect(200);
    let key = keys.body["keys"].as_array().unwrap().iter().find(|key| key["current"] == true);
    let key = BASE64_URL_SAFE_NO_PAD.decode(key.unwrap()["jwk"]["x"].as_str().unwrap()).unwrap();
    let payload = open_compact_jws(jws, &key.try_into().unwrap()).expect("the key signed it");
    serde_json::from_slice(&payload).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_licence_is_a_signed_document_in_both_languages() {
    let world = World::start().await;
    let exporter = world.exporter().await;
    let number = world.licence(a_draft("general", "100")).await;
    let pdf = world.bytes(&exporter, &format!("/v1/licences/{number}.pdf")).await;
    let text = poppler("pdftotext", &["-layout"], &pdf);
    for said in [&number, "两用物项出口许可证", "Export Licence", "示范", "1C905.a.4", "100.000 kg"]
    {
        assert!(text.contains(said), "{said} is missing in {text}");
    }
    let verdict = poppler("pdfsig", &["-nocert"], &pdf);
    assert!(verdict.contains("Signature is Valid"), "{verdict}");
    assert!(verdict.contains("Total document signed"), "{verdict}");
    let mut changed = pdf;
    let place = changed.len() / 3;
    changed[place] ^= 1;
    let verdict = poppler("pdfsig", &["-nocert"], &changed);
    assert!(!verdict.contains("Signature is Valid"), "{verdict}");

    let stranger = world.organisation("filer").await;
    let stranger = world.person(stranger, &["exporter"]).await;
    for ending in ["pdf", "vc"] {
        let path = format!("/v1/licences/{number}.{ending}");
        world.get(&stranger, &path).await.expect(404);
        assert_eq!(world.anybody_gets(&path).await.status, 401);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_credential_names_its_place_in_the_status_lists() {
    let world = World::start().await;
    let (exporter, officer, senior) =
        (world.exporter().await, world.officer().await, world.senior().await);
    let number = world.licence(a_draft("general", "100")).await;
    let other = world.licence(a_draft("general", "50")).await;
    let path = format!("/v1/licences/{number}");
    let jws = String::from_utf8(world.bytes(&exporter, &format!("{path}.vc")).await).unwrap();
    let credential = opened(&world, &jws).await;
    assert_eq!(credential["type"], json!(["VerifiableCredential", "ExportLicenceCredential"]));
    assert_eq!(credential["credentialSubject"]["licence"]["number"], number.as_str());
    assert!(credential["issuer"].as_str().unwrap().starts_with("did:jwk:"));

    let seen = world.get(&officer, &path).await.expect(200);
    let (suspend, revoke) = (format!("{path}/suspend"), format!("{path}/revoke"));
    let reason = json!({"reason": "a doubt"});
    assert_eq!(statuses(&world, &credential).await, [false, false]);
    let suspended =
        world.on(&officer, Method::POST, &suspend, seen.etag(), reason.clone()).await.expect(200);
    assert_eq!(statuses(&world, &credential).await, [false, true]);
    world.on(&senior, Method::POST, &revoke, suspended.etag(), reason).await.expect(200);
    assert_eq!(statuses(&world, &credential).await, [true, false]);
    let jws = world.bytes(&exporter, &format!("/v1/licences/{other}.vc")).await;
    let untouched = opened(&world, &String::from_utf8(jws).unwrap()).await;
    assert_eq!(statuses(&world, &untouched).await, [false, false]);
    assert_eq!(world.anybody_gets("/v1/status-list?purpose=x").await.status, 400);
}

/// Whether a credential is revoked, and whether it is suspended, as its lists say.
async fn statuses(world: &World, credential: &Value) -> Vec<bool> {
    let mut set = Vec::new();
    for entry in credential["credentialStatus"].as_array().unwrap() {
        let url = entry["statusListCredential"].as_str().unwrap();
        let jws = reqwest::get(url).await.unwrap().text().await.unwrap();
        let list = opened(world, &jws).await;
        assert_eq!(list["credentialSubject"]["statusPurpose"], entry["statusPurpose"]);
        let encoded = list["credentialSubject"]["encodedList"].as_str().unwrap();
        let gzip = BASE64_URL_SAFE_NO_PAD.decode(encoded.strip_prefix('u').unwrap()).unwrap();
        let mut bits = Vec::new();
        GzDecoder::new(gzip.as_slice()).read_to_end(&mut bits).unwrap();
        let index: usize = entry["statusListIndex"].as_str().unwrap().parse().unwrap();
        set.push(bits[index / 8] & (0x80 >> (index % 8)) != 0);
    }
    set
}

#[tokio::test(flavor = "multi_thread")]
async fn the_code_on_paper_is_the_short_form_and_a_phone_verifies_it() {
    let world = World::start().await;
    let exporter = world.exporter().await;
    let number = world.licence(a_draft("general", "100")).await;
    let pdf = world.bytes(&exporter, &format!("/v1/licences/{number}.pdf")).await;
    let compact = qr_code(&pdf);
    let claims = opened(&world, &compact).await;
    assert_eq!(claims["number"], number.as_str());
    assert_eq!(claims["lines"], json!([[1, "1C905.a.4", "100.000"]]));
    let shown = world.get(&exporter, &format!("/v1/licences/{number}")).await.expect(200);
    let signed = shown.body["signed"]["content"].as_str().unwrap();
    let signed = base64::prelude::BASE64_STANDARD.decode(signed).unwrap();
    assert_eq!(claims["sha256"], domain::canonical::sha256_hex(&signed), "it is of this licence");

    let keys = world.anybody_gets("/v1/signing-keys").await.expect(200).body;
    let verdict = independent(&compact, &keys, None).unwrap();
    assert_eq!((&verdict["header"]["typ"], &verdict["payload"]), (&json!("ls+jwt"), &claims));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_library_that_is_not_ours_accepts_the_credential_and_reads_its_status() {
    let world = World::start().await;
    let (exporter, officer) = (world.exporter().await, world.officer().await);
    let number = world.licence(a_draft("general", "100")).await;
    let path = format!("/v1/licences/{number}");
    let token = String::from_utf8(world.bytes(&exporter, &format!("{path}.vc")).await).unwrap();
    let keys = world.anybody_gets("/v1/signing-keys").await.expect(200).body;
    let verdict = independent(&token, &keys, None).unwrap();
    assert_eq!(verdict["header"]["typ"], "vc+jwt");
    let credential = &verdict["payload"];
    assert_eq!(credential, &opened(&world, &token).await);
    // What the Verifiable Credentials Data Model 2.0 asks of every credential.
    assert_eq!(credential["@context"][0], "https://www.w3.org/ns/credentials/v2");
    assert_eq!(credential["type"][0], "VerifiableCredential");
    let moments = ["validFrom", "validUntil"].map(|name| credential[name].as_str().unwrap());
    assert!(moments.iter().all(|moment| moment.parse::<jiff::Timestamp>().is_ok()), "{moments:?}");

    // A character changed anywhere, or another key: refused.
    for place in [token.len() / 4, token.len() / 2, token.len() - 20] {
        let mut changed = token.clone().into_bytes();
        changed[place] = if changed[place] == b'A' { b'B' } else { b'A' };
        let changed = String::from_utf8(changed).unwrap();
        assert!(independent(&changed, &keys, None).is_err(), "character {place}");
    }
    assert!(independent(&token, &json!({"keys": []}), None).is_err());

    let bits = async || {
        let mut bits = Vec::new();
        for entry in credential["credentialStatus"].as_array().unwrap() {
            assert_eq!(entry["type"], "BitstringStatusListEntry");
            let url = entry["statusListCredential"].as_str().unwrap();
            let list = reqwest::get(url).await.unwrap().text().await.unwrap();
            let verdict = independent(&list, &keys, entry["statusListIndex"].as_str()).unwrap();
            let subject = &verdict["payload"]["credentialSubject"];
            assert_eq!(subject["statusPurpose"], entry["statusPurpose"]);
            // The least that the standard allows, so that nobody is told from the others.
            assert!(131_072 <= verdict["bits"].as_u64().unwrap());
            bits.push(verdict["bit"].clone());
        }
        bits
    };
    assert_eq!(bits().await, [json!(0), json!(0)]);
    let seen = world.get(&officer, &path).await.expect(200);
    let suspend = format!("{path}/suspend");
    let reason = json!({"reason": "a doubt"});
    world.on(&officer, Method::POST, &suspend, seen.etag(), reason).await.expect(200);
    assert_eq!(bits().await, [json!(0), json!(1)], "suspended, not revoked");
}
