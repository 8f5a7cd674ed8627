//! Several measurements of one thing.

use std::time::{Duration, Instant};

use crate::figure::Number;

/// Several measurements of one thing, in order of size.
#[derive(Debug, Clone)]
pub(crate) struct Samples(Vec<f64>);

impl Samples {
    /// Takes measurements.
    pub(crate) fn new(samples: impl IntoIterator<Item = f64>) -> Self {
        let mut samples: Vec<f64> = samples.into_iter().collect();
        assert!(!samples.is_empty(), "nothing was measured");
        samples.sort_by(f64::total_cmp);
        Self(samples)
    }

    /// Gives the value below which this share of the measurements lies.
    pub(crate) fn percentile(&self, percent: usize) -> f64 {
        self.0[((self.0.len() * percent).div_ceil(100)).clamp(1, self.0.len()) - 1]
    }

    /// Gives the middle one.
    pub(crate) fn median(&self) -> f64 {
        self.percentile(50)
    }

    /// Says what the middle one hides.
    pub(crate) fn spread(&self, of: &str) -> String {
        let (count, low, high) = (self.0.len(), Number(self.0[0]), Number(self.0[self.0.len() - 1]));
        format!("median of {count} {of}, {low} to {high}")
    }
}

/// Measures how long something takes.
pub(crate) fn timed<T>(work: impl FnOnce() -> T) -> (Duration, T) {
    let began = Instant::now();
    let done = work();
    (began.elapsed(), done)
}

/// Gives milliseconds.
pub(crate) fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}
