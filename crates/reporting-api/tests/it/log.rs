//! The log and its proofs, checked as an outsider would; and who read what.

use crate::world::{World, now};
use database::{Role, outbox};
use domain::log::{Checkpoint, Frontier, Hash, leaf_hash, verify_consistency, verify_inclusion};
use ed25519_dalek::SigningKey;
use serde_json::{Value, json};
use service::signing::{sign_note, verify_note};
use uuid::Uuid;

const ORIGIN: &str = "lodestone.example/log";

fn key() -> SigningKey {
    SigningKey::from_bytes(&[9; 32])
}

/// What the relay would do: gives every event its place, and signs.
async fn relay(world: &World) {
    let target = world.database.target();
    let candidate = outbox::Candidate::connect(&target).await.unwrap();
    let Ok(mut leader) = candidate.lead().await.unwrap() else { panic!("somebody else leads") };
    while 0 < leader.sequence(1_000).await.unwrap() {}
    let pool = target.pool(Role::Relay, 1);
    let mut conn = pool.get().await.unwrap();
    if let Some(tree) = outbox::tree_to_sign(&mut conn).await.unwrap() {
        let (size, root) = (tree.size(), tree.root());
        let checkpoint = Checkpoint { origin: ORIGIN.to_owned(), size, root };
        let note = sign_note(&checkpoint.to_string(), ORIGIN, &key());
        outbox::store_checkpoint(&mut conn, &tree, &note, now()).await.unwrap();
    }
}

fn checked(note: &str) -> Checkpoint {
    let text = verify_note(note, ORIGIN, &key().verifying_key()).expect("the note is signed");
    text.parse().unwrap()
}

fn hashes(proof: &Value) -> Vec<Hash> {
    proof.as_array().unwrap().iter().map(|hash| hash.as_str().unwrap().parse().unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_keeps_a_checkpoint_can_check_what_was_logged_and_that_it_stays() {
    let world = World::start().await;
    world.get("/v1/log/checkpoint").answer().await.expect(404);
    let filer = world.filer().await;
    relay(&world).await;
    let then = checked(&world.get("/v1/log/checkpoint").answer().await.expect(200).text);

    let owner = world.database.owner().await;
    let rows = owner.query("select id, body from events order by id", &[]).await.unwrap();
    assert_eq!(then.size, u64::try_from(rows.len()).unwrap());
    for row in &rows {
        let (event, body): (Uuid, Vec<u8>) = (row.get(0), row.get(1));
        let path = format!("/v1/log/proof/inclusion?event={event}");
        let shown = world.get(&path).answer().await.expect(200);
        let root = checked(shown.said("checkpoint")).root;
        let (index, size) = (shown.body["index"].as_u64(), shown.body["size"].as_u64());
        let proof = hashes(&shown.body["proof"]);
        let leaf = leaf_hash(&body);
        assert_eq!(shown.said("leaf_hash"), leaf.to_string());
        assert!(verify_inclusion(leaf, index.unwrap(), size.unwrap(), root, &proof));
        assert!(!verify_inclusion(leaf_hash(b"x"), index.unwrap(), size.unwrap(), root, &proof));
    }

    // More happens; until it is signed there is no proof of it.
    let session = world.sign_in(&filer.email).await;
    for code in ["S2", "S3", "S4"] {
        let sites = format!("/v1/organisations/{}/sites", filer.id);
        world.post(&sites, &crate::world::site(code)).by(&session).answer().await.expect(201);
    }
    let latest = "select id from events order by id desc limit 1";
    let latest: Uuid = owner.query_one(latest, &[]).await.unwrap().get(0);
    let path = format!("/v1/log/proof/inclusion?event={latest}");
    world.get(&path).answer().await.expect(404);
    relay(&world).await;
    world.get(&path).answer().await.expect(200);
    let now = checked(&world.get("/v1/log/checkpoint").answer().await.expect(200).text);
    let path = format!("/v1/log/proof/consistency?from={}", then.size);
    let shown = world.get(&path).answer().await.expect(200);
    let proof = hashes(&shown.body["proof"]);
    assert!(verify_consistency((then.size, then.root), (now.size, now.root), &proof));
    assert!(!verify_consistency((then.size, leaf_hash(b"x")), (now.size, now.root), &proof));

    for wrong in ["from=0", "from=5&to=4", "from=1&to=99999", "from=-1", "to=3", ""] {
        world.get(&format!("/v1/log/proof/consistency?{wrong}")).answer().await.expect(400);
    }
    let unknown = format!("/v1/log/proof/inclusion?event={}", Uuid::now_v7());
    world.get(&unknown).answer().await.expect(404);
}

#[tokio::test(flavor = "multi_thread")]
async fn proofs_in_a_long_log_are_put_together_from_what_never_changes() {
    const SIZE: u64 = 9_011;
    let world = World::start().await;
    world
        .sql(&format!(
            "insert into log_leaves select i, gen_random_uuid(), sha256(i::text::bytea)
             from generate_series(0, {SIZE} - 1) as i"
        ))
        .await;
    let mut leaves: Vec<Hash> = Vec::new();
    while (leaves.len() as u64) < SIZE {
        let path = format!("/v1/log/leaves?from={}", leaves.len());
        let page = world.get(&path).answer().await.expect(200);
        if page.body["size"] == 0 {
            // No checkpoint, no leaves: sign what there is.
            let owner = world.database.owner().await;
            let rows = owner.query("select leaf_hash from log_leaves order by index", &[]).await;
            let rows = rows.unwrap();
            let all = rows.iter().map(|row| row.get::<_, Vec<u8>>(0));
            let tree: Frontier =
                all.map(|hash| Hash::from_bytes(hash.try_into().unwrap())).collect();
            let pool = world.database.pool(Role::Relay);
            let mut conn = pool.get().await.unwrap();
            outbox::store_checkpoint(&mut conn, &tree, "note", now()).await.unwrap();
            continue;
        }
        let found = page.body["leaves"].as_array().unwrap();
        assert!(!found.is_empty());
        leaves.extend(
            found.iter().map(|l| l["leaf_hash"].as_str().unwrap().parse::<Hash>().unwrap()),
        );
    }
    let root = |size: u64| {
        let size = usize::try_from(size).unwrap();
        leaves[..size].iter().copied().collect::<Frontier>().root()
    };
    // Twice: once from the leaves, once from what was kept.
    let whole = root(SIZE);
    for _ in 0..2 {
        for from in [1, 4_095, 4_096, 4_097, 8_192, 9_000, SIZE] {
            let path = format!("/v1/log/proof/consistency?from={from}&to={SIZE}");
            let proof = hashes(&world.get(&path).answer().await.expect(200).body["proof"]);
            assert!(verify_consistency((from, root(from)), (SIZE, whole), &proof), "{from}");
        }
    }
    let last: Uuid = {
        let owner = world.database.owner().await;
        owner
            .query_one("select event from log_leaves where index = 9010", &[])
            .await
            .unwrap()
            .get(0)
    };
    let path = format!("/v1/log/proof/inclusion?event={last}");
    let proof = hashes(&world.get(&path).answer().await.expect(200).body["proof"]);
    assert!(verify_inclusion(leaves[9_010], SIZE - 1, SIZE, whole, &proof));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_owner_sees_each_read_of_an_official_with_its_purpose_and_nobody_elses() {
    let world = World::start().await;
    let administrator = world.administrator().await;
    let inspector =
        world.colleague(&administrator, "inspector@authority.example", &["inspector"]).await;
    let auditor = world.colleague(&administrator, "auditor@authority.example", &["auditor"]).await;
    let (one, other) = (world.filer().await, world.filer().await);
    let read = |purpose: &str| {
        let path = format!("/v1/filings?organisation={}", one.id);
        world.get(&path).by(&inspector).header("Lodestone-Purpose", purpose).answer()
    };
    read("").await.expect(400);
    read("case 17").await.expect(200);
    read("case 18").await.expect(200);

    let log = async |path: &str, by: &str| world.get(path).by(by).answer().await;
    let seen = log("/v1/access-log", &one.key).await.expect(200);
    let purposes: Vec<_> =
        seen.body["reads"].as_array().unwrap().iter().map(|read| &read["purpose"]).collect();
    assert_eq!(purposes, ["case 18", "case 17"]);
    assert_eq!(seen.body["reads"][0]["subject"], "filings");
    assert!(!seen.text.contains("inspector@"));
    let page = log("/v1/access-log?limit=1", &one.key).await.expect(200);
    let next = format!("/v1/access-log?limit=1&cursor={}", page.said("next"));
    assert_eq!(log(&next, &one.key).await.expect(200).body["reads"][0]["purpose"], "case 17");
    log(&next, &other.key).await.expect(400);

    assert_eq!(log("/v1/access-log", &other.key).await.expect(200).body["reads"], json!([]));
    let of_one = format!("/v1/access-log?organisation={}", one.id);
    log(&of_one, &other.key).await.expect(404);
    log(&of_one, &inspector).await.expect(404);
    let audited = log(&of_one, &auditor).await.expect(200);
    assert_eq!(audited.body["reads"].as_array().unwrap().len(), 2);
}
