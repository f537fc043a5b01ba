//! Imports an interface whose functions take and give a resource.

use abide::Failure;

mod bindings {
    wit_bindgen::generate!({
        inline: "
            package acme:crm@1.2.0;
            interface sessions {
                resource session {
                    constructor();
                    close: func();
                }
            }
            world handles {
                import sessions;
            }
        ",
        world: "handles",
    });
}

#[abide::workflow]
async fn run() -> Result<(), Failure> {
    bindings::acme::crm::sessions::Session::new().close();
    Ok(())
}
