//! Between the guest's types and the host's. What comes from a guest is checked here, once.

use abide_model::llm as model_llm;
use abide_model::{CallOptions, Failure, Json, Outcome, RetryPolicy, http as model_http, tools as model_tools};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde::de::DeserializeOwned;

use crate::bindings::abide::workflow::{http, llm, tools, types};

/// The longest code of a failure, in bytes.
const MAX_CODE_BYTES: usize = 128;
/// The longest idempotency key, in bytes.
const MAX_KEY_BYTES: usize = 256;

/// A JSON text of the guest's.
pub(crate) fn json(what: &str, text: String) -> Result<Json, Failure> {
    Json::parse(text).map_err(|error| Failure::new("invalid-json", format!("{what} is no JSON: {error}")))
}

fn json_object(what: &str, text: String) -> Result<Json, Failure> {
    let json = json(what, text)?;
    if json.as_str().trim_start().starts_with('{') {
        Ok(json)
    } else {
        Err(Failure::new("invalid-json", format!("{what} is no JSON object")))
    }
}

fn invalid(message: impl Into<String>) -> Failure {
    Failure::new("invalid-request", message)
}

/// A number that JSON can carry: a NaN or an infinity would be recorded as `null`.
fn finite(what: &str, number: Option<f64>) -> Result<Option<f64>, Failure> {
    match number {
        Some(number) if !number.is_finite() => Err(invalid(format!("`{what}` is {number}: give a finite number"))),
        number => Ok(number),
    }
}

pub(crate) fn failure_to_guest(failure: Failure) -> types::Failure {
    types::Failure {
        code: failure.code,
        message: failure.message,
        details: failure.details.map(|details| details.as_str().to_owned()),
        retryable: failure.retryable,
    }
}

pub(crate) fn failure_from_guest(failure: types::Failure) -> Failure {
    let mut code = failure.code;
    if code.len() > MAX_CODE_BYTES {
        code.truncate(code.floor_char_boundary(MAX_CODE_BYTES));
    }
    Failure {
        code,
        message: failure.message,
        // Details that are no JSON are kept as a JSON string rather than lost.
        details: failure.details.map(|text| Json::parse(text.as_str()).unwrap_or_else(|_| Json::from(&text.into()))),
        retryable: failure.retryable,
    }
}

pub(crate) fn options(options: Option<types::CallOptions>) -> Result<CallOptions, Failure> {
    let Some(options) = options else { return Ok(CallOptions::default()) };
    let retry = options.retry.map(retry).transpose()?;
    Ok(CallOptions {
        attempt_timeout_ms: options.attempt_timeout_ms,
        total_timeout_ms: options.total_timeout_ms,
        retry,
        idempotency_key: options.idempotency_key.map(idempotency_key).transpose()?,
    })
}

/// An idempotency key of the guest's.
pub(crate) fn idempotency_key(key: String) -> Result<String, Failure> {
    if key.is_empty() || key.len() > MAX_KEY_BYTES || !key.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(invalid(format!("`idempotency-key` has to be 1 to {MAX_KEY_BYTES} bytes of visible ASCII")));
    }
    Ok(key)
}

fn retry(policy: types::RetryPolicy) -> Result<RetryPolicy, Failure> {
    let backoff_coefficient = finite("backoff-coefficient", policy.backoff_coefficient)?;
    if backoff_coefficient.is_some_and(|coefficient| coefficient < 1.0) {
        return Err(invalid("`backoff-coefficient` has to be 1 or more"));
    }
    let jitter = finite("jitter", policy.jitter)?;
    if jitter.is_some_and(|jitter| !(0.0..=1.0).contains(&jitter)) {
        return Err(invalid("`jitter` has to be 0 to 1"));
    }
    if policy.max_attempts == Some(0) {
        return Err(invalid("`max-attempts` has to be 1 or more: 1 means no retry"));
    }
    Ok(RetryPolicy {
        initial_interval_ms: policy.initial_interval_ms,
        backoff_coefficient,
        max_interval_ms: policy.max_interval_ms,
        jitter,
        max_attempts: policy.max_attempts,
        max_elapsed_ms: policy.max_elapsed_ms,
        non_retryable: policy.non_retryable,
    })
}

/// Reads the outcome of a call as `T`. Outcomes come from activities of this host; one that does not fit is a failure, not a trap.
pub(crate) fn outcome<T: DeserializeOwned>(outcome: Outcome) -> Result<T, types::Failure> {
    match outcome {
        Outcome::Ok(json) => json.read().map_err(|error| {
            failure_to_guest(Failure::new("invalid-outcome", format!("the recorded outcome cannot be read: {error}")))
        }),
        Outcome::Failed(failure) => Err(failure_to_guest(failure)),
    }
}

fn content_from_guest(part: types::ContentPart) -> model_llm::ContentPart {
    match part {
        types::ContentPart::Text(text) => model_llm::ContentPart::Text { text },
        types::ContentPart::Image(types::Image { media_type, source }) => {
            let (url, base64) = match source {
                types::ImageSource::Url(url) => (Some(url), None),
                types::ImageSource::Base64(base64) => (None, Some(base64)),
            };
            model_llm::ContentPart::Image { media_type, url, base64 }
        }
    }
}

fn content_to_guest(part: model_llm::ContentPart) -> types::ContentPart {
    match part {
        model_llm::ContentPart::Text { text } => types::ContentPart::Text(text),
        model_llm::ContentPart::Image { media_type, url, base64 } => {
            let source = match url {
                Some(url) => types::ImageSource::Url(url),
                None => types::ImageSource::Base64(base64.unwrap_or_default()),
            };
            types::ContentPart::Image(types::Image { media_type, source })
        }
    }
}

fn message_from_guest(message: llm::Message) -> Result<model_llm::Message, Failure> {
    Ok(match message {
        llm::Message::System(text) => model_llm::Message::System { text },
        llm::Message::User(content) => {
            model_llm::Message::User { content: content.into_iter().map(content_from_guest).collect() }
        }
        llm::Message::Assistant(said) => model_llm::Message::Assistant(model_llm::AssistantMessage {
            text: said.text,
            tool_calls: said
                .tool_calls
                .into_iter()
                .map(|call| {
                    let arguments = json("`arguments` of a tool call", call.arguments)?;
                    Ok(model_llm::ToolCall { id: call.id, name: call.name, arguments })
                })
                .collect::<Result<_, Failure>>()?,
        }),
        llm::Message::Tool(answer) => model_llm::Message::Tool {
            call_id: answer.call_id,
            content: answer.content.into_iter().map(content_from_guest).collect(),
            is_error: answer.is_error,
        },
    })
}

/// A request to a model, as it is recorded.
pub(crate) fn generate_request(request: llm::Request) -> Result<abide_model::Request, Failure> {
    if request.messages.is_empty() {
        return Err(invalid("`messages` is empty: give one message at least"));
    }
    let tools = request
        .tools
        .into_iter()
        .map(|tool| {
            let parameters = json_object(&format!("`parameters` of the tool `{}`", tool.name), tool.parameters)?;
            Ok(model_llm::ToolDefinition { name: tool.name, description: tool.description, parameters })
        })
        .collect::<Result<_, Failure>>()?;
    let response_format = request
        .response_format
        .map(|format| {
            Ok::<_, Failure>(match format {
                llm::ResponseFormat::Text => model_llm::ResponseFormat::Text,
                llm::ResponseFormat::JsonObject => model_llm::ResponseFormat::JsonObject,
                llm::ResponseFormat::JsonSchema(schema) => model_llm::ResponseFormat::JsonSchema {
                    name: schema.name,
                    schema: json_object("`schema` of the response format", schema.schema)?,
                    strict: schema.strict,
                },
            })
        })
        .transpose()?;
    let head = model_llm::GenerateHead {
        model: request.model,
        tools,
        tool_choice: request.tool_choice.map(|choice| match choice {
            llm::ToolChoice::Auto => model_llm::ToolChoice::Auto,
            llm::ToolChoice::None => model_llm::ToolChoice::None,
            llm::ToolChoice::Required => model_llm::ToolChoice::Required,
            llm::ToolChoice::Named(name) => model_llm::ToolChoice::Named(name),
        }),
        response_format,
        temperature: finite("temperature", request.temperature)?,
        top_p: finite("top-p", request.top_p)?,
        max_output_tokens: request.max_output_tokens,
        stop: request.stop,
        seed: request.seed,
        extra: request.extra.map(|extra| json_object("`extra`", extra)).transpose()?,
    };
    let messages = request.messages.into_iter().map(message_from_guest).collect::<Result<_, _>>()?;
    model_llm::GenerateRequest { head, messages }
        .to_request()
        .map_err(|error| invalid(format!("the request cannot be written as JSON: {error}")))
}

pub(crate) fn generate_response(response: model_llm::GenerateResponse) -> llm::Response {
    llm::Response {
        message: llm::AssistantMessage {
            text: response.message.text,
            tool_calls: response
                .message
                .tool_calls
                .into_iter()
                .map(|call| llm::ToolCall {
                    id: call.id,
                    name: call.name,
                    arguments: call.arguments.as_str().to_owned(),
                })
                .collect(),
        },
        finish_reason: match response.finish_reason {
            model_llm::FinishReason::Stop => llm::FinishReason::Stop,
            model_llm::FinishReason::Length => llm::FinishReason::Length,
            model_llm::FinishReason::ToolCalls => llm::FinishReason::ToolCalls,
            model_llm::FinishReason::ContentFilter => llm::FinishReason::ContentFilter,
            model_llm::FinishReason::Other => llm::FinishReason::Other,
        },
        usage: response.usage.map(|usage| llm::Usage {
            input_tokens: usage.input_tokens,
            output_tokens: usage.output_tokens,
            cached_input_tokens: usage.cached_input_tokens,
        }),
        model: response.model,
    }
}

/// A request for a tool, as it is recorded.
pub(crate) fn tool_request(provider: String, name: String, arguments: String) -> Result<abide_model::Request, Failure> {
    let arguments = json_object("`arguments`", arguments)?;
    recorded(&model_tools::CallRequest { provider, name, arguments })
}

/// Any other request, as it is recorded.
pub(crate) fn recorded(request: &impl serde::Serialize) -> Result<abide_model::Request, Failure> {
    Json::of(request)
        .map(abide_model::Request::new)
        .map_err(|error| invalid(format!("the request cannot be written as JSON: {error}")))
}

pub(crate) fn tool_to_guest(tool: model_tools::Tool) -> tools::Tool {
    tools::Tool {
        provider: tool.provider,
        name: tool.name,
        description: tool.description,
        input_schema: tool.input_schema.as_str().to_owned(),
        output_schema: tool.output_schema.map(|schema| schema.as_str().to_owned()),
    }
}

pub(crate) fn tool_result_to_guest(result: model_tools::ToolResult) -> tools::ToolResult {
    tools::ToolResult {
        content: result.content.into_iter().map(content_to_guest).collect(),
        structured: result.structured.map(|structured| structured.as_str().to_owned()),
        is_error: result.is_error,
    }
}

/// An HTTP request, as it is recorded.
pub(crate) fn fetch_request(request: http::Request) -> Result<abide_model::Request, Failure> {
    let headers = request.headers.into_iter().map(|header| (header.name, header.value)).collect();
    fetch(request.method, request.url, headers, request.body)
}

/// The request of `http.fetch`.
pub(crate) fn fetch(
    method: String,
    url: String,
    headers: Vec<(String, String)>,
    body: Option<Vec<u8>>,
) -> Result<abide_model::Request, Failure> {
    let body = body.map(|bytes| match String::from_utf8(bytes) {
        Ok(text) => model_http::Body::Text(text),
        Err(error) => model_http::Body::Base64(BASE64_STANDARD.encode(error.as_bytes())),
    });
    recorded(&model_http::FetchRequest { method, url, headers, body })
}

/// The bytes of a recorded body.
pub(crate) fn body_bytes(body: model_http::Body) -> Result<Vec<u8>, base64::DecodeError> {
    match body {
        model_http::Body::Text(text) => Ok(text.into_bytes()),
        model_http::Body::Base64(text) => BASE64_STANDARD.decode(text),
    }
}

pub(crate) fn fetch_response(response: model_http::FetchResponse) -> Result<http::Response, types::Failure> {
    let body = body_bytes(response.body).map_err(|error| {
        failure_to_guest(Failure::new("invalid-outcome", format!("the recorded body cannot be read: {error}")))
    })?;
    let headers = response.headers.into_iter().map(|(name, value)| http::Header { name, value }).collect();
    Ok(http::Response { status: response.status, headers, body })
}
