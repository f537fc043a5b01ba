//! Capsules, sealed with a digest that fits: a file is refused with a reason, or what it holds can be looked at.

use abide_model::Digest;
use abide_runtime::Capsule;

pub(crate) fn run(input: &[u8]) {
    let mut file = input.to_vec();
    file.extend_from_slice(Digest::of(input).as_bytes());
    match Capsule::read(&file) {
        Ok(capsule) => {
            for event in 0..capsule.events() {
                let _ = capsule.event(event);
            }
        }
        Err(error) => assert!(!error.message.is_empty()),
    }
}
