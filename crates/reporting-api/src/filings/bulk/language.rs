//! In which language a caller reads, and the sentences for what can be wrong with a filing.
//!
//! The checks say what is wrong in English, with the particulars. Who reads Chinese is given the
//! sentence of the fault's code from the one table below, and the value that stands there.

use serde::{Deserialize, Serialize};

/// A language that everything a person reads is there in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Language {
    /// Chinese.
    #[serde(rename = "zh-CN")]
    Chinese,
    /// English.
    #[serde(rename = "en")]
    English,
}

impl Language {
    /// The tag of BCP 47.
    pub const fn tag(self) -> &'static str {
        match self {
            Self::Chinese => "zh-CN",
            Self::English => "en",
        }
    }

    /// The language with this tag.
    pub fn from_tag(tag: &str) -> Option<Self> {
        let primary = tag.trim().split('-').next().unwrap_or_default();
        match primary.to_ascii_lowercase().as_str() {
            "zh" => Some(Self::Chinese),
            "en" => Some(Self::English),
            _ => None,
        }
    }

    /// The first language of an `Accept-Language` that is spoken here; English otherwise.
    pub fn accepted(header: &str) -> Self {
        let weighed = header.split(',').filter_map(|range| {
            let (tag, parameters) = range.split_once(';').unwrap_or((range, ""));
            let weight = parameters.trim().strip_prefix("q=").unwrap_or("1");
            let thousandths =
                weight.parse::<f32>().ok().filter(|weight| (0.0..=1.0).contains(weight))?;
            Some((thousandths, Self::from_tag(tag)?)).filter(|(weight, _)| 0.0 < *weight)
        });
        // Of several with one weight the first counts.
        let best = weighed.reduce(|best, next| if best.0 < next.0 { next } else { best });
        best.map_or(Self::English, |(_, language)| language)
    }
}

/// What is said about a fault with this code, and what would be right, in Chinese.
pub(super) fn in_chinese(code: &str) -> Option<(&'static str, &'static str)> {
    SENTENCES.iter().find(|(known, ..)| *known == code).map(|(_, wrong, right)| (*wrong, *right))
}

/// Code, what is wrong, what would be right.
#[rustfmt::skip]
const SENTENCES: &[(&str, &str, &str)] = &[
    // Reading a line
    ("not_utf8", "文字不是 UTF-8 编码", "以 UTF-8 编码保存"),
    ("nul_character", "文字中含有无法保存的空字符 U+0000", "去掉该字符"),
    ("malformed_json", "这一行不是完整的 JSON", "每行一个 JSON 对象"),
    ("cut_off", "最后一行不完整，文件可能在上传或导出时被截断", "重新导出完整的文件后再上传"),
    ("line_too_long", "这一行太长", "每行一份申报，且不超过 1 MiB"),
    ("unknown_field", "没有这个字段", "去掉该字段，或改用正确的字段名"),
    ("missing_field", "缺少必填字段", "补上该字段"),
    ("duplicate_field", "同一字段出现了两次", "每个字段只写一次"),
    ("unknown_value", "该字段不接受这个值", "使用规定的代码之一"),
    ("wrong_type", "值的类型不对", "按字段要求的类型填写"),
    ("invalid_value", "值的格式不对", "按字段要求的格式填写"),
    // The filing as a whole
    ("missing", "缺少必填内容", "补上该内容"),
    ("out_of_place", "这类申报没有该内容", "去掉该内容，或改用其他申报类型"),
    ("invalid_text", "文字过长、为空、含控制字符或前后有空格", "填写规定长度以内的文字，前后不留空格"),
    ("unknown_site", "贵单位没有使用该代码的场所", "填写贵单位已登记场所的代码"),
    ("in_the_future", "时间在将来，事情尚未发生", "填写已经发生的时间"),
    ("too_long_ago", "时间过早，早于最早可申报的日期", "检查年份"),
    ("invalid_month", "月份格式不对", "例如 2026-10"),
    ("nothing_to_correct", "没有可以更正的上一版本", "版本号应比最新版本大一"),
    ("other_kind", "上一版本是另一种申报", "使用与上一版本相同的申报类型，或另用新的编号"),
    ("too_many_lines", "一份申报的明细行过多", "每份申报不超过 1000 行"),
    ("too_many_pairs", "一次加工的投入与产出批次过多", "拆分为几份申报"),
    // Lots and products
    ("unknown_lot", "没有贵单位生产或收到的该批次", "填写贵单位自己的批号，或收到批次的标识"),
    ("circular", "这些申报互相等待对方产出的批次，无法确定先后", "改正批号，使每个批次先产出后使用"),
    ("lot_number_taken", "该批号以前已经申报过", "使用新的批号"),
    ("lot_twice", "同一批次在本申报中出现了两次", "每个批次只写一行"),
    ("not_a_number", "新批次应使用贵单位自己的批号，不能用标识", "填写自己的批号"),
    ("unknown_product", "贵单位产品目录中没有该代码", "填写产品目录中的代码"),
    ("invalid_composition", "成分不可能是某种物料的成分", "各元素百分比在 0 到 100 之间，合计不超过 100"),
    ("invalid_mass", "不是有效的质量", "以千克为单位，最多三位小数，例如 1200.500"),
    ("nothing", "数量为零，没有发生移动", "填写大于 0 的数量"),
    ("outcome_differs", "数量与验收结果不一致", "改正数量或验收结果"),
    ("unusual_magnitude", "数量与贵单位同类物料的通常数量相差数百倍，可能单位有误", "请核对单位是否为千克（不是吨或克）"),
    // Parties, movements and prices
    ("invalid_uscc", "统一社会信用代码无效", "18 位统一社会信用代码，注意校验位"),
    ("invalid_lei", "法人识别编码（LEI）无效", "20 位 LEI，注意校验位"),
    ("invalid_country", "国家或地区代码无效", "ISO 3166-1 两位代码，例如 DE"),
    ("invalid_movement", "移动编号的格式或校验位不对", "发往贵单位的移动的编号或标识"),
    ("unknown_movement", "没有发往贵单位的该移动", "发往贵单位的移动的编号或标识"),
    ("reference_used", "该移动编号已用于贵单位的另一份签收", "更正那份签收；如又有货到，请改用移动的标识"),
    ("invalid_currency", "币种代码无效", "ISO 4217 代码，例如 CNY"),
    ("invalid_amount", "不是有效的价格", "不小于 0 的数，最多四位小数"),
    // Files
    ("changed_content", "该编号以前已申报，内容与本行不同", "如需更正，请以更正（版本号和理由）申报"),
    ("held_back", "因文件要求整体记录而其他行有误，本行未记录", "改正有误的行后重新提交整个文件"),
    ("too_much_at_once", "文件太大，无法整体记录", "每个文件不超过 10000 份申报，或不要求整体记录"),
    ("too_much_waits", "文件中等待后面批次的申报过多", "按发生时间排序，或拆分为几个文件"),
    ("not_recorded", "本行无法保存", "请联系主管部门并提供任务编号"),
    ("not_a_workbook", "这不是工作簿文件", "电子表格软件保存的 .xlsx 文件"),
    ("workbook_too_large", "工作簿解压后过大", "不超过 1048576 行、200 列，或改用 CSV"),
    ("no_sheet", "工作簿中没有含数据的工作表", "把数据放在第一个工作表"),
    ("unreadable_workbook", "工作簿已损坏，无法读取", "重新保存，或另存为 CSV"),
    ("too_many", "条目过多", "减少条目"),
    ("unknown_column", "没有字段对应这个列名", "使用模板中的列名，或先设置列名对应关系"),
    ("column_twice", "两个列对应同一字段", "每个字段只保留一列"),
    ("no_such_column", "缺少必需的列", "补上该列"),
    ("invalid_number", "不是一个数", "例如 1200.5 或 1,200.5"),
    ("invalid_date", "不是有效的日期或时间", "例如 2026-10-03、2026/10/3 或 2026年10月3日"),
    ("unknown_word", "该列不接受这个词", "使用规定的词"),
    ("mixed_basis", "同一行的成分既按元素又按氧化物填写", "一行之内统一按元素或统一按氧化物填写"),
    ("differs_from_first_row", "同一编号各行的该内容不一致", "与该编号的第一行保持一致"),
    ("too_many_cells", "这一行的单元格比标题多", "检查分隔符与引号"),
    ("mixed_encodings", "这一行的文字既不是 UTF-8 也不是 GB18030", "用同一种编码保存整个文件"),
    ("unclosed_quote", "引号没有闭合，文件可能被截断", "补上引号，或重新导出完整的文件"),
];

#[cfg(test)]
mod tests {
    use super::{super::table::headings::FIELDS, *};

    #[test]
    fn the_heaviest_language_that_is_spoken_here_is_chosen() {
        for (header, language) in [
            ("", Language::English),
            ("zh-CN,zh;q=0.9,en;q=0.8", Language::Chinese),
            ("en-GB, zh;q=0.5", Language::English),
            ("de, fr;q=0.9, zh;q=0.1", Language::Chinese),
            ("en;q=0.2, zh-Hans-CN;q=0.4", Language::Chinese),
            ("zh;q=0", Language::English),
            ("zh;q=many", Language::English),
        ] {
            assert_eq!(Language::accepted(header), language, "{header}");
        }
    }

    /// The codes of the checks stand in the source as the second argument of a fault.
    #[test]
    fn every_code_of_the_checks_has_a_sentence() {
        let sources = [
            include_str!("../check/mod.rs"),
            include_str!("../check/lines.rs"),
            include_str!("../check/parties.rs"),
            include_str!("../check/fields.rs"),
            include_str!("../members.rs"),
            include_str!("judge.rs"),
            include_str!("lines.rs"),
            include_str!("verdict.rs"),
            include_str!("run.rs"),
            include_str!("workbook.rs"),
            include_str!("table/mod.rs"),
            include_str!("table/form.rs"),
            include_str!("table/headings.rs"),
        ];
        let mut codes = 0;
        for source in sources {
            // Tests make up headings of their own.
            let source = source.split("#[cfg(test)]").next().unwrap_or_default();
            for (before, after) in source.match_indices('"').map(|(at, _)| source.split_at(at)) {
                let Some((word, _)) = after[1..].split_once('"') else { continue };
                let is_code = (before.ends_with(", ") || before.ends_with(",\n                "))
                    && word.contains('_')
                    && word.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
                let is_member = crate::filings::form::MEMBERS_WITH_UNDERSCORES.contains(&word);
                let is_field = FIELDS.iter().any(|(_, name, ..)| *name == word);
                if is_code && !is_member && !is_field {
                    codes += 1;
                    assert!(in_chinese(word).is_some(), "{word} has no sentence");
                }
            }
        }
        assert!(25 < codes, "only {codes} codes were found: the test looks in the wrong place");
    }
}
