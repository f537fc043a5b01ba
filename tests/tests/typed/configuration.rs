//! What is refused before anything runs: bindings, components and uploads that cannot work.

use std::sync::Arc;

use abide_activities::{Activities, ActivitiesConfig, Performer as _};
use abide_model::{ErrorCode, SystemClock, Tenant, WorkflowName};
use abide_tests::{guest, guests_dir};

use crate::{COMPONENT, host};

#[tokio::test]
async fn an_interface_is_bound_by_its_compatible_versions() {
    let with = |key: &str| {
        let config = format!("{COMPONENT}[activities]\n\"{key}\" = {{ component = \"crm\" }}\n");
        let config: ActivitiesConfig = toml::from_str(&config).unwrap();
        Activities::new(config, &guests_dir(), Arc::new(SystemClock))
    };
    let import = |version: &str| abide_engine::TypedImport {
        interface: abide_model::InterfaceName::parse(&format!("acme:crm/customers{version}")).unwrap(),
        functions: vec!["find".to_owned()],
    };
    for version in ["@1.2.0", "@1.0.0", ""] {
        with("acme:crm/customers").unwrap().check_import(&Tenant::default(), &import(version)).unwrap();
    }
    for version in ["@1.3.0", "@2.0.0", "@0.9.0"] {
        with("acme:crm/customers").unwrap().check_import(&Tenant::default(), &import(version)).unwrap_err();
    }
    let error = with("acme:crm/customers@2.0.0").map(drop).unwrap_err();
    assert!(error.message.contains("exports another interface"), "{error}");
    let error = with("acme:crm/orders").map(drop).unwrap_err();
    assert!(error.message.contains("`acme:crm/customers@1.2.0`"), "{error}");
    let missing = abide_engine::TypedImport { functions: vec!["forget".to_owned()], ..import("@1.2.0") };
    let error = with("acme:crm/customers").unwrap().check_import(&Tenant::default(), &missing).unwrap_err();
    assert!(error.message.contains("no function `forget`"), "{error}");
}

#[tokio::test]
async fn interfaces_with_resources_are_refused_at_the_upload() {
    let local = host("").await;
    let name = WorkflowName::parse("crm-handles").unwrap();
    let error = local.host.deploy(&local.tenant, &name, guest("crm-handles")).await.unwrap_err();
    assert_eq!(error.code, ErrorCode::InvalidComponent);
    for part in ["acme:crm/sessions", "resource", "give its id"] {
        assert!(error.message.contains(part), "{part}: {error}");
    }
}

#[tokio::test]
async fn a_configuration_that_cannot_work_is_refused_with_its_key() {
    let crm = guests_dir().join("crm-tool.wasm");
    let crm = crm.display();
    for (config, part) in [
        ("[components.a]\ncomponent = \"none.wasm\"".to_owned(), "`components.a.component` cannot be read"),
        ("[components.a]\ncomponent = \"crm-flow.wasm\"".to_owned(), "may import: types, http, timer, random, log"),
        (format!("[components.a]\ncomponent = \"{crm}\"\nmax_concurrent = 0"), "`components.a.max_concurrent` must be"),
        (format!("[components.a]\ncomponent = \"{crm}\"\nwit = \"none.wit\""), "`components.a.wit` cannot be read"),
        (
            format!("[components.a]\ncomponent = \"{crm}\"\npass_env = [\"NONE_OF_THAT\"]"),
            "`NONE_OF_THAT`, which is not set",
        ),
        (format!("[components.a]\ncomponent = \"{crm}\"\nenv = {{ \"A=B\" = \"c\" }}"), "is no name of a variable"),
        (format!("[components.a]\ncomponent = \"{crm}\"\n[workers.a]"), "has the name of `[workers.a]`"),
        ("[activities]\n\"customers\" = { worker = \"w\" }".to_owned(), "is no name of an interface"),
        ("[activities]\n\"a:b/c\" = { worker = \"w\" }".to_owned(), "add `[workers.w]`"),
        ("[activities]\n\"a:b/c\" = { component = \"x\" }".to_owned(), "add `[components.x]`"),
        ("[activities]\n\"a:b/c\" = {}".to_owned(), "has to be `{ component"),
    ] {
        let parsed: ActivitiesConfig = toml::from_str(&config).unwrap();
        let error = Activities::new(parsed, &guests_dir(), Arc::new(SystemClock)).map(drop).unwrap_err();
        assert!(error.code == ErrorCode::InvalidConfig && error.message.contains(part), "{config}: {error}");
    }
}
