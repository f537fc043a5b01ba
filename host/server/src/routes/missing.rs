//! Paths and methods that do not exist.

use abide_model::{Error, ErrorCode};
use http::{Method, Uri};

use crate::problem::{Problem, shown};

/// No such path.
pub(crate) async fn path(uri: Uri) -> Problem {
    let message = format!("there is no path `{}`: /openapi.json lists those that exist", shown(uri.path()));
    Error::new(ErrorCode::NotFound, message).into()
}

/// The path exists, not with this method. The router adds `Allow`.
pub(crate) async fn method(method: Method, uri: Uri) -> Problem {
    let (method, path) = (shown(method.as_str()), shown(uri.path()));
    let message = format!("`{path}` takes no {method}: the header `Allow` lists what it takes");
    Error::new(ErrorCode::MethodNotAllowed, message).into()
}
