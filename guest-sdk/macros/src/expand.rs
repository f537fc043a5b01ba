//! From the tokens of a function to those of a component, or to errors that stand where the mistake is. It sees no types:
//! what only a type can tell is left to the traits of `abide-sdk`.

use proc_macro2::{Span, TokenStream};
use quote::{format_ident, quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Error, FnArg, Ident, ItemFn, LitStr, Result, ReturnType, Token, Type};

/// Expands the attribute. Where the function cannot be a workflow, it is kept beside the error, so that one mistake does not become many.
pub(crate) fn workflow(attribute: TokenStream, item: TokenStream) -> TokenStream {
    let attempt = cancellation(attribute).and_then(|cancellation| {
        let function: ItemFn = syn::parse2(item.clone()).map_err(|error| {
            Error::new(error.span(), format!("`#[abide::workflow]` goes on an `async fn` ({error})"))
        })?;
        component(&function, &cancellation)
    });
    attempt.unwrap_or_else(|error| {
        let error = error.into_compile_error();
        quote! { #item #error }
    })
}

/// Reads what stands in the attribute, and gives the variant of `Cancellation`.
fn cancellation(attribute: TokenStream) -> Result<Ident> {
    let span = attribute.span();
    if attribute.is_empty() {
        return Ok(format_ident!("Automatic"));
    }
    let parse = |input: syn::parse::ParseStream<'_>| -> Result<(Ident, LitStr)> {
        let name = input.parse()?;
        input.parse::<Token![=]>()?;
        let value = input.parse()?;
        input.parse::<Option<Token![,]>>()?;
        Ok((name, value))
    };
    let (name, value) = syn::parse::Parser::parse2(parse, attribute).map_err(|_| {
        Error::new(span, "write `#[abide::workflow]` or `#[abide::workflow(cancellation = \"manual\")]`")
    })?;
    if name != "cancellation" {
        return Err(Error::new(name.span(), format!("there is no option `{name}`: the only one is `cancellation`")));
    }
    match value.value().as_str() {
        "automatic" => Ok(format_ident!("Automatic")),
        "manual" => Ok(format_ident!("Manual")),
        other => {
            Err(Error::new(value.span(), format!("`cancellation` is \"automatic\" or \"manual\", not \"{other}\"")))
        }
    }
}

fn component(function: &ItemFn, cancellation: &Ident) -> Result<TokenStream> {
    let input = input(function)?;
    let output = output(function)?;
    let name = &function.sig.ident;

    // Without an input the run's input is read as anything, and dropped.
    let workflow = match &input {
        Some(input) => quote_spanned! { input.span() => |input: #input| #name(input) },
        None => quote! { |_: ::abide::__private::serde_json::Value| #name() },
    };
    let check = quote_spanned! { output.span() => let _ = ::abide::__private::check::<#output>; };
    Ok(quote! {
        #function

        #[doc(hidden)]
        const _: () = {
            struct Workflow;

            impl ::abide::__private::Guest for Workflow {
                async fn run(input: ::std::string::String) -> ::abide::__private::WireResult {
                    #check
                    ::abide::__private::run(input, ::abide::__private::Cancellation::#cancellation, #workflow).await
                }

                fn query(name: ::std::string::String, arguments: ::std::string::String) -> ::abide::__private::WireResult {
                    ::abide::__private::query(&name, &arguments)
                }
            }

            ::abide::__private::export!(Workflow with_types_in ::abide::__private::bindings);
        };
    })
}

/// The type of the one input, if there is one. Refuses every signature that no host could call.
fn input(function: &ItemFn) -> Result<Option<&Type>> {
    let signature = &function.sig;
    let refuse = |span: Span, message: &str| Err(Error::new(span, message));
    if signature.asyncness.is_none() {
        return refuse(signature.fn_token.span, "a workflow waits for things: write `async fn`");
    }
    if let Some(constness) = signature.constness {
        return refuse(constness.span, "a workflow is a plain `async fn`, not a `const` one");
    }
    if let Some(unsafety) = signature.unsafety {
        return refuse(unsafety.span, "a workflow is a plain `async fn`, not an `unsafe` one");
    }
    if let Some(abi) = &signature.abi {
        return refuse(abi.span(), "a workflow is a plain `async fn`: leave out `extern`");
    }
    if !signature.generics.params.is_empty() {
        return refuse(
            signature.generics.span(),
            "a workflow has no generic parameters: the host would not know what to put there",
        );
    }
    let mut inputs = signature.inputs.iter();
    let input = match inputs.next() {
        None => return Ok(None),
        Some(FnArg::Receiver(receiver)) => {
            return refuse(receiver.span(), "a workflow is a free function: it has no `self`");
        }
        Some(FnArg::Typed(input)) => &*input.ty,
    };
    if let Some(second) = inputs.next() {
        let message = "a workflow takes one input: put everything into one struct that implements `serde::Deserialize`";
        return refuse(second.span(), message);
    }
    match input {
        Type::Reference(reference) => {
            refuse(reference.span(), "a workflow owns its input: write the type without `&`, such as `String`")
        }
        Type::ImplTrait(input) => {
            refuse(input.span(), "name the type of the input: the host would not know what to put there")
        }
        _ => Ok(Some(input)),
    }
}

/// The type of the output. That it is a `Result` is for the compiler to say, since it may have another name.
fn output(function: &ItemFn) -> Result<&Type> {
    match &function.sig.output {
        ReturnType::Type(_, output) => Ok(output),
        ReturnType::Default => Err(Error::new(
            function.sig.paren_token.span.close(),
            "a workflow gives a result: add `-> Result<Output, abide::Failure>`, where `Output` may be `()`",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the attribute says about a function: the message of its error, or an empty text.
    fn complaint(attribute: &str, function: &str) -> String {
        let text = workflow(attribute.parse().unwrap(), function.parse().unwrap()).to_string();
        let Some((_, message)) = text.split_once("compile_error ! { \"") else {
            return String::new();
        };
        message.split_once("\" }").unwrap().0.replace("\\\"", "\"")
    }

    #[test]
    fn what_is_right_is_taken() {
        for attribute in ["", "cancellation = \"manual\"", "cancellation = \"automatic\","] {
            assert_eq!(complaint(attribute, "async fn run(input: In) -> Result<Out, Failure> { todo() }"), "");
        }
        assert_eq!(complaint("", "pub async fn run() -> Outcome { todo() }"), "");
    }

    #[test]
    fn what_is_wrong_is_said_plainly() {
        for (attribute, function, message) in [
            ("", "struct Run;", "goes on an `async fn`"),
            ("", "fn run() -> R {}", "write `async fn`"),
            ("", "async unsafe fn run() -> R {}", "not an `unsafe` one"),
            ("", "unsafe fn run() -> R {}", "write `async fn`"),
            ("", "async fn run<T>(input: T) -> R {}", "no generic parameters"),
            ("", "async fn run(&self) -> R {}", "has no `self`"),
            ("", "async fn run(a: A, b: B) -> R {}", "takes one input"),
            ("", "async fn run(a: &str) -> R {}", "owns its input"),
            ("", "async fn run(a: impl X) -> R {}", "name the type of the input"),
            ("", "async fn run(a: A) {}", "add `-> Result<Output, abide::Failure>`"),
            ("manual", "async fn run() -> R {}", "write `#[abide::workflow]` or"),
            ("mode = \"manual\"", "async fn run() -> R {}", "there is no option `mode`"),
            ("cancellation = \"off\"", "async fn run() -> R {}", "not \"off\""),
        ] {
            let complaint = complaint(attribute, function);
            assert!(complaint.contains(message), "{function}: {complaint:?}");
        }
    }
}
