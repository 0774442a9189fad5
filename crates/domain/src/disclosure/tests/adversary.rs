//! Somebody who wants to know: solves for what a release leaves open, with linear programming.
//!
//! Written from the published page alone — names of codes, which code is part of which, values —
//! and sharing no code with the suppressor. Rounding is not counted on: values come exact.

use std::collections::BTreeMap;

pub(super) type Names = [String; 3];

/// Which code is directly part of which, for each dimension.
pub(super) type Parts = [BTreeMap<String, Vec<String>>; 3];

/// What is known about a table: values of what was published, nothing of the rest; what is not
/// listed is nothing.
pub(super) struct Known {
    pub(super) cells: BTreeMap<Names, Option<u64>>,
    pub(super) parts: Parts,
    /// The least that each cell holds, for somebody who contributed to it.
    pub(super) floor: BTreeMap<Names, u64>,
}

impl Known {
    /// The least and the most that a cell can hold, or `None` for a cell without upper bound.
    pub(super) fn interval(&self, wanted: &Names) -> (f64, Option<f64>) {
        let unknown: Vec<&Names> = self
            .cells
            .iter()
            .filter(|(_, value)| value.is_none())
            .map(|(names, _)| names)
            .collect();
        let index: BTreeMap<&Names, usize> =
            unknown.iter().enumerate().map(|(index, names)| (*names, index)).collect();
        let floor = |names: &Names| real(self.floor.get(names).copied().unwrap_or(0));
        let mut rows: Vec<(Vec<f64>, f64)> = Vec::new();
        // For every cell and dimension: the parts of it together are it.
        for (names, value) in &self.cells {
            for dimension in 0..3 {
                let Some(parts) = self.parts[dimension].get(&names[dimension]) else { continue };
                let (mut row, mut constant) = (vec![0.0; unknown.len()], 0.0);
                let mut put = |names: &Names, value: Option<u64>, sign: f64| {
                    // Each unknown is its floor and something from nothing upwards.
                    constant -= sign * value.map_or_else(|| floor(names), real);
                    if value.is_none() {
                        row[index[names]] += sign;
                    }
                };
                put(names, *value, -1.0);
                for part in parts {
                    let mut at = names.clone();
                    at[dimension].clone_from(part);
                    if let Some(value) = self.cells.get(&at) {
                        put(&at, *value, 1.0);
                    }
                }
                if row.iter().any(|factor| *factor != 0.0) {
                    rows.push((row, constant));
                }
            }
        }
        let mut objective = vec![0.0; unknown.len()];
        objective[index[wanted]] = 1.0;
        let highest = maximise(&rows, &objective).map(|most| floor(wanted) + most);
        objective[index[wanted]] = -1.0;
        let lowest = maximise(&rows, &objective).expect("nothing is below its floor");
        (floor(wanted) - lowest, highest)
    }
}

#[expect(clippy::cast_precision_loss, reason = "masses of tests are small")]
pub(super) const fn real(amount: u64) -> f64 {
    amount as f64
}

const TINY: f64 = 1e-7;

/// The two-phase simplex method with Bland's rule: the largest `objective` of what is nowhere below
/// zero and fulfils `rows`, which somebody does. `None` when it has no end.
fn maximise(rows: &[(Vec<f64>, f64)], objective: &[f64]) -> Option<f64> {
    let (width, height) = (objective.len(), rows.len());
    let columns = width + height;
    let mut tableau: Vec<Vec<f64>> = rows
        .iter()
        .enumerate()
        .map(|(number, (row, constant))| {
            let sign = if *constant < 0.0 { -1.0 } else { 1.0 };
            let mut line: Vec<f64> = row.iter().map(|factor| sign * factor).collect();
            line.extend((0..height).map(|it| if it == number { 1.0 } else { 0.0 }));
            line.push(sign * constant);
            line
        })
        .collect();
    let mut basis: Vec<usize> = (width..columns).collect();
    let mut artificial = vec![0.0; columns];
    artificial[width..].fill(-1.0);
    run(&mut tableau, &mut basis, &artificial, columns).expect("the first phase ends at nothing");
    // What is still in the basis of the first phase is nothing, and leaves it where it can.
    for row in 0..height {
        if basis[row] < width {
            continue;
        }
        if let Some(column) = (0..width).find(|column| tableau[row][*column].abs() > TINY) {
            pivot(&mut tableau, &mut basis, row, column);
        }
    }
    let mut second = objective.to_vec();
    second.resize(columns, 0.0);
    run(&mut tableau, &mut basis, &second, width)
}

fn run(
    tableau: &mut [Vec<f64>],
    basis: &mut [usize],
    objective: &[f64],
    usable: usize,
) -> Option<f64> {
    let last = objective.len();
    loop {
        let gain = |column: usize, tableau: &[Vec<f64>]| {
            let paid: f64 =
                basis.iter().zip(tableau).map(|(basic, row)| objective[*basic] * row[column]).sum();
            objective[column] - paid
        };
        let Some(entering) = (0..usable).find(|column| gain(*column, tableau) > TINY) else {
            let value =
                basis.iter().zip(&*tableau).map(|(basic, row)| objective[*basic] * row[last]);
            return Some(value.sum());
        };
        let leaving = (0..tableau.len())
            .filter(|row| tableau[*row][entering] > TINY)
            .map(|row| (row, tableau[row][last] / tableau[row][entering]))
            .min_by(|(a, x), (b, y)| x.total_cmp(y).then(basis[*a].cmp(&basis[*b])));
        let (leaving, _) = leaving?;
        pivot(tableau, basis, leaving, entering);
    }
}

fn pivot(tableau: &mut [Vec<f64>], basis: &mut [usize], row: usize, column: usize) {
    let factor = tableau[row][column];
    for value in &mut tableau[row] {
        *value /= factor;
    }
    let chosen = tableau[row].clone();
    for (number, line) in tableau.iter_mut().enumerate() {
        let factor = line[column];
        if number != row && factor != 0.0 {
            for (value, chosen) in line.iter_mut().zip(&chosen) {
                *value -= factor * chosen;
            }
        }
    }
    basis[row] = column;
}
