//! What is left open is noticed, told in the portal and by mail, and in the end to officials.

use crate::world::{Filer, World, product};
use serde_json::{Value, json};
use simulator::api::text;
use std::time::Duration;
use testkit::{MailServer, StackOptions, wait_until};

const PATIENCE: Duration = Duration::from_secs(40);

fn pair(name: &str, value: &str) -> (String, String) {
    (name.to_owned(), value.to_owned())
}

/// A world whose notifier looks every second and hands its mails in at this server.
async fn a_world(server: &MailServer) -> World {
    let environment = vec![
        pair("LODESTONE_NOTIFICATIONS__SWEEP_SECONDS", "1"),
        pair("LODESTONE_MAIL__SMTP_URL", &server.url()),
        pair("LODESTONE_MAIL__FROM", "Lodestone <lodestone@authority.example>"),
        pair("LODESTONE_MAIL__RETRY_SECONDS", "1"),
    ];
    World::start_with(StackOptions { environment, ..StackOptions::default() }).await
}

/// What somebody is told, as `kind step`, the oldest first.
async fn told(world: &World, token: &str) -> Vec<String> {
    let page = world.sends(world.api.reporting("GET", "/v1/notifications").by(token)).await.body;
    let mut told: Vec<String> = page["notifications"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| format!("{} {}", text(it, "kind").unwrap(), text(it, "step").unwrap()))
        .collect();
    told.reverse();
    told
}

async fn is_told(world: &World, token: &str, expected: &[&str]) {
    wait_until(&format!("somebody is told {expected:?}"), PATIENCE, async || {
        (told(world, token).await == expected).then_some(())
    })
    .await;
}

/// Somebody mines, dispatches a lot and the buyer receives less than that.
async fn a_shortage(world: &World, seller: &Filer, buyer: &Filer) -> (String, String) {
    another_shortage(world, seller, buyer, 1).await
}

async fn another_shortage(
    world: &World,
    seller: &Filer,
    buyer: &Filer,
    number: u32,
) -> (String, String) {
    let (lot, dispatch) = (format!("L-{number}"), format!("DSP-{number}"));
    world.files(seller, json!({
        "kind": "extraction", "reference": format!("EXT-{number}"), "site": "S1", "happened_at": "2026-10-02T10:00:00+08:00",
        "lines": [{"lot": lot, "product": "ORE", "quantity_kg": "1000.000"}],
    })).await;
    let sent = world.files(seller, json!({
        "kind": "dispatch", "reference": dispatch, "site": "S1", "happened_at": "2026-10-03T10:00:00+08:00",
        "client": {"name": buyer.name, "identifier": buyer.uscc, "country": "CN"},
        "lines": [{"lot": lot, "quantity_kg": "500.000"}],
    })).await;
    let movement = sent.movement.unwrap();
    let path = format!("/v1/movements/{movement}/receipt");
    let prefilled = world.sends(world.api.reporting("GET", &path).by(&buyer.key)).await.body;
    let mut form = prefilled["form"].clone();
    form["lines"][0]["quantity_kg"] = json!("450.000");
    form["outcome"] = json!("unsatisfactory");
    world.files(buyer, form).await;
    (movement, text(&prefilled, "reference").unwrap())
}

/// Makes what was recorded so far older, as only time could.
async fn days_pass(world: &World, days: u32) {
    let owner = world.stack.database().owner().await;
    let older = format!(
        "update lodestone.filings set recorded_at = recorded_at - interval '{days} days';
         update lodestone.movement_explanations set explained_at = explained_at - interval '{days} days'"
    );
    owner.batch_execute(&older).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shortage_is_told_to_whose_turn_it_is_by_mail_too_and_to_officials_in_the_end() {
    let server = MailServer::start(1);
    let world = a_world(&server).await;
    let ore = product("ORE", "ore", "2530902000", json!({"Nd": "0.9"}));
    let seller = world.filer("Careless Mine", &["trading"], vec![ore]).await;
    let buyer = world.filer("Careful Trader", &["trading"], vec![]).await;
    let inspector = world.official("inspector").await;
    let (movement, reference) = a_shortage(&world, &seller, &buyer).await;

    // The seller is told once, however often the notifier looks.
    is_told(&world, &seller.session, &["difference_unexplained opened"]).await;
    wait_until("a mail is taken", PATIENCE, async || (!server.taken().is_empty()).then_some(()))
        .await;
    let [mail] = &server.taken()[..] else { panic!("{:?}", server.taken()) };
    assert_eq!(mail["from"], "lodestone@authority.example");
    assert!(mail["text"].as_str().unwrap().contains(&reference), "{mail}");
    let delivery = "select attempts, state from lodestone.notification_deliveries";
    let owner = world.stack.database().owner().await;
    wait_until("the mail is noted as sent", PATIENCE, async || {
        let row = owner.query_one(delivery, &[]).await.unwrap();
        (row.get::<_, &str>(1) == "sent").then(|| assert_eq!(row.get::<_, i32>(0), 2))
    })
    .await;
    assert!(told(&world, &buyer.session).await.is_empty());

    // Read once; others find no such notification.
    let page = world.api.reporting("GET", "/v1/notifications").by(&seller.session);
    let page = world.sends(page).await.body;
    let notification = &page["notifications"][0];
    assert_eq!(notification["subject"], movement);
    let path = format!("/v1/notifications/{}/read", text(notification, "id").unwrap());
    let read = world.sends(world.api.reporting("POST", &path).by(&seller.session)).await.body;
    let again = world.sends(world.api.reporting("POST", &path).by(&seller.session)).await.body;
    assert!(read["read_at"].is_string());
    assert_eq!(read, again);
    for other in [&buyer.session, &inspector.token] {
        let refused = world.api.send_once(&world.api.reporting("POST", &path).by(other)).await;
        assert_eq!(refused.unwrap().status.as_u16(), 404);
    }

    // Nothing happens for two months: overdue, and officials hear of it.
    days_pass(&world, 60).await;
    let overdue = ["difference_unexplained opened", "difference_unexplained overdue"];
    is_told(&world, &seller.session, &overdue).await;
    is_told(&world, &inspector.token, &["difference_unexplained escalation"]).await;
    wait_until("everybody is written to", PATIENCE, async || {
        (server.taken().len() == 3).then_some(())
    })
    .await;

    // Explained: now it is the buyer's turn.
    let explain = world.api.reporting("POST", &format!("/v1/movements/{movement}/explanations"));
    let reason = json!({"reason": "a drum was left behind"});
    let explained = world.sends(explain.by(&seller.key).once("explained").with(&reason)).await;
    is_told(&world, &buyer.session, &["explanation_unanswered opened"]).await;
    assert_eq!(told(&world, &seller.session).await, overdue);

    // Accepted: nothing is left to be done, and a sweep no longer looks at it; what was looked at
    // lately is looked at once more, so the moment until which is set into the future.
    let answer = world.api.reporting("POST", &format!("/v1/movements/{movement}/answers"));
    let accepted = json!({"explanation": explained.body["id"], "verdict": "accepted"});
    world.sends(answer.by(&buyer.key).once("accepted").with(&accepted)).await;
    let open = async |expected: i64| {
        wait_until(&format!("{expected} movements are open"), PATIENCE, async || {
            (world.stack.database().count("open_movements").await == expected).then_some(())
        })
        .await;
    };
    open(0).await;
    // What was accepted is contested by nobody, but explained anew it is open again.
    let explain = world.api.reporting("POST", &format!("/v1/movements/{movement}/explanations"));
    let reason = json!({"reason": "it was two drums"});
    world.sends(explain.by(&seller.key).once("again").with(&reason)).await;
    open(1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn goods_that_nobody_receives_are_asked_for_and_events_go_on_when_no_mail_is_taken() {
    let server = MailServer::start(u32::MAX);
    let world = a_world(&server).await;
    let ore = product("ORE", "ore", "2530902000", json!({"Nd": "0.9"}));
    let seller = world.filer("Mine", &["trading"], vec![ore]).await;
    let buyer = world.filer("Trader", &["trading"], vec![]).await;
    world.files(&seller, json!({
        "kind": "extraction", "reference": "EXT-1", "site": "S1", "happened_at": "2026-10-02T10:00:00+08:00",
        "lines": [{"lot": "L-1", "product": "ORE", "quantity_kg": "1000.000"}],
    })).await;
    world.files(&seller, json!({
        "kind": "dispatch", "reference": "DSP-1", "site": "S1", "happened_at": "2026-10-03T10:00:00+08:00",
        "client": {"name": buyer.name, "identifier": buyer.uscc, "country": "CN"},
        "lines": [{"lot": "L-1", "quantity_kg": "500.000"}],
    })).await;
    days_pass(&world, 30).await;
    is_told(&world, &buyer.session, &["receipt_missing overdue"]).await;
    let owner = world.stack.database().owner().await;
    let tried = "select max(attempts), bool_and(state = 'waiting'), max(last_error)
        from lodestone.notification_deliveries";
    wait_until("the mail was tried twice", PATIENCE, async || {
        let row = owner.query_one(tried, &[]).await.unwrap();
        let attempts: Option<i32> = row.get(0);
        let error: Option<String> = row.get(2);
        let waits = row.get::<_, Option<bool>>(1) == Some(true);
        let said = error.is_some_and(|error| error.contains("come back later"));
        (waits && said && attempts.is_some_and(|attempts| 2 <= attempts)).then_some(())
    })
    .await;
    world.settles().await;
    let lag: Value = json!(world.stack.database().count("outbox").await);
    assert_eq!(lag, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_a_dispatch_is_corrected_away_from_is_told_so_and_no_longer_asked() {
    let server = MailServer::start(0);
    let world = a_world(&server).await;
    let ore = product("ORE", "ore", "2530902000", json!({"Nd": "0.9"}));
    let seller = world.filer("Mine", &["trading"], vec![ore]).await;
    let first = world.filer("Trader", &["trading"], vec![]).await;
    let second = world.filer("Other Trader", &["trading"], vec![]).await;
    world.files(&seller, json!({
        "kind": "extraction", "reference": "EXT-1", "site": "S1", "happened_at": "2026-10-02T10:00:00+08:00",
        "lines": [{"lot": "L-1", "product": "ORE", "quantity_kg": "1000.000"}],
    })).await;
    let dispatch = |buyer: &Filer| {
        json!({
            "kind": "dispatch", "reference": "DSP-1", "site": "S1", "happened_at": "2026-10-03T10:00:00+08:00",
            "client": {"name": buyer.name, "identifier": buyer.uscc, "country": "CN"},
            "lines": [{"lot": "L-1", "quantity_kg": "500.000"}],
        })
    };
    let sent = world.files(&seller, dispatch(&first)).await;
    let movement = sent.movement.unwrap();
    let path = format!("/v1/movements/{movement}/receipt");
    let prefilled = world.sends(world.api.reporting("GET", &path).by(&first.key)).await.body;
    days_pass(&world, 30).await;
    is_told(&world, &first.session, &["receipt_missing overdue"]).await;

    let mut corrected = dispatch(&second);
    corrected["correction"] = json!({"version": 2, "reason": "loaded onto another lorry"});
    world.files(&seller, corrected).await;
    let over = ["receipt_missing overdue", "movement_withdrawn opened"];
    is_told(&world, &first.session, &over).await;
    let page =
        world.sends(world.api.reporting("GET", "/v1/notifications").by(&first.session)).await;
    let text_en = page.body["notifications"][0]["text_en"].as_str().unwrap().to_owned();
    assert!(text_en.contains("nothing is left for you to do"), "{text_en}");
    assert!(!page.body.to_string().contains(&second.id.to_string()));
    wait_until("the first buyer has a mail about it", PATIENCE, async || {
        let mails = server.taken();
        mails
            .iter()
            .any(|mail| {
                mail["text"].as_str().unwrap().contains("no longer on its way")
                    || mail["text"].as_str().unwrap().contains("不再发往贵单位")
            })
            .then_some(())
    })
    .await;

    // It is the second buyer's turn now, and nobody else's.
    let path = format!("/v1/movements/{movement}");
    let detail = world.sends(world.api.reporting("GET", &path).by(&second.key)).await.body;
    assert_eq!((&detail["state"], &detail["turn_of"]), (&json!("under_way"), &json!(second.id)));
    let detail = world.sends(world.api.reporting("GET", &path).by(&first.key)).await.body;
    assert_eq!((&detail["state"], &detail["turn_of"]), (&json!("withdrawn"), &Value::Null));
    assert!(told(&world, &seller.session).await.is_empty());

    // The first says that it arrived all the same: that is for the seller to explain.
    world.files(&first, prefilled["form"].clone()).await;
    is_told(&world, &seller.session, &["received_though_withdrawn opened"]).await;
    assert_eq!(told(&world, &first.session).await, over);
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_chose_one_mail_a_day_has_all_of_it_in_one() {
    let server = MailServer::start(0);
    let world = a_world(&server).await;
    let ore = product("ORE", "ore", "2530902000", json!({"Nd": "0.9"}));
    let seller = world.filer("Careless Mine", &["trading"], vec![ore]).await;
    let buyer = world.filer("Careful Trader", &["trading"], vec![]).await;
    let me = world.api.reporting("GET", "/v1/me").by(&seller.session);
    assert_eq!(world.sends(me).await.body["person"]["mails"], "each");
    let daily = json!({"mails": "daily"});
    let choose = world.api.reporting("PATCH", "/v1/me").by(&seller.session).with(&daily);
    assert_eq!(world.sends(choose).await.body["person"]["mails"], "daily");
    // A key is nobody's mailbox, and there is no third way.
    let by_key = world.api.reporting("PATCH", "/v1/me").by(&seller.key).with(&daily);
    assert_eq!(world.api.send_once(&by_key).await.unwrap().status.as_u16(), 409);
    let weekly = json!({"mails": "weekly"});
    let other = world.api.reporting("PATCH", "/v1/me").by(&seller.session).with(&weekly);
    assert!(matches!(world.api.send_once(&other).await.unwrap().status.as_u16(), 400 | 422));

    let (_, first) = a_shortage(&world, &seller, &buyer).await;
    let (_, second) = another_shortage(&world, &seller, &buyer, 2).await;
    // In the portal at once; by mail in the morning.
    let opened = "difference_unexplained opened";
    is_told(&world, &seller.session, &[opened, opened]).await;
    let owner = world.stack.database().owner().await;
    let later = "select count(*) from lodestone.notification_deliveries
        where state = 'waiting' and attempts = 0 and next_attempt_at > now()
            and (next_attempt_at at time zone 'Asia/Shanghai')::time = '07:00'";
    assert_eq!(owner.query_one(later, &[]).await.unwrap().get::<_, i64>(0), 2);
    assert!(server.taken().is_empty());
    let morning = "update lodestone.notification_deliveries set next_attempt_at = now()";
    owner.batch_execute(morning).await.unwrap();
    wait_until("the mail of the day is taken", PATIENCE, async || {
        (!server.taken().is_empty()).then_some(())
    })
    .await;
    let sent = "select count(*) from lodestone.notification_deliveries where state = 'sent'";
    wait_until("both are noted as sent", PATIENCE, async || {
        (owner.query_one(sent, &[]).await.unwrap().get::<_, i64>(0) == 2).then_some(())
    })
    .await;
    let [mail] = &server.taken()[..] else { panic!("{:?}", server.taken()) };
    let text = mail["text"].as_str().unwrap();
    assert!(text.contains(&first) && text.contains(&second), "{text}");
}
