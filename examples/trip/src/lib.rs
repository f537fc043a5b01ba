//! Books a trip: a flight, a hotel and a car, or nothing. When a step fails, or somebody cancels the run, what was booked is given back, the
//! last first.

use abide::{Failure, Saga, tools};
use serde::{Deserialize, Serialize};
use serde_json::json;

#[derive(Deserialize)]
struct Trip {
    traveller: String,
    city: String,
}

#[derive(Serialize)]
struct Booked {
    flight: String,
    hotel: String,
    car: String,
}

#[abide::workflow(cancellation = "manual")]
async fn run(trip: Trip) -> Result<Booked, Failure> {
    abide::saga(async |saga: &Saga| {
        Ok(Booked {
            flight: book(saga, "flight", &trip).await?,
            hotel: book(saga, "hotel", &trip).await?,
            car: book(saga, "car", &trip).await?,
        })
    })
    .await
}

/// Books one thing. It is told how to give it back before it is booked: a booking whose answer is lost is one all the same.
async fn book(saga: &Saga, what: &'static str, trip: &Trip) -> Result<String, Failure> {
    let order = json!({ "traveller": trip.traveller, "city": trip.city });
    saga.undo(format!("give the {what} back"), {
        let order = order.clone();
        async move { tools::call("travel", &format!("cancel-{what}"), &order).await?.ok().map(drop) }
    });
    let booked = tools::call("travel", &format!("book-{what}"), &order).await?.ok()?;
    Ok(booked.text())
}
