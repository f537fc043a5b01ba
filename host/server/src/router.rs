//! The table of routes. The OpenAPI document is checked against it.

use axum::Router;
use axum::handler::Handler;
use axum::middleware::from_fn_with_state;
use axum::routing::{MethodFilter, MethodRouter, on};

use crate::middleware::around;
use crate::routes::{
    check, control, forks, health, history, inspect, ledger, missing, replay, runs, schedules, search, signals, tasks, tools,
    updates, versions, workflows,
};
use crate::state::Shared;

/// One method of one path.
struct Route {
    #[cfg_attr(not(test), expect(dead_code, reason = "the test of the document reads it"))]
    method: &'static str,
    path: &'static str,
    handler: MethodRouter<Shared>,
}

fn get<T: 'static>(path: &'static str, handler: impl Handler<T, Shared>) -> Route {
    Route { method: "get", path, handler: on(MethodFilter::GET, handler) }
}

fn post<T: 'static>(path: &'static str, handler: impl Handler<T, Shared>) -> Route {
    Route { method: "post", path, handler: on(MethodFilter::POST, handler) }
}

fn put<T: 'static>(path: &'static str, handler: impl Handler<T, Shared>) -> Route {
    Route { method: "put", path, handler: on(MethodFilter::PUT, handler) }
}

fn patch<T: 'static>(path: &'static str, handler: impl Handler<T, Shared>) -> Route {
    Route { method: "patch", path, handler: on(MethodFilter::PATCH, handler) }
}

fn delete<T: 'static>(path: &'static str, handler: impl Handler<T, Shared>) -> Route {
    Route { method: "delete", path, handler: on(MethodFilter::DELETE, handler) }
}

fn routes() -> Vec<Route> {
    vec![
        post("/v1/versions", versions::upload),
        get("/v1/workflows", workflows::list),
        get("/v1/workflows/{name}", workflows::show),
        patch("/v1/workflows/{name}", workflows::change),
        post("/v1/workflows/{name}/swap", workflows::swap),
        post("/v1/workflows/{name}/check", check::check),
        get("/v1/workflows/{name}/versions/{version}", versions::describe),
        patch("/v1/workflows/{name}/versions/{version}", versions::change),
        delete("/v1/workflows/{name}/versions/{version}", versions::delete),
        post("/v1/runs", runs::start),
        get("/v1/runs", runs::list),
        get("/v1/runs/count", search::count),
        post("/v1/runs/batch", search::batch),
        get("/v1/runs/{run}", runs::describe),
        Route { method: "delete", path: "/v1/runs/{run}", handler: on(MethodFilter::DELETE, search::delete) },
        get("/v1/runs/{run}/history", history::history),
        get("/v1/runs/{run}/result", runs::result),
        post("/v1/runs/{run}/signals/{name}", signals::signal),
        post("/v1/runs/{run}/queries/{name}", signals::query),
        post("/v1/runs/{run}/updates", updates::update),
        get("/v1/runs/{run}/updates/{name}", updates::show),
        post("/v1/runs/{run}/cancel", control::cancel),
        post("/v1/runs/{run}/terminate", control::terminate),
        post("/v1/runs/{run}/resume", control::resume),
        post("/v1/runs/{run}/pin", control::pin),
        post("/v1/runs/{run}/reset", control::reset),
        post("/v1/runs/{run}/fork", forks::fork),
        get("/v1/runs/{run}/forks", forks::list),
        post("/v1/runs/{run}/keep", forks::keep),
        post("/v1/runs/{run}/replay", replay::replay),
        get("/v1/runs/{run}/at/{event}", replay::at),
        post("/v1/runs/{run}/at/{event}", replay::at),
        get("/v1/runs/{run}/export", replay::export),
        post("/v1/import", replay::import),
        get("/v1/runs/{run}/ledger", ledger::of_run),
        get("/v1/ledger", ledger::ledger),
        post("/v1/schedules", schedules::create),
        get("/v1/schedules", schedules::list),
        get("/v1/schedules/{id}", schedules::describe),
        put("/v1/schedules/{id}", schedules::update),
        delete("/v1/schedules/{id}", schedules::delete),
        post("/v1/schedules/{id}/pause", schedules::pause),
        post("/v1/schedules/{id}/unpause", schedules::unpause),
        post("/v1/schedules/{id}/trigger", schedules::trigger),
        post("/v1/schedules/{id}/backfill", schedules::backfill),
        get("/v1/tasks", tasks::queues),
        post("/v1/tasks/{queue}/poll", tasks::poll),
        post("/v1/tasks/{queue}/complete", tasks::complete),
        post("/v1/tasks/{queue}/fail", tasks::fail),
        post("/v1/tasks/{queue}/heartbeat", tasks::heartbeat),
        post("/v1/tasks/{queue}/defer", tasks::defer),
        post("/v1/completions/{token}", tasks::complete_by_token),
        put("/v1/tools/{name}", tools::put),
        get("/v1/tools", tools::list),
        get("/v1/tools/{name}", tools::show),
        delete("/v1/tools/{name}", tools::delete),
        post("/v1/inspect", inspect::inspect),
        get("/healthz", health::health),
        get("/readyz", health::ready),
        get("/openapi.json", health::document),
    ]
}

/// The router.
pub(crate) fn router(shared: Shared) -> Router {
    routes()
        .into_iter()
        .fold(Router::new(), |router, route| router.route(route.path, route.handler))
        .fallback(missing::path)
        .method_not_allowed_fallback(missing::method)
        .layer(from_fn_with_state(shared.clone(), around))
        .with_state(shared)
}

/// Every method and path that exists.
#[cfg(test)]
pub(crate) fn table() -> std::collections::BTreeSet<(String, String)> {
    routes().into_iter().map(|route| (route.method.to_owned(), route.path.to_owned())).collect()
}
