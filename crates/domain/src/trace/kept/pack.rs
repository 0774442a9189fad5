//! Numbers, masses and texts in as few bytes as they need.
//!
//! Numbers are LEB128, seven bits a byte; signed ones are folded first (0, -1, 1, -2, ..). Masses say
//! in a bit for each element whether it is there.

use super::push;
use crate::{codes::LineRole, element::ELEMENT_COUNT, mass::ElementMasses};

/// Records begin at multiples of this, so that a `u32` reaches far enough.
const UNIT: usize = 4;

/// Records one after another.
#[derive(Debug, Default)]
pub(super) struct Packed {
    bytes: Vec<u8>,
}

/// A record being read.
#[derive(Clone, Debug)]
pub(super) struct Unpacking<'a> {
    rest: &'a [u8],
}

impl Packed {
    /// Begins a record and answers where it is.
    pub(super) fn begin(&mut self) -> u32 {
        while !self.bytes.len().is_multiple_of(UNIT) {
            push(&mut self.bytes, 0);
        }
        super::place(self.bytes.len() / UNIT)
    }

    pub(super) fn number(&mut self, mut number: u64) {
        while 0x7f < number {
            push(&mut self.bytes, low_bits(number) | 0x80);
            number >>= 7;
        }
        push(&mut self.bytes, low_bits(number));
    }

    pub(super) fn signed(&mut self, number: i64) {
        self.number((number << 1 ^ number >> 63).cast_unsigned());
    }

    pub(super) fn text(&mut self, text: &str) {
        self.number(text.len() as u64);
        for byte in text.bytes() {
            push(&mut self.bytes, byte);
        }
    }

    pub(super) fn masses(&mut self, masses: &ElementMasses) {
        let present = masses.present().fold(0, |bits, (element, _)| bits | 1 << element.index());
        self.number(present);
        for (_, mass) in masses.present() {
            self.signed(mass);
        }
    }

    pub(super) fn read(&self, record: u32) -> Unpacking<'_> {
        Unpacking { rest: &self.bytes[super::index(record) * UNIT..] }
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes.capacity()
    }
}

impl<'a> Unpacking<'a> {
    pub(super) fn number(&mut self) -> u64 {
        let (mut number, mut shift) = (0, 0);
        loop {
            let (byte, rest) = self.rest.split_first().expect("a record is whole");
            self.rest = rest;
            number |= u64::from(byte & 0x7f) << shift;
            if *byte < 0x80 {
                return number;
            }
            shift += 7;
        }
    }

    pub(super) fn signed(&mut self) -> i64 {
        let number = self.number();
        (number >> 1).cast_signed() ^ -(number & 1).cast_signed()
    }

    pub(super) fn text(&mut self) -> &'a str {
        let length = usize::try_from(self.number()).expect("a text is in memory");
        let (text, rest) = self.rest.split_at(length);
        self.rest = rest;
        std::str::from_utf8(text).expect("it was packed as text")
    }

    pub(super) fn masses(&mut self) -> ElementMasses {
        let present = self.number();
        let mut masses = ElementMasses::ZERO;
        for index in (0..ELEMENT_COUNT).filter(|index| present >> index & 1 == 1) {
            masses.0[index] = self.signed();
        }
        masses
    }

    /// Passes by masses that nobody asks for.
    pub(super) fn skip_masses(&mut self) {
        for _ in 0..self.number().count_ones() {
            self.number();
        }
    }
}

/// The number that stands for a role.
pub(super) fn code_of(role: LineRole) -> u64 {
    LineRole::ALL.iter().position(|known| *known == role).expect("all roles are listed") as u64
}

/// The role that a number stands for.
pub(super) fn role_of(code: u64) -> LineRole {
    LineRole::ALL[usize::try_from(code).expect("a code is small")]
}

fn low_bits(number: u64) -> u8 {
    (number & 0x7f).to_le_bytes()[0]
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_is_packed_comes_out_as_it_went_in(
            numbers in prop::collection::vec(any::<u64>(), 0..4),
            signed in any::<i64>(),
            text in ".{0,40}",
            masses in prop::array::uniform17(prop_oneof![Just(0), -5_i64..5, any::<i64>()]),
        ) {
            let mut packed = Packed::default();
            let records: Vec<u32> = (0..2)
                .map(|_| {
                    let record = packed.begin();
                    packed.text(&text);
                    for number in &numbers {
                        packed.number(*number);
                    }
                    packed.masses(&ElementMasses(masses));
                    packed.signed(signed);
                    record
                })
                .collect();
            for record in records {
                let mut reading = packed.read(record);
                prop_assert_eq!(reading.text(), &text);
                for number in &numbers {
                    prop_assert_eq!(reading.number(), *number);
                }
                let mut skipping = reading.clone();
                skipping.skip_masses();
                prop_assert_eq!(reading.masses(), ElementMasses(masses));
                prop_assert_eq!(reading.signed(), signed);
                prop_assert_eq!(skipping.signed(), signed);
            }
        }
    }
}
