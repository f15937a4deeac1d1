//! Which libraries a library asks the dynamic loader for.

/// The kind of a program header that says where the dynamic section is, and where a part of the file is loaded.
const PT_DYNAMIC: u32 = 2;
const PT_LOAD: u32 = 1;
/// The kinds of entries of the dynamic section: a library that is needed, and where names are.
const DT_NEEDED: u64 = 1;
const DT_STRTAB: u64 = 5;

/// The names in the dynamic section of a 64-bit little-endian ELF file; none if it is no such file.
pub(crate) fn needed(file: &[u8]) -> Vec<String> {
    names(file).unwrap_or_default()
}

fn names(file: &[u8]) -> Option<Vec<String>> {
    if !file.starts_with(b"\x7fELF\x02\x01") {
        return None;
    }
    let (headers, size, count) = (u64_at(file, 32)?, u16_at(file, 54)?, u16_at(file, 56)?);
    let headers: Vec<Header> =
        (0..count).map(|index| Header::read(file, headers + size * index)).collect::<Option<_>>()?;
    let dynamic = headers.iter().find(|header| header.kind == PT_DYNAMIC)?;
    let entries: Vec<(u64, u64)> = (0..dynamic.size / 16)
        .map(|index| dynamic.offset + 16 * index)
        .map(|at| Some((u64_at(file, at)?, u64_at(file, at + 8)?)))
        .collect::<Option<_>>()?;
    let table = entries.iter().find(|(tag, _)| *tag == DT_STRTAB).map(|(_, address)| *address)?;
    let loaded = |header: &&Header| {
        header.kind == PT_LOAD && (header.address..header.address.saturating_add(header.size)).contains(&table)
    };
    let part = headers.iter().find(loaded)?;
    let table = table - part.address + part.offset;
    let needed = entries.iter().filter(|(tag, _)| *tag == DT_NEEDED);
    needed.map(|(_, name)| text_at(file, table.checked_add(*name)?)).collect()
}

/// A program header.
struct Header {
    kind: u32,
    /// Where the part is in the file.
    offset: u64,
    /// Where it is when the library is loaded.
    address: u64,
    /// Its bytes in the file.
    size: u64,
}

impl Header {
    fn read(file: &[u8], at: u64) -> Option<Header> {
        let kind = u32::from_le_bytes(bytes_at(file, at)?);
        Some(Header {
            kind,
            offset: u64_at(file, at + 8)?,
            address: u64_at(file, at + 16)?,
            size: u64_at(file, at + 32)?,
        })
    }
}

fn bytes_at<const N: usize>(file: &[u8], at: u64) -> Option<[u8; N]> {
    file.get(usize::try_from(at).ok()?..)?.first_chunk().copied()
}

fn u64_at(file: &[u8], at: u64) -> Option<u64> {
    bytes_at(file, at).map(u64::from_le_bytes)
}

fn u16_at(file: &[u8], at: u64) -> Option<u64> {
    bytes_at(file, at).map(|bytes| u64::from(u16::from_le_bytes(bytes)))
}

fn text_at(file: &[u8], at: u64) -> Option<String> {
    let text = file.get(usize::try_from(at).ok()?..)?.split(|byte| *byte == 0).next()?;
    String::from_utf8(text.to_vec()).ok()
}

#[cfg(test)]
mod tests {
    use super::needed;

    #[test]
    fn a_program_needs_the_c_library() {
        let program = std::fs::read("/proc/self/exe").unwrap();
        let names = needed(&program);
        assert!(names.iter().any(|name| name == "libc.so.6"), "{names:?}");
        // One that was cut off, or is none, needs nothing that we know of.
        for cut in [0, 5, 40, 60, 100] {
            assert!(needed(&program[..cut]).is_empty());
        }
    }
}
