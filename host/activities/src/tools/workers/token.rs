//! The token of a task: who has it may answer the call. `<run_id>:<call>:<attempt>`, so that it is still good when the host was
//! restarted, and a late answer of an earlier attempt can be told from one of the present one.

use abide_model::{CallIndex, Error, ErrorCode, RunId, Tenant};

/// A call, named in the whole host.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct CallKey {
    pub(crate) tenant: Tenant,
    pub(crate) run_id: RunId,
    pub(crate) call: CallIndex,
}

impl std::fmt::Display for CallKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.run_id, self.call)
    }
}

/// One attempt of a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Token {
    pub(crate) key: CallKey,
    pub(crate) attempt: u32,
}

impl Token {
    /// Reads what a caller gave. A token of another tenant's run names a call that this tenant does not have.
    pub(crate) fn parse(tenant: &Tenant, text: &str) -> Result<Self, Error> {
        let bad = || {
            let shown: String = text.chars().take(80).flat_map(char::escape_debug).collect();
            let message = format!("`{shown}` is no token of a task: give the one that came with the task");
            Error::new(ErrorCode::InvalidArgument, message)
        };
        let number = |text: &str| -> Result<u32, Error> {
            let plain = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
            if plain { text.parse().map_err(|_| bad()) } else { Err(bad()) }
        };
        let (rest, attempt) = text.rsplit_once(':').ok_or_else(bad)?;
        let (run_id, call) = rest.rsplit_once(':').ok_or_else(bad)?;
        let key =
            CallKey { tenant: tenant.clone(), run_id: RunId::parse(run_id).map_err(|_| bad())?, call: number(call)? };
        let attempt = number(attempt)?;
        if attempt == 0 { Err(bad()) } else { Ok(Self { key, attempt }) }
    }
}

impl std::fmt::Display for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.key, self.attempt)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_read_as_it_was_written() {
        let key = CallKey { tenant: Tenant::default(), run_id: RunId::new(1_700_000_000_000, 7), call: 12 };
        let token = Token { key, attempt: 3 };
        assert_eq!(Token::parse(&Tenant::default(), &token.to_string()), Ok(token));
    }

    #[test]
    fn anything_else_is_refused() {
        let run = RunId::new(1_700_000_000_000, 7);
        for bad in [
            "".into(),
            "a:1:1".into(),
            run.to_string(),
            format!("{run}:1"),
            format!("{run}:1:0"),
            format!("{run}:+1:1"),
        ] {
            let error = Token::parse(&Tenant::default(), &bad).unwrap_err();
            assert_eq!(error.code, ErrorCode::InvalidArgument, "{bad}");
        }
        assert!(Token::parse(&Tenant::default(), &format!("{run}:1:99999999999")).is_err());
    }
}
