"""Writes fixture.json: balances derived without covariance formulas and without Cholesky.

Every error is a variable of its own: one for each measurement, one for each instrument. A balance
is a linear form in them, so covariances are products of forms. SITMUF is taken from its definition,
the balance less its conditional expectation given those before, over the conditional deviation;
the linear systems are solved by Gauss-Jordan in exact fractions. Needs nothing but Python.
"""

import json
import math
from fractions import Fraction
from pathlib import Path

RANDOM, SYSTEMATIC, REFERENCE = 0.01, 0.005, 0.5
OPENING = [1_000_000, RANDOM, SYSTEMATIC]
FLOWS = [  # in, out, closing, in milligrams; from the fourth month on some of it goes missing
    [5_000_000, 4_800_000, 1_190_000],
    [5_200_000, 5_100_000, 1_300_000],
    [4_900_000, 5_000_000, 1_180_000],
    [5_100_000, 4_700_000, 1_400_000],
    [5_000_000, 5_050_000, 1_200_000],
    [5_300_000, 4_900_000, 1_430_000],
    [5_000_000, 5_200_000, 1_310_000],
]


def solve(matrix, right):
    rows = [list(map(Fraction, row)) + [Fraction(r)] for row, r in zip(matrix, right)]
    for at in range(len(rows)):
        pivot = next(row for row in range(at, len(rows)) if rows[row][at] != 0)
        rows[at], rows[pivot] = rows[pivot], rows[at]
        rows[at] = [cell / rows[at][at] for cell in rows[at]]
        for other in range(len(rows)):
            if other != at:
                factor = rows[other][at]
                rows[other] = [a - factor * b for a, b in zip(rows[other], rows[at])]
    return [row[-1] for row in rows]


def forms():
    """Each balance as coefficients of independent errors of variance one."""
    stocks = [OPENING[0]] + [closing for _, _, closing in FLOWS]
    for at, (inflow, outflow, _) in enumerate(FLOWS):
        form = {}
        for name, sign, mass, instrument in [
            (f"stock {at}", 1, stocks[at], "scale of stocks"),
            (f"in {at}", 1, inflow, "scale of what comes in"),
            (f"out {at}", -1, outflow, "scale of what goes out"),
            (f"stock {at + 1}", -1, stocks[at + 1], "scale of stocks"),
        ]:
            form[name] = form.get(name, 0) + Fraction(sign * mass) * Fraction(RANDOM)
            form[instrument] = form.get(instrument, 0) + Fraction(sign * mass) * Fraction(SYSTEMATIC)
        yield form


def product(one, other):
    return sum(value * other.get(name, 0) for name, value in one.items())


def main():
    linear = list(forms())
    stocks = [OPENING[0]] + [closing for _, _, closing in FLOWS]
    muf = [stocks[i] + FLOWS[i][0] - FLOWS[i][1] - stocks[i + 1] for i in range(len(FLOWS))]
    sitmuf = []
    for at, form in enumerate(linear):
        before = linear[:at]
        weights = solve([[product(a, b) for b in before] for a in before], [product(a, form) for a in before])
        expected = sum(w * m for w, m in zip(weights, muf))
        variance = product(form, form) - sum(w * product(a, form) for w, a in zip(weights, before))
        sitmuf.append(float(muf[at] - expected) / math.sqrt(variance))
    cumuf_sigma = []
    for at in range(len(linear)):
        total = {}
        for form in linear[: at + 1]:
            for name, value in form.items():
                total[name] = total.get(name, 0) + value
        cumuf_sigma.append(math.sqrt(product(total, total)))
    loss, gain = [], []
    for z in sitmuf:
        loss.append(max(0.0, (loss[-1] if loss else 0.0) + z - REFERENCE))
        gain.append(max(0.0, (gain[-1] if gain else 0.0) - z - REFERENCE))
    fixture = {
        "opening": OPENING,
        "periods": [[[mass, RANDOM, SYSTEMATIC] for mass in flows] for flows in FLOWS],
        "sigma": [math.sqrt(product(form, form)) for form in linear],
        "cumuf_sigma": cumuf_sigma,
        "sitmuf": sitmuf,
        "loss": loss,
        "gain": gain,
    }
    Path(__file__).with_name("fixture.json").write_text(json.dumps(fixture, indent=1) + "\n")


if __name__ == "__main__":
    main()
