//! Every sentence an answer can hold, in both languages.

use super::{
    Item,
    law::{Judge, ListedItem},
    verdict::{Doubt, DoubtKind, Outcome, RestsOn, WhoDecides},
};
use crate::{
    element::Element,
    regime::{
        Dated, ItemCategory, MagnetFamily, PartyList, Sentence, Standing, TariffCondition,
        Verification,
    },
};
use jiff::civil::Date;
use rust_decimal::Decimal;

type Rows<'a, 'b> = &'b [&'a ListedItem<'a>];

fn doubt(
    kind: DoubtKind,
    text: Sentence,
    rows: Rows<'_, '_>,
    who_decides: WhoDecides,
    settled_by: Sentence,
) -> Doubt {
    let mut candidates: Vec<_> = rows.iter().map(|row| row.value.code.clone()).collect();
    candidates.sort();
    candidates.dedup();
    Doubt { kind, text, candidates, who_decides, settled_by }
}

fn test_report(elements: &str) -> Sentence {
    Sentence::new(
        format!("提供检测报告，写明{elements}的含量及不确定度"),
        format!("a test report that states {elements} with its uncertainty"),
    )
}

fn authority() -> Sentence {
    Sentence::new(
        "向商务主管部门咨询并取得答复",
        "an answer of the licensing authority to a consultation",
    )
}

fn symbols(elements: &[Element]) -> String {
    elements.iter().map(|element| element.symbol()).collect::<Vec<_>>().join(", ")
}

fn names_zh(elements: &[Element]) -> String {
    elements.iter().map(|element| element.name_zh()).collect::<Vec<_>>().join("、")
}

pub(super) fn listed(row: &ListedItem<'_>) -> Sentence {
    let item = &row.value;
    let announcement = &item.announcement;
    Sentence::new(
        format!("属于公告{announcement}所列{}：{}", item.code, item.description_zh),
        format!(
            "listed in announcement {announcement} under {}: {}",
            item.code, item.description_en
        ),
    )
}

pub(super) fn no_item_reaches_it() -> Sentence {
    Sentence::new(
        "该日有效的管制清单中没有适用于该物项的条目",
        "no item of the control lists in force on this day reaches it",
    )
}

pub(super) fn lapsed(row: &ListedItem<'_>, standing: &Standing) -> Sentence {
    let item = &row.value;
    let (code, announcement) = (&item.code, &item.announcement);
    match standing {
        Standing::Suspended { by, until, .. } => Sentence::new(
            format!("公告{announcement}的{code}可适用，但被公告{by}暂停实施至{until}"),
            format!(
                "{code} of announcement {announcement} would reach it, but announcement {by} suspends it until {until}"
            ),
        ),
        Standing::NotYet { from } => Sentence::new(
            format!("公告{announcement}的{code}可适用，但自{from}起才实施"),
            format!(
                "{code} of announcement {announcement} would reach it, but takes effect only on {from}"
            ),
        ),
        Standing::InForce | Standing::NotKnown { .. } | Standing::Ended => Sentence::new(
            format!("公告{announcement}的{code}该日不适用"),
            format!("{code} of announcement {announcement} does not apply on this day"),
        ),
    }
}

pub(super) fn after_suspension(row: &ListedItem<'_>, after: &str, ended: Date) -> Doubt {
    let item = &row.value;
    let (code, announcement) = (&item.code, &item.announcement);
    doubt(
        DoubtKind::AfterSuspension,
        Sentence::new(
            format!(
                "公告{announcement}的{code}的暂停实施（公告{after}）已于{ended}届满，其后的规定尚未录入"
            ),
            format!(
                "the suspension of {code} of announcement {announcement} by announcement {after} ended on {ended}; what followed is not recorded"
            ),
        ),
        &[row],
        WhoDecides::LicensingAuthority,
        Sentence::new("录入暂停期满后的规定", "a row that says what followed the suspension"),
    )
}

pub(super) fn composition_missing(rows: Rows<'_, '_>) -> Doubt {
    doubt(
        DoubtKind::CompositionMissing,
        Sentence::new(
            "未写明成分；是否管制取决于形态和成分，而不取决于税则号列",
            "no composition was stated; form and composition decide, not the tariff code",
        ),
        rows,
        WhoDecides::TestReport,
        test_report("稀土 (rare earths)"),
    )
}

pub(super) fn neodymium_composition_missing(rows: Rows<'_, '_>) -> Doubt {
    doubt(
        DoubtKind::CompositionMissing,
        Sentence::new(
            "钕铁硼永磁材料是否管制取决于是否含镝或铽，而成分未写明",
            "a neodymium-iron-boron magnet is listed if it contains dysprosium or terbium, and no composition was stated",
        ),
        rows,
        WhoDecides::TestReport,
        test_report("Dy, Tb"),
    )
}

pub(super) fn content_not_stated(elements: &[Element], rows: Rows<'_, '_>) -> Doubt {
    let (en, zh) = (symbols(elements), names_zh(elements));
    doubt(
        DoubtKind::CompositionMissing,
        Sentence::new(
            format!("分析未覆盖{zh}，已写明的成分合计不足100%"),
            format!("the analysis does not name {en}, and what it names does not add up to 100 %"),
        ),
        rows,
        WhoDecides::TestReport,
        test_report(&en),
    )
}

pub(super) fn straddles_trace(elements: &[Element], rows: Rows<'_, '_>) -> Doubt {
    let (en, zh) = (symbols(elements), names_zh(elements));
    doubt(
        DoubtKind::StraddlesLimit,
        Sentence::new(
            format!("{zh}的含量在不确定度范围内无法与痕量区分"),
            format!("within its uncertainty the content of {en} cannot be told from a trace"),
        ),
        rows,
        WhoDecides::TestReport,
        test_report(&en),
    )
}

pub(super) fn trace(elements: &[Element], rows: Rows<'_, '_>) -> Doubt {
    let (en, zh) = (symbols(elements), names_zh(elements));
    doubt(
        DoubtKind::Trace,
        Sentence::new(
            format!("含痕量{zh}；清单条文没有规定含量下限"),
            format!("a trace of {en} is there; the wording of the lists names no lower limit"),
        ),
        rows,
        WhoDecides::LicensingAuthority,
        authority(),
    )
}

pub(super) fn at_or_below_practice(threshold: Decimal, rows: Rows<'_, '_>) -> Doubt {
    doubt(
        DoubtKind::AtOrBelowTradePractice,
        Sentence::new(
            format!(
                "含镝或铽但合计不超过{threshold}%；条文没有下限，{threshold}%只是贸易惯例，含0.11%和0.2%铽的货物曾被处罚"
            ),
            format!(
                "dysprosium or terbium is there, together not above {threshold} %; the text has no lower limit, {threshold} % is trade practice only, and lots with 0.11 % and 0.2 % terbium were fined"
            ),
        ),
        rows,
        WhoDecides::LicensingAuthority,
        authority(),
    )
}

pub(super) fn straddles_practice(threshold: Decimal, rows: Rows<'_, '_>) -> Doubt {
    doubt(
        DoubtKind::StraddlesLimit,
        Sentence::new(
            format!("镝与铽合计含量在不确定度范围内跨越{threshold}%（贸易惯例，非条文）"),
            format!(
                "within its uncertainty the content of dysprosium and terbium lies on both sides of {threshold} % (trade practice, not law text)"
            ),
        ),
        rows,
        WhoDecides::TestReport,
        test_report("Dy, Tb"),
    )
}

pub(super) fn any_samarium_cobalt() -> Sentence {
    Sentence::new(
        "钐钴永磁材料不论含量均列入清单",
        "samarium-cobalt magnets are listed whatever their composition",
    )
}

pub(super) fn contains_dysprosium_or_terbium() -> Sentence {
    Sentence::new(
        "含镝或铽的钕铁硼永磁材料",
        "a neodymium-iron-boron magnet that contains dysprosium or terbium",
    )
}

pub(super) fn neither_dysprosium_nor_terbium() -> Sentence {
    Sentence::new(
        "不含镝和铽的钕铁硼永磁材料未列入清单",
        "neodymium-iron-boron magnets without dysprosium and terbium are not listed",
    )
}

pub(super) fn family_contradicts(stated: MagnetFamily, found: MagnetFamily) -> Doubt {
    doubt(
        DoubtKind::MagnetFamilyUnclear,
        Sentence::new(
            format!("申报的永磁体系（{stated}）与成分所示（{found}）不符"),
            format!("the magnet was stated to be {stated}, but its composition is that of {found}"),
        ),
        &[],
        WhoDecides::TestReport,
        test_report("Nd, Pr, Sm, Fe, Co, B"),
    )
}

pub(super) fn magnet_as_alloy(element: Element, rows: Rows<'_, '_>) -> Doubt {
    let (zh, en) = (element.name_zh(), element.name_en());
    doubt(
        DoubtKind::WordingUnclear,
        Sentence::new(
            format!("永磁材料条目未提及{zh}，但“含{zh}的合金”可能适用"),
            format!(
                "no magnet item names {en}, but the heading for alloys that contain it may reach a magnet"
            ),
        ),
        rows,
        WhoDecides::LicensingAuthority,
        authority(),
    )
}

pub(super) fn functional_material(element: Element, rows: Rows<'_, '_>) -> Doubt {
    let (zh, en) = (element.name_zh(), element.name_en());
    doubt(
        DoubtKind::WordingUnclear,
        Sentence::new(
            format!("含{zh}的功能材料可能属于“含{zh}的化合物及其混合物”"),
            format!(
                "a functional material with {en} may be a compound of it in the sense of the list"
            ),
        ),
        rows,
        WhoDecides::LicensingAuthority,
        authority(),
    )
}

pub(super) fn scrap(rows: Rows<'_, '_>) -> Doubt {
    doubt(
        DoubtKind::WordingUnclear,
        Sentence::new(
            "清单未提及废料，但其所含物质可能属于列管物项",
            "the lists do not speak of scrap, but what it contains may be listed",
        ),
        rows,
        WhoDecides::LicensingAuthority,
        authority(),
    )
}

pub(super) fn assembly() -> Doubt {
    doubt(
        DoubtKind::Assembly,
        Sentence::new(
            "含永磁体的电机转子、传感器等组件一般不在清单之内，但须逐案判断",
            "motor rotors, sensors and other assemblies that contain magnets are generally outside the lists, but each case is judged on its own",
        ),
        &[],
        WhoDecides::LicensingAuthority,
        authority(),
    )
}

pub(super) fn description_decides(rows: Rows<'_, '_>) -> Doubt {
    doubt(
        DoubtKind::DescriptionDecides,
        Sentence::new(
            "设备、药剂和技术须与条文的描述和参数逐项比对",
            "equipment, reagents and technology must be compared with the wording and its parameters",
        ),
        rows,
        WhoDecides::LicensingAuthority,
        authority(),
    )
}

pub(super) fn end_use_or_party(item: &Item) -> Option<Doubt> {
    if !item.end_use.is_grave() && item.list_hits.is_empty() {
        return None;
    }
    Some(doubt(
        DoubtKind::EndUseOrParty,
        Sentence::new(
            "未列入清单，但最终用途或交易方可能使其受到管制",
            "not on the lists, but the end use or a party of the transaction can bring it under control",
        ),
        &[],
        WhoDecides::LicensingAuthority,
        authority(),
    ))
}

pub(super) fn nothing_was_settled() -> Sentence {
    Sentence::new("尚未作出判定", "nothing was settled")
}

pub(super) fn no_row_about_it() -> Sentence {
    Sentence::new(
        "本制度数据中没有关于此类物项的条目",
        "this regime holds no row about goods of this kind on this day",
    )
}

pub(super) fn not_verified(rests_on: &[RestsOn], mark: Verification) -> Option<Sentence> {
    let names: Vec<&str> =
        rests_on.iter().filter(|row| row.verification == mark).map(|row| &*row.row).collect();
    let were = if names.len() == 1 { "was" } else { "were" };
    let (zh, en) = (names.join("、"), names.join(", "));
    (!names.is_empty()).then(|| {
        Sentence::new(
            format!("所依据的{zh}未经官方原文逐字核对（{mark}）"),
            format!(
                "{en}, on which it rests, {were} not checked word by word against the official text ({mark})"
            ),
        )
    })
}

pub(super) fn would_change(
    outcome: &Outcome,
    something_lapsed: bool,
    item: &Item,
) -> Vec<Sentence> {
    let mut sentences = Vec::new();
    match outcome {
        Outcome::Undetermined { doubts } => {
            sentences.extend(doubts.iter().map(|doubt| doubt.settled_by.clone()));
        }
        Outcome::NotControlled if item.category == ItemCategory::Magnet => {
            sentences.push(Sentence::new(
                "检出镝、铽，或属于钐钴体系",
                "dysprosium or terbium found in it, or a samarium-cobalt system",
            ));
        }
        Outcome::NotControlled => sentences
            .push(Sentence::new("成分或形态与所述不同", "another composition or form than stated")),
        Outcome::Controlled { .. } => sentences.push(Sentence::new(
            "成分或形态与所述不同，或公告被暂停或修改",
            "another composition or form than stated, or the announcement suspended or amended",
        )),
    }
    if something_lapsed && *outcome == Outcome::NotControlled {
        sentences.push(Sentence::new(
            "暂停期满或公告生效",
            "the end of the suspension, or the day the announcement takes effect",
        ));
    }
    let mut unique = Vec::new();
    for sentence in sentences {
        if !unique.contains(&sentence) {
            unique.push(sentence);
        }
    }
    unique
}

pub(super) fn advisories(outcome: &Outcome, item: &Item, law: &Judge<'_>) -> Vec<Sentence> {
    let mut advisories = Vec::new();
    let unnamed_parties = law.unnamed_parties();
    if let Outcome::Controlled { codes } = outcome {
        let codes = codes.iter().map(|code| code.0.as_str()).collect::<Vec<_>>().join(", ");
        advisories.push(Sentence::new(
            format!("报关单备注栏应注明“两用物项 {codes}”"),
            format!("the customs declaration's remarks state “两用物项 {codes}”"),
        ));
    }
    if *outcome == Outcome::NotControlled && item.category == ItemCategory::Magnet {
        advisories.push(Sentence::new(
            "报关单备注栏应注明“不属于管制物项”及参数（措辞见第56号公告，未核实是否适用）",
            "the customs declaration's remarks state “不属于管制物项” and the parameters (wording of announcement 56, not verified to apply)",
        ));
    }
    if item.category == ItemCategory::Assembly {
        advisories.push(Sentence::new(
            "含磁体的组件一般不在清单之内，但不得以组件名义规避管制",
            "assemblies that contain magnets are generally outside the lists; calling magnets an assembly does not take them out",
        ));
    }
    if let Some(row) = item.hs.as_ref().and_then(|hs| law.tariff_condition(hs)) {
        advisories.push(tariff_condition(outcome, row));
    }
    if let Some(destination) = item.destination {
        advisories.extend(law.notices(destination).map(|row| row.value.text.clone()));
    }
    for hit in &item.list_hits {
        let name = &hit.name;
        advisories.push(match hit.list {
            PartyList::Control => Sentence::new(
                format!("{name}在管控名单上：未经特别批准不得交易"),
                format!("{name} is on the control list: no dealing without special approval"),
            ),
            PartyList::Watch => Sentence::new(
                format!("{name}在关注名单上：只能申请单项许可，并提交风险评估报告和承诺"),
                format!("{name} is on the watch list: single licence only, with a risk report and an undertaking"),
            ),
        });
    }
    if 0 < unnamed_parties {
        advisories.push(Sentence::new(
            format!("公告所列主体中有{unnamed_parties}个名称尚未录入，名单核对不完整"),
            format!("the names of {unnamed_parties} listed parties are not recorded: screening against the lists is incomplete"),
        ));
    }
    if item.end_use.is_grave() {
        advisories.push(Sentence::new(
            "军事、大规模杀伤性武器或恐怖主义用途原则上不予许可",
            "military use, weapons of mass destruction and terrorism are refused in principle",
        ));
    }
    advisories
}

/// What the supervision condition of a tariff code says, and how well that is known.
fn tariff_condition(outcome: &Outcome, row: &Dated<TariffCondition>) -> Sentence {
    let (hs, mark) = (&row.key, row.provenance.verification);
    let conditions = &row.value.conditions;
    let controlled = matches!(outcome, Outcome::Controlled { .. });
    let (zh, en) = match (
        row.value.asks_for_export_licence(),
        row.value.asks_for_dual_use_licence(),
    ) {
        (true, true) if controlled => (
            "须同时取得两用物项出口许可证和一般出口许可证",
            "both a dual-use licence and an ordinary export licence are needed",
        ),
        (true, true) => (
            "该税号下部分货物须两用物项许可证；另须一般出口许可证",
            "some goods under this code need a dual-use licence; an ordinary export licence is needed besides",
        ),
        (true, false) => ("另须一般出口许可证", "an ordinary export licence is needed besides"),
        (false, true) => (
            "该税号下部分货物须两用物项许可证",
            "some goods under this code need a dual-use licence",
        ),
        (false, false) => ("无出口许可证条件", "it asks for no export licence"),
    };
    Sentence::new(
        format!("税号{hs}的监管条件为{conditions}（{mark}）：{zh}"),
        format!("tariff code {hs} has the supervision condition {conditions} ({mark}): {en}"),
    )
}
