//! Tables of three dimensions whose codes form trees, with who contributed what.

use std::collections::BTreeMap;
use uuid::Uuid;

/// A group of companies, or a company of none: who is counted as one.
pub type Contributor = Uuid;

/// A cell's place: a code of each dimension, by its index.
pub type Place = [usize; 3];

/// What somebody contributed, with the codes of each dimension from the coarsest to the finest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contribution {
    /// The codes below the total, for each dimension.
    pub path: [Vec<String>; 3],
    /// Who.
    pub by: Contributor,
    /// How much.
    pub amount: u64,
}

/// The codes of a dimension; the first is the total of all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dimension {
    names: Vec<String>,
    /// Each but the first has the index of the code it is part of, which is smaller than its own.
    parents: Vec<Option<usize>>,
    depths: Vec<usize>,
}

/// The code of everything.
pub const ALL: &str = "all";

/// How much, and by whom.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cell {
    /// All together; saturates.
    pub total: u64,
    /// Each one's part of it.
    pub by_contributor: BTreeMap<Contributor, u64>,
}

/// A table with all its totals. Cells of nothing are absent.
#[derive(Clone, Debug)]
pub struct Table {
    /// The codes of each dimension.
    pub dimensions: [Dimension; 3],
    /// What is there.
    pub cells: BTreeMap<Place, Cell>,
    /// How many levels below the total each dimension has at most.
    pub levels: [usize; 3],
}

impl Dimension {
    fn new() -> Self {
        Self { names: vec![ALL.to_owned()], parents: vec![None], depths: vec![0] }
    }

    /// The code at the end of this path, which is made where it is missing.
    fn place(&mut self, path: &[String]) -> usize {
        path.iter().fold(0, |parent, name| {
            let known = (0..self.names.len())
                .find(|code| self.parents[*code] == Some(parent) && self.names[*code] == *name);
            known.unwrap_or_else(|| {
                self.names.push(name.clone());
                self.parents.push(Some(parent));
                self.depths.push(self.depths[parent] + 1);
                self.names.len() - 1
            })
        })
    }

    /// A code's name.
    pub fn name(&self, code: usize) -> &str {
        &self.names[code]
    }

    /// How many codes there are.
    pub const fn len(&self) -> usize {
        self.names.len()
    }

    /// Never: there is always the total.
    pub const fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    /// A code and everything it is part of, up to the total.
    pub fn upward(&self, code: usize) -> impl Iterator<Item = usize> + '_ {
        std::iter::successors(Some(code), |code| self.parents[*code])
    }

    /// Whether `code` is `whole` or a part of it.
    pub fn is_within(&self, code: usize, whole: usize) -> bool {
        self.upward(code).any(|it| it == whole)
    }

    /// The codes that a code is directly made of.
    pub fn parts(&self, code: usize) -> impl Iterator<Item = usize> + '_ {
        (0..self.names.len()).filter(move |part| self.parents[*part] == Some(code))
    }

    fn is_leaf(&self, code: usize) -> bool {
        self.parts(code).next().is_none()
    }
}

impl Cell {
    /// How many contributed.
    pub fn contributors(&self) -> usize {
        self.by_contributor.len()
    }

    /// What one of them contributed.
    pub fn of(&self, contributor: Contributor) -> u64 {
        self.by_contributor.get(&contributor).copied().unwrap_or(0)
    }

    /// The two largest contributions; nothing where there are none.
    pub fn two_largest(&self) -> (u64, u64) {
        self.by_contributor.values().fold((0, 0), |(first, second), amount| {
            if first < *amount { (*amount, first) } else { (first, second.max(*amount)) }
        })
    }

    fn add(&mut self, by: Contributor, amount: u64) {
        self.total = self.total.saturating_add(amount);
        let sum = self.by_contributor.entry(by).or_default();
        *sum = sum.saturating_add(amount);
    }
}

impl Table {
    /// Adds contributions up, with codes no finer than so many levels below the total.
    ///
    /// Every path of a dimension must be of one length, so that each contribution lies in a leaf.
    pub fn of(contributions: &[Contribution], levels: [usize; 3]) -> Self {
        let mut dimensions = [Dimension::new(), Dimension::new(), Dimension::new()];
        let mut cells: BTreeMap<Place, Cell> = BTreeMap::new();
        for contribution in contributions.iter().filter(|contribution| 0 < contribution.amount) {
            let leaf: Place = std::array::from_fn(|index| {
                let path = &contribution.path[index];
                dimensions[index].place(&path[..levels[index].min(path.len())])
            });
            for place in above(&dimensions, leaf) {
                cells.entry(place).or_default().add(contribution.by, contribution.amount);
            }
        }
        Self { dimensions, cells, levels }
    }

    /// The finest cells, of which all others are sums.
    pub fn leaves(&self) -> impl Iterator<Item = (Place, &Cell)> {
        let cells = self.cells.iter().map(|(place, cell)| (*place, cell));
        cells.filter(|(place, _)| self.is_leaf(*place))
    }

    /// Whether a cell is one of the finest.
    pub fn is_leaf(&self, place: Place) -> bool {
        place.iter().zip(&self.dimensions).all(|(code, dimension)| dimension.is_leaf(*code))
    }

    /// Whether everything in one cell is in the other as well.
    pub fn is_within(&self, place: Place, whole: Place) -> bool {
        (0..3).all(|index| self.dimensions[index].is_within(place[index], whole[index]))
    }

    /// What shifts of the finest cells do to every cell; those they leave alone are absent.
    pub fn moved(&self, shifts: &BTreeMap<Place, i64>) -> BTreeMap<Place, i64> {
        let mut moved: BTreeMap<Place, i64> = BTreeMap::new();
        for (leaf, shift) in shifts {
            for place in above(&self.dimensions, *leaf) {
                *moved.entry(place).or_default() += shift;
            }
        }
        moved.retain(|_, shift| *shift != 0);
        moved
    }

    /// The names of a cell's codes.
    pub fn names(&self, place: Place) -> [String; 3] {
        std::array::from_fn(|index| self.dimensions[index].name(place[index]).to_owned())
    }
}

/// A cell and every total it is part of.
fn above(dimensions: &[Dimension; 3], leaf: Place) -> impl Iterator<Item = Place> + '_ {
    dimensions[0].upward(leaf[0]).flat_map(move |first| {
        dimensions[1].upward(leaf[1]).flat_map(move |second| {
            dimensions[2].upward(leaf[2]).map(move |third| [first, second, third])
        })
    })
}
