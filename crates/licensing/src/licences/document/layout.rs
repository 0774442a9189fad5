//! How a licence looks on paper: A4, Chinese and English beside each other, a QR code on the first page.

use super::kilograms;
use anyhow::{Context, anyhow};
use database::licences::LicenceRecord;
use domain::{canonical::sha256_hex, regime::LicenceKind};
use krilla::{
    Document,
    color::rgb,
    geom::{PathBuilder, Point, Rect},
    page::PageSettings,
    paint::Fill,
    surface::Surface,
    text::{Font, TextDirection},
};
use qrcode::{Color, QrCode};

const PAGE: (f32, f32) = (595.0, 842.0);
const MARGIN: f32 = 50.0;
const LABEL_WIDTH: f32 = 150.0;
const QR_SIDE: f32 = 150.0;
const TITLE_SIZE: f32 = 20.0;
const TEXT_SIZE: f32 = 10.0;
const LINE_HEIGHT: f32 = 15.0;

/// A row of the document: what it is in both languages, and what it says.
struct Row {
    label: &'static str,
    text: String,
}

/// Draws the document.
pub(super) fn pdf(record: &LicenceRecord, code: &QrCode, font: &Font) -> anyhow::Result<Vec<u8>> {
    let rows = rows(record);
    let mut lines = wrapped(&rows).into_iter().peekable();
    let mut document = Document::new();
    let mut first = true;
    while first || lines.peek().is_some() {
        let settings = PageSettings::from_wh(PAGE.0, PAGE.1).context("the page has a size")?;
        let mut page = document.start_page_with(settings);
        let mut surface = page.surface();
        surface.set_fill(Some(black()));
        let mut y = MARGIN + TITLE_SIZE;
        if first {
            draw_qr(&mut surface, code)?;
            write(&mut surface, font, TITLE_SIZE, (MARGIN, y), "两用物项出口许可证");
            write(
                &mut surface,
                font,
                TEXT_SIZE + 3.0,
                (MARGIN, y + 24.0),
                "Export Licence for Dual-Use Items",
            );
            write(
                &mut surface,
                font,
                TEXT_SIZE + 6.0,
                (MARGIN, y + 60.0),
                &record.number.to_string(),
            );
            y = MARGIN + QR_SIDE + 2.0 * LINE_HEIGHT;
        }
        while y < PAGE.1 - MARGIN
            && let Some((label, text)) = lines.next()
        {
            write(&mut surface, font, TEXT_SIZE, (MARGIN, y), label);
            write(&mut surface, font, TEXT_SIZE, (MARGIN + LABEL_WIDTH, y), &text);
            y += LINE_HEIGHT;
        }
        surface.finish();
        page.finish();
        first = false;
    }
    document.finish().map_err(|error| anyhow!("the document cannot be written: {error:?}"))
}

fn rows(record: &LicenceRecord) -> Vec<Row> {
    let content = &record.content;
    let row = |label, text: String| Row { label, text };
    let kind = match content.kind {
        LicenceKind::Single => "单项许可 single",
        LicenceKind::General => "通用许可 general",
        LicenceKind::RegistrationVoucher => "登记凭证 registration voucher",
    };
    let (holder, validity) = (&content.holder, content.validity);
    let mut rows = vec![
        row("种类 Kind", kind.to_owned()),
        row("出口经营者 Exporter", format!("{} {}", holder.name_zh, holder.name_en)),
        row("代码 Identifier", holder.identifier.clone()),
        row("签发日期 Issued", content.issued_on.to_string()),
        row("有效期 Valid", format!("{} – {}", validity.from(), validity.until())),
        row("目的地 Destination", content.destination.to_string()),
        row("收货人 Consignees", content.consignees.join("; ")),
        row("最终用户 End users", content.end_users.join("; ")),
        row("最终用途 End use", content.end_use.clone()),
    ];
    for line in &content.lines {
        let tariff = line.hs_code.as_ref().map(ToString::to_string).unwrap_or_default();
        let mass = kilograms(line.licensed_grams);
        let (number, code) = (line.line, &line.control_code);
        rows.push(row("货物 Goods", format!("{number}. {code}  HS {tariff}  {mass} kg")));
        rows.push(row("", line.description.clone()));
    }
    for condition in &content.conditions {
        let sentence = condition.sentence();
        rows.push(row("条件 Condition", format!("{}. {}", condition.number, sentence.zh)));
        rows.push(row("", sentence.en));
    }
    rows.push(row("摘要 SHA-256", sha256_hex(&record.signed_content)));
    rows.push(row("签名密钥 Signing key", record.signing_key.clone()));
    rows
}

/// The rows as lines that fit the page; a label stands on the first line of its row.
fn wrapped(rows: &[Row]) -> Vec<(&'static str, String)> {
    let width = PAGE.0 - 2.0 * MARGIN - LABEL_WIDTH;
    let mut lines = Vec::new();
    for row in rows {
        let (mut label, mut line, mut used) = (row.label, String::new(), 0.0);
        for character in row.text.chars() {
            // Neither tabs nor line breaks of what applicants wrote move anything on the page.
            let character = if character.is_control() { ' ' } else { character };
            let advance = if character.is_ascii() { 0.62 } else { 1.0 } * TEXT_SIZE;
            if width < used + advance {
                lines.push((std::mem::take(&mut label), std::mem::take(&mut line)));
                used = 0.0;
            }
            line.push(character);
            used += advance;
        }
        lines.push((label, line));
    }
    lines
}

fn write(surface: &mut Surface<'_>, font: &Font, size: f32, (x, y): (f32, f32), text: &str) {
    let (start, font) = (Point::from_xy(x, y), font.clone());
    surface.draw_text(start, font, size, text, false, TextDirection::LeftToRight);
}

fn draw_qr(surface: &mut Surface<'_>, code: &QrCode) -> anyhow::Result<()> {
    let width = code.width();
    let side = QR_SIDE / f32::from(u16::try_from(width)?);
    let (left, top) = (PAGE.0 - MARGIN - QR_SIDE, MARGIN);
    let mut path = PathBuilder::new();
    for (index, color) in code.to_colors().into_iter().enumerate() {
        if color == Color::Dark {
            let (row, column) = (u16::try_from(index / width)?, u16::try_from(index % width)?);
            let (x, y) = (left + f32::from(column) * side, top + f32::from(row) * side);
            path.push_rect(Rect::from_xywh(x, y, side, side).context("a module has a size")?);
        }
    }
    surface.draw_path(&path.finish().context("a code has modules")?);
    Ok(())
}

fn black() -> Fill {
    Fill { paint: rgb::Color::new(0, 0, 0).into(), ..Fill::default() }
}
