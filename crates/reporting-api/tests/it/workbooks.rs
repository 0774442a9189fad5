//! Workbooks in and out: templates that come back filled in, and files made to crash their reader.

use crate::{
    bulk::{Verdicts, extraction},
    world::World,
};
use calamine::{Reader, Xlsx};
use rust_xlsxwriter::{ExcelDateTime, Format, Workbook};
use std::io::{Cursor, Write};
use zip::{ZipWriter, write::SimpleFileOptions};

const XLSX: &str = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";

fn workbook() -> Vec<u8> {
    let mut workbook = Workbook::new();
    let date = Format::new().set_num_format("yyyy-mm-dd");
    let sheet = workbook.add_worksheet();
    let headings = ["申报类型", "编号", "场所代码", "发生时间", "批号", "产品代码", "数量（千克）"];
    sheet.write_row(0, 0, headings).unwrap();
    sheet.merge_range(1, 0, 2, 0, "开采", &Format::new()).unwrap();
    sheet.merge_range(1, 1, 2, 1, "E1", &Format::new()).unwrap();
    for (row, lot, kg) in [(1, "L1", 1200.5), (2, "L2", 0.1 + 0.2)] {
        sheet.write(row, 2, "S1").unwrap();
        let day = ExcelDateTime::parse_from_str("2026-10-03").unwrap();
        sheet.write_with_format(row, 3, &day, &date).unwrap();
        sheet.write(row, 4, lot).unwrap();
        sheet.write(row, 5, "P1").unwrap();
        sheet.write(row, 6, kg).unwrap();
    }
    sheet.write_row(4, 0, ["开采", "E2", "S9", "2026-10-03", "L3", "P1", "7"]).unwrap();
    workbook.save_to_buffer().unwrap()
}

#[tokio::test]
async fn a_workbook_is_read_like_a_table_and_its_rows_keep_their_numbers() {
    let world = World::start().await;
    let filer = world.filer().await;
    let done = world.file(&filer, "mode=commit&language=zh-CN", XLSX, workbook()).await.expect(200);
    let done = Verdicts::of(&done);
    assert_eq!(done.words(), ["accepted", "problem unknown_site"], "{:?}", done.lines);
    assert_eq!(done.lines.keys().copied().collect::<Vec<_>>(), [2, 5]);
    assert_eq!(done.lines[&5]["problems"][0]["column"], "场所代码");
    let filing = format!("/v1/filings/{}", done.lines[&2]["filing"].as_str().unwrap());
    let filing = world.get(&filing).by(&filer.key).answer().await.expect(200).body;
    let masses: Vec<&str> = filing["lines"]
        .as_array()
        .unwrap()
        .iter()
        .map(|line| line["quantity_kg"].as_str().unwrap())
        .collect();
    assert_eq!(masses, ["1200.500", "0.300"]);
    let again = world.file(&filer, "mode=commit", XLSX, workbook()).await.expect(200);
    assert_eq!(Verdicts::of(&again).words(), ["unchanged", "problem unknown_site"]);
}

/// The cells of the first sheet, as text.
fn cells(workbook: Vec<u8>) -> Vec<Vec<String>> {
    let mut workbook = Xlsx::new(Cursor::new(workbook)).unwrap();
    let sheet = workbook.worksheet_range_at(0).unwrap().unwrap();
    sheet.rows().map(|row| row.iter().map(ToString::to_string).collect()).collect()
}

/// A workbook with these cells.
fn saved(cells: &[Vec<String>]) -> Vec<u8> {
    let mut workbook = Workbook::new();
    let sheet = workbook.add_worksheet();
    for (row, texts) in (0..).zip(cells) {
        sheet.write_row(row, 0, texts).unwrap();
    }
    workbook.save_to_buffer().unwrap()
}

#[tokio::test]
async fn a_workbook_comes_back_annotated_is_corrected_there_and_sent_again() {
    let world = World::start().await;
    let (filer, stranger) = (world.filer().await, world.filer().await);
    let done = world.file(&filer, "mode=commit&language=zh-CN", XLSX, workbook()).await.expect(200);
    let path = format!("/v1/filings/bulk/{}/annotated.xlsx", Verdicts::of(&done).job);
    world.get(&path).by(&stranger.key).answer().await.expect(404);
    let mut annotated = cells(world.get(&path).by(&filer.key).download().await);
    assert_eq!(annotated[0][7..], ["处理结果", "处理说明"]);
    assert_eq!(annotated[1][7..], ["已接收", ""]);
    assert_eq!(annotated[4][7], "有误");
    assert!(annotated[4][8].starts_with("场所代码："), "{}", annotated[4][8]);

    annotated[4][2] = "S1".to_owned();
    // What spreadsheets save: the merged cells' text stands in the first of them alone.
    let corrected = saved(&annotated);
    let again = world.file(&filer, "mode=commit&language=en", XLSX, corrected).await.expect(200);
    let again = Verdicts::of(&again);
    assert_eq!(again.lines[&5]["status"], "accepted", "{:?}", again.lines);

    // A file of lines has no workbook to give back.
    let lines = world.commit(&filer, &[extraction("E9", "L9")]).await;
    let path = format!("/v1/filings/bulk/{}/annotated.xlsx", lines.job);
    world.get(&path).by(&filer.key).answer().await.expect(404);
}

#[tokio::test]
async fn what_is_filled_into_a_template_is_understood() {
    let world = World::start().await;
    let filer = world.filer().await;
    world.commit(&filer, &[extraction("E0", "HELD")]).await;
    let filled = |heading: &str, kind: &str| {
        let text = match heading {
            "Kind" => kind,
            "Reference" => "T1",
            "Site" => "S1",
            "Happened at" => "2026-10-03 09:30",
            "Lot" if matches!(kind, "dispatch" | "export" | "stocktake" | "disposal") => "HELD",
            "Lot" => "NEW",
            "Product" => "P1",
            "Quantity (kg)" => "7.5",
            "Unit price" => "310.25",
            "Currency" => "CNY",
            "Party name" => "Beispiel Motoren GmbH",
            "Party identifier" => "HRB 1234",
            "Party country" | "Origin" | "Destination" => "DE",
            "Declaration" => "530120261123456789",
            "To" => "waste",
            "Month" => "2026-09",
            "Nil" => "yes",
            _ => "",
        };
        text.to_owned()
    };
    for kind in
        ["extraction", "dispatch", "import", "export", "stocktake", "disposal", "monthly_return"]
    {
        let path = format!("/v1/templates/{kind}.xlsx?language=en");
        let template = world.get(&path).by(&filer.key).download().await;
        let headings = cells(template).swap_remove(0);
        let row = headings.iter().map(|heading| filled(heading, kind)).collect();
        let workbook = saved(&[headings, row]);
        let answer = world.file(&filer, "mode=validate", XLSX, workbook).await.expect(200);
        let verdicts = Verdicts::of(&answer);
        assert_eq!(verdicts.words(), ["accepted"], "{kind}: {}", answer.text);
    }
}

/// An archive with these entries beside the least that makes a workbook.
fn crafted(sheet: &[u8], strings: &[u8]) -> Vec<u8> {
    let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default();
    let parts: [(&str, &[u8]); 5] = [
        ("[Content_Types].xml", br#"<?xml version="1.0"?><Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"><Default Extension="xml" ContentType="application/xml"/></Types>"#),
        ("xl/workbook.xml", br#"<?xml version="1.0"?><workbook xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main" xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"><sheets><sheet name="S" sheetId="1" r:id="rId1"/></sheets></workbook>"#),
        ("xl/_rels/workbook.xml.rels", br#"<?xml version="1.0"?><Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="rId1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/worksheet" Target="worksheets/sheet1.xml"/><Relationship Id="rId2" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/sharedStrings" Target="sharedStrings.xml"/></Relationships>"#),
        ("xl/worksheets/sheet1.xml", sheet),
        ("xl/sharedStrings.xml", strings),
    ];
    for (name, content) in parts {
        archive.start_file(name, options).unwrap();
        archive.write_all(content).unwrap();
    }
    archive.finish().unwrap().into_inner()
}

fn sheet(dimension: &str, rows: &str) -> Vec<u8> {
    format!(
        r#"<?xml version="1.0"?><worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><dimension ref="{dimension}"/><sheetData>{rows}</sheetData></worksheet>"#
    )
    .into_bytes()
}

#[tokio::test]
async fn workbooks_made_to_crash_or_exhaust_their_reader_are_refused_and_the_service_lives() {
    let world = World::start().await;
    let filer = world.filer().await;
    let none = br#"<?xml version="1.0"?><sst xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"/>"#;
    let cell = |at: &str| {
        format!(
            r#"<row r="{}"><c r="{at}"><v>1</v></c></row>"#,
            at.trim_start_matches(char::is_alphabetic)
        )
    };
    let spaces = vec![b' '; 200 << 20];
    let claims = br#"<?xml version="1.0"?><sst xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main" count="4294967295" uniqueCount="4294967295"/>"#;
    let cases: Vec<(&str, Vec<u8>)> = vec![
        ("empty", Vec::new()),
        ("rubbish", b"PK\x03\x04 rubbish".to_vec()),
        ("a bomb of strings", crafted(&sheet("A1:A1", &cell("A1")), &spaces)),
        ("a claimed table of strings", crafted(&sheet("A1:A1", &cell("A1")), claims)),
        (
            "a claimed size",
            crafted(&sheet("A1:XFD1048576", &(cell("A1") + &cell("XFD1048576"))), none),
        ),
        ("rows backwards", crafted(&sheet("A1:A9", &(cell("A9") + &cell("A1"))), none)),
        ("a row out of range", crafted(&sheet("A1:A1", &cell("A99999999")), none)),
        (
            "cut xml",
            crafted(
                br#"<?xml version="1.0"?><worksheet><sheetData><row r="1"><c r="A1"><v>"#,
                none,
            ),
        ),
        ("a cut archive", workbook()[..workbook().len() * 6 / 10].to_vec()),
    ];
    for (name, bytes) in cases {
        let answer = world.file(&filer, "mode=validate", XLSX, bytes).await.expect(200);
        let refused = &Verdicts::of(&answer).summary["refused"];
        assert!(refused[0]["code"].is_string(), "{name}: {}", answer.text);
    }
    // The same service still reads what is right.
    let answer = world.file(&filer, "mode=validate", XLSX, workbook()).await.expect(200);
    assert_eq!(Verdicts::of(&answer).summary["accepted"], 1);
}

#[tokio::test]
async fn a_template_is_filled_in_and_comes_back() {
    let world = World::start().await;
    let filer = world.filer().await;
    for kind in [
        "extraction",
        "transformation",
        "dispatch",
        "receipt",
        "import",
        "export",
        "stocktake",
        "disposal",
        "monthly_return",
    ] {
        for language in ["zh-CN", "en"] {
            let path = format!("/v1/templates/{kind}.xlsx?language={language}");
            let answer = world.get(&path).by(&filer.key).answer().await.expect(200);
            assert_eq!(answer.headers["content-type"], XLSX);
        }
    }
    world.get("/v1/templates/unknown.xlsx").by(&filer.key).answer().await.expect(404);
    world.get("/v1/templates/dispatch.xlsx").answer().await.expect(401);
}
