//! Items that have begun and not ended.

use pointsman_sdk::Draft;
use pointsman_sdk::backend::Effects;
use serde_json::{Map, Value};

/// Items that have begun and not ended, in the order in which they began.
#[derive(Debug, Default)]
pub(crate) struct OpenItems(Vec<Open>);

/// An item that has begun.
#[derive(Debug)]
struct Open {
    id: String,
    /// The kind of the event that ends it.
    ends_as: &'static str,
    /// What is known of it.
    data: Map<String, Value>,
}

impl OpenItems {
    /// Says whether this item has begun and not ended.
    pub(crate) fn is_open(&self, id: &str) -> bool {
        self.0.iter().any(|open| open.id == id)
    }

    /// Gives what is known of an open item.
    pub(crate) fn get(&self, id: &str) -> Option<&Map<String, Value>> {
        self.0.iter().find(|open| open.id == id).map(|open| &open.data)
    }

    /// Gives the id of the first open item that is as asked for.
    pub(crate) fn find(&self, fits: impl Fn(&str, &Map<String, Value>) -> bool) -> Option<String> {
        self.0.iter().find(|open| fits(&open.id, &open.data)).map(|open| open.id.clone())
    }

    /// Notes that an item has begun, or what is new of it.
    pub(crate) fn begin(&mut self, id: &str, ends_as: &'static str, data: &Map<String, Value>) {
        match self.0.iter_mut().find(|open| open.id == id) {
            Some(open) => open.data = data.clone(),
            None => self.0.push(Open { id: id.to_owned(), ends_as, data: data.clone() }),
        }
    }

    /// Notes that an item has ended; says whether it had begun.
    pub(crate) fn end(&mut self, id: &str) -> bool {
        let before = self.0.len();
        self.0.retain(|open| open.id != id);
        self.0.len() < before
    }

    /// Ends what codex left open: it was interrupted, and whoever pairs events waits for an end.
    pub(crate) fn close(&mut self, effects: &mut Effects) {
        self.close_those(|_| true, effects);
    }

    /// Ends those that codex left open of which this is true.
    pub(crate) fn close_those(&mut self, fits: impl Fn(&Map<String, Value>) -> bool, effects: &mut Effects) {
        for Open { id, ends_as, data } in self.0.extract_if(.., |open| fits(&open.data)) {
            effects.emit(Draft::new(ends_as).item(id).fields(data).field("status", "interrupted"));
        }
    }
}
