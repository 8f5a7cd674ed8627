//! A figure beside its goal.

use std::fmt;

/// What a figure should be.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Goal {
    /// No more than this.
    AtMost(f64),
    /// No less than this.
    AtLeast(f64),
    /// Nobody has said.
    None,
}

/// Something measured.
#[derive(Debug, Clone)]
pub(crate) struct Figure {
    /// What.
    pub(crate) what: String,
    /// How much.
    pub(crate) reached: f64,
    /// Of what.
    pub(crate) unit: &'static str,
    /// How much it should be.
    pub(crate) goal: Goal,
    /// How it was measured.
    pub(crate) how: String,
}

impl Figure {
    fn met(&self) -> Option<bool> {
        match self.goal {
            Goal::AtMost(most) => Some(self.reached <= most),
            Goal::AtLeast(least) => Some(self.reached >= least),
            Goal::None => None,
        }
    }

    /// Prints it.
    pub(crate) fn tell(&self) {
        let (goal, word) = match (self.goal, self.met()) {
            (Goal::AtMost(most), met) => (format!("≤ {}", Number(most)), word(met)),
            (Goal::AtLeast(least), met) => (format!("≥ {}", Number(least)), word(met)),
            (Goal::None, _) => (String::new(), ""),
        };
        let reached = Number(self.reached).to_string();
        println!("{:<52} {reached:>10} {:<4} {goal:>10} {word:<7} {}", self.what, self.unit, self.how);
    }
}

fn word(met: Option<bool>) -> &'static str {
    if met == Some(true) { "met" } else { "missed" }
}

/// A number with as many digits as matter.
pub(crate) struct Number(pub(crate) f64);

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let decimals = match self.0.abs() {
            small if small < 10.0 => 2,
            middle if middle < 100.0 => 1,
            _ => 0,
        };
        let text = format!("{:.decimals$}", self.0);
        let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
        let mut grouped = String::new();
        for (index, digit) in whole.chars().enumerate() {
            if index > 0 && (whole.len() - index) % 3 == 0 {
                grouped.push(',');
            }
            grouped.push(digit);
        }
        f.write_str(&grouped)?;
        if fraction.bytes().any(|digit| digit != b'0') { write!(f, ".{fraction}") } else { Ok(()) }
    }
}

/// Prints what stands above the figures.
pub(crate) fn head() {
    println!("{:<52} {:>10} {:<4} {:>10}", "figure", "reached", "", "goal");
}

/// Counts.
pub(crate) fn foot(figures: &[Figure]) {
    let goals: Vec<bool> = figures.iter().filter_map(Figure::met).collect();
    let met = goals.iter().filter(|met| **met).count();
    println!("\n{met} of {} goals met", goals.len());
}
