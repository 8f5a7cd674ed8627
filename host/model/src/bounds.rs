//! Bounds on JSON that came from somewhere one does not trust.

use serde_json::Value;

/// How much JSON is taken at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// Bytes of text.
    pub bytes: usize,
    /// Arrays and objects inside each other.
    pub depth: usize,
    /// Values in all, keys not counted.
    pub nodes: usize,
}

/// JSON that was not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BoundsError {
    /// Too much text.
    #[error("{actual} bytes of JSON, where {limit} are allowed")]
    Bytes {
        /// What came.
        actual: usize,
        /// What is allowed.
        limit: usize,
    },
    /// Too deep.
    #[error("JSON deeper than {limit} levels")]
    Depth {
        /// What is allowed.
        limit: usize,
    },
    /// Too many values.
    #[error("more than {limit} values in JSON")]
    Nodes {
        /// What is allowed.
        limit: usize,
    },
    /// No JSON.
    #[error("not JSON: {message}")]
    Syntax {
        /// What the parser says.
        message: String,
    },
}

/// Reads JSON within bounds.
///
/// Depth and count are taken from the text before anything is built, so a hostile text costs one pass and no memory.
///
/// # Errors
///
/// Which bound was passed, or where the text stops being JSON.
pub fn parse_bounded(text: &str, bounds: Bounds) -> Result<Value, BoundsError> {
    if text.len() > bounds.bytes {
        return Err(BoundsError::Bytes { actual: text.len(), limit: bounds.bytes });
    }
    let (mut depth, mut nodes, mut in_string, mut escaped) = (0_usize, 1_usize, false, false);
    for byte in text.bytes() {
        if in_string {
            match byte {
                _ if escaped => escaped = false,
                b'\\' => escaped = true,
                b'"' => in_string = false,
                _ => {}
            }
            continue;
        }
        match byte {
            b'"' => in_string = true,
            b'[' | b'{' => {
                depth += 1;
                nodes += 1;
            }
            b']' | b'}' => depth = depth.saturating_sub(1),
            b',' => nodes += 1,
            _ => {}
        }
        if depth > bounds.depth {
            return Err(BoundsError::Depth { limit: bounds.depth });
        }
        if nodes > bounds.nodes {
            return Err(BoundsError::Nodes { limit: bounds.nodes });
        }
    }
    serde_json::from_str(text).map_err(|error| BoundsError::Syntax { message: error.to_string() })
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOUNDS: Bounds = Bounds { bytes: 1000, depth: 4, nodes: 20 };

    #[test]
    fn each_bound_holds() {
        assert!(parse_bounded(r#"{"a":[1,{"b":"]]]]]["}]}"#, BOUNDS).is_ok());
        assert_eq!(parse_bounded("[[[[[]]]]]", BOUNDS), Err(BoundsError::Depth { limit: 4 }));
        let many = format!("[{}]", vec!["1"; 30].join(","));
        assert_eq!(parse_bounded(&many, BOUNDS), Err(BoundsError::Nodes { limit: 20 }));
        let long = format!("\"{}\"", "x".repeat(2000));
        assert!(matches!(parse_bounded(&long, BOUNDS), Err(BoundsError::Bytes { .. })));
        assert!(matches!(parse_bounded("{]", BOUNDS), Err(BoundsError::Syntax { .. })));
    }
}
