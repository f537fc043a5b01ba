//! A request, from its making to its sending.

use abide_model::{CallOptions, Failure, Request};
use wasmtime::component::Resource;

use super::body::{OutgoingBody, Upload};
use super::fields::Fields;
use super::options::{self, RequestOptions};
use super::response::FutureResponse;
use crate::convert;
use crate::state::GuestState;
use crate::wasi::bindings::wasi::http::outgoing_handler;
use crate::wasi::bindings::wasi::http::types::{ErrorCode, HostOutgoingRequest, Method, Scheme};

/// A request that is made.
#[derive(Default)]
pub struct OutgoingRequest {
    method: Option<Method>,
    scheme: Option<Scheme>,
    authority: Option<String>,
    path: Option<String>,
    headers: Fields,
    body: Option<Upload>,
}

/// A request that is complete but for its body.
pub(super) struct Draft {
    method: String,
    url: String,
    headers: Vec<(String, String)>,
    options: CallOptions,
}

impl Draft {
    fn new(request: &OutgoingRequest, timeouts: RequestOptions) -> Result<Self, Failure> {
        let invalid = |message: String| Failure::new("invalid-request", message);
        let authority = request
            .authority
            .as_deref()
            .ok_or_else(|| invalid("the request names no host: set its authority".to_owned()))?;
        let scheme = match &request.scheme {
            Some(Scheme::Http) => "http",
            Some(Scheme::Https) | None => "https",
            Some(Scheme::Other(other)) => {
                return Err(invalid(format!("the scheme `{other}` is not known: use http or https")));
            }
        };
        let path = request.path.as_deref().unwrap_or("/");
        let slash = if path.starts_with('/') { "" } else { "/" };
        let mut headers = Vec::new();
        for (name, value) in request.headers.entries() {
            // The host counts the body itself.
            if name.eq_ignore_ascii_case("content-length") {
                continue;
            }
            let value = String::from_utf8(value.clone())
                .map_err(|_| invalid(format!("the value of the header `{name}` is no UTF-8: encode it")))?;
            headers.push((name.clone(), value));
        }
        let options = options::call_options(timeouts, &mut headers)?;
        let method = name_of(request.method.as_ref().unwrap_or(&Method::Get));
        Ok(Self { method, url: format!("{scheme}://{authority}{slash}{path}"), headers, options })
    }

    pub(super) fn request(self, body: Option<Vec<u8>>) -> (Result<Request, Failure>, CallOptions) {
        // A body without bytes is none: a program that always writes one would otherwise send one with `GET`.
        let body = body.filter(|bytes| !bytes.is_empty());
        (convert::fetch(self.method, self.url, self.headers, body), self.options)
    }
}

fn name_of(method: &Method) -> String {
    let name = match method {
        Method::Get => "GET",
        Method::Head => "HEAD",
        Method::Post => "POST",
        Method::Put => "PUT",
        Method::Delete => "DELETE",
        Method::Connect => "CONNECT",
        Method::Options => "OPTIONS",
        Method::Trace => "TRACE",
        Method::Patch => "PATCH",
        Method::Other(name) => name,
    };
    name.to_owned()
}

impl outgoing_handler::Host for GuestState {
    fn handle(
        &mut self,
        request: Resource<OutgoingRequest>,
        options: Option<Resource<RequestOptions>>,
    ) -> wasmtime::Result<Result<Resource<FutureResponse>, ErrorCode>> {
        let request = self.wasi.table.delete(request)?;
        let timeouts = match options {
            Some(options) => self.wasi.table.delete(options)?,
            None => RequestOptions::default(),
        };
        match Draft::new(&request, timeouts) {
            Ok(draft) => {
                let response = self.send_with_body(draft, request.body);
                Ok(Ok(self.hold(response)?))
            }
            Err(failure) => Ok(Err(self.told(&failure))),
        }
    }
}

impl HostOutgoingRequest for GuestState {
    fn new(&mut self, headers: Resource<Fields>) -> wasmtime::Result<Resource<OutgoingRequest>> {
        let headers = self.wasi.table.delete(headers)?.frozen();
        self.hold(OutgoingRequest { headers, ..OutgoingRequest::default() })
    }

    fn body(&mut self, request: Resource<OutgoingRequest>) -> wasmtime::Result<Result<Resource<OutgoingBody>, ()>> {
        let request = self.wasi.table.get_mut(&request)?;
        if request.body.is_some() {
            return Ok(Err(()));
        }
        let upload = Upload::default();
        request.body = Some(upload.clone());
        Ok(Ok(self.hold(OutgoingBody::new(upload))?))
    }

    fn method(&mut self, request: Resource<OutgoingRequest>) -> wasmtime::Result<Method> {
        Ok(self.wasi.table.get(&request)?.method.clone().unwrap_or(Method::Get))
    }

    fn set_method(&mut self, request: Resource<OutgoingRequest>, method: Method) -> wasmtime::Result<Result<(), ()>> {
        self.wasi.table.get_mut(&request)?.method = Some(method);
        Ok(Ok(()))
    }

    fn path_with_query(&mut self, request: Resource<OutgoingRequest>) -> wasmtime::Result<Option<String>> {
        Ok(self.wasi.table.get(&request)?.path.clone())
    }

    fn set_path_with_query(
        &mut self,
        request: Resource<OutgoingRequest>,
        path: Option<String>,
    ) -> wasmtime::Result<Result<(), ()>> {
        self.wasi.table.get_mut(&request)?.path = path;
        Ok(Ok(()))
    }

    fn scheme(&mut self, request: Resource<OutgoingRequest>) -> wasmtime::Result<Option<Scheme>> {
        Ok(self.wasi.table.get(&request)?.scheme.clone())
    }

    fn set_scheme(
        &mut self,
        request: Resource<OutgoingRequest>,
        scheme: Option<Scheme>,
    ) -> wasmtime::Result<Result<(), ()>> {
        self.wasi.table.get_mut(&request)?.scheme = scheme;
        Ok(Ok(()))
    }

    fn authority(&mut self, request: Resource<OutgoingRequest>) -> wasmtime::Result<Option<String>> {
        Ok(self.wasi.table.get(&request)?.authority.clone())
    }

    fn set_authority(
        &mut self,
        request: Resource<OutgoingRequest>,
        authority: Option<String>,
    ) -> wasmtime::Result<Result<(), ()>> {
        self.wasi.table.get_mut(&request)?.authority = authority;
        Ok(Ok(()))
    }

    fn headers(&mut self, request: Resource<OutgoingRequest>) -> wasmtime::Result<Resource<Fields>> {
        let headers = self.wasi.table.get(&request)?.headers.clone();
        self.hold(headers)
    }

    fn drop(&mut self, request: Resource<OutgoingRequest>) -> wasmtime::Result<()> {
        self.wasi.table.delete(request)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn draft(request: OutgoingRequest) -> Result<Draft, Failure> {
        Draft::new(&request, RequestOptions::default())
    }

    #[test]
    fn a_request_has_a_host_and_defaults_for_the_rest() {
        let request = || OutgoingRequest { authority: Some("example.com".to_owned()), ..OutgoingRequest::default() };
        let plain = draft(request()).unwrap();
        assert_eq!((plain.method.as_str(), plain.url.as_str()), ("GET", "https://example.com/"));
        let path = draft(OutgoingRequest { path: Some("a?b=c".to_owned()), scheme: Some(Scheme::Http), ..request() });
        assert_eq!(path.unwrap().url, "http://example.com/a?b=c");
        assert!(draft(OutgoingRequest::default()).is_err());
        assert!(draft(OutgoingRequest { scheme: Some(Scheme::Other("ftp".to_owned())), ..request() }).is_err());
    }

    #[test]
    fn the_length_of_a_body_is_the_hosts_to_say() {
        let headers = Fields::immutable([
            ("Content-Length".to_owned(), b"99".to_vec()),
            ("content-type".to_owned(), b"text/plain".to_vec()),
        ]);
        let request = OutgoingRequest { authority: Some("a".to_owned()), headers, ..OutgoingRequest::default() };
        assert_eq!(draft(request).unwrap().headers, [("content-type".to_owned(), "text/plain".to_owned())]);
    }
}
