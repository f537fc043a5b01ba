//! One call of a function of a tool component: a new instance, the function, its result as JSON, and the end.

use abide_model::{Failure, InterfaceName, Json, Limits, Outcome};
use wasmtime::component::Val;

use super::ToolProgram;
use crate::guest::{Guest, new_state, new_store};
use crate::state::{Ending, GuestState};
use crate::typed;
use crate::wasi::Surroundings;

/// What is called, and what it may use.
// No `Debug`: the environment has secrets.
#[derive(Clone)]
pub struct ToolCall {
    /// The interface of the function, as the component exports it.
    pub interface: Option<InterfaceName>,
    /// The function.
    pub function: String,
    /// An object by the names of its parameters.
    pub arguments: Json,
    /// Memory, fuel between two calls of its own, the size of its requests and of its result, and its open calls.
    pub limits: Limits,
    /// What it sees as its environment variables.
    pub environment: Vec<(String, String)>,
    /// For its random numbers.
    pub seed: [u8; 32],
}

impl Guest {
    /// A call that has not begun. It ends with the function's result as JSON, or with the failure `invalid-arguments` or `too-large`.
    pub fn of_tool(program: &ToolProgram, call: ToolCall) -> Self {
        let program = program.clone();
        let surroundings = Surroundings { environment: call.environment.clone(), ..Surroundings::default() };
        Self::start(false, move |shared| {
            let state = new_state(shared, call.limits.clone(), call.seed, surroundings);
            work(program, state, call)
        })
    }
}

/// Calls the function. Ends only with an error: the result goes through the shared state.
async fn work(program: ToolProgram, state: GuestState, call: ToolCall) -> wasmtime::Error {
    let shared = state.shared.clone();
    match perform(&program, state, call).await {
        Ok(outcome) => {
            shared.lock().ended = Some(Ending::Gave(outcome));
            std::future::pending().await
        }
        Err(error) => error,
    }
}

async fn perform(program: &ToolProgram, state: GuestState, call: ToolCall) -> wasmtime::Result<Outcome> {
    let Some(index) = program.function(call.interface.as_ref(), &call.function) else {
        let message = format!("the component has no function `{}`", call.function);
        return Ok(Outcome::Failed(Failure::new("unknown-tool", message)));
    };
    let limit = call.limits.request_bytes;
    let mut store = new_store(program.engine(), state)?;
    let instance = program.pre().instantiate_async(&mut store).await?;
    let Some(function) = instance.get_func(&mut store, index) else {
        return Err(wasmtime::Error::msg("an exported function is not there"));
    };
    let ty = function.ty(&store);
    let arguments = match typed::read_arguments(&call.arguments, &ty) {
        Ok(arguments) => arguments,
        Err(misfit) => return Ok(Outcome::Failed(Failure::new("invalid-arguments", misfit.to_string()))),
    };
    let mut results = vec![Val::Bool(false); ty.results().len()];
    store.run_concurrent(async |accessor| function.call_concurrent(accessor, &arguments, &mut results).await).await??;
    Ok(match typed::write_result(&ty, &results, limit) {
        Ok(json) => Outcome::Ok(json),
        Err(failure) => Outcome::Failed(failure),
    })
}
