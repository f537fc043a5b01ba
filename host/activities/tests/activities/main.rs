//! The activities against real HTTP servers, real child processes and real MCP servers. Nothing listens beyond this machine.
//!
//! The tests in `llmock` and `mcp` need programs that `cargo xtask test` installs.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod common;
mod config;
mod fetch;
mod http_tools;
mod lanes;
mod llm;
mod llmock;
mod mcp;
mod mcp_child;
mod scripted;
mod usage;
