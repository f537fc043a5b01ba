//! The attribute `#[abide::workflow]`: makes the exports of a component out of one `async fn`. What the exports do when they
//! are called is the business of `abide-sdk`.

mod expand;

use proc_macro::TokenStream;

// Documented where users find it: at the re-export in `abide-sdk`.
#[expect(missing_docs, reason = "documented at the re-export")]
#[proc_macro_attribute]
pub fn workflow(attribute: TokenStream, item: TokenStream) -> TokenStream {
    expand::workflow(attribute.into(), item.into()).into()
}
