//! The bytes of a capsule: a magic, a version, sections with their lengths, and a digest of all of it at the end. It knows what a section
//! holds, not whether sections belong together.

use std::collections::HashMap;

use abide_model::{Digest, Error, ErrorCode, Node, Recorded, Seq};
use minicbor::{Decode, Encode};

use super::{Capsule, Component, Head};
use crate::encoded::encoded;

/// What begins every capsule.
pub const MAGIC: [u8; 8] = *b"\x89abide\r\n";
/// The form that this release writes, and the only one that it reads.
const VERSION: u32 = 1;
/// The largest file that is taken for a capsule.
pub const MAX_CAPSULE_BYTES: usize = 256 << 20;
/// All sections together, unpacked.
const MAX_UNPACKED_BYTES: usize = 512 << 20;
/// Events and nodes come in sections of about so many bytes, so that a long history is packed piece by piece.
const SECTION_BYTES: usize = 4 << 20;
/// LZ4 cannot make anything smaller than this share of it. A length that says otherwise is wrong, and must not be allocated.
const LZ4_MAX_RATIO: usize = 255;
/// A section begins with its kind, its form, and two lengths.
const SECTION_HEAD_BYTES: usize = 1 + 1 + 8 + 8;
const DIGEST_BYTES: usize = 32;

const HEAD: u8 = 1;
const COMPONENT: u8 = 2;
const EVENTS: u8 = 3;
const NODES: u8 = 4;
const END: u8 = 255;

const PLAIN: u8 = 0;
const LZ4: u8 = 1;

/// The bytes of a capsule.
pub(super) fn write(capsule: &Capsule) -> Result<Vec<u8>, Error> {
    let mut file = MAGIC.to_vec();
    file.extend_from_slice(&VERSION.to_le_bytes());
    let mut unpacked = 0;
    let mut section = |kind: u8, bytes: &[u8]| {
        unpacked += bytes.len();
        if unpacked > MAX_UNPACKED_BYTES {
            return Err(too_large(unpacked, MAX_UNPACKED_BYTES));
        }
        add_section(&mut file, kind, bytes);
        Ok(())
    };
    section(HEAD, &encoded(&capsule.head))?;
    for component in &capsule.components {
        section(COMPONENT, &component.bytes)?;
    }
    in_pieces(capsule.history.iter().map(|(_, recorded)| recorded), |piece| section(EVENTS, piece))?;
    // In an order that does not depend on how they were found: the same run gives the same file.
    let mut nodes: Vec<_> = capsule.nodes.iter().collect();
    nodes.sort_by_key(|(digest, _)| **digest);
    in_pieces(nodes.into_iter().map(|(_, node)| node), |piece| section(NODES, piece))?;
    file.push(END);
    let digest = Digest::of(&file);
    file.extend_from_slice(digest.as_bytes());
    if file.len() > MAX_CAPSULE_BYTES {
        return Err(too_large(file.len(), MAX_CAPSULE_BYTES));
    }
    Ok(file)
}

/// Values one after another, in pieces of about [`SECTION_BYTES`].
fn in_pieces<'a, T: Encode<()> + 'a>(
    values: impl Iterator<Item = &'a T>,
    mut take: impl FnMut(&[u8]) -> Result<(), Error>,
) -> Result<(), Error> {
    let mut piece = Vec::new();
    for value in values {
        minicbor::encode(value, &mut piece)
            .expect("writing to a vector cannot fail, and our types have no other error");
        if piece.len() >= SECTION_BYTES {
            take(&piece)?;
            piece.clear();
        }
    }
    if piece.is_empty() { Ok(()) } else { take(&piece) }
}

fn add_section(file: &mut Vec<u8>, kind: u8, bytes: &[u8]) {
    let packed = lz4_flex::block::compress(bytes);
    let (form, stored) = if packed.len() < bytes.len() { (LZ4, &packed[..]) } else { (PLAIN, bytes) };
    file.extend_from_slice(&[kind, form]);
    file.extend_from_slice(&(stored.len() as u64).to_le_bytes());
    file.extend_from_slice(&(bytes.len() as u64).to_le_bytes());
    file.extend_from_slice(stored);
}

fn too_large(bytes: usize, limit: usize) -> Error {
    let message = format!("the capsule would have more than {bytes} bytes, the limit is {limit}");
    Error::new(ErrorCode::TooLarge, message)
}

/// Reads the bytes of a capsule.
pub(super) fn read(file: &[u8]) -> Result<Capsule, String> {
    if file.len() > MAX_CAPSULE_BYTES {
        return Err(format!("it has {} bytes, the limit is {MAX_CAPSULE_BYTES}", file.len()));
    }
    let rest = file.strip_prefix(&MAGIC).ok_or("it does not begin like one")?;
    let (version, rest) = rest.split_first_chunk().ok_or("it is cut short")?;
    let version = u32::from_le_bytes(*version);
    if version != VERSION {
        return Err(format!("it has the form {version}, and this release knows only {VERSION}"));
    }
    // The digest first: what is damaged is not looked at any further.
    let (covered, digest) =
        file.split_at_checked(file.len() - DIGEST_BYTES.min(rest.len())).ok_or("it is cut short")?;
    if rest.len() <= DIGEST_BYTES || Digest::of(covered).as_bytes() != digest {
        return Err("its digest is wrong: it is damaged, or cut short".to_owned());
    }
    let mut reader = Reader { rest: &rest[..rest.len() - DIGEST_BYTES], unpacked: 0 };
    let mut parts = Parts::default();
    while let Some((kind, bytes)) = reader.section()? {
        parts.take(kind, bytes)?;
    }
    parts.done()
}

/// Takes sections off the front.
struct Reader<'a> {
    rest: &'a [u8],
    unpacked: usize,
}

impl<'a> Reader<'a> {
    /// The next section, unpacked. `None` at the end, after which nothing may come.
    fn section(&mut self) -> Result<Option<(u8, Vec<u8>)>, String> {
        if self.rest == [END] {
            return Ok(None);
        }
        let (head, rest) = self.rest.split_first_chunk::<SECTION_HEAD_BYTES>().ok_or("a section is cut short")?;
        let [kind, form, lengths @ ..] = head;
        let length = |at: usize| {
            let bytes = lengths[at..at + 8].try_into().expect("eight bytes of sixteen");
            usize::try_from(u64::from_le_bytes(bytes)).map_err(|_| "a section is longer than any file".to_owned())
        };
        let (stored, plain) = (length(0)?, length(8)?);
        let (bytes, rest) = rest.split_at_checked(stored).ok_or("a section is longer than the file")?;
        self.rest = rest;
        self.unpacked = self.unpacked.saturating_add(plain);
        if self.unpacked > MAX_UNPACKED_BYTES {
            return Err(format!("its sections hold more than {MAX_UNPACKED_BYTES} bytes"));
        }
        let unpacked = match *form {
            PLAIN if stored == plain => bytes.to_vec(),
            LZ4 if plain <= stored.saturating_mul(LZ4_MAX_RATIO).saturating_add(64) => {
                let unpacked = lz4_flex::block::decompress(bytes, plain).map_err(|error| error.to_string())?;
                if unpacked.len() != plain {
                    return Err(format!("a section holds {} bytes, and says {plain}", unpacked.len()));
                }
                unpacked
            }
            PLAIN | LZ4 => return Err(format!("a section of {stored} bytes cannot hold {plain}")),
            other => return Err(format!("a section has form {other}, which this release does not know")),
        };
        Ok(Some((*kind, unpacked)))
    }
}

/// What was read so far.
#[derive(Default)]
struct Parts {
    head: Option<Head>,
    components: Vec<Vec<u8>>,
    history: Vec<(Seq, Recorded)>,
    nodes: HashMap<Digest, Node>,
}

impl Parts {
    fn take(&mut self, kind: u8, bytes: Vec<u8>) -> Result<(), String> {
        match (kind, &self.head) {
            (HEAD, None) => self.head = values("head", &bytes)?.pop(),
            (HEAD, Some(_)) => return Err("it has two heads".to_owned()),
            (_, None) => return Err("it does not begin with its head".to_owned()),
            (COMPONENT, Some(_)) => self.components.push(bytes),
            (EVENTS, Some(_)) => {
                let from = self.history.len() as Seq;
                self.history.extend((from..).zip(values("events", &bytes)?));
            }
            (NODES, Some(_)) => {
                let nodes: Vec<Node> = values("nodes", &bytes)?;
                self.nodes.extend(nodes.into_iter().map(|node| (node.digest(), node)));
            }
            (other, Some(_)) => {
                return Err(format!("it has a section of kind {other}, which this release does not know"));
            }
        }
        Ok(())
    }

    fn done(self) -> Result<Capsule, String> {
        let head = self.head.ok_or("it has no head")?;
        let counts = |what: &str, found: usize, said: u64| {
            if found as u64 == said { Ok(()) } else { Err(format!("it has {found} {what}, and says {said}")) }
        };
        counts("components", self.components.len(), head.components.len() as u64)?;
        counts("events", self.history.len(), head.events)?;
        counts("parts of requests", self.nodes.len(), head.nodes)?;
        let mut components = Vec::with_capacity(self.components.len());
        for (said, bytes) in head.components.iter().zip(self.components) {
            if Digest::of(&bytes) != said.digest {
                return Err(format!("the component of version {} is another one than it says", said.version.short()));
            }
            components.push(Component { version: said.version, bytes: bytes.into() });
        }
        Ok(Capsule { head, components, history: self.history, nodes: self.nodes })
    }
}

/// CBOR values one after another, to the last byte; one at least.
fn values<T: for<'b> Decode<'b, ()>>(what: &str, bytes: &[u8]) -> Result<Vec<T>, String> {
    let mut decoder = minicbor::Decoder::new(bytes);
    let mut values = Vec::new();
    loop {
        values.push(decoder.decode().map_err(|error| format!("its {what} cannot be read: {error}"))?);
        if decoder.position() == bytes.len() {
            return Ok(values);
        }
    }
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
