//! Whether a value reads like words, joined however.

/// For each letter, the letters that commonly follow it in English and in the names that programs are made of: nine of
/// ten pairs in real words are among them, and three of ten in random letters.
const FOLLOWS: [u32; 26] = [
    0x13e_bd4e, 0x010_4911, 0x01e_4d91, 0x014_4119, 0x0ef_b87d, 0x012_4111, 0x000_0110, 0x018_4111,
    0x2ae_f87f, 0x000_0000, 0x000_0110, 0x11c_4919, 0x010_c911, 0x01c_415d, 0x07e_fc4c, 0x01e_c911,
    0x010_0000, 0x11e_755d, 0x11c_c195, 0x11e_c995, 0x00e_b916, 0x000_0111, 0x000_4191, 0x008_0010,
    0x000_e000, 0x000_0010,
];

/// Counts of what a value is made of.
#[derive(Default)]
pub(super) struct Made {
    pub(super) lower: usize,
    pub(super) upper: usize,
    pub(super) digits: usize,
    /// `-`, `_`, `.`: what names are joined with.
    pub(super) joints: usize,
    /// Any other character that can be seen.
    pub(super) signs: usize,
    pub(super) hex: bool,
    pub(super) entropy: f64,
}

impl Made {
    pub(super) fn of(value: &str) -> Self {
        let mut made = Self { hex: true, ..Self::default() };
        let mut counts = [0u32; 256];
        for byte in value.bytes() {
            counts[usize::from(byte)] += 1;
            match byte {
                b'a'..=b'z' => made.lower += 1,
                b'A'..=b'Z' => made.upper += 1,
                b'0'..=b'9' => made.digits += 1,
                b'-' | b'_' | b'.' => made.joints += 1,
                _ => made.signs += 1,
            }
            made.hex &= byte.is_ascii_hexdigit();
        }
        let total = value.len().max(1) as f64;
        made.entropy = counts
            .iter()
            .filter(|&&count| count > 0)
            .map(|&count| {
                let share = f64::from(count) / total;
                -share * share.log2()
            })
            .sum();
        made
    }

    pub(super) fn letters(&self) -> usize {
        self.lower + self.upper
    }
}

/// Gives how many pairs of neighbouring letters there are, and how many of them words have.
fn pairs(value: &str) -> (usize, usize) {
    let letter = |byte: u8| byte.is_ascii_alphabetic().then(|| usize::from(byte.to_ascii_lowercase() - b'a'));
    let (mut all, mut common) = (0, 0);
    for pair in value.as_bytes().windows(2) {
        let (Some(first), Some(second)) = (letter(pair[0]), letter(pair[1])) else { continue };
        all += 1;
        common += usize::from(FOLLOWS.get(first).is_some_and(|follows| follows >> second & 1 == 1));
    }
    (all, common)
}

/// Says whether a value reads like words, joined however.
pub(crate) fn reads(value: &str) -> bool {
    let (all, common) = pairs(value);
    let made = Made::of(value);
    // Letters that come one by one between digits, or change their case all the time, are no words.
    let worded = all * 10 >= made.letters() * 6 && segments(value) * 3 <= made.letters() + 2;
    let few_digits = made.digits * 4 <= value.len();
    worded && few_digits && common * 100 >= all * if all < 12 { 75 } else { 62 }
}

/// Counts the words that a name is made of, as far as their letters' case and what is between them shows.
fn segments(value: &str) -> usize {
    let mut segments = 0;
    let mut last = 0;
    for byte in value.bytes() {
        let now = match byte {
            b'a'..=b'z' => 1,
            b'A'..=b'Z' => 2,
            _ => 3,
        };
        // A capital begins a word, and goes with the small letters behind it.
        if now != last && !(last == 2 && now == 1) && now != 3 {
            segments += 1;
        }
        last = now;
    }
    segments
}
