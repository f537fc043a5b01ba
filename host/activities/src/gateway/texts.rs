//! The texts of requests and answers: every place where a person may have written something. Names that a protocol needs (models, tools, roles,
//! ids of calls) and pictures are left alone.
//!
//! JSON is gone through as text: a string that does not change, and all that stands between the strings, stay as they are, since the order and
//! the form of a schema matter to models.

use abide_model::Json;
use abide_model::http::{Body, FetchRequest, FetchResponse};
use abide_model::llm::{AssistantMessage, ContentPart, GenerateRequest, GenerateResponse, Message, ResponseFormat};
use abide_model::tools::ToolResult;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use reqwest::Url;

/// Headers that are there to say who asks.
const CREDENTIALS: [&str; 5] = ["authorization", "cookie", "x-api-key", "api-key", "idempotency-key"];

/// What is encoded in a part of a URL (RFC 3986, section 2.3).
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// What becomes of a text; `None` where it stays.
pub(crate) type Edit<'e> = dyn FnMut(&str) -> Option<String> + 'e;

fn text(text: &mut String, edit: &mut Edit<'_>) {
    if let Some(edited) = edit(text) {
        *text = edited;
    }
}

fn parts(parts: &mut [ContentPart], edit: &mut Edit<'_>) {
    for part in parts {
        match part {
            ContentPart::Text { text: said } => text(said, edit),
            ContentPart::Image { url, .. } => url.iter_mut().for_each(|place| url_text(place, edit)),
        }
    }
}

fn said(message: &mut AssistantMessage, edit: &mut Edit<'_>) {
    message.text.iter_mut().for_each(|said| text(said, edit));
    message.tool_calls.iter_mut().for_each(|call| json(&mut call.arguments, edit));
}

/// Of a request to a model: the messages, oldest first, so that a conversation that grows finds the same in the same order; then the rest.
pub(crate) fn generate(request: &mut GenerateRequest, edit: &mut Edit<'_>) {
    for message in &mut request.messages {
        match message {
            Message::System { text: said } => text(said, edit),
            Message::User { content } | Message::Tool { content, .. } => parts(content, edit),
            Message::Assistant(message) => said(message, edit),
        }
    }
    let head = &mut request.head;
    for tool in &mut head.tools {
        tool.description.iter_mut().for_each(|description| text(description, edit));
        json(&mut tool.parameters, edit);
    }
    if let Some(ResponseFormat::JsonSchema { schema, .. }) = &mut head.response_format {
        json(schema, edit);
    }
    head.stop.iter_mut().for_each(|stop| text(stop, edit));
    head.extra.iter_mut().for_each(|extra| json(extra, edit));
}

/// Of a model's answer.
pub(crate) fn generated(answer: &mut GenerateResponse, edit: &mut Edit<'_>) {
    said(&mut answer.message, edit);
}

/// Of what a tool said.
pub(crate) fn tool_result(result: &mut ToolResult, edit: &mut Edit<'_>) {
    parts(&mut result.content, edit);
    result.structured.iter_mut().for_each(|structured| json(structured, edit));
}

/// Of an HTTP request: path, query, headers that are no credentials, and a body that is text.
pub(crate) fn fetch(request: &mut FetchRequest, edit: &mut Edit<'_>) {
    url_text(&mut request.url, edit);
    for (name, value) in &mut request.headers {
        if !CREDENTIALS.contains(&name.to_ascii_lowercase().as_str()) {
            text(value, edit);
        }
    }
    request.body.iter_mut().for_each(|place| body(place, edit));
}

/// Of its answer.
pub(crate) fn fetched(answer: &mut FetchResponse, edit: &mut Edit<'_>) {
    answer.headers.iter_mut().for_each(|(_, value)| text(value, edit));
    body(&mut answer.body, edit);
}

fn body(body: &mut Body, edit: &mut Edit<'_>) {
    match body {
        Body::Text(said) => match Json::parse(said.as_str()) {
            // As JSON, where escapes would hide what is in it.
            Ok(mut value) => {
                json(&mut value, edit);
                if value.as_str() != said {
                    value.as_str().clone_into(said);
                }
            }
            Err(_) => text(said, edit),
        },
        Body::Base64(bytes) => {
            let said = BASE64.decode(&*bytes).ok().and_then(|bytes| String::from_utf8(bytes).ok());
            if let Some(edited) = said.and_then(|said| edit(&said)) {
                *bytes = BASE64.encode(edited);
            }
        }
    }
}

/// The parts of a path and the pairs of a query, as they are when they are decoded.
fn url_text(place: &mut String, edit: &mut Edit<'_>) {
    let Ok(mut url) = Url::parse(place) else { return text(place, edit) };
    let mut changed = false;
    let mut part = |part: &str| {
        let decoded = percent_decode_str(part).decode_utf8_lossy();
        edit(&decoded).map(|edited| {
            changed = true;
            utf8_percent_encode(&edited, RESERVED).to_string()
        })
    };
    let path: Vec<_> = url.path().split('/').map(|name| part(name).unwrap_or_else(|| name.to_owned())).collect();
    let query = url.query().map(|query| {
        let pairs = query.split('&').map(|pair| {
            let sides = pair.split('=').map(|side| part(&side.replace('+', " ")).unwrap_or_else(|| side.to_owned()));
            sides.collect::<Vec<_>>().join("=")
        });
        pairs.collect::<Vec<_>>().join("&")
    });
    let fragment = url.fragment().map(|fragment| part(fragment).unwrap_or_else(|| fragment.to_owned()));
    if changed {
        url.set_path(&path.join("/"));
        url.set_query(query.as_deref());
        url.set_fragment(fragment.as_deref());
        *place = url.to_string();
    }
}

/// Every string of a JSON text, the names of members too, and every number, which becomes a string where it changes.
pub(crate) fn json(value: &mut Json, edit: &mut Edit<'_>) {
    pieces(value, &mut |piece| {
        let (Piece::Text(text) | Piece::Number(text)) = piece;
        edit(text).map(|edited| Json::from(&serde_json::Value::from(edited)))
    });
}

/// A piece of a JSON text.
pub(crate) enum Piece<'t> {
    /// What a string says.
    Text(&'t str),
    /// A number as it is written.
    Number(&'t str),
}

/// The same, with what stands in place of a piece as JSON.
pub(crate) fn pieces(value: &mut Json, edit: &mut dyn FnMut(Piece<'_>) -> Option<Json>) {
    let source = value.as_str();
    let bytes = source.as_bytes();
    let mut edited = String::new();
    let (mut at, mut copied) = (0, 0);
    while at < bytes.len() {
        let (end, new) = match bytes[at] {
            b'"' => {
                let end = end_of_string(bytes, at);
                let said = serde_json::from_str::<String>(&source[at..end]);
                (end, said.ok().and_then(|said| edit(Piece::Text(&said))))
            }
            b'-' | b'0'..=b'9' => {
                let end = end_of_number(bytes, at);
                (end, edit(Piece::Number(&source[at..end])))
            }
            _ => {
                at += 1;
                continue;
            }
        };
        if let Some(new) = new {
            edited.push_str(&source[copied..at]);
            edited.push_str(new.as_str());
            copied = end;
        }
        at = end;
    }
    if copied > 0 {
        edited.push_str(&source[copied..]);
        if let Ok(edited) = Json::parse(edited) {
            *value = edited;
        }
    }
}

fn end_of_string(bytes: &[u8], start: usize) -> usize {
    let mut at = start + 1;
    while at < bytes.len() {
        match bytes[at] {
            b'"' => return at + 1,
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
    bytes.len()
}

fn end_of_number(bytes: &[u8], start: usize) -> usize {
    let is_part = |byte: &u8| matches!(byte, b'-' | b'+' | b'.' | b'e' | b'E' | b'0'..=b'9');
    start + bytes[start..].iter().take_while(|byte| is_part(byte)).count()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn x_for_a(text: &str) -> Option<String> {
        text.contains('a').then(|| text.replace('a', "x"))
    }

    fn edited(text: &str) -> String {
        let mut value = Json::parse(text).unwrap();
        json(&mut value, &mut x_for_a);
        value.to_string()
    }

    #[test]
    fn json_keeps_its_form() {
        assert_eq!(
            edited(r#"{ "b":1.0,  "z": ["a\n\"", "\u0061", "é"], "a":null }"#),
            r#"{ "b":1.0,  "z": ["x\n\"", "x", "é"], "x":null }"#
        );
        let mut number = Json::parse("[4111111111111111, -1e5]").unwrap();
        json(&mut number, &mut |text: &str| (text.len() > 10).then(|| "card".to_owned()));
        assert_eq!(number.as_str(), r#"["card", -1e5]"#);
    }

    #[test]
    fn a_url_is_looked_through_as_it_is_meant() {
        let mut url = "https://h.example/u%61/b?q=x%61%40y&b=1+%61#a".to_owned();
        url_text(&mut url, &mut x_for_a);
        assert_eq!(url, "https://h.example/ux/b?q=xx%40y&b=1%20x#x");
        let mut same = "https://h.example/%7Eb?x=%20".to_owned();
        url_text(&mut same, &mut x_for_a);
        assert_eq!(same, "https://h.example/%7Eb?x=%20");
    }

    #[test]
    fn bodies_are_looked_through_whatever_they_are() {
        let mut request = FetchRequest {
            method: "POST".into(),
            url: "https://h.example/".into(),
            headers: vec![("x".into(), "a".into()), ("Authorization".into(), "a".into())],
            body: Some(Body::Text(r#"{"k":"\u0061"}"#.into())),
        };
        fetch(&mut request, &mut x_for_a);
        assert_eq!(request.body, Some(Body::Text(r#"{"k":"x"}"#.into())));
        assert_eq!(request.headers, [("x".into(), "x".into()), ("Authorization".into(), "a".into())]);
        let mut bytes = Body::Base64(BASE64.encode("banana"));
        body(&mut bytes, &mut x_for_a);
        assert_eq!(bytes, Body::Base64(BASE64.encode("bxnxnx")));
    }

    proptest! {
        #[test]
        fn nothing_is_lost_of_any_json(texts in proptest::collection::vec("\\PC{0,12}", 0..6), number in any::<f64>()) {
            let value = serde_json::json!({ "texts": texts, "n": number });
            let mut edited = Json::from(&value);
            json(&mut edited, &mut |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty()));
            let back: serde_json::Value = edited.read().unwrap();
            prop_assert_eq!(&back["texts"], &value["texts"]);
        }
    }
}
