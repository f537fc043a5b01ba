//! How the failure of an activity reaches a guest whose function has a result type of its own.
//!
//! An activity may fail in ways that the WIT does not speak of: it could not be reached, it was not allowed, it ran out of time. The guest sees
//! that as the error of the function's `result<T, E>`, where `E` can say it:
//!
//! - `string`: `code: message`;
//! - a record with `code: string` and `message: string`; it may have `retryable: bool` and `details: option<string>`, and other fields that
//!   are options and stay `none`;
//! - a variant with a case `failure` or `other` whose value is one of these two.
//!
//! Where it cannot, the run parks.

use abide_model::Failure;
use wasmtime::component::types::ComponentFunc;
use wasmtime::component::{Type, Val};

/// The result by which a function of this type tells that its activity failed.
pub(super) fn result(ty: &ComponentFunc, failure: &Failure) -> Option<Val> {
    let Some(Type::Result(result)) = ty.results().next() else { return None };
    let error = error(&result.err()?, failure)?;
    Some(Val::Result(Err(Some(Box::new(error)))))
}

fn error(ty: &Type, failure: &Failure) -> Option<Val> {
    match ty {
        Type::Variant(variant) => {
            let case = |name| variant.cases().find(|case| case.name == name)?.ty;
            ["failure", "other"].into_iter().find_map(|name| {
                let value = plain(&case(name)?, failure)?;
                Some(Val::Variant(name.to_owned(), Some(Box::new(value))))
            })
        }
        ty => plain(ty, failure),
    }
}

fn plain(ty: &Type, failure: &Failure) -> Option<Val> {
    match ty {
        Type::String => Some(Val::String(failure.to_string())),
        Type::Record(record) => {
            let has = |name| record.fields().any(|field| field.name == name);
            if !has("code") || !has("message") {
                return None;
            }
            let fields =
                record.fields().map(|field| Some((field.name.to_owned(), member(field.name, &field.ty, failure)?)));
            fields.collect::<Option<Vec<_>>>().map(Val::Record)
        }
        _ => None,
    }
}

fn member(name: &str, ty: &Type, failure: &Failure) -> Option<Val> {
    match (name, ty) {
        ("code", Type::String) => Some(Val::String(failure.code.clone())),
        ("message", Type::String) => Some(Val::String(failure.message.clone())),
        ("retryable", Type::Bool) => Some(Val::Bool(failure.retryable)),
        ("details", Type::Option(option)) if matches!(option.ty(), Type::String) => {
            let details = failure.details.as_ref().map(|details| Box::new(Val::String(details.to_string())));
            Some(Val::Option(details))
        }
        (_, Type::Option(_)) => Some(Val::Option(None)),
        _ => None,
    }
}
