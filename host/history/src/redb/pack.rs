//! The outer form of stored values: plain, or compressed with LZ4 where that helps. It knows nothing of what is inside.
//!
//! A packed value is one byte that says which form follows, then:
//! - 0: the bytes as they are;
//! - 1: their length as a 32-bit little-endian number, then an LZ4 block;
//! - 2: a packed value that is sealed, see `seal`, which opens it before it comes here.

/// Values up to this many bytes are stored as they are: compressing them costs more than it saves.
const PLAIN_BYTES: usize = 512;
/// LZ4 cannot make anything smaller than this share of it. A length that says otherwise is wrong, and must not be allocated.
const LZ4_MAX_RATIO: usize = 255;

const PLAIN: u8 = 0;
const LZ4: u8 = 1;
/// A packed value that is sealed: `seal` opens it first.
pub(super) const SEALED: u8 = 2;

/// Appends the packed form of `bytes` to `out`.
pub(super) fn pack_into(out: &mut Vec<u8>, bytes: &[u8]) {
    if bytes.len() > PLAIN_BYTES
        && let Ok(length) = u32::try_from(bytes.len())
    {
        let packed = lz4_flex::block::compress(bytes);
        if packed.len() + 4 < bytes.len() {
            out.reserve(packed.len() + 5);
            out.push(LZ4);
            out.extend_from_slice(&length.to_le_bytes());
            out.extend_from_slice(&packed);
            return;
        }
    }
    out.reserve(bytes.len() + 1);
    out.push(PLAIN);
    out.extend_from_slice(bytes);
}

/// The packed form of `bytes`.
pub(super) fn pack(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    pack_into(&mut out, bytes);
    out
}

/// The bytes of a packed value. The error says what is wrong with it.
pub(super) fn unpack(packed: &[u8]) -> Result<std::borrow::Cow<'_, [u8]>, String> {
    let (form, rest) = packed.split_first().ok_or("the value is empty")?;
    match *form {
        PLAIN => Ok(rest.into()),
        LZ4 => {
            let (length, block) = rest.split_first_chunk().ok_or("the compressed value has no length")?;
            let length = u32::from_le_bytes(*length) as usize;
            if length > block.len().saturating_mul(LZ4_MAX_RATIO).saturating_add(64) {
                return Err(format!("{} compressed bytes cannot hold {length}", block.len()));
            }
            let bytes = lz4_flex::block::decompress(block, length).map_err(|error| error.to_string())?;
            if bytes.len() != length {
                return Err(format!("the compressed value holds {} bytes, not {length}", bytes.len()));
            }
            Ok(bytes.into())
        }
        SEALED => Err("the value is sealed".into()),
        other => Err(format!("the value has form {other}, which this release does not know")),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_was_packed_is_unpacked(bytes in proptest::collection::vec(any::<u8>(), 0..2000), repeat in 1usize..20) {
            let bytes = bytes.repeat(repeat);
            let packed = pack(&bytes);
            prop_assert_eq!(&*unpack(&packed).unwrap(), &bytes[..]);
        }

        #[test]
        fn no_bytes_make_it_panic(mut bytes: Vec<u8>, form in 0u8..4) {
            bytes.insert(0, form);
            let _ = unpack(&bytes);
        }
    }

    #[test]
    fn a_repeating_text_becomes_smaller_and_noise_does_not_grow() {
        assert!(pack(&[b'a'; 10_000]).len() < 200);
        let noise: Vec<u8> = (0..10_000u64).map(|n| (n.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32) as u8).collect();
        assert!(pack(&noise).len() <= noise.len() + 1);
    }

    #[test]
    fn a_length_that_cannot_be_is_refused_before_it_is_allocated() {
        let error = unpack(&[LZ4, 255, 255, 255, 255, 0]).unwrap_err();
        assert!(error.contains("cannot hold"), "{error}");
    }
}
