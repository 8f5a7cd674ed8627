//! What can go wrong between a guest's source and its component.

use std::fmt;
use std::path::PathBuf;
use std::process::ExitStatus;

/// A component that was not built.
#[derive(Debug)]
pub enum BuildError {
    /// The compiler cannot make WebAssembly and could not be taught.
    Target {
        /// The target that is missing.
        target: &'static str,
        /// Why it could not be added.
        why: String,
    },
    /// Cargo could not be started.
    Cargo {
        /// What the system says.
        source: std::io::Error,
    },
    /// Cargo ran and failed; it has said why on standard error.
    Failed {
        /// The packages that were asked for.
        packages: String,
        /// How cargo ended.
        status: ExitStatus,
    },
    /// Cargo was content, but no component lies where it should.
    NoComponent {
        /// The package that was asked for.
        package: String,
        /// Where its component should lie.
        path: PathBuf,
    },
}

impl fmt::Display for BuildError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Target { target, why } => write!(
                f,
                "the compiler has no target {target}, which guests are built for, and it could not be added: {why}; \
                 `rustup target add {target}` adds it, or your distribution's package of Rust's standard library \
                 for WebAssembly"
            ),
            Self::Cargo { .. } => f.write_str("cargo could not be started to build guests; is it on PATH?"),
            Self::Failed { packages, status } => {
                write!(f, "building {packages} for {} failed ({status}); cargo said why above", crate::TARGET)
            }
            Self::NoComponent { package, path } => write!(
                f,
                "building {package} left no component at {}; is its crate-type cdylib, and is its library named \
                 like the package?",
                path.display()
            ),
        }
    }
}

impl std::error::Error for BuildError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Cargo { source } => Some(source),
            Self::Target { .. } | Self::Failed { .. } | Self::NoComponent { .. } => None,
        }
    }
}
