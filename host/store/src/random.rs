//! Random bytes of the operating system.

use std::io;

/// Gives random bytes.
pub(crate) fn bytes<const N: usize>() -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(io::Error::other)?;
    Ok(bytes)
}

/// Gives eight random bytes in hexadecimal: a piece of a temporary file's name.
pub(crate) fn hex8() -> io::Result<String> {
    Ok(format!("{:016x}", u64::from_ne_bytes(bytes()?)))
}
