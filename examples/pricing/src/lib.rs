//! Prices every line of an order at the same time. Who knows the prices is not for the workflow to say: it imports an interface, and the
//! configuration binds that to a tool component, or to workers.

use abide::Failure;
use serde::{Deserialize, Serialize};

mod bindings {
    wit_bindgen::generate!({ path: "wit", world: "shop" });
}

use bindings::acme::pricing::prices::{self, Refusal};

#[derive(Deserialize)]
struct Line {
    item: String,
    count: u32,
}

#[derive(Serialize)]
struct Offer {
    total_cents: u64,
    /// Lines without a price, and why.
    refused: Vec<String>,
}

#[abide::workflow]
async fn run(lines: Vec<Line>) -> Result<Offer, Failure> {
    let quotes = abide::join_all(lines.into_iter().map(|line| prices::quote(line.item, line.count))).await;
    let mut offer = Offer { total_cents: 0, refused: Vec::new() };
    for quote in quotes {
        match quote {
            Ok(quote) => offer.total_cents += quote.total_cents,
            Err(Refusal::UnknownItem(item)) => offer.refused.push(format!("nobody sells {item}")),
            Err(Refusal::TooMany(most)) => offer.refused.push(format!("at most {most} at once")),
            // What the activity itself could not do, after all its attempts.
            Err(Refusal::Other(message)) => return Err(Failure::new("no-prices", message)),
        }
    }
    Ok(offer)
}
