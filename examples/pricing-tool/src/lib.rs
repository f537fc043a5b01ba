//! A price list as a tool component. The host runs each call in an instance of its own, with the rights that the configuration gives it: here,
//! none.
#![expect(unsafe_code, reason = "the code that wit-bindgen makes for exports reads what the host passed")]

wit_bindgen::generate!({ path: "../pricing/wit", world: "price-list" });

use exports::acme::pricing::prices::{Guest, Price, Refusal};

/// What is sold, and for how many cents.
const PRICES: [(&str, u64); 3] = [("bolt", 12), ("hinge", 250), ("door", 18_900)];
/// More are not sold at once.
const MOST: u32 = 10_000;

struct PriceList;

impl Guest for PriceList {
    async fn quote(item: String, count: u32) -> Result<Price, Refusal> {
        let Some((_, cents)) = PRICES.iter().find(|(known, _)| *known == item) else {
            return Err(Refusal::UnknownItem(item));
        };
        if count > MOST {
            return Err(Refusal::TooMany(MOST));
        }
        let discount = (count >= 100).then_some(10);
        let full = cents * u64::from(count);
        let total_cents = full - full * u64::from(discount.unwrap_or(0)) / 100;
        Ok(Price { item, count, total_cents, discount })
    }
}

export!(PriceList);
