use crate::world::{World, a_declaration, a_draft};
use futures_util::future::join_all;
use reqwest::Method;
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn of_two_officers_at_once_one_decides() {
    let world = World::start().await;
    let (exporter, officer) = (world.exporter().await, world.officer().await);
    let case = world.recommended(&exporter, &officer, a_draft("single", "10")).await;
    let etag = world.present_etag(&case).await;
    let seniors = [world.senior().await, world.senior().await, world.senior().await];
    let path = format!("/v1/cases/{case}/countersign");
    let tries =
        seniors.iter().map(|senior| world.on(senior, Method::POST, &path, &etag, json!({})));
    let mut statuses: Vec<u16> =
        join_all(tries).await.iter().map(|answer| answer.status.as_u16()).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 412, 412]);
    assert_eq!(world.database.count("lodestone.licences").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_clients_who_want_the_last_kilogram_get_exactly_one_kilogram() {
    let world = World::start().await;
    let customs = world.customs().await;
    let number = world.licence(a_draft("general", "1.000")).await;
    let path = format!("/v1/licences/{number}/reservations");
    let tries = (0..50).map(|client| {
        world.post(&customs, &path, a_declaration(&format!("5301-{client}"), "0.100"))
    });
    let answers = join_all(tries).await;
    let count =
        |status: u16| answers.iter().filter(|answer| answer.status.as_u16() == status).count();
    assert_eq!((count(201), count(409)), (10, 40), "{:#?}", answers.first());
    let owner = world.database.owner().await;
    let row = owner
        .query_one("select reserved_grams, licensed_grams from lodestone.licence_lines", &[])
        .await
        .unwrap();
    assert_eq!((row.get::<_, i64>(0), row.get::<_, i64>(1)), (1000, 1000));
    let events = world.database.count("lodestone.events where name = 'licence.used'").await;
    assert_eq!(events, 10, "an event for each effect and no other");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_declaration_at_once_is_reserved_once() {
    let world = World::start().await;
    let customs = world.customs().await;
    let number = world.licence(a_draft("general", "100")).await;
    let path = format!("/v1/licences/{number}/reservations");
    let tries = (0..20).map(|_| world.post(&customs, &path, a_declaration("5301-1", "3.000")));
    let answers = join_all(tries).await;
    let mut ids: Vec<String> = answers.iter().map(crate::world::Answer::id).collect();
    ids.dedup();
    assert_eq!(ids.len(), 1);
    let reserved = "lodestone.licence_lines where reserved_grams = 3000";
    assert_eq!(world.database.count(reserved).await, 1);
    let other = world.post(&customs, &path, a_declaration("5301-1", "4.000")).await;
    assert_eq!(other.status, 409, "the same line with another mass contradicts itself");
}

#[tokio::test(flavor = "multi_thread")]
async fn settling_a_reservation_at_once_in_two_ways_settles_it_in_one() {
    let world = World::start().await;
    let customs = world.customs().await;
    let number = world.licence(a_draft("general", "100")).await;
    let path = format!("/v1/licences/{number}/reservations");
    let reserved = world.post(&customs, &path, a_declaration("5301-1", "3.000")).await.expect(201);
    let (confirm, release) =
        (format!("{path}/{}/confirm", reserved.id()), format!("{path}/{}/release", reserved.id()));
    let tries = (0..10).map(|turn| {
        let path = if turn % 2 == 0 { &confirm } else { &release };
        world.post(&customs, path, json!({}))
    });
    let answers = join_all(tries).await;
    let well = answers.iter().filter(|answer| answer.status == 200).count();
    assert_eq!((well, answers.len() - well), (5, 5));
    let sound = "lodestone.licence_lines where reserved_grams = 0 and confirmed_grams in (0, 3000)";
    assert_eq!(world.database.count(sound).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeated_request_begins_one_application() {
    let world = World::start().await;
    let exporter = world.exporter().await;
    let draft = a_draft("single", "10");
    let tries =
        (0..8).map(|_| world.post_as(&exporter, "/v1/applications", draft.clone(), "again"));
    let answers = join_all(tries).await;
    let first = answers.iter().filter(|answer| answer.status == 201).count();
    assert_eq!(first, 1);
    assert!(answers.iter().all(|answer| answer.body == answers[0].body));
    assert_eq!(world.database.count("lodestone.cases").await, 1);
    let other = a_draft("single", "11");
    let reused = world.post_as(&exporter, "/v1/applications", other, "again").await.expect(422);
    assert!(reused.body["type"].as_str().unwrap().ends_with("idempotency-key-reused"));
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_refused_in_a_batch_holds_up_nobody() {
    let world = World::start().await;
    let customs = world.customs().await;
    let number = world.licence(a_draft("general", "100")).await;
    let path = format!("/v1/licences/{number}/reservations");
    // The database refuses one row itself, as if something were wrong with it.
    let owner = world.database.owner().await;
    owner
        .batch_execute(
            "alter table lodestone.licence_reservations add constraint refused check (declaration <> '5301-broken')",
        )
        .await
        .unwrap();
    let elsewhere = "/v1/licences/LS-2026-999999-0/reservations".to_owned();
    let mut wrong_line = a_declaration("5301-line", "1");
    wrong_line["line"] = json!(7);
    let mut wrong_country = a_declaration("5301-country", "1");
    wrong_country["destination"] = json!("JP");
    let odd = [
        (&path, a_declaration("5301-broken", "1"), 500),
        (&elsewhere, a_declaration("5301-1", "1"), 404),
        (&path, wrong_line, 422),
        (&path, wrong_country, 422),
        (&path, a_declaration("5301-much", "1000"), 409),
    ];
    let good = (0..40)
        .map(|client| world.post(&customs, &path, a_declaration(&format!("5301-{client}"), "1")));
    let odd_ones = odd.iter().map(|(path, body, _)| world.post(&customs, path, body.clone()));
    let (good, odd_ones) = tokio::join!(join_all(good), join_all(odd_ones));
    assert!(good.iter().all(|answer| answer.status == 201), "{:#?}", good.first());
    for (answer, (_, body, status)) in odd_ones.iter().zip(&odd) {
        assert_eq!(answer.status.as_u16(), *status, "{body}: {:#}", answer.body);
    }
    let reserved = "lodestone.licence_lines where reserved_grams = 40000";
    assert_eq!(world.database.count(reserved).await, 1);
    assert_eq!(world.database.count("lodestone.licence_reservations").await, 40);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_licence_that_somebody_holds_is_unavailable_and_only_that_one() {
    let world = World::start().await;
    let customs = world.customs().await;
    let held = world.licence(a_draft("general", "100")).await;
    let free = world.licence(a_draft("general", "100")).await;
    let path = |number: &str| format!("/v1/licences/{number}/reservations");
    let owner = world.database.owner().await;
    owner.batch_execute("begin").await.unwrap();
    let hold = "select from lodestone.licences where number = $1 for update";
    owner.query(hold, &[&held]).await.unwrap();
    let tries = [&held, &free, &held, &free].into_iter().enumerate().map(|(place, number)| {
        let declaration = a_declaration(&format!("5301-{place}"), "1");
        let (world, customs, path) = (&world, &customs, path(number));
        async move { world.post(customs, &path, declaration).await }
    });
    let statuses: Vec<u16> = join_all(tries).await.iter().map(|it| it.status.as_u16()).collect();
    assert_eq!(statuses, [503, 201, 503, 201]);
    owner.batch_execute("commit").await.unwrap();
    world.post(&customs, &path(&held), a_declaration("5301-0", "1")).await.expect(201);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_reserved_under_a_licence_that_is_not_in_force_whoever_writes_it() {
    let world = World::start().await;
    let officer = world.officer().await;
    let number = world.licence(a_draft("general", "100")).await;
    let reserve = format!(
        "insert into lodestone.licence_reservations (id, licence, line, declaration, declaration_line, grams, state,
             reserved_by, reserved_at)
         select gen_random_uuid(), id, 1, gen_random_uuid()::text, 1, 1, 'reserved', issued_by, now()
         from lodestone.licences where number = '{number}'"
    );
    let service = world.database.as_role(database::Role::Licensing).await;
    service.batch_execute(&reserve).await.unwrap();
    let path = format!("/v1/licences/{number}/suspend");
    let reason = json!({"reason": "a doubt"});
    world.on(&officer, Method::POST, &path, "\"1\"", reason).await.expect(200);
    let error = service.batch_execute(&reserve).await.unwrap_err();
    let refused = error.as_db_error().and_then(|error| error.constraint());
    assert_eq!(refused, Some("reservation_under_a_licence_in_force"), "{error}");
}
