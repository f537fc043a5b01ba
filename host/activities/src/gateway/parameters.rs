//! Rules on the parameters of requests to models. `extra` says the same in the words of providers, and its members win: so they are looked at too.

use std::collections::BTreeMap;

use abide_model::Json;
use abide_model::llm::GenerateHead;

use super::written::Parameter;

/// How providers call the most tokens of an answer.
const MAX_TOKENS: [&str; 5] =
    ["max_tokens", "max_completion_tokens", "max_output_tokens", "max_new_tokens", "num_predict"];
/// And how they call the number of answers, each of which may be so long.
const ANSWERS: [&str; 2] = ["n", "best_of"];

impl Parameter {
    /// Its names in `extra`.
    fn names(self) -> &'static [&'static str] {
        match self {
            Self::Tools => &["tools", "functions", "web_search_options", "plugins"],
            Self::ToolChoice => &["tool_choice", "function_call", "parallel_tool_calls"],
            Self::ResponseFormat => &["response_format"],
            Self::Temperature => &["temperature"],
            Self::TopP => &["top_p"],
            Self::MaxOutputTokens => &MAX_TOKENS,
            Self::Stop => &["stop", "stop_sequences"],
            Self::Seed => &["seed"],
            Self::Extra => &[],
        }
    }
}

/// Lets an answer have `most` tokens. Gives whether anything changed.
pub(super) fn cap(head: &mut GenerateHead, most: u32) -> bool {
    let mut changed = false;
    let mut wanted = head.max_output_tokens;
    retain_extra(head, |name, value| {
        if ANSWERS.contains(&name) {
            changed = true;
            return false;
        }
        if !MAX_TOKENS.contains(&name) {
            return true;
        }
        // It would have won.
        wanted = value.read::<u32>().ok();
        false
    });
    let allowed = wanted.map_or(most, |wanted| wanted.min(most));
    changed |= wanted != Some(allowed);
    head.max_output_tokens = Some(allowed);
    changed
}

/// Leaves parameters out. Gives how many were there.
pub(super) fn strip(head: &mut GenerateHead, parameters: &[Parameter]) -> u32 {
    let mut count = 0;
    for parameter in parameters {
        let was_there = match parameter {
            Parameter::Tools => {
                let had_any = !std::mem::take(&mut head.tools).is_empty();
                // Without tools, there is none to choose.
                head.tool_choice = None;
                had_any
            }
            Parameter::ToolChoice => head.tool_choice.take().is_some(),
            Parameter::ResponseFormat => head.response_format.take().is_some(),
            Parameter::Temperature => head.temperature.take().is_some(),
            Parameter::TopP => head.top_p.take().is_some(),
            Parameter::MaxOutputTokens => head.max_output_tokens.take().is_some(),
            Parameter::Stop => !std::mem::take(&mut head.stop).is_empty(),
            Parameter::Seed => head.seed.take().is_some(),
            Parameter::Extra => head.extra.take().is_some(),
        };
        count += u32::from(was_there);
        retain_extra(head, |name, _| {
            let stays = !parameter.names().contains(&name);
            count += u32::from(!stays);
            stays
        });
    }
    count
}

fn retain_extra(head: &mut GenerateHead, mut stays: impl FnMut(&str, &Json) -> bool) {
    // What is no object is refused when the request is made.
    let Some(Ok(mut members)) = head.extra.as_ref().map(Json::read::<BTreeMap<String, Json>>) else { return };
    let before = members.len();
    members.retain(|name, value| stays(name, value));
    if members.len() < before {
        head.extra = (!members.is_empty()).then(|| Json::of(&members).ok()).flatten();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(extra: Option<&str>, max_output_tokens: Option<u32>) -> GenerateHead {
        let extra = extra.map(|text| Json::parse(text).unwrap());
        GenerateHead { extra, max_output_tokens, temperature: Some(0.5), seed: Some(1), ..GenerateHead::default() }
    }

    #[test]
    fn an_answer_has_no_more_tokens_however_they_are_asked_for() {
        for (extra, asked, expected, changed) in [
            (None, None, 100, true),
            (None, Some(50), 50, false),
            (None, Some(500), 100, true),
            (Some(r#"{"max_tokens":1000,"top_k":1}"#), Some(50), 100, true),
            (Some(r#"{"max_completion_tokens":"many"}"#), Some(50), 100, true),
            (Some(r#"{"num_predict":20}"#), None, 20, false),
            (Some(r#"{"n":128}"#), Some(50), 50, true),
        ] {
            let mut head = head(extra, asked);
            assert_eq!(cap(&mut head, 100), changed, "{extra:?}");
            assert_eq!(head.max_output_tokens, Some(expected), "{extra:?}");
            let left = head.extra.map(|extra| extra.to_string()).unwrap_or_default();
            assert!(!left.contains("max_") && !left.contains("\"n\""), "{left}");
        }
    }

    #[test]
    fn parameters_are_left_out_under_all_their_names() {
        let mut head = head(Some(r#"{"temperature":2,"top_k":1}"#), None);
        assert_eq!(strip(&mut head, &[Parameter::Temperature, Parameter::Stop]), 2);
        assert_eq!((head.temperature, head.extra.unwrap().as_str()), (None, r#"{"top_k":1}"#));
        let mut head = super::tests::head(Some("{}"), Some(1));
        assert_eq!(strip(&mut head, &[Parameter::Extra, Parameter::Seed, Parameter::MaxOutputTokens]), 3);
        assert_eq!((head.extra, head.seed, head.max_output_tokens), (None, None, None));
    }
}
