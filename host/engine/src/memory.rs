//! A digest of all that a guest has in its memories and its mutable globals, so that two engines can be compared after each event.

use std::collections::HashSet;

use abide_model::Digest;
use wasmtime::{AsContextMut, Mutability, StoreContextMut, Val};

use crate::state::GuestState;

/// The digest is made of pieces of so many bytes, so that a difference has a place.
const PIECE_BYTES: usize = 64 << 10;

static ZEROES: [u8; 4096] = [0; 4096];

/// What is in the memories and the mutable globals of a guest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemoryDigest {
    /// Of each memory, the digests of its pieces. A piece of zeroes has none.
    memories: Vec<Vec<Option<Digest>>>,
    /// The values of the mutable globals, by instance.
    globals: Vec<Vec<(u32, u128)>>,
}

impl MemoryDigest {
    /// `None` where the engine does not let anybody look.
    pub(crate) fn of(store: &mut StoreContextMut<'_, GuestState>) -> Option<Self> {
        let instances = store.as_context_mut().debug_all_instances();
        if instances.is_empty() {
            return None;
        }
        let mut seen = HashSet::new();
        let (mut memories, mut globals) = (Vec::new(), Vec::new());
        for instance in instances {
            let own = (0..).map_while(|index| instance.debug_memory(&mut *store, index)).collect::<Vec<_>>();
            for memory in own {
                // Instances of one component share memories.
                if memory.data_size(&*store) > 0 && seen.insert(memory.data_ptr(&*store).addr()) {
                    memories.push(pieces(memory.data(&*store)));
                }
            }
            let mut values = Vec::new();
            for index in 0.. {
                let Some(global) = instance.debug_global(&mut *store, index) else { break };
                if global.ty(&*store).mutability() == Mutability::Var
                    && let Some(bits) = bits(&global.get(&mut *store))
                {
                    values.push((index, bits));
                }
            }
            globals.push(values);
        }
        Some(Self { memories, globals })
    }

    /// One digest over all of it.
    pub fn digest(&self) -> Digest {
        let mut bytes = Vec::new();
        for memory in &self.memories {
            bytes.extend_from_slice(&(memory.len() as u64).to_le_bytes());
            for (number, piece) in memory.iter().enumerate() {
                if let Some(piece) = piece {
                    bytes.extend_from_slice(&(number as u64).to_le_bytes());
                    bytes.extend_from_slice(piece.as_bytes());
                }
            }
        }
        for (index, bits) in self.globals.iter().flatten() {
            bytes.extend_from_slice(&index.to_le_bytes());
            bytes.extend_from_slice(&bits.to_le_bytes());
        }
        Digest::of(&bytes)
    }

    /// Where the two differ first, in words.
    pub fn difference(&self, other: &Self) -> Option<String> {
        if self == other {
            return None;
        }
        let lengths =
            |digest: &Self| digest.memories.iter().map(|memory| memory.len() * PIECE_BYTES).collect::<Vec<_>>();
        let (ours, theirs) = (lengths(self), lengths(other));
        if ours != theirs {
            return Some(format!("the memories have {ours:?} bytes, and {theirs:?}"));
        }
        for (number, (ours, theirs)) in self.memories.iter().zip(&other.memories).enumerate() {
            if let Some(piece) = ours.iter().zip(theirs).position(|(ours, theirs)| ours != theirs) {
                let from = piece * PIECE_BYTES;
                let count = ours.iter().zip(theirs).filter(|(ours, theirs)| ours != theirs).count();
                return Some(format!(
                    "memory {number}: the {PIECE_BYTES} bytes from {from:#x} on are the first of {count} such pieces that differ"
                ));
            }
        }
        let globals = |digest: &Self| digest.globals.iter().flatten().copied().collect::<Vec<_>>();
        let (ours, theirs) = (globals(self), globals(other));
        let pair = ours.iter().zip(&theirs).find(|(ours, theirs)| ours != theirs);
        Some(match pair {
            Some(((index, ours), (_, theirs))) => format!("global {index} is {ours:#x}, and {theirs:#x}"),
            None => "the numbers of mutable globals differ".to_owned(),
        })
    }
}

fn pieces(memory: &[u8]) -> Vec<Option<Digest>> {
    let is_zero = |piece: &[u8]| piece.chunks(ZEROES.len()).all(|part| *part == ZEROES[..part.len()]);
    memory.chunks(PIECE_BYTES).map(|piece| (!is_zero(piece)).then(|| Digest::of(piece))).collect()
}

/// The bits of a number; a reference has none that mean the same elsewhere.
fn bits(value: &Val) -> Option<u128> {
    match value {
        Val::I32(value) => Some(value.cast_unsigned().into()),
        Val::I64(value) => Some(value.cast_unsigned().into()),
        Val::F32(bits) => Some((*bits).into()),
        Val::F64(bits) => Some((*bits).into()),
        Val::V128(value) => Some(value.as_u128()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digest(memory: &[u8], globals: &[(u32, u128)]) -> MemoryDigest {
        MemoryDigest { memories: vec![pieces(memory)], globals: vec![globals.to_vec()] }
    }

    #[test]
    fn the_first_piece_that_differs_is_named() {
        let mut memory = vec![0; 5 * PIECE_BYTES];
        let before = digest(&memory, &[(0, 7)]);
        assert_eq!(before.difference(&digest(&memory, &[(0, 7)])), None);
        memory[3 * PIECE_BYTES + 17] = 1;
        memory[4 * PIECE_BYTES] = 1;
        let after = digest(&memory, &[(0, 7)]);
        assert_ne!(before.digest(), after.digest());
        let difference = before.difference(&after).unwrap();
        assert!(difference.starts_with("memory 0: the 65536 bytes from 0x30000 on"), "{difference}");
        assert!(difference.contains("first of 2 such"), "{difference}");
    }

    #[test]
    fn sizes_and_globals_count_too() {
        let memory = vec![0; PIECE_BYTES];
        let one = digest(&memory, &[(0, 7)]);
        assert_eq!(one.difference(&digest(&memory, &[(0, 8)])).unwrap(), "global 0 is 0x7, and 0x8");
        assert!(one.difference(&digest(&vec![0; 2 * PIECE_BYTES], &[(0, 7)])).unwrap().contains("131072"));
        assert_ne!(one.digest(), digest(&vec![0; 2 * PIECE_BYTES], &[(0, 7)]).digest());
        assert_ne!(one.digest(), digest(&memory, &[(1, 7)]).digest());
    }
}
