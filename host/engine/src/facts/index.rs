//! Git's index, as far as it tells of changes (gitformat-index(5), versions 2 to 4, SHA-1).

/// What an index holds.
pub(super) struct Index {
    pub(super) entries: Vec<Entry>,
    /// Whether anything was staged since the index was last in step with a tree; nothing if it does not say.
    pub(super) staged: Option<bool>,
}

/// A tracked file, as it was when git last looked at it.
pub(super) struct Entry {
    pub(super) path: String,
    pub(super) seconds: u32,
    pub(super) nanoseconds: u32,
    pub(super) size: u32,
    pub(super) blob: [u8; 20],
    mode: u32,
    /// Other versions of it wait to be merged, or it was only announced.
    pub(super) unmerged: bool,
    /// Nobody is to look at it: a submodule, or a file that is told to be left alone.
    pub(super) passed_over: bool,
}

impl Entry {
    pub(super) fn is_link(&self) -> bool {
        self.mode & 0o170_000 == 0o120_000
    }

    pub(super) fn is_executable(&self) -> bool {
        self.mode & 0o100 != 0
    }
}

/// Bytes that are read from the front.
struct Bytes<'b>(&'b [u8]);

impl<'b> Bytes<'b> {
    fn take(&mut self, count: usize) -> Option<&'b [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.take(N)?.try_into().ok()
    }

    fn number(&mut self) -> Option<u32> {
        self.array().map(u32::from_be_bytes)
    }

    fn short(&mut self) -> Option<u16> {
        self.array().map(u16::from_be_bytes)
    }

    /// Takes bytes up to one that ends them; that one goes, too.
    fn until(&mut self, end: u8) -> Option<&'b [u8]> {
        let at = self.0.iter().position(|byte| *byte == end)?;
        let taken = self.take(at)?;
        self.take(1)?;
        Some(taken)
    }

    /// A number of any length, as packs write offsets.
    fn varint(&mut self) -> Option<usize> {
        let mut value = 0_usize;
        loop {
            let [byte] = self.array()?;
            value = value.checked_mul(128)?.checked_add(usize::from(byte & 0x7f))?;
            if byte & 0x80 == 0 {
                return Some(value);
            }
            value = value.checked_add(1)?;
        }
    }
}

impl Index {
    /// Reads an index; nothing if it is none, or of a kind that this does not know.
    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        let mut bytes = Bytes(bytes);
        if bytes.take(4)? != b"DIRC" {
            return None;
        }
        let version = bytes.number()?;
        if !(2..=4).contains(&version) {
            return None;
        }
        let count = bytes.number()?;
        let mut entries: Vec<Entry> = Vec::new();
        for _ in 0..count {
            let before = entries.last().map_or("", |entry| entry.path.as_str());
            let entry = entry(&mut bytes, version, before)?;
            entries.push(entry);
        }
        let staged = if entries.is_empty() { Some(false) } else { extensions(&mut bytes)? };
        Some(Self { entries, staged })
    }
}

fn entry(bytes: &mut Bytes<'_>, version: u32, before: &str) -> Option<Entry> {
    let start = bytes.0.len();
    let _changed: [u8; 8] = bytes.array()?;
    let (seconds, nanoseconds) = (bytes.number()?, bytes.number()?);
    let _place: [u8; 8] = bytes.array()?;
    let mode = bytes.number()?;
    let _owner: [u8; 8] = bytes.array()?;
    let (size, blob, flags) = (bytes.number()?, bytes.array()?, bytes.short()?);
    let more = if flags & 0x4000 != 0 { bytes.short()? } else { 0 };
    let path = if version == 4 {
        let kept = before.len().checked_sub(bytes.varint()?)?;
        let rest = std::str::from_utf8(bytes.until(0)?).ok()?;
        format!("{}{rest}", before.get(..kept)?)
    } else {
        let path = std::str::from_utf8(bytes.until(0)?).ok()?.to_owned();
        // Filled up to a multiple of eight, with one to eight bytes of which one is read.
        let read = start - bytes.0.len();
        bytes.take(read.next_multiple_of(8) - read)?;
        path
    };
    let kind = mode & 0o170_000;
    // A folder of a sparse index stands for files that this does not know.
    if path.is_empty()
        || path.starts_with('/')
        || path.split('/').any(|part| part == "..")
        || kind == 0o040_000
    {
        return None;
    }
    Some(Entry {
        path,
        seconds,
        nanoseconds,
        size,
        blob,
        mode,
        unmerged: flags & 0x3000 != 0 || more & 0x2000 != 0,
        passed_over: flags & 0x8000 != 0 || more & 0x4000 != 0 || kind == 0o160_000,
    })
}

/// Looks for the tree that the index was last in step with; nothing of it means that nobody knows.
fn extensions(bytes: &mut Bytes<'_>) -> Option<Option<bool>> {
    let mut staged = None;
    // The hash of the whole stands at the end.
    while bytes.0.len() > 20 {
        let name: [u8; 4] = bytes.array()?;
        let size = usize::try_from(bytes.number()?).ok()?;
        let mut content = Bytes(bytes.take(size)?);
        match &name {
            b"TREE" => {
                content.until(0)?;
                // Minus one: something below it has changed since.
                staged = Some(content.until(b' ')?.first() == Some(&b'-'));
            }
            // Extensions whose names begin with a capital may be passed over. Others cannot: a split or sparse index.
            [b'A'..=b'Z', ..] => {}
            _ => return None,
        }
    }
    Some(staged)
}
