//! Values of a guest as JSON. The text grows up to a limit and not further, whatever the guest gives.

use std::fmt::Write as _;

use abide_model::{Failure, Json};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use wasmtime::component::types::ComponentFunc;
use wasmtime::component::{Type, Val};

/// A JSON text that is being written.
pub(super) struct Text {
    text: String,
    limit: u64,
}

/// Why a value was not written.
#[derive(Debug)]
pub(super) enum Unwritten {
    /// The text would be longer than its limit.
    TooLong(u64),
    /// JSON has no form for it. Inspection refuses such types, so this is a fault of the host.
    Formless,
}

impl Unwritten {
    pub(super) fn failure(self, what: &str) -> Failure {
        match self {
            Self::TooLong(limit) => {
                let message = format!("{what} have more than {limit} bytes of JSON, which is the limit: give less");
                Failure::new("too-large", message)
            }
            Self::Formless => Failure::new("invalid-request", format!("{what} have a type that JSON has no form for")),
        }
    }
}

/// The arguments of a call, as an object by the names of the parameters.
pub(super) fn arguments(ty: &ComponentFunc, values: &[Val], limit: u64) -> Result<Json, Failure> {
    let write = |text: &mut Text| {
        text.object(ty.params().zip(values), |text, ((name, ty), value)| {
            text.name(name)?;
            text.value(value, &ty)
        })
    };
    Text::whole(limit, write).map_err(|unwritten| unwritten.failure("the arguments"))
}

/// The result of a function; `null` where it has none.
pub(crate) fn result(ty: &ComponentFunc, values: &[Val], limit: u64) -> Result<Json, Failure> {
    let write = |text: &mut Text| match (ty.results().next(), values.first()) {
        (Some(ty), Some(value)) => text.value(value, &ty),
        _ => text.push("null"),
    };
    Text::whole(limit, write).map_err(|unwritten| unwritten.failure("the results"))
}

impl Text {
    pub(super) fn whole(limit: u64, write: impl FnOnce(&mut Self) -> Result<(), Unwritten>) -> Result<Json, Unwritten> {
        let mut text = Self { text: String::new(), limit };
        write(&mut text)?;
        Json::parse(text.text).map_err(|_| Unwritten::Formless)
    }

    fn push(&mut self, part: &str) -> Result<(), Unwritten> {
        if (self.text.len() + part.len()) as u64 > self.limit {
            return Err(Unwritten::TooLong(self.limit));
        }
        self.text.push_str(part);
        Ok(())
    }

    fn number(&mut self, number: impl std::fmt::Display) -> Result<(), Unwritten> {
        if self.text.len() as u64 >= self.limit {
            return Err(Unwritten::TooLong(self.limit));
        }
        // Writing to a string cannot fail.
        let _ = write!(self.text, "{number}");
        Ok(())
    }

    fn string(&mut self, string: &str) -> Result<(), Unwritten> {
        if (self.text.len() + string.len()) as u64 > self.limit {
            return Err(Unwritten::TooLong(self.limit));
        }
        self.push(&serde_json::Value::from(string).to_string())
    }

    fn name(&mut self, name: &str) -> Result<(), Unwritten> {
        self.string(name)?;
        self.push(":")
    }

    fn float(&mut self, number: f64, shortest: impl serde::Serialize) -> Result<(), Unwritten> {
        match number {
            number if number.is_nan() => self.push("\"NaN\""),
            f64::INFINITY => self.push("\"Infinity\""),
            f64::NEG_INFINITY => self.push("\"-Infinity\""),
            _ => self.push(&serde_json::to_string(&shortest).map_err(|_| Unwritten::Formless)?),
        }
    }

    fn between<T>(
        &mut self,
        [open, close]: [&str; 2],
        items: impl Iterator<Item = T>,
        mut write: impl FnMut(&mut Self, T) -> Result<(), Unwritten>,
    ) -> Result<(), Unwritten> {
        self.push(open)?;
        for (place, item) in items.enumerate() {
            if place > 0 {
                self.push(",")?;
            }
            write(self, item)?;
        }
        self.push(close)
    }

    fn object<T>(
        &mut self,
        items: impl Iterator<Item = T>,
        write: impl FnMut(&mut Self, T) -> Result<(), Unwritten>,
    ) -> Result<(), Unwritten> {
        self.between(["{", "}"], items, write)
    }

    fn list<T>(
        &mut self,
        items: impl Iterator<Item = T>,
        write: impl FnMut(&mut Self, T) -> Result<(), Unwritten>,
    ) -> Result<(), Unwritten> {
        self.between(["[", "]"], items, write)
    }

    /// An object with one member; `null` where that has no value.
    fn member(&mut self, name: &str, value: Option<(&Val, Type)>) -> Result<(), Unwritten> {
        self.object(std::iter::once(value), |text, value| {
            text.name(name)?;
            match value {
                Some((value, ty)) => text.value(value, &ty),
                None => text.push("null"),
            }
        })
    }

    pub(super) fn value(&mut self, value: &Val, ty: &Type) -> Result<(), Unwritten> {
        match (value, ty) {
            (Val::Bool(value), _) => self.number(value),
            (Val::S8(value), _) => self.number(value),
            (Val::U8(value), _) => self.number(value),
            (Val::S16(value), _) => self.number(value),
            (Val::U16(value), _) => self.number(value),
            (Val::S32(value), _) => self.number(value),
            (Val::U32(value), _) => self.number(value),
            (Val::S64(value), _) => self.number(value),
            (Val::U64(value), _) => self.number(value),
            (Val::Float32(value), _) => self.float(f64::from(*value), *value),
            (Val::Float64(value), _) => self.float(*value, *value),
            (Val::Char(value), _) => self.string(value.encode_utf8(&mut [0; 4])),
            (Val::String(value), _) => self.string(value),
            (Val::Enum(case), _) => self.string(case),
            (Val::List(values), Type::List(list)) if matches!(list.ty(), Type::U8) => self.bytes(values),
            (Val::List(values), Type::List(list)) => {
                let ty = list.ty();
                self.list(values.iter(), |text, value| text.value(value, &ty))
            }
            (Val::Tuple(values), Type::Tuple(tuple)) => {
                self.list(values.iter().zip(tuple.types()), |text, (value, ty)| text.value(value, &ty))
            }
            (Val::Record(values), Type::Record(record)) => {
                self.object(values.iter().zip(record.fields()), |text, ((name, value), field)| {
                    text.name(name)?;
                    text.value(value, &field.ty)
                })
            }
            (Val::Flags(names), _) => self.list(names.iter(), |text, name| text.string(name)),
            (Val::Option(None), _) => self.push("null"),
            (Val::Option(Some(value)), Type::Option(option)) => match option.ty() {
                ty @ Type::Option(_) => self.member("some", Some((value, ty))),
                ty => self.value(value, &ty),
            },
            (Val::Result(Ok(value)), Type::Result(result)) => self.member("ok", value.as_deref().zip(result.ok())),
            (Val::Result(Err(value)), Type::Result(result)) => self.member("error", value.as_deref().zip(result.err())),
            (Val::Variant(case, None), _) => self.string(case),
            (Val::Variant(case, Some(value)), Type::Variant(variant)) => {
                let ty = variant.cases().find(|known| known.name == case).and_then(|known| known.ty);
                self.member(case, Some((value, ty.ok_or(Unwritten::Formless)?)))
            }
            _ => Err(Unwritten::Formless),
        }
    }

    fn bytes(&mut self, values: &[Val]) -> Result<(), Unwritten> {
        if (values.len() / 3 * 4 + self.text.len()) as u64 > self.limit {
            return Err(Unwritten::TooLong(self.limit));
        }
        let bytes: Option<Vec<u8>> =
            values.iter().map(|value| if let Val::U8(byte) = value { Some(*byte) } else { None }).collect();
        self.string(&BASE64_STANDARD.encode(bytes.ok_or(Unwritten::Formless)?))
    }
}
