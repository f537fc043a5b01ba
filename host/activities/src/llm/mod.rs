//! `llm.generate`: which provider and model a request means. How a provider is spoken with is the business of `openai`.

mod decode;
mod encode;
mod meter;
mod openai;
mod prices;
pub(crate) mod read;
mod refusal;

use std::collections::BTreeMap;

use abide_model::{CallKind, Clock, Error, Failure, Right, Rights};

use crate::config::{ActivitiesConfig, LlmProvider, OpenAiProvider, check_name, wrong};
use crate::lane::refused;
use crate::policy::Entered;
use crate::scripted::Scripted;
use crate::{Activity, Performed};

use openai::Provider;
use prices::Prices;

/// All providers of language models.
#[derive(Debug)]
pub(crate) struct Models {
    providers: BTreeMap<String, Provider>,
    default: Option<String>,
    prices: Prices,
    /// The servers of scripted providers; they end with the host.
    _scripted: Vec<Scripted>,
}

impl Models {
    pub(crate) fn new(
        config: &ActivitiesConfig,
        base_dir: &std::path::Path,
        client: &reqwest::Client,
    ) -> Result<Self, Error> {
        let mut providers = BTreeMap::new();
        let mut servers = Vec::new();
        for (name, provider) in &config.llm {
            check_name("llm", name)?;
            let key = format!("llm.{name}");
            let provider = match provider {
                LlmProvider::OpenAi(provider) => Provider::new(&key, provider, client.clone())?,
                LlmProvider::Scripted(provider) => {
                    let server = Scripted::start(&format!("{key}.file"), &base_dir.join(&provider.file))?;
                    let calling = provider.calling();
                    let config = OpenAiProvider {
                        base_url: server.base_url(),
                        model: Some("scripted".to_owned()),
                        attempt_timeout_ms: calling.attempt_timeout_ms,
                        total_timeout_ms: calling.total_timeout_ms,
                        retry: calling.retry,
                        max_concurrent: calling.max_concurrent,
                        ..OpenAiProvider::default()
                    };
                    servers.push(server);
                    Provider::new(&key, &config, client.clone())?
                }
            };
            providers.insert(name.clone(), provider);
        }
        let default = match &config.default_llm {
            Some(name) if providers.contains_key(name) => Some(name.clone()),
            Some(name) => {
                let known = known(providers.keys());
                return Err(wrong("default_llm", format_args!("names `{name}`, but there is {known}")));
            }
            None if providers.len() == 1 => providers.keys().next().cloned(),
            None => None,
        };
        Ok(Self { providers, default, prices: Prices::new(&config.prices)?, _scripted: servers })
    }

    /// Performs a call.
    pub(crate) async fn generate(&self, clock: &dyn Clock, activity: &Activity) -> Performed {
        match self.prepare(activity) {
            Ok((provider, prepared, entered)) => {
                let mut performed = provider.generate(clock, activity, &prepared).await;
                if let Some(usage) = &mut performed.usage {
                    usage.cost = self.prices.of(usage);
                }
                entered.leave(activity.kind, performed)
            }
            Err(performed) => *performed,
        }
    }

    fn prepare(&self, activity: &Activity) -> Result<(&Provider, encode::Prepared, Entered), Box<Performed>> {
        let refuse = |failure| Box::new(refused(failure));
        let mut request = read::read(&activity.request).map_err(refuse)?;
        let asked = std::mem::take(&mut request.head.model);
        let rights = &activity.policy.rights;
        let (name, provider, model) = self.route(&asked, rights).map_err(refuse)?;
        let model = provider.resolve(model).map_err(refuse)?;
        let mut entered = activity.policy.enter(&[Right::model(name, model)])?;
        entered.passage.generate(&mut request);
        match provider.prepare(model, &request) {
            Ok(prepared) => Ok((provider, prepared, entered)),
            Err(failure) => Err(Box::new(entered.refuse(CallKind::LlmGenerate, failure))),
        }
    }

    /// The provider that a model's name means, and its own name for the model. Who has no right to any is not told which there are.
    fn route<'s, 'm>(&'s self, model: &'m str, rights: &Rights) -> Result<(&'s str, &'s Provider, &'m str), Failure> {
        if let Some((name, rest)) = model.split_once('/')
            && let Some((name, provider)) = self.providers.get_key_value(name)
        {
            return Ok((name, provider, rest));
        }
        let default = self.default.as_ref().and_then(|name| self.providers.get_key_value(name));
        // Models of the default provider may have a `/` in their name, if the configuration names them.
        if let Some((name, provider)) = default
            && (!model.contains('/') || provider.names(model))
        {
            return Ok((name, provider, model));
        }
        let known = known(self.providers.keys().filter(|name| rights.touch(&Right::models_of(name))));
        let message = match model.split_once('/') {
            Some((name, _)) => format!(
                "there is no provider `{name}` of language models, but {known}: configure it as `[llm.{name}]`, or ask for \
                 `<provider>/<model>`"
            ),
            None if self.providers.is_empty() => {
                "there is no provider of language models: configure one as `[llm.NAME]`, or set \
                 OPENAI_API_KEY for `abide dev`"
                    .to_owned()
            }
            None => format!(
                "there is no default provider of language models, but {known}: set `default_llm`, or ask for `<provider>/<model>`"
            ),
        };
        Err(Failure::new("unknown-provider", message))
    }
}

fn known<'p>(names: impl Iterator<Item = &'p String>) -> String {
    let names: Vec<_> = names.map(|name| format!("`{name}`")).collect();
    if names.is_empty() { "none at all".to_owned() } else { names.join(", ") }
}
