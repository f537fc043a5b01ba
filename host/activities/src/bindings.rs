//! Who performs the interfaces that workflows import: whom `[activities]` names, else the uploaded tool component that performs it.

use std::sync::Arc;

use abide_engine::TypedImport;
use abide_model::tools::ToolResult;
use abide_model::{CallFunction, Clock, Error, ErrorCode, Failure, InterfaceName, Json, Outcome, Right, Tenant};
use serde_json::json;

use crate::components::{Component, Components};
use crate::config::{ActivitiesConfig, Binding, wrong};
use crate::lane::{answer, refused};
use crate::{Activity, Performed, ToolComponents, Workers};

/// All bindings.
pub(crate) struct Bindings {
    /// Later versions of an interface first, and without a version last.
    bound: Vec<(InterfaceName, Target)>,
    workers: Workers,
    uploaded: ToolComponents,
}

/// Who performs an interface.
#[derive(Clone)]
enum Target {
    Component(Arc<Component>),
    /// The workers of this queue.
    Worker(String),
}

impl Bindings {
    /// Checks that whoever is named is there.
    pub(crate) fn new(
        config: &ActivitiesConfig,
        components: &Components,
        workers: &Workers,
        uploaded: &ToolComponents,
    ) -> Result<Self, Error> {
        let bound = config.activities.iter().map(|(name, binding)| {
            let key = format!("activities.\"{name}\"");
            let interface = InterfaceName::parse(name).map_err(|error| wrong(&key, error.message))?;
            let target = target(&key, &interface, binding, components, workers)?;
            Ok((interface, target))
        });
        let mut bound = bound.collect::<Result<Vec<_>, Error>>()?;
        bound.sort_by(|(a, _), (b, _)| b.cmp(a));
        Ok(Self { bound, workers: workers.clone(), uploaded: uploaded.clone() })
    }

    /// Who performs `wanted`.
    fn find(&self, tenant: &Tenant, wanted: &InterfaceName) -> Result<Target, Failure> {
        let uploaded = || self.uploaded.performer(tenant, wanted).map(Target::Component);
        let bound = self.bound.iter().find(|(name, _)| binds(name, wanted)).map(|(_, target)| target.clone());
        bound.or_else(uploaded).ok_or_else(|| {
            let path = wanted.path();
            let message = format!(
                "nobody performs `{wanted}`: add `\"{path}\" = {{ component = \"NAME\" }}` or `{{ worker = \"QUEUE\" }}` to \
                 `[activities]` of the configuration, or upload a tool component with `abide tools deploy FILE`"
            );
            Failure::new("not-bound", message)
        })
    }

    /// Whether all functions of an import are performed by somebody.
    pub(crate) fn check(&self, tenant: &Tenant, import: &TypedImport) -> Result<(), Error> {
        let TypedImport { interface, functions } = import;
        let refuse = |failure: Failure| Error::new(ErrorCode::InvalidComponent, failure.message);
        if let Target::Component(component) = self.find(tenant, interface).map_err(refuse)? {
            for function in functions {
                if component.function(interface, function).is_none() {
                    return Err(refuse(not_offered(&component, interface, function)));
                }
            }
        }
        Ok(())
    }

    /// Performs `activities.call`. Its outcome is the function's result as JSON by its type.
    pub(crate) async fn call(&self, clock: &dyn Clock, activity: &Activity) -> Performed {
        let read = activity.request.head.read::<CallFunction>().map_err(|error| error.to_string());
        let read = read.and_then(|call| match InterfaceName::parse(&call.interface) {
            Ok(interface) => Ok((interface, call)),
            Err(error) => Err(error.message),
        });
        let (interface, mut call) = match read {
            Ok(read) => read,
            Err(error) => {
                return refused(Failure::new("invalid-request", format!("the request cannot be read: {error}")));
            }
        };
        let mut entered = match activity.policy.enter(&[Right::interface(&interface)]) {
            Ok(entered) => entered,
            Err(performed) => return *performed,
        };
        entered.passage.arguments(&mut call.arguments);
        entered.leave(activity.kind, self.perform(clock, activity, &interface, call).await)
    }

    async fn perform(
        &self,
        clock: &dyn Clock,
        activity: &Activity,
        interface: &InterfaceName,
        call: CallFunction,
    ) -> Performed {
        match self.find(&activity.tenant, interface) {
            Ok(Target::Component(component)) => match component.function(interface, &call.function) {
                Some(function) => component.call(clock, activity, function, &call.arguments).await,
                None => refused(not_offered(&component, interface, &call.function)),
            },
            Ok(Target::Worker(queue)) => {
                let name = format!("{}.{}", interface.path(), call.function);
                match self.workers.call_function(clock, activity, &queue, &name, call.arguments).await {
                    Some(performed) => of_worker(performed),
                    None => refused(Failure::new("not-bound", format!("there is no task queue `{queue}`"))),
                }
            }
            Err(failure) => refused(failure),
        }
    }
}

/// Whether the key `name` of `[activities]` is for `wanted`. One without a version is for all of them.
pub(crate) fn binds(name: &InterfaceName, wanted: &InterfaceName) -> bool {
    wanted.accepts(name) || name.to_string() == wanted.path()
}

fn target(
    key: &str,
    interface: &InterfaceName,
    binding: &Binding,
    components: &Components,
    workers: &Workers,
) -> Result<Target, Error> {
    match (&binding.component, &binding.worker) {
        (Some(name), None) => {
            let Some(component) = components.get(name) else {
                return Err(wrong(key, format_args!("names the component `{name}`: add `[components.{name}]`")));
            };
            if !component.interfaces().into_iter().any(|offered| interface.accepts(offered)) {
                let offered: Vec<_> = component.interfaces().iter().map(|name| format!("`{name}`")).collect();
                let offered = if offered.is_empty() { "none".to_owned() } else { offered.join(", ") };
                let problem = format_args!("names the component `{name}`, which exports another interface: {offered}");
                return Err(wrong(key, problem));
            }
            Ok(Target::Component(component.clone()))
        }
        (None, Some(queue)) if workers.names().any(|name| name == queue) => Ok(Target::Worker(queue.clone())),
        (None, Some(queue)) => Err(wrong(key, format_args!("names the task queue `{queue}`: add `[workers.{queue}]`"))),
        _ => Err(wrong(key, "has to be `{ component = \"NAME\" }` or `{ worker = \"QUEUE\" }`")),
    }
}

fn not_offered(component: &Component, interface: &InterfaceName, function: &str) -> Failure {
    let offered: Vec<_> = component.interfaces().iter().map(|name| format!("`{name}`")).collect();
    let message = format!(
        "the tool component `{}` has no function `{function}` of `{interface}`, but the interfaces {}: bind the interface to another \
         component, or build that one again",
        component.name(),
        offered.join(", ")
    );
    Failure::new("not-bound", message)
}

/// What a worker gave. It says that it failed where the function's `result` is to be an error.
fn of_worker(mut performed: Performed) -> Performed {
    let Outcome::Ok(given) = &performed.outcome else { return performed };
    let result = match given.read::<ToolResult>() {
        Ok(ToolResult { structured, is_error: false, .. }) => Ok(structured.unwrap_or_else(Json::null)),
        Ok(ToolResult { structured, is_error: true, .. }) => answer(&json!({ "error": structured })),
        Err(error) => {
            let message = format!("the answer of the worker cannot be read: {error}");
            Err(crate::trouble::Trouble::lasting("provider-error", message))
        }
    };
    performed.outcome = match result {
        Ok(result) => Outcome::Ok(result),
        Err(trouble) => Outcome::Failed(trouble.failure),
    };
    performed
}
