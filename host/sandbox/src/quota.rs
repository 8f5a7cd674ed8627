//! Counts what an instance takes, and remembers what it was denied.

use wasmtime::ResourceLimiter;

use crate::Limits;

/// An instance's memories and tables.
pub(crate) struct Quota {
    memory_bytes: Share,
    table_elements: Share,
    memories: usize,
    tables: usize,
    instances: usize,
}

/// What all memories, or all tables, share.
struct Share {
    limit: usize,
    used: usize,
    denied: bool,
}

impl Share {
    fn new(limit: usize) -> Self {
        Self { limit, used: 0, denied: false }
    }

    fn grow(&mut self, current: usize, desired: usize, maximum: Option<usize>) -> bool {
        let used = self.used.saturating_add(desired.saturating_sub(current));
        let fits = used <= self.limit && maximum.is_none_or(|maximum| desired <= maximum);
        if fits {
            self.used = used;
        } else {
            self.denied = true;
        }
        fits
    }
}

impl Quota {
    pub(crate) fn new(limits: &Limits) -> Self {
        Self {
            memory_bytes: Share::new(limits.memory_bytes),
            table_elements: Share::new(limits.table_elements),
            memories: limits.memories,
            tables: limits.tables,
            instances: limits.instances,
        }
    }

    /// Forgets denials: a guest that took one in its stride has not failed for it.
    pub(crate) fn forgive(&mut self) {
        self.memory_bytes.denied = false;
        self.table_elements.denied = false;
    }

    /// Says whether memory was denied since [`Self::forgive`].
    pub(crate) fn denied_memory(&self) -> bool {
        self.memory_bytes.denied
    }
}

impl ResourceLimiter for Quota {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        Ok(self.memory_bytes.grow(current, desired, maximum))
    }

    fn table_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        Ok(self.table_elements.grow(current, desired, maximum))
    }

    fn instances(&self) -> usize {
        self.instances
    }

    fn tables(&self) -> usize {
        self.tables
    }

    fn memories(&self) -> usize {
        self.memories
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memories_share_one_limit() {
        let mut share = Share::new(100);
        assert!(share.grow(0, 60, None));
        assert!(share.grow(0, 40, Some(1000)));
        assert!(!share.denied);
        assert!(!share.grow(60, 61, None));
        assert!(share.denied);
    }
}
