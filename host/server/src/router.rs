//! The table of routes. The OpenAPI document is checked against it.

use axum::Router;
use axum::handler::Handler;
use axum::middleware::from_fn_with_state;
use axum::routing::{MethodFilter, MethodRouter, on};

use crate::access::{ADMIN, Access, DEPLOYER, Gate, OPERATOR, VIEWER, pass};
use crate::middleware::around;
use crate::routes::{
    check, control, forks, health, history, identity, inspect, ledger, missing, replay, runs, schedules, search,
    secrets, signals, tasks, tenants, tools, updates, versions, workflows,
};
use crate::state::Shared;

/// One method of one path.
struct Route {
    /// The method and the path.
    action: String,
    path: &'static str,
    access: Access,
    handler: MethodRouter<Shared>,
    /// Whether the audit log has who used it.
    is_recorded: bool,
}

impl Route {
    fn new<T: 'static>(
        method: (&'static str, MethodFilter),
        access: Access,
        path: &'static str,
        handler: impl Handler<T, Shared>,
    ) -> Self {
        let (name, method) = method;
        Self {
            action: format!("{name} {path}"),
            path,
            access,
            handler: on(method, handler),
            is_recorded: name != "GET",
        }
    }

    /// Of a route that changes nothing, or is used all the time by the same programs.
    fn unrecorded(self) -> Self {
        Self { is_recorded: false, ..self }
    }
}

fn get<T: 'static>(path: &'static str, access: Access, handler: impl Handler<T, Shared>) -> Route {
    Route::new(("GET", MethodFilter::GET), access, path, handler)
}

fn post<T: 'static>(path: &'static str, access: Access, handler: impl Handler<T, Shared>) -> Route {
    Route::new(("POST", MethodFilter::POST), access, path, handler)
}

fn put<T: 'static>(path: &'static str, access: Access, handler: impl Handler<T, Shared>) -> Route {
    Route::new(("PUT", MethodFilter::PUT), access, path, handler)
}

fn patch<T: 'static>(path: &'static str, access: Access, handler: impl Handler<T, Shared>) -> Route {
    Route::new(("PATCH", MethodFilter::PATCH), access, path, handler)
}

fn delete<T: 'static>(path: &'static str, access: Access, handler: impl Handler<T, Shared>) -> Route {
    Route::new(("DELETE", MethodFilter::DELETE), access, path, handler)
}

fn routes() -> Vec<Route> {
    vec![
        post("/v1/versions", DEPLOYER, versions::upload),
        get("/v1/workflows", VIEWER, workflows::list),
        get("/v1/workflows/{name}", VIEWER, workflows::show),
        patch("/v1/workflows/{name}", DEPLOYER, workflows::change),
        post("/v1/workflows/{name}/swap", DEPLOYER, workflows::swap),
        post("/v1/workflows/{name}/check", DEPLOYER, check::check).unrecorded(),
        get("/v1/workflows/{name}/versions/{version}", VIEWER, versions::describe),
        patch("/v1/workflows/{name}/versions/{version}", DEPLOYER, versions::change),
        delete("/v1/workflows/{name}/versions/{version}", DEPLOYER, versions::delete),
        post("/v1/runs", OPERATOR, runs::start),
        get("/v1/runs", VIEWER, runs::list),
        get("/v1/runs/count", VIEWER, search::count),
        post("/v1/runs/batch", OPERATOR, search::batch),
        get("/v1/runs/{run}", VIEWER, runs::describe),
        delete("/v1/runs/{run}", OPERATOR, search::delete),
        get("/v1/runs/{run}/history", VIEWER, history::history),
        get("/v1/runs/{run}/result", VIEWER, runs::result),
        post("/v1/runs/{run}/signals/{name}", OPERATOR, signals::signal),
        post("/v1/runs/{run}/queries/{name}", VIEWER, signals::query).unrecorded(),
        post("/v1/runs/{run}/updates", OPERATOR, updates::update),
        get("/v1/runs/{run}/updates/{name}", VIEWER, updates::show),
        post("/v1/runs/{run}/cancel", OPERATOR, control::cancel),
        post("/v1/runs/{run}/terminate", OPERATOR, control::terminate),
        post("/v1/runs/{run}/resume", OPERATOR, control::resume),
        post("/v1/runs/{run}/pin", OPERATOR, control::pin),
        post("/v1/runs/{run}/reset", OPERATOR, control::reset),
        post("/v1/runs/{run}/fork", OPERATOR, forks::fork),
        get("/v1/runs/{run}/forks", VIEWER, forks::list),
        post("/v1/runs/{run}/keep", OPERATOR, forks::keep),
        post("/v1/runs/{run}/replay", VIEWER, replay::replay).unrecorded(),
        get("/v1/runs/{run}/at/{event}", VIEWER, replay::at),
        post("/v1/runs/{run}/at/{event}", VIEWER, replay::at).unrecorded(),
        get("/v1/runs/{run}/export", VIEWER, replay::export),
        get("/v1/runs/{run}/ledger", VIEWER, ledger::of_run),
        get("/v1/ledger", VIEWER, ledger::ledger),
        post("/v1/import", DEPLOYER, replay::import),
        post("/v1/schedules", OPERATOR, schedules::create),
        get("/v1/schedules", VIEWER, schedules::list),
        get("/v1/schedules/{id}", VIEWER, schedules::describe),
        put("/v1/schedules/{id}", OPERATOR, schedules::update),
        delete("/v1/schedules/{id}", OPERATOR, schedules::delete),
        post("/v1/schedules/{id}/pause", OPERATOR, schedules::pause),
        post("/v1/schedules/{id}/unpause", OPERATOR, schedules::unpause),
        post("/v1/schedules/{id}/trigger", OPERATOR, schedules::trigger),
        post("/v1/schedules/{id}/backfill", OPERATOR, schedules::backfill),
        get("/v1/tasks", VIEWER, tasks::queues),
        post("/v1/tasks/{queue}/poll", OPERATOR, tasks::poll).unrecorded(),
        post("/v1/tasks/{queue}/complete", OPERATOR, tasks::complete).unrecorded(),
        post("/v1/tasks/{queue}/fail", OPERATOR, tasks::fail).unrecorded(),
        post("/v1/tasks/{queue}/heartbeat", OPERATOR, tasks::heartbeat).unrecorded(),
        post("/v1/tasks/{queue}/defer", OPERATOR, tasks::defer).unrecorded(),
        post("/v1/completions/{token}", OPERATOR, tasks::complete_by_token),
        put("/v1/tools/{name}", DEPLOYER, tools::put),
        get("/v1/tools", VIEWER, tools::list),
        get("/v1/tools/{name}", VIEWER, tools::show),
        delete("/v1/tools/{name}", DEPLOYER, tools::delete),
        get("/v1/secrets", ADMIN, secrets::list),
        put("/v1/secrets/{name}", ADMIN, secrets::put),
        delete("/v1/secrets/{name}", ADMIN, secrets::delete),
        post("/v1/inspect", VIEWER, inspect::inspect).unrecorded(),
        get("/v1/whoami", VIEWER, identity::whoami),
        get("/v1/audit", ADMIN, identity::audit),
        post("/v1/tokens", ADMIN, identity::create_token),
        get("/v1/tokens", ADMIN, identity::tokens),
        delete("/v1/tokens/{token}", ADMIN, identity::revoke_token),
        post("/v1/tenants", Access::Host, tenants::create),
        get("/v1/tenants", Access::Host, tenants::list),
        get("/v1/tenants/{tenant}", VIEWER, tenants::describe),
        get("/v1/tenants/{tenant}/usage", VIEWER, tenants::usage),
        delete("/v1/tenants/{tenant}", Access::Host, tenants::delete),
        get("/v1/tenants/{tenant}/export", ADMIN, tenants::export),
        get("/v1/tenants/{tenant}/settings/{setting}", VIEWER, tenants::setting),
        put("/v1/tenants/{tenant}/settings/{setting}", ADMIN, tenants::put_setting),
        delete("/v1/tenants/{tenant}/settings/{setting}", ADMIN, tenants::delete_setting),
        get("/healthz", Access::Open, health::health),
        get("/readyz", Access::Open, health::ready),
        get("/openapi.json", Access::Open, health::document),
    ]
}

/// The router.
pub(crate) fn router(shared: Shared) -> Router {
    routes()
        .into_iter()
        .fold(Router::new(), |router, route| {
            let Route { action, path, access, handler, is_recorded, .. } = route;
            let gate = Gate { shared: shared.clone(), access, action: action.into(), is_recorded };
            router.route(path, handler.layer(from_fn_with_state(gate, pass)))
        })
        .fallback(missing::path)
        .method_not_allowed_fallback(missing::method)
        .layer(from_fn_with_state(shared.clone(), around))
        .with_state(shared)
}

/// Every method and path that exists, with who may use it.
#[cfg(test)]
pub(crate) fn table() -> std::collections::BTreeMap<(String, String), Access> {
    let place = |route: &Route| {
        let (method, path) = route.action.split_once(' ').expect("a method and a path");
        (method.to_ascii_lowercase(), path.to_owned())
    };
    routes().into_iter().map(|route| (place(&route), route.access)).collect()
}
