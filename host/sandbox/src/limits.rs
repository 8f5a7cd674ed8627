//! How much a guest may take.

use std::time::Duration;

use pointsman_model::Bounds;

const KIB: usize = 1 << 10;
const MIB: usize = 1 << 20;

/// How much a guest may take, in one instance or in one call.
///
/// There is no default: whoever makes a store says what its guest may take, and a limit that is added later has to be
/// thought of everywhere. The constructors give what Pointsman uses for each kind of plugin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of all linear memories of an instance together.
    pub memory_bytes: usize,
    /// Linear memories of an instance.
    pub memories: usize,
    /// Tables of an instance.
    pub tables: usize,
    /// Elements of all tables of an instance together.
    pub table_elements: usize,
    /// Core instances that a component is made of.
    pub instances: usize,
    /// Resource handles that an instance holds at the same time.
    pub handles: usize,
    /// Fuel for a call: about one unit for each WebAssembly instruction. Making an instance counts as a call.
    pub fuel: u64,
    /// Wall-clock time for a call. It catches what fuel does not see, such as one instruction that fills much memory.
    pub deadline: Duration,
    /// Bytes that the host allocates for what one call returns, counted as it lies in the host's memory.
    pub returned_bytes: usize,
    /// Each JSON text that is returned. The count of nodes holds for all texts of one call together, because a parsed
    /// value takes many times the memory of its text.
    pub json: Bounds,
    /// Effects that one call returns.
    pub effects: usize,
    /// Artifacts that one call takes out of events.
    pub artifacts: usize,
    /// Texts in the lists of one call: arguments, variables, headers, findings, requested capabilities.
    pub strings: usize,
    /// Bytes of a call's standard output and error that reach the log.
    pub log_bytes: usize,
}

impl Limits {
    /// Gives the limits of a backend: one instance for each run, fed with batches of its agent's output.
    ///
    /// Memory leaves room for an interpreter (Python starts with 13 MB, JavaScript with 10). Ten thousand million
    /// instructions are some seconds: a batch of the longest lines parsed by an interpreted guest stays far below.
    #[must_use]
    pub fn backend() -> Self {
        Self {
            memory_bytes: 256 * MIB,
            memories: 8,
            tables: 16,
            table_elements: 65_536,
            instances: 64,
            handles: 4_096,
            fuel: 10_000_000_000,
            deadline: Duration::from_secs(10),
            returned_bytes: 32 * MIB,
            json: Bounds { bytes: 8 * MIB, depth: 64, nodes: 500_000 },
            effects: 16_384,
            artifacts: 0,
            strings: 16_384,
            log_bytes: 64 * KIB,
        }
    }

    /// Gives the limits of a sanitizer: a fresh instance for each batch of events, in the way of every event.
    ///
    /// It returns no more than it was given, and a run waits for it, so half of a backend's time is enough.
    #[must_use]
    pub fn sanitizer() -> Self {
        Self {
            fuel: 5_000_000_000,
            deadline: Duration::from_secs(5),
            effects: 0,
            artifacts: 16_384,
            strings: 256,
            ..Self::backend()
        }
    }

    /// Gives the limits of a policy: somebody waits for each answer, and an answer is a few words.
    ///
    /// Reading a rule book and running its examples is the longest that it does. Starting an interpreter is little of
    /// that: no call of a small policy takes more than half a million units of fuel in Python, or four in JavaScript.
    #[must_use]
    pub fn policy() -> Self {
        Self {
            memory_bytes: 128 * MIB,
            fuel: 2_000_000_000,
            deadline: Duration::from_secs(2),
            returned_bytes: MIB,
            json: Bounds { bytes: 256 * KIB, depth: 64, nodes: 50_000 },
            effects: 0,
            artifacts: 0,
            strings: 1_024,
            ..Self::backend()
        }
    }
}
