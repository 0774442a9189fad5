//! What is one name, what is another, and what an index finds.

use names::{How, Index, Kind, Name, compare};
use proptest::prelude::*;
use rstest::rstest;

fn score(kind: Kind, one: &str, other: &str) -> f64 {
    names::score(&Name::read(one, kind), &Name::read(other, kind), |_| 0.0)
}

#[rstest]
#[case::traditional("臺灣宏達科技股份有限公司", "台湾宏达科技股份有限公司")]
#[case::full_width("ＡＣＭＥ Magnets Ｌｔｄ", "Acme Magnets Limited")]
#[case::pinyin("宁波韵升股份有限公司", "Ningbo Yunsheng Co., Ltd.")]
#[case::pinyin_apart("宁波韵升股份有限公司", "NINGBO YUN SHENG CO LTD")]
#[case::pinyin_with_a_slip("天津瑞辰新能源有限公司", "Tianjin Ruichan New Energy Co. Ltd.")]
#[case::trade_in_pinyin("小米科技有限责任公司", "Xiao Mi Keji")]
#[case::other_order("OOO Oboronnye Initsiativy", "Oboronnye Initsiativy o.O.O.")]
#[case::cyrillic("ООО Газпром", "Gazprom OOO")]
#[case::slip("CRISTALORD LIMITED", "CRYSTALORD LTD")]
#[case::acronym("PLA", "People's Liberation Army")]
#[case::joined("Goodwill Company", "Good Will Company")]
fn one_firm(#[case] one: &str, #[case] other: &str) {
    assert!(score(Kind::Organisation, one, other) > 0.86, "{one} and {other}");
}

#[rstest]
#[case::trade_and_town("Shenzhen Technology Co., Ltd.", "深圳市华鑫科技有限公司")]
#[case::other_brand("Ningbo Hongyuan Magnetics", "Ningbo Hengyao Magnetics")]
#[case::other_country("Bank of China (Hong Kong) Limited", "Bank of China (Singapore) Limited")]
#[case::short("BD p.l.c.", "BP p.l.c.")]
#[case::other_trade("CRYSTALORD SYSTEMS LIMITED", "CRYSTALORD LTD")]
#[case::nothing("", "Acme")]
#[case::marks("—…！", "＊＊")]
fn two_firms(#[case] one: &str, #[case] other: &str) {
    assert!(score(Kind::Organisation, one, other) < 0.84, "{one} and {other}");
}

#[rstest]
#[case::order("John Smith", "Smith, John", true)]
#[case::initial("A. Khamenei", "Ali Khamenei", true)]
#[case::left_out("Sergey Lavrov", "Сергей Викторович Лавров", true)]
#[case::title("Dr. Rami Makhlouf", "Rami Makhlouf", true)]
#[case::surname_reading("单晓峰", "Shan Xiaofeng", true)]
#[case::cantonese("曾国华", "Tsang Guo-hua", true)]
#[case::two_characters("欧阳明", "Ming Ou Yang", true)]
#[case::other_initial("Frost, William G.", "William W Frost", false)]
#[case::other_middle("Sergey Ivanevich Lavrov", "Sergey Viktorovich Lavrov", false)]
#[case::other_given("王小明", "Wang Daming", false)]
#[case::other_surname("王小明", "Huang Xiaoming", false)]
fn persons(#[case] one: &str, #[case] other: &str, #[case] is_one: bool) {
    assert_eq!(score(Kind::Person, one, other) > 0.86, is_one, "{one} and {other}");
}

#[rstest]
#[case("No. 12 Keji Road, Nanshan District, Shenzhen", "深圳市南山区科技路12号", true)]
#[case("12 Main Street, Springfield", "Main St 12, Springfield", true)]
#[case("12 Main Street, Springfield", "14 Main Street, Springfield", false)]
fn addresses(#[case] one: &str, #[case] other: &str, #[case] is_one: bool) {
    assert_eq!(score(Kind::Address, one, other) > 0.8, is_one, "{one} and {other}");
}

#[test]
fn a_score_says_which_part_matched_how() {
    let asked = Name::read("Shenzhen Huaxing Keji Co., Ltd.", Kind::Organisation);
    let listed = Name::read("深圳市华鑫科技有限公司", Kind::Organisation);
    let found = compare(&asked, &listed, |_| 0.0);
    let how = |word: &str| {
        let part = found.parts.iter().find(|part| part.one.as_deref() == Some(word));
        part.and_then(|part| part.how)
    };
    assert_eq!(how("huaxing"), Some(How::Typo));
    assert!(how("keji").is_some() && how("shenzhen").is_some(), "{found:?}");
    assert!(found.score > 0.9 && found.score < 1.0, "{found:?}");
}

#[test]
fn an_index_grows_and_shrinks_name_by_name() {
    let mut index = Index::new(Kind::Organisation);
    for number in 0..500 {
        index.insert(number, &format!("Beijing Filler{number} Trading Co., Ltd."));
    }
    index.insert(1_000, "江西金力永磁科技股份有限公司");
    let found = index.search("Jiangxi Jinlli Yongci Technology", 0.84);
    assert_eq!(found.first().map(|hit| hit.key), Some(1_000), "{found:?}");
    assert_eq!(index.remove(&1_000), 1);
    assert_eq!(index.remove(&1_000), 0);
    assert!(index.search("Jiangxi Jinli Yongci Technology", 0.84).is_empty());
    assert_eq!(index.len(), 500);
    index.insert(1_001, "Jinli Magnets");
    assert_eq!(index.search("JINLI MAGNET", 0.84).first().map(|hit| hit.key), Some(1_001));
}

#[test]
fn what_is_in_many_names_says_little() {
    let mut index = Index::new(Kind::Organisation);
    for number in 0..300 {
        index.insert(number, &format!("Golden Filler{number}word Magnets"));
    }
    index.insert(1_000, "Golden Zhonghong Magnets");
    assert!(index.search("Golden Rihexing Magnets", 0.84).is_empty());
    assert_eq!(
        index.search("Golden Zhonghong Magnet", 0.84).first().map(|hit| hit.key),
        Some(1_000)
    );
}

proptest! {
    #[test]
    fn any_two_texts_have_a_score_either_way_round(one in ".{0,60}", other in ".{0,60}") {
        for kind in [Kind::Organisation, Kind::Person, Kind::Address, Kind::Vessel] {
            let there = score(kind, &one, &other);
            prop_assert!((0.0..=1.0).contains(&there));
            prop_assert!((there - score(kind, &other, &one)).abs() < 0.35);
            let itself = score(kind, &one, &one);
            prop_assert!(itself > 0.999 || Name::read(&one, kind).tokens().is_empty());
        }
    }

    #[test]
    fn a_name_is_found_under_itself_and_gone_when_taken_away(
        names in proptest::collection::vec("[a-zA-Z\u{4e00}-\u{4fff} ]{4,30}", 1..40), at in any::<prop::sample::Index>()
    ) {
        let mut index = Index::new(Kind::Organisation);
        for (number, name) in names.iter().enumerate() {
            index.insert(number, name);
        }
        let asked = at.index(names.len());
        let is_found = |index: &Index<usize>| index.search(&names[asked], 0.999).iter().any(|hit| names[hit.key] == names[asked]);
        prop_assert!(is_found(&index) || Name::read(&names[asked], Kind::Organisation).tokens().is_empty());
        for (number, name) in names.iter().enumerate() {
            if *name == names[asked] {
                index.remove(&number);
            }
        }
        prop_assert!(!is_found(&index));
    }
}
