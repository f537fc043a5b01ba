//! Tests: samples of quotas and of what is used are as the document says.

use abide_model::{Quotas, Tenant};
use abide_runtime::view::TenantUsage;

use super::samples::fits;

#[test]
fn quotas_and_usage_are_as_documented() {
    let all = Quotas {
        weight: Some(300),
        open_runs: Some(10_000),
        starts_per_second: Some(50),
        calls_in_flight: Some(100),
        calls_per_second: Some(20),
        provider_calls_per_second: [("llm.openai".to_owned(), 5)].into(),
        stored_bytes: Some(1 << 30),
        resident_guests: Some(100),
        resident_bytes: Some(1 << 30),
        versions: Some(100),
        component_bytes: Some(8 << 20),
    };
    for quotas in [all, Quotas::default()] {
        fits("Quotas", &quotas);
        let usage = TenantUsage {
            tenant: Tenant::default(),
            open_runs: 1,
            stored_bytes: 2,
            versions: 3,
            calls_in_flight: 4,
            resident_guests: 5,
            resident_bytes: 6,
            quotas,
        };
        fits("TenantUsage", &usage);
    }
}
