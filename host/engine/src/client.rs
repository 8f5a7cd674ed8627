//! Who calls.

/// Who calls: the root of every chain of principals.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Client {
    /// What the client calls itself, such as `claude-code`.
    pub name: String,
    /// Its version, if it says one.
    pub version: Option<String>,
}
