//! Tests: what events add to the ledger.

use proptest::prelude::*;

use super::*;
use crate::{CallCompleted, Failure, Json, Money, Tokens};

fn lines() -> impl Strategy<Value = Line> {
    prop_oneof![
        Just(Line::Runs),
        prop_oneof![Just(CallKind::LlmGenerate), Just(CallKind::ActivitiesCall), Just(CallKind::TimerSleep)]
            .prop_map(|kind| Line::Calls(CallLine(kind))),
        "[a-zA-Z0-9._-]{1,20}".prop_map(Line::Provider),
        ("[a-zA-Z0-9._-]{1,20}", "\\PC{0,20}").prop_map(|(provider, model)| Line::Model(provider, model)),
    ]
}

proptest! {
    #[test]
    fn a_line_reads_its_own_text(line in lines()) {
        prop_assert_eq!(Line::parse(&line.to_text()), Some(line));
    }

    #[test]
    fn a_day_reads_its_own_text(day in 0..2_932_896u32) {
        prop_assert_eq!(Day::parse(&Day(day).to_string()), Some(Day(day)));
        prop_assert_eq!(Day::of(Day(day).begins_ms() + DAY_MS - 1), Day(day));
    }

    #[test]
    fn no_text_makes_the_readers_panic(text in "\\PC{0,20}") {
        let _ = (Line::parse(&text), Day::parse(&text));
    }
}

#[test]
fn days_have_their_names() {
    for (time_ms, name) in [(0, "1970-01-01"), (951_782_400_000, "2000-02-29"), (1_795_379_414_000, "2026-11-22")] {
        assert_eq!(Day::of(time_ms).to_string(), name);
    }
    for bad in ["", "2026-11-2", "2026-02-29", "2026-11-22T00:00:00Z", "20261122"] {
        assert_eq!(Day::parse(bad), None, "{bad}");
    }
}

#[test]
fn an_outcome_counts_where_it_came_from() {
    let usage = CallUsage {
        model: Some("gpt-5".into()),
        tokens: Some(Tokens { input: 100, cached_input: 40, output: 7 }),
        cost: Some(Money { amount: Micros(250), currency: Currency::parse("USD").unwrap() }),
        ..CallUsage::of("llm.openai")
    };
    let completed = |outcome, usage| {
        let event = Event::CallCompleted(CallCompleted { usage, ..CallCompleted::new(3, outcome, 2) });
        entries(&Recorded { time_ms: 5, event }, Sizes { event: 50, request: 0 })
    };
    let priced = completed(Outcome::Ok(Json::null()), Some(usage.clone()));
    assert_eq!(priced[0], (Line::Runs, Counters { history_bytes: 50, ..Counters::default() }));
    let (line, counters) = &priced[1];
    assert_eq!(*line, Line::Model("llm.openai".into(), "gpt-5".into()));
    assert_eq!((counters.outcomes, counters.attempts, counters.outcome_bytes), (1, 2, 4));
    assert_eq!((counters.tokens(), counters.cached_input_tokens, counters.unpriced_calls), (107, 40, 0));
    assert_eq!(counters.cost.values().collect::<Vec<_>>(), [&Micros(250)]);

    let unpriced = completed(Outcome::Failed(Failure::new("a", "b")), Some(CallUsage { cost: None, ..usage }));
    assert_eq!((unpriced[1].1.unpriced_calls, unpriced[1].1.failures), (1, 1));
    assert!(unpriced[1].1.cost.is_empty());
    assert_eq!(completed(Outcome::Ok(Json::null()), None)[1].0, Line::Runs);
}
