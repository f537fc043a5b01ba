//! What the host is asked about the ledger.

use abide_runtime::view::{LedgerReport, RunLedgerReport};
use anyhow::Result;

use super::Client;

impl Client {
    pub(crate) async fn ledger(&self, parameters: &[(&str, String)]) -> Result<LedgerReport> {
        let mut url = self.url(&["v1", "ledger"]);
        url.query_pairs_mut().extend_pairs(parameters);
        self.ask(self.http.get(url)).await
    }

    pub(crate) async fn run_ledger(&self, run: &str) -> Result<RunLedgerReport> {
        self.ask(self.http.get(self.url(&["v1", "runs", run, "ledger"]))).await
    }
}
