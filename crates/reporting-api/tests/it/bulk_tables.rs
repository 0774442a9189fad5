//! Tables as clerks keep them: their headings, units, dates, encodings and slips.

use crate::{
    bulk::{Verdicts, extraction},
    world::World,
};
use reqwest::Method;
use serde_json::{Value, json};

const CSV: &str = "text/csv";

/// One extraction of two lots in rows that are not adjacent, and the dispatch of one of them.
const TABLE: &str = "\
申报类型,编号,场所代码,发生时间,批号,产品代码,数量（吨）,客户名称,统一社会信用代码,备注\n\
开采,E1,S1,2026/10/3,L1,P1,\"1,200.5\",,,上午\n\
发货,D1,S1,2026年10月4日,L2,,０．１,华为,914403001922038216,\n\
开采,E1,S1,2026-10-03,L2,P1,2,,,下午,\n\
,,,,,,,,,\n";

#[tokio::test]
async fn rows_with_one_reference_are_one_filing_whatever_encoding_and_separator_they_are_in() {
    let world = World::start().await;
    let filer = world.filer().await;
    let gb18030 = encoding_rs::GB18030.encode(TABLE).0.into_owned();
    let tabs = TABLE.replace("\"1,200.5\"", "1200.5").replace(',', "\t");
    for (name, bytes) in [
        ("UTF-8", TABLE.as_bytes().to_vec()),
        ("with a mark", format!("\u{feff}{TABLE}").into_bytes()),
        ("GB18030", gb18030),
        ("semicolons", TABLE.replace("\"1,200.5\"", "1200.5").replace(',', ";").into_bytes()),
        ("tabs", tabs.into_bytes()),
        ("carriage returns", TABLE.replace('\n', "\r\n").into_bytes()),
    ] {
        let answer = world.file(&filer, "mode=validate&language=en", CSV, bytes).await;
        let verdicts = Verdicts::of(&answer.expect(200));
        assert_eq!(verdicts.words(), ["accepted", "accepted"], "{name}: {:?}", verdicts.lines);
        assert_eq!(verdicts.lines.keys().copied().collect::<Vec<_>>(), [2, 3], "{name}");
    }
    let done = world.file(&filer, "mode=commit", CSV, TABLE).await.expect(200);
    let done = Verdicts::of(&done);
    let filing = format!("/v1/filings/{}", done.lines[&2]["filing"].as_str().unwrap());
    let filing = world.get(&filing).by(&filer.key).answer().await.expect(200).body;
    let line = |index: usize| filing["lines"][index]["quantity_kg"].as_str().unwrap().to_owned();
    assert_eq!([line(0), line(1)], ["1200500.000", "2000.000"]);
    assert_eq!(filing["happened_at"], "2026-10-02T16:00:00Z");
    let again = world.file(&filer, "mode=commit", CSV, TABLE).await.expect(200);
    assert_eq!(Verdicts::of(&again).words(), ["unchanged", "unchanged"]);
}

#[tokio::test]
async fn every_slip_in_a_table_is_told_with_its_row_and_column() {
    let world = World::start().await;
    let filer = world.filer().await;
    let table = "\
kind,reference,site,happened_at,lot,product,quantity_kg\n\
extraction,E1,S1,2026-13-03,L1,P1,5\n\
extraction,E2,S1,2026-10-03,L2,P1,\"1,20\"\n\
extraction,E3,S9,2026-10-03,L3,P9,5\n\
mining,E4,S1,2026-10-03,L4,P1,5\n\
extraction,,S1,2026-10-03,L5,P1,5\n\
extraction,E6,S1,2026-10-03,L6,P1,5,more\n\
extraction,E7,S1,2026-10-03,L7,P1,5\n\
extraction,E7,S2,2026-10-03,L8,P1,5\n\
extraction,E8,S1,2026-10-03,\"L9,P1,5\n\
extraction,E9,S1,2026-10-03,L10,P1,5\n\
extraction,E10,S1,2026-1";
    let answer = world.file(&filer, "mode=commit&language=en", CSV, table).await;
    let verdicts = Verdicts::of(&answer.expect(200));
    let mut told = Vec::new();
    for (line, verdict) in &verdicts.lines {
        for problem in verdict["problems"].as_array().into_iter().flatten() {
            let part = |name: &str| match &problem[name] {
                Value::String(text) => text.clone(),
                Value::Null => "-".to_owned(),
                other => other.to_string(),
            };
            told.push(format!(
                "{line}: row {} column {} {} {}",
                part("row"),
                part("column"),
                part("code"),
                part("value")
            ));
        }
    }
    insta::assert_snapshot!(told.join("\n"));
    assert_eq!(verdicts.summary["accepted"], 1);

    let rejected = format!("/v1/filings/bulk/{}/rejected", verdicts.job);
    let rejected = world.get(&rejected).by(&filer.key).answer().await.expect(200).text;
    let corrected = rejected
        .replace("2026-13-03", "2026-10-03")
        .replace("\"1,20\"", "120")
        .replace("S9", "S1")
        .replace("P9", "P1")
        .replace("mining,", "extraction,")
        .replace("extraction,,", "extraction,E5,")
        .replace(",more", "")
        .replace("E7,S2", "E7,S1")
        .replace("\"L9", "L9");
    let again = world.file(&filer, "mode=commit&language=en", CSV, corrected.clone()).await;
    let again = Verdicts::of(&again.expect(200));
    assert_eq!(again.summary["accepted"], 8, "{corrected}\n{:?}", again.lines);
    assert_eq!(again.summary["problems"], 0, "{corrected}\n{:?}", again.lines);
}

#[tokio::test]
async fn a_heading_nobody_knows_is_refused_until_it_is_mapped() {
    let world = World::start().await;
    let filer = world.filer().await;
    let table = "类型,单号,厂区,日期,批次,物料代码,入炉重量\n开采,E1,S1,46298,L1,P1,3\n";
    let send = async |mode: &str| {
        let query = format!("mode={mode}&language=zh-CN");
        world.file(&filer, &query, CSV, table).await.expect(200)
    };
    let refused = Verdicts::of(&send("validate").await).summary["refused"].clone();
    assert_eq!(refused[0]["code"], "unknown_column");
    assert_eq!((&refused[0]["row"], &refused[0]["column"]), (&json!(1), &json!("入炉重量")));
    assert_eq!(refused[0]["detail"], "没有字段对应这个列名：“入炉重量”");

    let failed = send("commit").await;
    let failed = world.ended(&filer, &Verdicts::of(&failed).job).await;
    assert_eq!(
        (&failed["state"], &failed["refused"][0]["code"]),
        (&json!("failed"), &json!("unknown_column"))
    );

    let path = "/v1/filings/bulk/mapping";
    let put = async |mapping: Value| {
        world.ask(&Method::PUT, path).with(&mapping).by(&filer.key).answer().await
    };
    let bad = put(json!({"headings": {"入炉重量": "quantity_stone"}})).await.expect(422);
    assert_eq!(bad.faults(), ["/headings/入炉重量 unknown_value"]);
    put(json!({"headings": {"入炉重量": "quantity_t"}})).await.expect(200);
    let mapping = world.get(path).by(&filer.key).answer().await.expect(200).body;
    assert_eq!(mapping["headings"]["入炉重量"], "quantity_t");
    assert_eq!(Verdicts::of(&send("commit").await).words(), ["accepted"]);
    let other = world.filer().await;
    let theirs = world.get(path).by(&other.key).answer().await.expect(200).body;
    assert_eq!(theirs["headings"], json!({}), "a mapping is one organisation's own");
}

#[tokio::test]
async fn tonnes_typed_as_kilograms_are_warned_of_and_recorded_all_the_same() {
    let world = World::start().await;
    let filer = world.filer().await;
    let usual: Vec<Value> =
        (0..30).map(|number| extraction(&format!("E{number}"), &format!("L{number}"))).collect();
    world.commit(&filer, &usual).await;
    let mut slip = extraction("SLIP", "LX");
    slip["lines"][0]["quantity_kg"] = json!("1.2");
    let done = world.commit(&filer, &[slip, extraction("USUAL", "LY")]).await;
    assert_eq!(done.words(), ["accepted", "accepted"]);
    assert_eq!(done.lines[&1]["warnings"][0]["code"], "unusual_magnitude");
    assert_eq!(done.lines[&1]["warnings"][0]["pointer"], "/lines/0/quantity_kg");
    assert!(done.lines[&2]["warnings"].is_null());
    assert_eq!(done.summary["warnings"], 1);
}

#[tokio::test]
async fn a_table_that_is_mixed_or_garbled_names_its_rows_and_a_file_that_is_none_is_refused() {
    let world = World::start().await;
    let filer = world.filer().await;
    let rows = TABLE.split_inclusive('\n').collect::<Vec<_>>();
    let mut mixed = rows[0].as_bytes().to_vec();
    mixed.extend_from_slice(rows[1].as_bytes());
    mixed.extend_from_slice(&encoding_rs::GB18030.encode(rows[2]).0);
    let answer = world.file(&filer, "mode=validate&language=en", CSV, mixed).await.expect(200);
    let verdicts = Verdicts::of(&answer);
    assert_eq!(verdicts.words(), ["accepted", "problem mixed_encodings"]);
    assert_eq!(verdicts.lines[&3]["problems"][0]["row"], 3);
    for none in [&b""[..], b"\n\n\n", b"PK\x03\x04rubbish", b"\xff\xff\xff\xff", b"a,b\n1,2\n"] {
        let answer = world.file(&filer, "mode=validate", CSV, none).await.expect(200);
        assert!(Verdicts::of(&answer).summary["refused"].is_array(), "{}", answer.text);
    }
}

#[tokio::test]
async fn a_lots_own_assay_stands_in_columns_of_elements_or_of_oxides() {
    let world = World::start().await;
    let filer = world.filer().await;
    let table = "\
kind,reference,site,happened_at,lot,product,quantity_kg,Nd %,Dy (%),Nd ±,Nd2O3 %\n\
extraction,E1,S1,2026-10-03,L1,P1,1000,20.5,1.25%,0.05,\n\
extraction,E2,S1,2026-10-03,L2,P1,1000,,,,24\n\
extraction,E3,S1,2026-10-03,L3,P1,1000,20,,,24\n\
extraction,E4,S1,2026-10-03,L4,P1,1000,much,,,\n\
extraction,E5,S1,2026-10-03,L5,P1,1000,80,21,,\n";
    let answer = world.file(&filer, "mode=commit&language=en", CSV, table).await.expect(200);
    let verdicts = Verdicts::of(&answer);
    assert_eq!(
        verdicts.words(),
        [
            "accepted",
            "accepted",
            "problem mixed_basis",
            "problem invalid_number",
            "problem invalid_composition"
        ]
    );
    assert_eq!(verdicts.lines[&4]["problems"][0]["column"], "Nd2O3 %");
    assert_eq!(verdicts.lines[&5]["problems"][0]["value"], "much");
    let elements = async |line: u64| {
        let filing = verdicts.lines[&line]["filing"].as_str().unwrap();
        let path = format!("/v1/filings/{filing}");
        let filing = world.get(&path).by(&filer.key).answer().await.expect(200).body;
        filing["lines"][0]["elements_mg"].clone()
    };
    assert_eq!(elements(2).await["Nd"], 205_000_000);
    assert_eq!(elements(2).await["Dy"], 12_500_000);
    // 240 kg of the oxide, of which 0.857356 is neodymium.
    assert_eq!(elements(3).await["Nd"], 205_765_440);
}

/// More than is read at once, and nothing in the heading that tells the encoding.
#[tokio::test]
async fn a_long_table_with_a_plain_heading_is_read_to_its_end_in_its_encoding() {
    let world = World::start().await;
    let filer = world.filer().await;
    let rows = 6_000;
    let row = |row| {
        let remark = if row == rows - 1 { "最后一行" } else { "a remark that takes some room" };
        format!("extraction,E{row},S1,2026-10-03,L{row},P1,5,{remark}")
    };
    let heading = "kind,reference,site,happened_at,lot,product,quantity_kg,remark".to_owned();
    let table: Vec<String> = std::iter::once(heading).chain((0..rows).map(row)).collect();
    let table = table.join("\n") + "\n";
    assert!(1 << 18 < table.len());
    let (gb18030, _, _) = encoding_rs::GB18030.encode(&table);
    let answer = world.file(&filer, "mode=validate", CSV, gb18030.into_owned()).await.expect(200);
    let summary = &Verdicts::of(&answer).summary;
    assert_eq!((&summary["accepted"], &summary["problems"]), (&rows.into(), &0.into()));
}
