//! Secrets that are known by their shape: they begin, or are built, as their issuer says.
//!
//! What is written here is what issuers document and what the common scanners look for, as facts. A prefix that only
//! its issuer uses needs little more; one that is a word, too, needs a body of exactly the right length.

mod further;
mod parts;
mod table;

use crate::classes::{self, Class};
use crate::plausible;

pub(crate) use table::PREFIXED;

/// What follows a prefix.
#[derive(Clone, Copy)]
pub(crate) enum Body {
    /// At least so many bytes of a class, and all that follow of it.
    Least(Class, usize),
    /// Exactly so many bytes of a class, and no letter or digit behind them.
    Exact(Class, usize),
    /// What this function finds behind the prefix; it gives the length.
    Parts(fn(&[u8]) -> Option<usize>),
    /// The same; the prefix is no part of the secret.
    Behind(fn(&[u8]) -> Option<usize>),
}

/// A shape that begins with fixed letters.
pub(crate) struct Prefixed {
    pub(crate) prefix: &'static str,
    pub(crate) kind: &'static str,
    pub(crate) body: Body,
}

/// A secret that was found by its shape.
pub(crate) struct Found {
    pub(crate) start: usize,
    pub(crate) end: usize,
    pub(crate) kind: &'static str,
}

/// Bytes of a body that are looked at before it is known to be one. Bodies that are none may stand at every third byte.
const LONGEST: usize = 1_024;

/// Where in the table each first byte begins.
const FIRST: [u16; 257] = {
    let mut first = [0u16; 257];
    let mut at = 0;
    let mut byte = 0;
    while byte < 257 {
        while at < PREFIXED.len() && (PREFIXED[at].prefix.as_bytes()[0] as usize) < byte {
            at += 1;
        }
        first[byte] = at as u16;
        byte += 1;
    }
    first
};

/// One bit for each pair of bytes that a prefix begins with: at most places of a text, this one look is all.
const PAIRS: [u64; 1024] = {
    let mut pairs = [0; 1024];
    let mut at = 0;
    while at < PREFIXED.len() {
        let prefix = PREFIXED[at].prefix.as_bytes();
        let pair = (prefix[0] as usize) << 8 | prefix[1] as usize;
        pairs[pair >> 6] |= 1 << (pair & 63);
        at += 1;
    }
    pairs
};

/// Says whether any prefix begins with these two bytes.
#[inline]
pub(crate) fn may_begin(bytes: &[u8], at: usize) -> bool {
    let (Some(&first), Some(&second)) = (bytes.get(at), bytes.get(at + 1)) else { return false };
    let pair = usize::from(first) << 8 | usize::from(second);
    PAIRS.get(pair >> 6).is_some_and(|word| word >> (pair & 63) & 1 == 1)
}

fn beginning_with(byte: u8) -> &'static [Prefixed] {
    let (from, to) = (FIRST[usize::from(byte)], FIRST[usize::from(byte) + 1]);
    PREFIXED.get(usize::from(from)..usize::from(to)).unwrap_or_default()
}

/// Says whether a prefix stands here, whatever follows.
pub(crate) fn prefixed(bytes: &[u8], start: usize) -> bool {
    let Some(rest) = bytes.get(start..) else { return false };
    rest.first().is_some_and(|&first| {
        beginning_with(first).iter().any(|shape| rest.starts_with(shape.prefix.as_bytes()))
    })
}

/// Finds a secret that begins here.
pub(crate) fn at(bytes: &[u8], start: usize) -> Option<Found> {
    let rest = bytes.get(start..)?;
    let candidates = beginning_with(*rest.first()?);
    let mut boundary = None;
    // The table is sorted: of two prefixes that fit, the longer one comes later.
    candidates.iter().rev().find_map(|shape| {
        let body = rest.strip_prefix(shape.prefix.as_bytes())?;
        if !stands_out(shape.prefix) && !*boundary.get_or_insert_with(|| classes::begins(bytes, start)) {
            return None;
        }
        let length = match shape.body {
            Body::Least(class, least) => {
                let seen = classes::run(body.get(..LONGEST).unwrap_or(body), 0, class);
                let fits = seen >= least && !plausible::made_up(body.get(..seen)?);
                let length = fits.then(|| trimmed(body, classes::run(body, 0, class)))?;
                (length >= least).then_some(length)?
            }
            Body::Exact(class, exact) => {
                let length = classes::run(body, 0, class);
                let ends = body.get(exact).is_none_or(|&next| !classes::is(next, classes::ALNUM));
                (length >= exact && ends && !plausible::made_up(body.get(..exact)?)).then_some(exact)?
            }
            Body::Parts(find) | Body::Behind(find) => find(body)?,
        };
        let behind = start + shape.prefix.len();
        let start = if matches!(shape.body, Body::Behind(_)) { behind } else { start };
        Some(Found { start, end: behind + length, kind: shape.kind })
    })
}

/// Says whether a prefix comes up nowhere else, so that a token is one even behind letters.
fn stands_out(prefix: &str) -> bool {
    prefix.len() >= 4 && prefix.ends_with('_') || prefix.len() >= 6
}

/// A full stop or a dash behind a token belongs to the sentence.
fn trimmed(body: &[u8], length: usize) -> usize {
    let run = body.get(..length).unwrap_or_default();
    length - run.iter().rev().take_while(|&&byte| byte == b'.').count()
}

/// Finds a secret whose issuer put a mark into its middle, when the mark begins here.
pub(crate) fn around(bytes: &[u8], at: usize) -> Option<Found> {
    let rest = bytes.get(at..)?;
    table::MARKED.iter().find_map(|shape| {
        let body = rest.strip_prefix(shape.mark.as_bytes())?;
        let most = shape.count + if shape.exact { 0 } else { 8 };
        let back = classes::run_back(bytes, at, shape.before, most);
        let fits = back >= shape.count && (!shape.exact || classes::begins(bytes, at - back));
        let after = trimmed(body, classes::run(body, 0, shape.after));
        let start = at - back;
        let end = at + shape.mark.len() + after;
        let found = fits && after >= shape.least && !plausible::made_up(bytes.get(start..end)?);
        found.then_some(Found { start, end, kind: shape.kind })
    })
}

/// Says whether any mark begins with this byte.
#[inline]
pub(crate) fn may_mark(byte: u8) -> bool {
    matches!(byte, b'Q' | b'.' | b'A' | b'J' | b'N' | b':' | b'-' | b'+')
}

/// Says whether the host, this plugin or an operator's pattern may leave a marker of this kind.
pub(crate) fn is_kind(kind: &str) -> bool {
    PREFIXED
        .iter()
        .map(|shape| shape.kind)
        .chain(table::MARKED.iter().map(|shape| shape.kind))
        .any(|known| known == kind)
}

/// Names every kind that is known by its shape.
#[cfg(test)]
pub(crate) fn kinds() -> std::collections::BTreeSet<&'static str> {
    PREFIXED.iter().map(|shape| shape.kind).chain(table::MARKED.iter().map(|shape| shape.kind)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted_and_kinds_can_stand_in_a_marker() {
        assert!(PREFIXED.is_sorted_by_key(|shape| shape.prefix));
        for kind in kinds() {
            assert!(
                kind.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
            );
        }
        for shape in table::MARKED {
            assert!(may_mark(shape.mark.as_bytes()[0]), "{}", shape.mark);
        }
    }
}
