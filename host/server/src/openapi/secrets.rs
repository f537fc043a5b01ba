//! Tests: samples of secrets are as the document says.

use abide_model::SecretName;
use abide_runtime::view::{PutSecret, SecretView, Secrets};

use super::samples::fits;

#[test]
fn secrets_are_as_documented() {
    let hosts = vec!["api.example.com".to_owned()];
    for value in [None, Some("hunter2-hunter2".to_owned())] {
        fits("PutSecret", &PutSecret { value, hosts: hosts.clone() });
    }
    let view = |last_used_ms| SecretView {
        name: SecretName::parse("crm").unwrap(),
        version: 1,
        hosts: hosts.clone(),
        created_ms: 1,
        changed_ms: 2,
        last_used_ms,
    };
    fits("SecretView", &view(None));
    fits("Secrets", &Secrets { secrets: vec![view(None), view(Some(3))] });
}
