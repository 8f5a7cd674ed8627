//! Why a request came to nothing, in the contract's words.

use std::error::Error;
use std::time::Duration;

use pointsman_model::plugin::RequestFault;

use super::resolver::OutOfBounds;

/// A request that came to nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Failure {
    pub(super) fault: RequestFault,
    /// For people; holds no query and no header.
    pub(super) text: String,
}

impl Failure {
    pub(super) fn new(fault: RequestFault, text: impl Into<String>) -> Self {
        Self { fault, text: text.into() }
    }

    pub(super) fn idle(after: Duration) -> Self {
        Self::new(RequestFault::TimedOut, format!("nothing came for {} ms", after.as_millis()))
    }

    pub(super) fn late(after: Duration) -> Self {
        Self::new(RequestFault::TimedOut, format!("not over within {} ms", after.as_millis()))
    }

    /// Makes a failure of what the client library says.
    pub(super) fn of(error: reqwest::Error, place: &str) -> Self {
        // The URL has its query.
        let error = error.without_url();
        if let Some(refused) = find::<OutOfBounds>(&error) {
            return Self::new(RequestFault::Unreachable, refused.to_string());
        }
        if error.is_connect() {
            let text = if error.is_timeout() {
                format!("no connection to {place}: it took too long")
            } else {
                format!("no connection to {place}: {}", causes(&error))
            };
            return Self::new(RequestFault::Unreachable, text);
        }
        let fault = match find::<hyper::Error>(&error) {
            Some(cause) if cause.is_parse_too_large() => RequestFault::TooLarge,
            Some(cause) if cause.is_parse() => RequestFault::Malformed,
            _ => RequestFault::Broken,
        };
        Self::new(fault, format!("{place}: {}", causes(&error)))
    }
}

fn find<'a, E: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a E> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref() {
            return Some(found);
        }
        next = error.source();
    }
    None
}

/// Joins what stands behind an error; the library's own sentence on top says nothing.
fn causes(error: &reqwest::Error) -> String {
    let mut causes: Vec<String> = Vec::new();
    let mut next = error.source();
    while let Some(cause) = next {
        let text = cause.to_string();
        // Some show their cause within their own text.
        if !causes.last().is_some_and(|last| last.contains(&text)) {
            causes.push(text);
        }
        next = cause.source();
    }
    if causes.is_empty() { error.to_string() } else { causes.join(": ") }
}
