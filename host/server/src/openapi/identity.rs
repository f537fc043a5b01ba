//! Tests: samples of all that is about tenants, tokens and who did what are as the document says.

use abide_model::{AuditId, Json, Role, SettingKind, Tenant, TenantState};
use abide_runtime::view::{
    Audit, AuditView, CreateTenant, CreateToken, CreatedToken, Identity, TenantSetting, TenantView, Tenants, TokenView,
    Tokens,
};
use serde_json::json;

use super::samples::{document, fits};

fn acme() -> Tenant {
    Tenant::parse("acme").unwrap()
}

#[test]
fn tenants_and_their_settings_are_as_documented() {
    fits("CreateTenant", &CreateTenant { tenant: acme() });
    let view = |created_ms, state| TenantView { tenant: acme(), created_ms, state };
    let tenants = vec![view(None, TenantState::Active), view(Some(1), TenantState::Deleting)];
    fits("Tenants", &Tenants { tenants });
    for setting in SettingKind::ALL {
        let value = Json::parse(r#"{"a":1}"#).unwrap();
        fits("TenantSetting", &TenantSetting { tenant: acme(), setting, revision: 1, value });
    }
    let kinds = SettingKind::ALL.map(SettingKind::as_str);
    assert_eq!(document()["components"]["schemas"]["SettingKind"]["enum"], json!(kinds));
}

#[test]
fn tokens_are_as_documented() {
    for role in Role::ALL {
        fits("CreateToken", &CreateToken { name: "ci".to_owned(), role, host: false, expires_in_s: Some(60) });
        let token = TokenView {
            id: "tok_0123456789abcdef".to_owned(),
            name: "ci".to_owned(),
            tenant: Some(acme()),
            role,
            created_ms: 1,
            created_by: "ann".to_owned(),
            expires_ms: Some(2),
            revoked_ms: Some(3),
        };
        fits("CreatedToken", &CreatedToken { token: token.clone(), text: "abide_".to_owned() });
        let hosts = TokenView { tenant: None, expires_ms: None, revoked_ms: None, ..token.clone() };
        fits("Tokens", &Tokens { tokens: vec![token, hosts] });
        fits("Identity", &Identity { actor: "ci".to_owned(), tenant: acme(), role, host: true });
    }
}

#[test]
fn the_audit_log_is_as_documented() {
    let entry = |status| AuditView {
        time_ms: 1,
        actor: "ci (tok_0123456789abcdef)".to_owned(),
        action: "POST /v1/runs".to_owned(),
        target: "/v1/runs".to_owned(),
        status,
    };
    let next = AuditId { time_ms: 1, number: 2 }.to_string();
    fits("Audit", &Audit { entries: vec![entry(None), entry(Some(201))], next: Some(next) });
    fits("Audit", &Audit { entries: Vec::new(), next: None });
}
