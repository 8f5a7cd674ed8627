//! What a condition may speak of: names, types, and the words that texts are made of.

/// What is known of a value before there is one.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Type {
    /// Anything.
    Dyn,
    /// True or false.
    Bool,
    /// A whole number.
    Int,
    /// A number that may be a fraction.
    Number,
    /// A point in time.
    Time,
    /// A duration.
    Span,
    /// Nothing.
    Null,
    /// A text; if words are listed, always one of these.
    Text(&'static [&'static str]),
    /// A list.
    List(&'static Type),
    /// A map whose keys are all known.
    Record(&'static [Field]),
    /// Something else that is certainly no truth value.
    Other,
}

impl Type {
    /// Names the type for a message.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Dyn => "a value",
            Self::Bool => "true or false",
            Self::Int | Self::Number => "a number",
            Self::Time => "a time",
            Self::Span => "a duration",
            Self::Null => "null",
            Self::Text(_) => "a text",
            Self::List(_) => "a list",
            Self::Record(_) => "a map",
            Self::Other => "another kind of value",
        }
    }

    /// Tells whether a value has no parts.
    pub(crate) fn is_plain(self) -> bool {
        use Type::{Bool, Int, Null, Number, Span, Text, Time};
        matches!(self, Bool | Int | Number | Time | Span | Null | Text(_))
    }

    /// Tells whether a function that asks for this might take a value.
    pub(crate) fn takes(self, value: Self) -> bool {
        match (self, value) {
            (Self::Dyn, _) | (_, Self::Dyn) => true,
            // The parts of a duration have the same names.
            (Self::Time, Self::Span) => true,
            (_, Self::Null | Self::Other) => false,
            (asked, value) => asked.may_equal(value),
        }
    }

    /// Tells whether two values might be equal, or the one in the place of the other.
    pub(crate) fn may_equal(self, other: Self) -> bool {
        use Type::{Bool, Dyn, Int, List, Null, Number, Other, Record, Span, Text, Time};
        // Everything documented may be null; and numbers of all kinds compare with each other.
        match (self, other) {
            (Dyn | Null | Other, _) | (_, Dyn | Null | Other) => true,
            (Bool, Bool)
            | (Int | Number, Int | Number)
            | (Time, Time)
            | (Span, Span)
            | (Text(_), Text(_))
            | (List(_), List(_))
            | (Record(_), Record(_)) => true,
            (Bool | Int | Number | Time | Span | Text(_) | List(_) | Record(_), _) => false,
        }
    }
}

/// One name and what it stands for.
#[derive(Debug, PartialEq)]
pub(crate) struct Field {
    /// The name.
    pub(crate) name: &'static str,
    /// Its type.
    pub(crate) kind: Type,
}

const fn field(name: &'static str, kind: Type) -> Field {
    Field { name, kind }
}

/// Any text.
pub(crate) const TEXT: Type = Type::Text(&[]);

/// What can be asked about.
pub(crate) const ACTIONS: &[&str] =
    &["spawn", "continue", "permission", "process", "request", "peer_message"];

/// The words of `access`, from least to most: the place in this list is `access_level`.
pub(crate) const ACCESS: &[&str] = &["read-only", "workspace-write", "full"];

const PRINCIPAL: &[Field] =
    &[field("name", TEXT), field("role", TEXT), field("run_id", TEXT), field("depth", Type::Int)];

/// What the host gathers. A fact that it could not gather is null.
pub(crate) const FACTS: &[Field] = &[
    field(
        "git",
        Type::Record(&[
            field("inside", Type::Bool),
            field("root", TEXT),
            field("branch", TEXT),
            field("worktree", Type::Bool),
            field("dirty", Type::Bool),
        ]),
    ),
    field("roots", Type::Record(&[field("inside", Type::Bool), field("configured", Type::Bool)])),
    field("paths", Type::List(&TEXT)),
    field("own_tool", Type::Bool),
    field("runs", Type::Record(&[field("live", Type::Int)])),
    field("run", Type::Record(&[field("elapsed_seconds", Type::Number), field("questions", Type::Int)])),
    field(
        "budget",
        Type::Record(&[
            field("runs_left", Type::Int),
            field("fan_out_left", Type::Int),
            field("depth_left", Type::Int),
            field("seconds_left", Type::Number),
            field("tokens_left", Type::Int),
            field("cost_usd_left", Type::Number),
        ]),
    ),
    field("client", Type::Record(&[field("name", TEXT), field("version", TEXT)])),
    field("host", Type::Record(&[field("os", TEXT), field("user", TEXT)])),
];

/// A command that `commands` finds in a line.
pub(crate) const COMMAND: &[Field] = &[
    field("program", TEXT),
    field("path", TEXT),
    field("words", Type::List(&TEXT)),
    field("args", Type::List(&TEXT)),
    field("env", Type::Dyn),
    field("redirects", Type::List(&Type::Record(REDIRECT))),
    field("globs", Type::Bool),
];

const REDIRECT: &[Field] = &[field("op", TEXT), field("fd", Type::Int), field("target", TEXT)];

/// Every variable of a condition. `README.md` describes them for people; a test keeps the two together.
pub(crate) const VARIABLES: &[Field] = &[
    field("action", Type::Text(ACTIONS)),
    field("backend", TEXT),
    field("role", TEXT),
    field("cwd", TEXT),
    field("access", Type::Text(ACCESS)),
    field("access_level", Type::Int),
    field("depth", Type::Int),
    field("chain", Type::List(&Type::Record(PRINCIPAL))),
    field("request", Type::Dyn),
    field("facts", Type::Record(FACTS)),
    field("now", Type::Time),
];

/// Finds a name among fields.
pub(crate) fn find(fields: &'static [Field], name: &str) -> Option<&'static Field> {
    fields.iter().find(|field| field.name == name)
}

/// Lists the names of fields.
pub(crate) fn names(fields: &'static [Field]) -> impl Iterator<Item = &'static str> + Clone {
    fields.iter().map(|field| field.name)
}
