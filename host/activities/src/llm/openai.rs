//! One provider that speaks Chat Completions: what it may be asked, and one attempt to ask it.

use abide_model::llm::GenerateRequest;
use abide_model::{Clock, Error, Failure, Json};
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue};
use reqwest::{Client, Url};
use zeroize::Zeroizing;

use super::decode::{decode, usage_within};
use super::encode::{Prepared, encode};
use super::meter::Meter;
use super::refusal;
use crate::client::{self, BodyError, IDEMPOTENCY_KEY};
use crate::config::{DEFAULT_MAX_RESPONSE_BYTES, MaxTokensField, OpenAiProvider, environment, wrong};
use crate::lane::{Lane, answer, refused};
use crate::quote::Redactor;
use crate::retry_after::retry_after_ms;
use crate::secrets::header;
use crate::trouble::{Attempt, Trouble};
use crate::{Activity, Performed};

/// How much of a refusal is read.
const REFUSAL_BYTES: usize = 64 << 10;

/// A provider.
#[derive(Debug)]
pub(crate) struct Provider {
    lane: Lane,
    client: Client,
    endpoint: Url,
    headers: HeaderMap,
    /// The secret of the tenant that has the key.
    api_key_secret: Option<String>,
    redactor: Redactor,
    model: Option<String>,
    models: Option<Vec<String>>,
    max_tokens: MaxTokensField,
    max_response_bytes: usize,
}

impl Provider {
    pub(crate) fn new(key: &str, config: &OpenAiProvider, client: Client) -> Result<Self, Error> {
        let url_key = format!("{key}.base_url");
        let mut endpoint = client::base_url(&url_key, &config.base_url)?;
        endpoint
            .path_segments_mut()
            .map_err(|()| wrong(&url_key, "has no path"))?
            .pop_if_empty()
            .extend(["chat", "completions"]);
        let keys = [config.api_key.is_some(), config.api_key_env.is_some(), config.api_key_secret.is_some()];
        if keys.iter().filter(|is_set| **is_set).count() > 1 {
            return Err(wrong(key, "has more than one of `api_key`, `api_key_env` and `api_key_secret`: keep one"));
        }
        let api_key = match (&config.api_key, &config.api_key_env) {
            (Some(api_key), _) => Some(api_key.clone()),
            (None, Some(variable)) => Some(environment(&format!("{key}.api_key_env"), variable)?),
            (None, None) => None,
        };
        let headers = client::headers(key, &config.headers, api_key.as_ref())?;
        let is_openai = endpoint.host_str().is_some_and(|host| {
            host == "api.openai.com" || host.ends_with(".api.openai.com") || host.ends_with(".openai.azure.com")
        });
        let usual = if is_openai { MaxTokensField::MaxCompletionTokens } else { MaxTokensField::MaxTokens };
        Ok(Self {
            lane: Lane::new(key, &config.calling())?,
            client,
            redactor: Redactor::of_headers(&headers),
            headers,
            api_key_secret: config.api_key_secret.clone(),
            endpoint,
            model: config.model.clone(),
            models: config.models.clone(),
            max_tokens: config.max_tokens_field.unwrap_or(usual),
            max_response_bytes: config.max_response_bytes.unwrap_or(DEFAULT_MAX_RESPONSE_BYTES),
        })
    }

    /// Whether the configuration names this model.
    pub(crate) fn names(&self, model: &str) -> bool {
        self.model.as_deref() == Some(model) || self.models.iter().flatten().any(|known| known == model)
    }

    /// The model that is meant. An empty name is the default one.
    pub(crate) fn resolve<'a>(&'a self, model: &'a str) -> Result<&'a str, Failure> {
        match (model, &self.model) {
            ("", Some(default)) => Ok(default),
            ("", None) => {
                let key = self.lane.key();
                let message = format!("`{key}` has no default model: name one, or set `model` of `[{key}]`");
                Err(Failure::new("invalid-request", message))
            }
            (model, _) => Ok(model),
        }
    }

    /// Checks a request to a model and makes its body.
    pub(crate) fn prepare(&self, model: &str, request: &GenerateRequest) -> Result<Prepared, Failure> {
        let key = self.lane.key();
        if self.models.is_some() && !self.names(model) {
            let shown: String = model.chars().take(100).flat_map(char::escape_debug).collect();
            let message = format!("the model `{shown}` is not allowed: add it to `models` of `[{key}]`");
            return Err(Failure::new("denied", message));
        }
        encode(model, request, self.max_tokens)
    }

    /// Asks until there is an answer or the time is up.
    pub(crate) async fn generate(&self, clock: &dyn Clock, activity: &Activity, prepared: &Prepared) -> Performed {
        let headers = match self.headers(activity) {
            Ok(headers) => headers,
            Err(failure) => return refused(failure),
        };
        let key = activity.idempotency_key();
        let (key, headers) = (key.as_str(), &headers);
        let meter = Meter::default();
        let attempt = || async { Attempt::from(self.ask(clock, key, headers, prepared, &meter).await) };
        let mut performed = self.lane.run(clock, activity, attempt).await;
        performed.usage = Some(meter.usage(self.lane.key(), &prepared.model));
        performed
    }

    /// The headers of a request, with the secrets of the tenant that the configuration names.
    fn headers(&self, activity: &Activity) -> Result<HeaderMap, Failure> {
        let mut headers = self.headers.clone();
        activity.secrets.fill_headers(&mut headers, &self.endpoint)?;
        if let Some(name) = &self.api_key_secret {
            let value = activity.secrets.reveal(name, &self.endpoint)?;
            let value = Zeroizing::new(format!("Bearer {}", value.as_str()));
            headers.insert(AUTHORIZATION, header(&AUTHORIZATION, &value)?);
        }
        Ok(headers)
    }

    async fn ask(
        &self,
        clock: &dyn Clock,
        idempotency_key: &str,
        headers: &HeaderMap,
        prepared: &Prepared,
        meter: &Meter,
    ) -> Result<Json, Trouble> {
        let key = self.lane.key();
        meter.begins();
        let sent = self
            .client
            .post(self.endpoint.clone())
            .headers(headers.clone())
            .header(CONTENT_TYPE, HeaderValue::from_static("application/json"))
            .header(IDEMPOTENCY_KEY, idempotency_key)
            .body(prepared.body.clone())
            .send()
            .await;
        let response = sent.map_err(|error| {
            if error.is_connect() {
                meter.is_free();
            }
            client::no_answer(&error, &format!("`{key}` at {}", client::origin(&self.endpoint)))
        })?;
        let status = response.status();
        if !status.is_success() {
            meter.is_free();
            let wait = retry_after_ms(response.headers(), clock.now_ms());
            let body = client::read_beginning(response, REFUSAL_BYTES).await;
            return Err(refusal::of_status(status.as_u16(), &body, wait, key, &self.redactor));
        }
        let body = client::read_body(response, self.max_response_bytes).await.map_err(|error| {
            let hint = match &error {
                BodyError::TooLarge(_) => format!("; `max_response_bytes` of `[{key}]` sets the limit"),
                BodyError::Broken(..) => String::new(),
            };
            Trouble::passing("invalid-response", format!("the answer of `{key}` {error}{hint}"))
        })?;
        let decoded = decode(&body, key, &prepared.model, &self.redactor);
        let usage = match &decoded {
            Ok(answer) => answer.usage,
            Err(_) => usage_within(&body),
        };
        if let Some(usage) = usage {
            meter.counted(usage.into());
        }
        answer(&decoded?)
    }
}
