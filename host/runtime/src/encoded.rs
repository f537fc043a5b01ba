//! Values of our own types as CBOR, for what the runtime writes itself: documents and capsules.

use minicbor::Encode;

pub(crate) fn encoded(value: &impl Encode<()>) -> Vec<u8> {
    minicbor::to_vec(value).expect("writing to a vector cannot fail, and our types have no other error")
}
