//! A tool component: a small directory of customers, values that come back as they went, and functions that misbehave.
#![expect(unsafe_code, reason = "the code that wit-bindgen makes for exports reads what the host passed")]

mod bindings {
    wit_bindgen::generate!({
        path: ["../../../wit", "../../../host/engine/wasi", "wit"],
        inline: "
            package acme:crm-tool;
            world tool {
                import abide:workflow/http@0.1.0;
                import abide:workflow/timer@0.1.0;
                import abide:workflow/random@0.1.0;
                import abide:workflow/log@0.1.0;
                import wasi:cli/environment@0.2.12;
                export acme:crm/customers@1.2.0;
                export acme:crm/values@1.2.0;
                export acme:crm/mischief@1.2.0;
            }
        ",
        world: "acme:crm-tool/tool",
        generate_all,
    });
}

use std::sync::atomic::{AtomicU32, Ordering};

use bindings::abide::workflow::{http, log, random, timer};
use bindings::exports::acme::crm::{customers, mischief, values};
use bindings::wasi::cli::environment;

struct Tool;

impl customers::Guest for Tool {
    async fn find(name: String, with_tags: Option<bool>) -> Result<customers::Customer, customers::Problem> {
        log::write(log::Level::Info, "somebody asks for a customer", None);
        match name.as_str() {
            "Ada" => Ok(customers::Customer {
                name,
                email: Some("ada@example.com".to_owned()),
                tags: if with_tags == Some(true) { vec!["vip".to_owned()] } else { Vec::new() },
                tier: customers::Tier::Paid,
            }),
            _ => Err(customers::Problem::Unknown(name)),
        }
    }
}

impl values::Guest for Tool {
    async fn echo(value: values::Everything) -> values::Everything {
        value
    }

    fn echo_plain(value: values::Everything) -> values::Everything {
        value
    }
}

fn failure(code: &str, message: &str) -> mischief::Failure {
    mischief::Failure {
        code: code.to_owned(),
        message: message.to_owned(),
        retryable: false,
        details: None,
        more: None,
    }
}

impl mischief::Guest for Tool {
    async fn panic() -> Result<String, mischief::Failure> {
        panic!("on purpose")
    }

    fn spin() -> Result<String, mischief::Failure> {
        let mut number = random::u64();
        loop {
            number = std::hint::black_box(number.wrapping_mul(31));
        }
    }

    fn grow(bytes: u64) -> Result<String, mischief::Failure> {
        let taken = vec![1_u8; usize::try_from(bytes).map_err(|_| failure("too-large", "that is no size"))?];
        Ok(format!("{} bytes", std::hint::black_box(taken).len()))
    }

    async fn wait(duration_ms: u64) -> Result<u64, mischief::Failure> {
        let before = timer::now();
        timer::sleep(duration_ms).await.map_err(|error| failure(&error.code, &error.message))?;
        Ok(timer::now() - before)
    }

    async fn fetch(url: String) -> Result<u16, mischief::Failure> {
        let request = http::Request { method: "GET".to_owned(), url, headers: Vec::new(), body: None };
        let answer = http::fetch(request, None).await;
        answer.map(|answer| answer.status).map_err(|error| failure(&error.code, &error.message))
    }

    fn count() -> u32 {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        COUNT.fetch_add(1, Ordering::Relaxed) + 1
    }

    fn many(count: u32) -> Result<Vec<String>, mischief::Failure> {
        Ok((0..count).map(|number| format!("text {number}")).collect())
    }

    async fn take(text: String) -> Result<u64, mischief::Failure> {
        Ok(text.len() as u64)
    }

    fn variable(name: String) -> Option<String> {
        environment::get_environment().into_iter().find_map(|(known, value)| (known == name).then_some(value))
    }

    async fn silent() -> u32 {
        panic!("on purpose")
    }
}

bindings::export!(Tool with_types_in bindings);
