//! What histories and rows hold, as CBOR: any bytes are refused, or they are a value that is written as it was read.

use abide_history::{UploadedTool, Version};
use abide_model::ledger::{Line, Sizes, entries};
use abide_model::{Counters, Node, Recorded, Routing, Run, RunLedger, Schedule, Token};
use minicbor::{Decode, Encode};

/// The first byte says as what the rest is read.
pub(crate) fn run(input: &[u8]) {
    let Some((kind, bytes)) = input.split_first() else { return };
    match kind % 10 {
        0 => {
            if let Some(recorded) = there_and_back::<Recorded>(bytes) {
                let _ = (recorded.event.kind(), recorded.event.is_input(), recorded.event.is_last());
                let counted = entries(&recorded, Sizes { event: bytes.len() as u64, request: u64::MAX });
                let mut sum = Counters::default();
                for (line, counters) in counted {
                    assert_eq!(Line::parse(&line.to_text()), Some(line.clone()), "{line:?}");
                    // Twice: sums do not overflow.
                    sum.add(&counters);
                    sum.add(&counters);
                }
            }
        }
        1 => drop(there_and_back::<Run>(bytes)),
        2 => drop(there_and_back::<Schedule>(bytes)),
        3 => drop(there_and_back::<Routing>(bytes)),
        4 => drop(there_and_back::<Version>(bytes)),
        5 => drop(there_and_back::<UploadedTool>(bytes)),
        6 => drop(there_and_back::<Node>(bytes)),
        7 => drop(there_and_back::<RunLedger>(bytes)),
        8 => drop(there_and_back::<Token>(bytes)),
        _ => drop(Line::parse(&String::from_utf8_lossy(bytes))),
    }
}

fn there_and_back<T: Encode<()> + for<'b> Decode<'b, ()>>(bytes: &[u8]) -> Option<T> {
    let value: T = minicbor::decode(bytes).ok()?;
    let written = minicbor::to_vec(&value).expect("what was read can be written");
    let again: T = minicbor::decode(&written).expect("what was written can be read");
    assert_eq!(minicbor::to_vec(&again).expect("it can be written again"), written, "it is the same");
    Some(value)
}
