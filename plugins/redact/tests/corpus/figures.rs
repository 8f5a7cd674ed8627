//! The figures, and the bounds that they must keep.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use sha2::{Digest as _, Sha256};

use crate::{innocent, secret};

/// Of a hundred secrets of a family, this many are found at least.
const FOUND: usize = 95;
/// Of a hundred of all secrets.
const FOUND_OF_ALL: usize = 98;
/// Of a hundred texts without secrets, this many are hit at most.
const HIT: usize = 2;

#[derive(Default)]
struct Count {
    all: [usize; 2],
    right: [usize; 2],
}

/// What was found, by family, tuned and held out.
#[derive(Default)]
pub(crate) struct Figures {
    secrets: BTreeMap<String, Count>,
    innocents: BTreeMap<String, Count>,
    failed: Vec<String>,
}

fn held_out(text: &str) -> usize {
    usize::from(Sha256::digest(text).first().is_some_and(|byte| byte & 1 == 1))
}

impl Figures {
    pub(crate) fn secret(&mut self, case: &secret::Case, found: bool) {
        let data = case.data.to_string();
        let half = held_out(&data);
        count(&mut self.secrets, &case.kind, half, found);
        if !found {
            // What is held out is counted, not looked at.
            let shown = if half == 0 { data.as_str() } else { "(held out)" };
            self.failed.push(format!("missed {} in {}: {shown}", case.kind, case.setting));
        }
    }

    pub(crate) fn innocent(&mut self, case: &innocent::Case, left: Option<&str>) {
        let half = held_out(&case.data.to_string());
        count(&mut self.innocents, case.kind, half, left.is_none());
        if let Some(left) = left {
            let shown = if half == 0 { left } else { "(held out)" };
            self.failed.push(format!("hit {}: {shown}", case.kind));
        }
    }

    pub(crate) fn say_what_failed(&self) {
        eprintln!("{}", self.failed.join("\n"));
    }

    /// Fails if a bound is not kept.
    pub(crate) fn hold(&self) {
        let sum = |counts: &BTreeMap<String, Count>| {
            let all: usize = counts.values().flat_map(|count| count.all).sum();
            (all, counts.values().flat_map(|count| count.right).sum::<usize>())
        };
        let (secrets, found) = sum(&self.secrets);
        assert!(secrets >= 300 && found * 100 >= secrets * FOUND_OF_ALL, "{found} of {secrets} are found");
        for (kind, count) in &self.secrets {
            let (all, right) = (count.all[0] + count.all[1], count.right[0] + count.right[1]);
            assert!(right * 100 >= all * FOUND, "{kind}: {right} of {all} are found");
        }
        let (innocents, right) = sum(&self.innocents);
        assert!(
            innocents >= 1_500 && (innocents - right) * 100 <= innocents * HIT,
            "{right} of {innocents} are left alone"
        );
    }

    /// Fails if the README says something else; with `UPDATE_FIGURES` it is written.
    pub(crate) fn are_in_the_readme(&self) {
        const BEGIN: &str = "<!-- figures: written by tests/corpus -->\n";
        const END: &str = "<!-- end of figures -->";
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/README.md");
        let readme = std::fs::read_to_string(path).unwrap();
        let (before, rest) = readme.split_once(BEGIN).expect("the README has a place for the figures");
        let (told, after) = rest.split_once(END).expect("the place ends");
        let table = self.table();
        if std::env::var_os("UPDATE_FIGURES").is_some() {
            std::fs::write(path, format!("{before}{BEGIN}{table}{END}{after}")).unwrap();
        } else {
            assert_eq!(told, table, "run this test with UPDATE_FIGURES=1 and look at what changed");
        }
    }

    fn table(&self) -> String {
        let mut table = String::new();
        for (title, verb, counts) in
            [("Secrets", "found", &self.secrets), ("Without secrets", "left alone", &self.innocents)]
        {
            writeln!(table, "| {title} | {verb}, tuned on | {verb}, held out |\n| --- | --- | --- |")
                .unwrap();
            let mut sum = Count::default();
            for (kind, count) in counts {
                row(&mut table, kind, count);
                for half in 0..2 {
                    sum.all[half] += count.all[half];
                    sum.right[half] += count.right[half];
                }
            }
            row(&mut table, "**all**", &sum);
            table.push('\n');
        }
        table
    }
}

fn row(table: &mut String, kind: &str, Count { all, right }: &Count) {
    writeln!(table, "| {kind} | {} of {} | {} of {} |", right[0], all[0], right[1], all[1]).unwrap();
}

fn count(counts: &mut BTreeMap<String, Count>, kind: &str, half: usize, right: bool) {
    let count = counts.entry(kind.to_owned()).or_default();
    count.all[half] += 1;
    count.right[half] += usize::from(right);
}
