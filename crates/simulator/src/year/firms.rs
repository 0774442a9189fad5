//! Two thousand firms: who they are, how large, how well they measure, with whom they deal.

use super::{
    data::{DESTINATIONS, Line, METROLOGY, Metrology},
    draw::{normal_ppm, weighted},
};
use crate::{chance::Chance, filing::Party, identifiers};
use domain::identifiers::Uscc;
use std::collections::BTreeMap;

/// A firm that files.
#[derive(Clone, Debug)]
pub struct Firm {
    /// What it lives of.
    pub line: Line,
    /// 中文名称。
    pub name_zh: String,
    /// Its English name.
    pub name_en: String,
    /// Its unified social credit code.
    pub uscc: Uscc,
    /// Its group, for mines and separators.
    pub group: Option<usize>,
    /// Where its site is.
    pub division: &'static str,
    /// A word nobody else has, for addresses.
    pub handle: String,
    /// Its size against others of its line: a thousand is the smallest.
    pub(crate) size: u64,
    pub(crate) metrology: &'static Metrology,
    /// What its scale shows too much, in millionths; the same all year.
    pub(crate) scale_ppm: i64,
    /// How its yields differ from the typical ones, in standard deviations of plants.
    pub(crate) skill: i64,
    /// Its prices against the market's, in millionths.
    pub(crate) price_ppm: i64,
    /// The first and the last month in which it is at work.
    pub(crate) works: (usize, usize),
    /// Whom it sells to, by line of business: the same all year.
    pub(crate) regulars: BTreeMap<Line, Vec<usize>>,
    /// Those abroad that it exports to, each with its country.
    pub(crate) abroad: Vec<(Party, &'static str)>,
    /// Those at home that do not file.
    pub(crate) users: Vec<Party>,
}

impl Firm {
    /// `good`, `typical` or `poor`.
    pub fn metrology_class(&self) -> &'static str {
        self.metrology.class
    }
}

/// The last month's number.
pub(crate) const LAST_MONTH: usize = 11;
/// Of a thousand firms so many begin during the year, and so many end.
const FOUNDED_PERMILLE: u64 = 30;
const BANKRUPT_PERMILLE: u64 = 25;
const LARGEST: u64 = 600;
const MINES_IN_A_GROUP: usize = 6;
/// Regular partners of each line at most.
const REGULARS: u64 = 3;

#[rustfmt::skip]
const FIRST: [(&str, &str); 24] = [
    ("云", "Yun"), ("瑞", "Rui"), ("天", "Tian"), ("临", "Lin"), ("星", "Xing"), ("泽", "Ze"), ("金", "Jin"), ("恒", "Heng"),
    ("长", "Chang"), ("明", "Ming"), ("盛", "Sheng"), ("白", "Bai"), ("华", "Hua"), ("启", "Qi"), ("广", "Guang"), ("南", "Nan"),
    ("青", "Qing"), ("嘉", "Jia"), ("远", "Yuan"), ("凌", "Ling"), ("松", "Song"), ("海", "Hai"), ("新", "Xin"), ("丰", "Feng"),
];
#[rustfmt::skip]
const SECOND: [(&str, &str); 24] = [
    ("岭", "ling"), ("禾", "he"), ("枢", "shu"), ("川", "chuan"), ("澜", "lan"), ("源", "yuan"), ("岩", "yan"), ("磁", "ci"),
    ("汀", "ting"), ("石", "shi"), ("和", "he"), ("云", "yun"), ("澄", "cheng"), ("元", "yuan"), ("陵", "ling"), ("峰", "feng"),
    ("木", "mu"), ("山", "shan"), ("霄", "xiao"), ("原", "yuan"), ("棠", "tang"), ("泰", "tai"), ("辉", "hui"), ("衡", "heng"),
];
#[rustfmt::skip]
const USERS: [&str; 12] = [
    "电机有限公司", "风电设备有限公司", "汽车零部件有限公司", "催化剂有限公司", "抛光材料有限公司", "机器人有限公司",
    "电梯有限公司", "音响器材有限公司", "玻璃有限公司", "家电有限公司", "仪器有限公司", "传动科技有限公司",
];
const LEGAL_FORMS: [(&str, &[&str]); 13] = [
    ("DE", &["GmbH", "AG"]),
    ("US", &["Inc.", "LLC"]),
    ("KR", &["Co., Ltd."]),
    ("VN", &["Co., Ltd.", "JSC"]),
    ("JP", &["KK", "Co., Ltd."]),
    ("DK", &["A/S", "ApS"]),
    ("CH", &["AG"]),
    ("FR", &["SAS", "SA"]),
    ("CZ", &["s.r.o."]),
    ("IN", &["Pvt. Ltd."]),
    ("IT", &["S.p.A.", "S.r.l."]),
    ("MX", &["S.A. de C.V."]),
    ("SG", &["Pte. Ltd."]),
];

/// Founds so many firms, at least one of each line.
pub(crate) fn found(chance: &mut Chance, count: usize) -> Vec<Firm> {
    let mut firms = Vec::with_capacity(count);
    for (line, members) in Line::ALL.into_iter().zip(proportional(count)) {
        for ordinal in 0..members {
            let number = firms.len();
            firms.push(one(chance, line, ordinal, number));
        }
    }
    for who in 0..firms.len() {
        let regulars = regulars(chance, &firms, who);
        firms[who].regulars = regulars;
    }
    for who in 0..firms.len() {
        find_supplier(chance, &mut firms, who);
    }
    firms
}

/// Nobody lives of nothing: whom no seller chose finds one.
fn find_supplier(chance: &mut Chance, firms: &mut [Firm], who: usize) {
    let line = firms[who].line;
    let supplied = firms
        .iter()
        .any(|firm| firm.regulars.get(&line).is_some_and(|buyers| buyers.contains(&who)));
    let sellers: Vec<usize> = (0..firms.len())
        .filter(|seller| *seller != who && wanted(firms[*seller].line).first() == Some(&line))
        .collect();
    let sellers = if sellers.is_empty() {
        (0..firms.len())
            .filter(|seller| *seller != who && wanted(firms[*seller].line).contains(&line))
            .collect()
    } else {
        sellers
    };
    if supplied || sellers.is_empty() {
        return;
    }
    let seller = sellers[weighted(chance, sellers.iter().map(|seller| firms[*seller].size))];
    firms[seller].regulars.entry(line).or_default().push(who);
}

fn proportional(count: usize) -> Vec<usize> {
    let share = |line: &Line| usize::try_from(line.facts().share_permille).unwrap_or_default();
    let mut members: Vec<usize> =
        Line::ALL.iter().map(|line| (count * share(line) / 1_000).max(1)).collect();
    // What rounding leaves over are traders: they come and go most easily.
    let missing = count.saturating_sub(members.iter().sum());
    members[Line::Trader as usize] += missing;
    members
}

fn one(chance: &mut Chance, line: Line, ordinal: usize, number: usize) -> Firm {
    let facts = line.facts();
    let division = facts.divisions[ordinal % facts.divisions.len()];
    let (first, second) = (FIRST[number % 24], SECOND[number / 24 % 24]);
    let again = number / 576;
    let (again_zh, again_en) = if again == 0 {
        (String::new(), String::new())
    } else {
        (format!("{}厂", again + 1), format!(" {}", again + 1))
    };
    let metrology =
        &METROLOGY[weighted(chance, METROLOGY.iter().map(|class| class.share_permille))];
    let mine = matches!(line, Line::RockMine | Line::IonMine | Line::Separator);
    // A few giants, many small ones: the reciprocal of an even draw has the tail that sizes have.
    let size = 1_000 * LARGEST / chance.between(LARGEST / 200, LARGEST);
    let began = if chance.happens(FOUNDED_PERMILLE) && !mine {
        usize::try_from(chance.between(2, 8)).unwrap_or(2)
    } else {
        0
    };
    let ended = if began == 0 && chance.happens(BANKRUPT_PERMILLE) && !mine {
        usize::try_from(chance.between(4, 10)).unwrap_or(4)
    } else {
        LAST_MONTH
    };
    Firm {
        line,
        name_zh: format!("{}{}{}{again_zh}有限公司", first.0, second.0, facts.word_zh),
        name_en: format!("{}{} {}{again_en} Co., Ltd.", first.1, second.1, facts.word_en),
        uscc: identifiers::uscc(chance, division),
        group: mine.then_some(ordinal / MINES_IN_A_GROUP),
        division,
        handle: format!("{}{}{number}", first.1.to_lowercase(), second.1),
        size,
        metrology,
        scale_ppm: normal_ppm(chance, metrology.systematic_ppm),
        skill: normal_ppm(chance, 1_000_000).clamp(-1_500_000, 1_500_000),
        price_ppm: normal_ppm(chance, 25_000),
        works: (began, ended),
        regulars: BTreeMap::new(),
        abroad: abroad(chance),
        users: (0..chance.between(2, 5)).map(|_| user(chance)).collect(),
    }
}

/// A few buyers abroad, by where exports go.
fn abroad(chance: &mut Chance) -> Vec<(Party, &'static str)> {
    (0..chance.between(2, 4))
        .map(|_| {
            let place = weighted(chance, DESTINATIONS.iter().map(|place| place.permille));
            foreign(chance, place)
        })
        .collect()
}

/// A buyer in one of the destinations.
pub(crate) fn foreign(chance: &mut Chance, place: usize) -> (Party, &'static str) {
    let destination = &DESTINATIONS[place];
    let name = *chance.one_of(&destination.names);
    let forms = LEGAL_FORMS.iter().find(|(country, _)| *country == destination.country);
    let form = forms.map_or("LLC", |(_, forms)| *chance.one_of(forms));
    // A branch makes it one of many firms of that name.
    let name = format!(
        "{name} {} {form}",
        chance.one_of(&["I", "Nord", "Works", "Group", "Systems", "2"])
    );
    let identifier = chance.happens(700).then(|| identifiers::lei(chance).to_string());
    (Party { name, identifier, country: destination.country.to_owned() }, destination.country)
}

/// A user at home that does not file.
pub(crate) fn user(chance: &mut Chance) -> Party {
    let (first, second, word) =
        (chance.one_of(&FIRST).0, chance.one_of(&SECOND).0, *chance.one_of(&USERS));
    Party {
        name: format!("{first}{second}{word}"),
        identifier: Some(identifiers::uscc(chance, "320500").to_string()),
        country: "CN".to_owned(),
    }
}

/// Whom a firm sells to: larger ones are partners of more.
fn regulars(chance: &mut Chance, firms: &[Firm], who: usize) -> BTreeMap<Line, Vec<usize>> {
    let of_line = |line: Line| -> Vec<usize> {
        (0..firms.len()).filter(|other| firms[*other].line == line && *other != who).collect()
    };
    wanted(firms[who].line)
        .iter()
        .map(|line| {
            let others = of_line(*line);
            let mut chosen: Vec<usize> = (0..chance.between(1, REGULARS))
                .filter(|_| !others.is_empty())
                .map(|_| others[weighted(chance, others.iter().map(|other| firms[*other].size))])
                .collect();
            chosen.sort_unstable();
            chosen.dedup();
            (*line, chosen)
        })
        .filter(|(_, chosen)| !chosen.is_empty())
        .collect()
}

/// To which lines of business a line sells, the most important first.
fn wanted(line: Line) -> &'static [Line] {
    match line {
        Line::RockMine | Line::IonMine => &[Line::Separator],
        Line::Separator | Line::Recycler => &[Line::Smelter, Line::Trader],
        Line::Smelter => &[Line::AlloyMaker, Line::Trader],
        Line::AlloyMaker => &[Line::MagnetMaker],
        Line::MagnetMaker => &[Line::Exporter, Line::ProductMaker, Line::Trader, Line::Recycler],
        Line::Trader => &[Line::Smelter, Line::AlloyMaker, Line::Exporter, Line::Trader],
        Line::ProductMaker | Line::Exporter => &[Line::Exporter],
    }
}
