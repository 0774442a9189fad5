//! Who takes part: organisations that do not exist, in the proportions of those that do.

use crate::{chance::Chance, data::magnitude, goods::Good, identifiers};
use domain::{
    codes::Stage,
    identifiers::{Lei, Uscc},
};

/// One hundredth of China: what the nation mines in a year, against the published figures.
pub const SCALE: u64 = 100;

/// What an organisation lives of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[expect(missing_docs, reason = "the table below describes them")]
pub enum Trade {
    RockMine,
    LightIonMine,
    HeavyIonMine,
    RockSeparator,
    IonSeparator,
    Smelter,
    AlloyMaker,
    MagnetMaker,
    Recycler,
    Trader,
    Exporter,
}

/// How many of forty organisations live of a trade, and what that means.
struct TradeFacts {
    trade: Trade,
    of_forty: usize,
    word_zh: &'static str,
    word_en: &'static str,
    stages: &'static [Stage],
    /// Where such firms are: division code and name.
    regions: &'static [(&'static str, &'static str)],
    goods: &'static [Good],
}

#[rustfmt::skip]
const TRADES: [TradeFacts; 11] = [
    TradeFacts { trade: Trade::RockMine, of_forty: 3, word_zh: "稀土矿业", word_en: "Rare Earth Mining",
        stages: &[Stage::Mining], regions: &[("150206", "内蒙古包头"), ("513433", "四川凉山"), ("150206", "内蒙古包头")],
        goods: &[Good::RockOre, Good::RockConcentrate] },
    TradeFacts { trade: Trade::LightIonMine, of_forty: 1, word_zh: "离子矿业", word_en: "Ion-Adsorption Mining",
        stages: &[Stage::Mining], regions: &[("360734", "江西赣州")],
        goods: &[Good::LightClay, Good::LightPrecipitate] },
    TradeFacts { trade: Trade::HeavyIonMine, of_forty: 1, word_zh: "重稀土矿业", word_en: "Heavy Rare Earth Mining",
        stages: &[Stage::Mining], regions: &[("360727", "江西龙南")],
        goods: &[Good::HeavyClay, Good::HeavyPrecipitate] },
    TradeFacts { trade: Trade::RockSeparator, of_forty: 4, word_zh: "稀土冶炼分离", word_en: "Rare Earth Separation",
        stages: &[Stage::Separation], regions: &[("150207", "内蒙古包头"), ("510100", "四川成都")],
        goods: &[Good::PrNdOxide, Good::LaCeOxide, Good::MixedOxide] },
    TradeFacts { trade: Trade::IonSeparator, of_forty: 2, word_zh: "稀土分离", word_en: "Rare Earth Refining",
        stages: &[Stage::Separation], regions: &[("360703", "江西赣州"), ("440200", "广东韶关")],
        goods: &[Good::PrNdOxide, Good::LaCeOxide, Good::DyOxide, Good::TbOxide, Good::YOxide, Good::GdOxide,
            Good::MixedOxide, Good::HeavyPrecipitate] },
    TradeFacts { trade: Trade::Smelter, of_forty: 5, word_zh: "稀土金属", word_en: "Rare Earth Metals",
        stages: &[Stage::MetalSmelting], regions: &[("360704", "江西赣州"), ("150203", "内蒙古包头"), ("513400", "四川西昌")],
        goods: &[Good::PrNdMetal, Good::DyMetal] },
    TradeFacts { trade: Trade::AlloyMaker, of_forty: 4, word_zh: "磁材合金", word_en: "Magnet Alloys",
        stages: &[Stage::Alloying], regions: &[("150203", "内蒙古包头"), ("360700", "江西赣州")],
        goods: &[Good::FlakesN, Good::FlakesH, Good::FlakesSh] },
    TradeFacts { trade: Trade::MagnetMaker, of_forty: 8, word_zh: "永磁科技", word_en: "Permanent Magnets",
        stages: &[Stage::MagnetMaking], regions: &[("330212", "浙江宁波"), ("110108", "北京"), ("370600", "山东烟台"), ("330700", "浙江东阳")],
        goods: &[Good::BlanksN, Good::BlanksH, Good::BlanksSh, Good::MagnetsN, Good::MagnetsH, Good::MagnetsSh, Good::Swarf] },
    TradeFacts { trade: Trade::Recycler, of_forty: 4, word_zh: "再生资源", word_en: "Rare Earth Recycling",
        stages: &[Stage::Recycling], regions: &[("360800", "江西吉安"), ("320500", "江苏苏州")],
        goods: &[Good::EndOfLifeMagnets, Good::PrNdOxide, Good::DyOxide] },
    TradeFacts { trade: Trade::Trader, of_forty: 4, word_zh: "稀土贸易", word_en: "Rare Earth Trading",
        stages: &[Stage::Trading], regions: &[("310115", "上海"), ("350200", "福建厦门")], goods: &[] },
    TradeFacts { trade: Trade::Exporter, of_forty: 4, word_zh: "进出口", word_en: "Import and Export",
        stages: &[Stage::Trading, Stage::Export], regions: &[("330206", "浙江宁波"), ("310115", "上海")], goods: &[] },
];

#[rustfmt::skip]
const NAMES: [(&str, &str); 32] = [
    ("云岭", "Yunling"), ("瑞禾", "Ruihe"), ("天枢", "Tianshu"), ("临川", "Linchuan"), ("星澜", "Xinglan"),
    ("泽远", "Zeyuan"), ("金岩", "Jinyan"), ("恒磁", "Hengci"), ("长汀", "Changting"), ("明石", "Mingshi"),
    ("盛和源", "Shengheyuan"), ("白云川", "Baiyunchuan"), ("华澄", "Huacheng"), ("启元", "Qiyuan"), ("广陵", "Guangling"),
    ("南岭", "Nanling"), ("青禾", "Qinghe"), ("嘉木", "Jiamu"), ("远山", "Yuanshan"), ("凌霄", "Lingxiao"),
    ("松原", "Songyuan"), ("海棠", "Haitang"), ("新磁", "Xinci"), ("永安", "Yong'an"), ("丰泰", "Fengtai"),
    ("晨曦", "Chenxi"), ("九州", "Jiuzhou"), ("同辉", "Tonghui"), ("百川", "Baichuan"), ("玉衡", "Yuheng"),
    ("承德源", "Chengdeyuan"), ("江右", "Jiangyou"),
];

/// A group that shares a quota.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// Its Chinese name.
    pub name_zh: &'static str,
    /// Its English name.
    pub name_en: &'static str,
}

/// The groups, all made up.
pub const GROUPS: [Group; 3] = [
    Group { name_zh: "北方演示稀土集团", name_en: "Demonstration North Rare Earth Group" },
    Group { name_zh: "南方演示稀土集团", name_en: "Demonstration South Rare Earth Group" },
    Group { name_zh: "西部演示稀土集团", name_en: "Demonstration West Rare Earth Group" },
];
const NORTH: usize = 0;
const SOUTH: usize = 1;
const WEST: usize = 2;

/// An organisation that files.
#[derive(Clone, Debug, PartialEq)]
pub struct Organisation {
    /// What it lives of.
    pub trade: Trade,
    /// Its Chinese name.
    pub name_zh: String,
    /// Its English name.
    pub name_en: String,
    /// Its unified social credit code.
    pub uscc: Uscc,
    /// Its index in [`GROUPS`].
    pub group: Option<usize>,
    /// Stages it is registered for.
    pub stages: &'static [Stage],
    /// Where its site is.
    pub region: &'static str,
    /// What it makes.
    pub goods: &'static [Good],
    /// What its people's addresses end with, and its own name in them.
    pub handle: String,
}

/// A buyer or supplier in China that does not file.
#[derive(Clone, Debug, PartialEq)]
pub struct Domestic {
    /// Its name.
    pub name: String,
    /// Its unified social credit code.
    pub uscc: Uscc,
}

/// Somebody abroad.
#[derive(Clone, Debug, PartialEq)]
pub struct Foreign {
    /// Its name.
    pub name: String,
    /// Its legal entity identifier, where it has one.
    pub lei: Option<Lei>,
    /// Its country.
    pub country: &'static str,
}

/// Everybody.
#[derive(Clone, Debug, PartialEq)]
pub struct Nation {
    /// Those that file.
    pub organisations: Vec<Organisation>,
    /// Makers of motors, catalysts and glass.
    pub users: Vec<Domestic>,
    /// Those that collect scrap.
    pub collectors: Vec<Domestic>,
    /// End users abroad.
    pub foreign: Vec<Foreign>,
    /// A miner abroad.
    pub foreign_miner: Foreign,
}

/// Destinations by how much was sent there (`monthly-exports.csv`), and who buys there.
#[rustfmt::skip]
const FOREIGN: [(&str, &str); 10] = [
    ("Rheintal Antriebe GmbH", "DE"), ("Lakeshore Motion Inc.", "US"), ("Hanbit Motors Co., Ltd.", "KR"),
    ("Song Hong Electronics Co., Ltd.", "VN"), ("Seto Seimitsu KK", "JP"), ("Nordvind Turbiner A/S", "DK"),
    ("Alpenwerk Servotechnik AG", "CH"), ("Vallée Moteurs SAS", "FR"), ("Moravia Drives s.r.o.", "CZ"),
    ("Coromandel Wind Pvt. Ltd.", "IN"),
];

const USERS: [&str; 8] = [
    "东海电机有限公司",
    "滨江风电设备有限公司",
    "安和汽车零部件有限公司",
    "洪泽催化剂有限公司",
    "永丰抛光材料有限公司",
    "临港机器人有限公司",
    "西湖电梯有限公司",
    "阳澄音响器材有限公司",
];
const COLLECTORS: [&str; 3] =
    ["家家回收服务有限公司", "循环电子拆解有限公司", "绿源报废汽车拆解有限公司"];

impl Nation {
    /// A nation of this many organisations, at least one of each trade.
    pub(crate) fn found(chance: &mut Chance, organisations: usize) -> Self {
        let mut nation = Self {
            organisations: Vec::new(),
            users: domestic(chance, &USERS),
            collectors: domestic(chance, &COLLECTORS),
            foreign: FOREIGN
                .iter()
                .map(|(name, country)| Foreign {
                    name: (*name).to_owned(),
                    lei: Some(identifiers::lei(chance)),
                    country,
                })
                .collect(),
            foreign_miner: Foreign {
                name: "Upper Ayeyarwady Minerals Co., Ltd.".to_owned(),
                lei: None,
                country: "MM",
            },
        };
        for (facts, count) in TRADES.iter().zip(proportional(organisations)) {
            for ordinal in 0..count {
                let number = nation.organisations.len();
                nation.organisations.push(organisation(chance, facts, ordinal, number));
            }
        }
        nation
    }

    /// Everybody of a trade, by index.
    pub fn of_trade(&self, trade: Trade) -> Vec<usize> {
        let of_trade = |index: &usize| self.organisations[*index].trade == trade;
        (0..self.organisations.len()).filter(of_trade).collect()
    }

    /// Grams of rare-earth oxide that a mine sells in an ordinary month.
    pub fn monthly_reo_grams(&self, mine: usize) -> u64 {
        let mine = &self.organisations[mine];
        let peers = |organisation: &&Organisation| {
            organisation.group == mine.group && is_rock(organisation.trade) == is_rock(mine.trade)
        };
        let mines =
            self.organisations.iter().filter(|other| is_mine(other.trade)).filter(peers).count();
        let half_a_year_tonnes = match (is_rock(mine.trade), mine.group) {
            (true, Some(NORTH)) => magnitude("quota_batch1_northern_re_rock_light"),
            (true, _) => magnitude("quota_batch1_china_re_group_rock_light"),
            (false, _) => magnitude("quota_batch1_china_re_group_ion_heavy"),
        };
        half_a_year_tonnes * 1_000_000 / 6 / SCALE / u64::try_from(mines).expect("few mines")
    }
}

fn is_mine(trade: Trade) -> bool {
    matches!(trade, Trade::RockMine | Trade::LightIonMine | Trade::HeavyIonMine)
}

fn is_rock(trade: Trade) -> bool {
    trade == Trade::RockMine
}

/// How many of each trade: as of forty, by largest remainder, at least one of each.
fn proportional(organisations: usize) -> [usize; TRADES.len()] {
    let of_forty: usize = TRADES.iter().map(|facts| facts.of_forty).sum();
    let spare = organisations.saturating_sub(TRADES.len());
    let weights = TRADES.each_ref().map(|facts| facts.of_forty - 1);
    let all = of_forty - TRADES.len();
    let mut counts = weights.map(|weight| 1 + spare * weight / all);
    let mut missing = organisations.max(TRADES.len()) - counts.iter().sum::<usize>();
    let mut order: Vec<usize> = (0..TRADES.len()).collect();
    order.sort_by_key(|index| std::cmp::Reverse(spare * weights[*index] % all));
    for index in order.into_iter().cycle() {
        if missing == 0 {
            break;
        }
        counts[index] += 1;
        missing -= 1;
    }
    counts
}

fn organisation(
    chance: &mut Chance,
    facts: &'static TradeFacts,
    ordinal: usize,
    number: usize,
) -> Organisation {
    let (division, region) = facts.regions[ordinal % facts.regions.len()];
    let (zh, en) = NAMES[number % NAMES.len()];
    // The same name again, in a larger nation, gets a number as branches do.
    let round = number / NAMES.len();
    let (again_zh, again_en) = match round {
        0 => (String::new(), String::new()),
        round => (format!("第{}", round + 1), format!(" No. {}", round + 1)),
    };
    let group = match facts.trade {
        Trade::RockMine | Trade::RockSeparator => Some(if ordinal % 3 == 1 { WEST } else { NORTH }),
        Trade::LightIonMine | Trade::HeavyIonMine | Trade::IonSeparator => Some(SOUTH),
        _ => None,
    };
    Organisation {
        trade: facts.trade,
        name_zh: format!("{zh}{again_zh}{}有限公司", facts.word_zh),
        name_en: format!("{en}{again_en} {} Co., Ltd.", facts.word_en),
        uscc: identifiers::uscc(chance, division),
        group,
        stages: facts.stages,
        region,
        goods: facts.goods,
        handle: format!("{}{}", en.to_lowercase().replace('\'', ""), number + 1),
    }
}

fn domestic(chance: &mut Chance, names: &[&str]) -> Vec<Domestic> {
    names
        .iter()
        .map(|name| Domestic {
            name: (*name).to_owned(),
            uscc: identifiers::uscc(chance, "320500"),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_as_many_as_asked_for_and_some_of_each_trade() {
        for wanted in [11, 12, 40, 41, 97, 500] {
            let nation = Nation::found(&mut Chance::of_seed(1), wanted);
            assert_eq!(nation.organisations.len(), wanted);
            for facts in &TRADES {
                assert!(!nation.of_trade(facts.trade).is_empty());
            }
        }
        let forty = Nation::found(&mut Chance::of_seed(1), 40);
        assert_eq!(forty.of_trade(Trade::MagnetMaker).len(), 8);
    }

    #[test]
    fn names_codes_and_handles_are_nobody_elses() {
        let nation = Nation::found(&mut Chance::of_seed(1), 200);
        let all = |key: fn(&Organisation) -> String| {
            nation.organisations.iter().map(key).collect::<std::collections::BTreeSet<_>>().len()
        };
        assert_eq!(all(|organisation| organisation.uscc.to_string()), 200);
        assert_eq!(all(|organisation| organisation.name_zh.clone()), 200);
        assert_eq!(all(|organisation| organisation.handle.clone()), 200);
    }

    #[test]
    fn the_mines_sell_a_hundredth_of_what_was_granted() {
        let nation = Nation::found(&mut Chance::of_seed(1), 40);
        let mines = (0..40).filter(|index| is_mine(nation.organisations[*index].trade));
        let a_year: u64 = mines.map(|mine| nation.monthly_reo_grams(mine) * 12).sum();
        let granted = 2 * (94_600 + 30_300 + 10_100) * 1_000_000 / SCALE;
        assert!(a_year.abs_diff(granted) < granted / 1_000, "{a_year} against {granted}");
    }
}
