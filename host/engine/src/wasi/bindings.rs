//! WASI 0.2 in Rust, generated from `wasi/`.

wasmtime::component::bindgen!({
    path: "wasi",
    world: "abide:wasi-host/wasi",
    imports: { default: trappable },
    with: {
        "wasi:io/poll.pollable": crate::wasi::poll::Pollable,
        "wasi:io/error.error": crate::wasi::streams::IoError,
        "wasi:io/streams.input-stream": crate::wasi::streams::InputStream,
        "wasi:io/streams.output-stream": crate::wasi::streams::OutputStream,
        "wasi:cli/terminal-input.terminal-input": crate::wasi::cli::Terminal,
        "wasi:cli/terminal-output.terminal-output": crate::wasi::cli::Terminal,
        "wasi:filesystem/types.descriptor": crate::wasi::filesystem::Root,
        "wasi:filesystem/types.directory-entry-stream": crate::wasi::filesystem::NoEntries,
        "wasi:http/types.fields": crate::wasi::http::Fields,
        "wasi:http/types.outgoing-request": crate::wasi::http::OutgoingRequest,
        "wasi:http/types.outgoing-body": crate::wasi::http::OutgoingBody,
        "wasi:http/types.request-options": crate::wasi::http::RequestOptions,
        "wasi:http/types.future-incoming-response": crate::wasi::http::FutureResponse,
        "wasi:http/types.incoming-response": crate::wasi::http::IncomingResponse,
        "wasi:http/types.incoming-body": crate::wasi::http::IncomingBody,
        "wasi:http/types.future-trailers": crate::wasi::http::NoTrailers,
        "wasi:http/types.incoming-request": crate::wasi::http::Server,
        "wasi:http/types.response-outparam": crate::wasi::http::Server,
        "wasi:http/types.outgoing-response": crate::wasi::http::Server,
    },
});
