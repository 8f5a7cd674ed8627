//! Random texts, the same in every run.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;

/// A generator with a fixed seed (xorshift64*).
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub(crate) fn below(&mut self, most: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) as usize % most
    }

    pub(crate) fn one_of<'a, T: ?Sized>(&mut self, all: &[&'a T]) -> &'a T {
        all[self.below(all.len())]
    }

    pub(crate) fn letters(&mut self, of: &str, count: usize) -> String {
        let of = of.as_bytes();
        (0..count).map(|_| char::from(of[self.below(of.len())])).collect()
    }

    /// Makes a text of a recipe: pieces between bars, each fixed letters behind `=`, or a class and a count.
    pub(crate) fn cook(&mut self, recipe: &str) -> String {
        recipe
            .split('|')
            .map(|piece| match piece.strip_prefix('=') {
                Some(fixed) => fixed.to_owned(),
                // base64 of a number, six groups of it.
                None if piece == "D" => STANDARD_NO_PAD.encode(self.letters("0123456789", 12)),
                None => {
                    let (class, count) = piece.split_at(1);
                    self.letters(class_of(class), count.parse().expect("a count"))
                }
            })
            .collect()
    }

    /// A password as people make them.
    pub(crate) fn password(&mut self) -> String {
        let word = self.one_of(&[
            "Sommer",
            "tiger",
            "Kestrel",
            "pineapple",
            "Orchid",
            "wombat",
            "Zeppelin",
            "granite",
        ]);
        let sign = self.one_of(&["!", "#", "$", "-", "_", "+", "?", "%"]);
        let digits = self.letters("0123456789", 2);
        match self.below(4) {
            0 => format!("{word}{digits}{sign}{}", self.letters(LOWER, 3)),
            1 => format!("{}{sign}{digits}{word}", self.letters(LOWER, 3)),
            2 => format!("{word}{sign}{digits}"),
            _ => self.letters(&format!("{ALNUM}!#%+"), 14),
        }
    }
}

const LOWER: &str = "abcdefghijklmnopqrstuvwxyz";
const ALNUM: &str = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";

fn class_of(class: &str) -> &'static str {
    match class {
        "n" => ALNUM,
        "h" => "0123456789abcdef",
        "d" => "0123456789",
        "c" => "123456789",
        "U" => "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789",
        "A" => "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567",
        "l" => "abcdefghijklmnopqrstuvwxyz0123456789",
        "a" => "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ",
        "w" => "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_",
        "b" => "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+/",
        "q" => "QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L",
        other => panic!("no class {other}"),
    }
}
