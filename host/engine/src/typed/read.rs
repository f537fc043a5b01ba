//! JSON as values for a component. It comes from activities and from callers, so nothing about it is trusted; what does not fit is told
//! with its place.

use std::collections::BTreeMap;

use abide_model::Json;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::value::RawValue;
use wasmtime::component::types::ComponentFunc;
use wasmtime::component::{Type, Val};

/// Whole numbers up to this one are exact in a JSON number that is written with a point or an exponent.
const MAX_EXACT: f64 = 9_007_199_254_740_992.0;
/// How much of a value that does not fit is shown, in characters.
const SHOWN: usize = 40;

/// A value that does not fit its type.
#[derive(Debug)]
pub(crate) struct Misfit {
    /// The way to it, innermost first.
    place: Vec<String>,
    problem: String,
}

impl Misfit {
    fn new(problem: impl Into<String>) -> Self {
        Self { place: Vec::new(), problem: problem.into() }
    }

    fn within(mut self, step: impl Into<String>) -> Self {
        self.place.push(step.into());
        self
    }
}

impl std::fmt::Display for Misfit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.place.is_empty() {
            return f.write_str(&self.problem);
        }
        let place: String = self.place.iter().rev().map(String::as_str).collect();
        write!(f, "`{}`: {}", place.trim_start_matches('.'), self.problem)
    }
}

type Read<T> = Result<T, Misfit>;

/// The arguments of a function, from an object by the names of its parameters.
pub(crate) fn arguments(json: &Json, ty: &ComponentFunc) -> Read<Vec<Val>> {
    let raw = raw(json)?;
    members(raw, ty.params(), "parameter").map(|values| values.into_iter().map(|(_, value)| value).collect())
}

/// One value.
pub(super) fn value_of(json: &Json, ty: &Type) -> Read<Val> {
    value(raw(json)?, ty)
}

fn raw(json: &Json) -> Read<&RawValue> {
    serde_json::from_str(json.as_str()).map_err(|error| Misfit::new(format!("no JSON: {error}")))
}

/// The members of an object that stand for fields or parameters: each is there, or may be left out since it is an option.
fn members<'a>(raw: &RawValue, fields: impl Iterator<Item = (&'a str, Type)>, what: &str) -> Read<Vec<(String, Val)>> {
    let mut given = object(raw)?;
    let mut values = Vec::new();
    for (name, ty) in fields {
        let value = match (given.remove(name), &ty) {
            (Some(raw), _) => value(raw, &ty).map_err(|misfit| misfit.within(format!(".{name}")))?,
            (None, Type::Option(_)) => Val::Option(None),
            (None, _) => return Err(Misfit::new(format!("the {what} `{name}` is missing"))),
        };
        values.push((name.to_owned(), value));
    }
    match given.keys().next() {
        Some(unknown) => Err(Misfit::new(format!("there is no {what} `{}`", shown(unknown)))),
        None => Ok(values),
    }
}

fn value(raw: &RawValue, ty: &Type) -> Read<Val> {
    Ok(match ty {
        Type::Bool => Val::Bool(match raw.get() {
            "true" => true,
            "false" => false,
            _ => return Err(expected("a bool", raw)),
        }),
        Type::S8 => Val::S8(integer(raw, "s8")?),
        Type::U8 => Val::U8(integer(raw, "u8")?),
        Type::S16 => Val::S16(integer(raw, "s16")?),
        Type::U16 => Val::U16(integer(raw, "u16")?),
        Type::S32 => Val::S32(integer(raw, "s32")?),
        Type::U32 => Val::U32(integer(raw, "u32")?),
        Type::S64 => Val::S64(integer(raw, "s64")?),
        Type::U64 => Val::U64(integer(raw, "u64")?),
        Type::Float32 => Val::Float32(float(raw, "f32", f32::is_infinite)?),
        Type::Float64 => Val::Float64(float(raw, "f64", f64::is_infinite)?),
        Type::Char => {
            let text = string(raw, "a string of one character")?;
            let mut chars = text.chars();
            match (chars.next(), chars.next()) {
                (Some(only), None) => Val::Char(only),
                _ => return Err(expected("a string of one character", raw)),
            }
        }
        Type::String => Val::String(string(raw, "a string")?),
        Type::List(list) => match list.ty() {
            Type::U8 if raw.get().starts_with('"') => Val::List(bytes(raw)?),
            ty => Val::List(numbered(array(raw)?, std::iter::repeat(ty))?),
        },
        Type::Tuple(tuple) => {
            let items = array(raw)?;
            let count = tuple.types().len();
            if items.len() != count {
                return Err(Misfit::new(format!("expected {count} values, found {}", items.len())));
            }
            Val::Tuple(numbered(items, tuple.types())?)
        }
        Type::Record(record) => {
            Val::Record(members(raw, record.fields().map(|field| (field.name, field.ty)), "field")?)
        }
        Type::Enum(cases) => {
            let case = string(raw, "the name of a case")?;
            if !cases.names().any(|known| known == case) {
                return Err(no_case(&case, cases.names()));
            }
            Val::Enum(case)
        }
        Type::Flags(flags) => {
            let names: Vec<String> = read(raw, "an array of names")?;
            if let Some(unknown) = names.iter().find(|name| !flags.names().any(|known| known == **name)) {
                return Err(no_case(unknown, flags.names()));
            }
            Val::Flags(flags.names().filter(|name| names.iter().any(|set| set == name)).map(str::to_owned).collect())
        }
        Type::Option(_) if raw.get() == "null" => Val::Option(None),
        Type::Option(option) => {
            let inner = match option.ty() {
                ty @ Type::Option(_) => match single(raw)? {
                    (name, inner) if name == "some" => value(inner, &ty).map_err(|misfit| misfit.within(".some"))?,
                    _ => return Err(expected("`null` or `{\"some\": …}`", raw)),
                },
                ty => value(raw, &ty)?,
            };
            Val::Option(Some(Box::new(inner)))
        }
        Type::Result(result) => {
            let (name, inner) = single(raw)?;
            match name.as_str() {
                "ok" => Val::Result(Ok(payload(inner, result.ok(), &name)?)),
                "error" => Val::Result(Err(payload(inner, result.err(), &name)?)),
                _ => return Err(expected("`{\"ok\": …}` or `{\"error\": …}`", raw)),
            }
        }
        Type::Variant(variant) => {
            let (name, inner) = if raw.get().starts_with('"') {
                (string(raw, "the name of a case")?, RawValue::NULL)
            } else {
                single(raw)?
            };
            let Some(case) = variant.cases().find(|case| case.name == name) else {
                return Err(no_case(&name, variant.cases().map(|case| case.name)));
            };
            let payload = payload(inner, case.ty, &name)?;
            Val::Variant(name, payload)
        }
        Type::Map(_)
        | Type::Own(_)
        | Type::Borrow(_)
        | Type::Future(_)
        | Type::Stream(_)
        | Type::ErrorContext
        | Type::FixedLengthList(_) => return Err(Misfit::new("JSON has no form for this type")),
    })
}

/// What a case carries: `null` for nothing.
fn payload(raw: &RawValue, ty: Option<Type>, case: &str) -> Read<Option<Box<Val>>> {
    match ty {
        Some(ty) => {
            value(raw, &ty).map(|value| Some(Box::new(value))).map_err(|misfit| misfit.within(format!(".{case}")))
        }
        None if raw.get() == "null" => Ok(None),
        None => Err(expected("`null`", raw).within(format!(".{case}"))),
    }
}

fn numbered(items: Vec<&RawValue>, types: impl Iterator<Item = Type>) -> Read<Vec<Val>> {
    let values = items.into_iter().zip(types).enumerate();
    values.map(|(place, (raw, ty))| value(raw, &ty).map_err(|misfit| misfit.within(format!("[{place}]")))).collect()
}

/// A whole number. Programs that know only floats write `5.0` or, of 64 bits, a string of digits: both are taken.
fn integer<T: std::str::FromStr + TryFrom<i64>>(raw: &RawValue, name: &str) -> Read<T> {
    let text = raw.get();
    let digits = text.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or(text);
    if let Ok(number) = digits.parse() {
        return Ok(number);
    }
    let whole = text.parse::<f64>().ok().filter(|number| number.fract() == 0.0 && number.abs() <= MAX_EXACT);
    #[expect(clippy::cast_possible_truncation, reason = "it is whole, and far from the ends of 64 bits")]
    let number = whole.and_then(|number| T::try_from(number as i64).ok());
    number.ok_or_else(|| expected(&format!("a number of type {name}"), raw))
}

fn float<T: std::str::FromStr + Copy>(raw: &RawValue, name: &str, is_infinite: impl Fn(T) -> bool) -> Read<T> {
    let text = match raw.get() {
        "\"NaN\"" => "NaN",
        "\"Infinity\"" => "inf",
        "\"-Infinity\"" => "-inf",
        text => {
            let number = text.parse().ok().filter(|number| !text.starts_with('"') && !is_infinite(*number));
            return number.ok_or_else(|| expected(&format!("a number of type {name}"), raw));
        }
    };
    text.parse().map_err(|_| expected(&format!("a number of type {name}"), raw))
}

fn bytes(raw: &RawValue) -> Read<Vec<Val>> {
    let text = string(raw, "a string in base64")?;
    let bytes = BASE64_STANDARD.decode(text).map_err(|error| Misfit::new(format!("no base64: {error}")))?;
    Ok(bytes.into_iter().map(Val::U8).collect())
}

fn string(raw: &RawValue, what: &str) -> Read<String> {
    read(raw, what)
}

fn array(raw: &RawValue) -> Read<Vec<&RawValue>> {
    read(raw, "an array")
}

fn object(raw: &RawValue) -> Read<BTreeMap<String, &RawValue>> {
    read(raw, "an object")
}

/// An object with one member.
fn single(raw: &RawValue) -> Read<(String, &RawValue)> {
    let mut members = object(raw)?.into_iter();
    match (members.next(), members.next()) {
        (Some(only), None) => Ok(only),
        _ => Err(expected("an object with one member", raw)),
    }
}

fn read<'a, T: serde::Deserialize<'a>>(raw: &'a RawValue, what: &str) -> Read<T> {
    serde_json::from_str(raw.get()).map_err(|_| expected(what, raw))
}

fn expected(what: &str, raw: &RawValue) -> Misfit {
    Misfit::new(format!("expected {what}, found `{}`", shown(raw.get())))
}

fn no_case<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Misfit {
    let known: Vec<_> = known.take(20).map(|name| format!("`{name}`")).collect();
    Misfit::new(format!("there is no `{}`, but {}", shown(name), known.join(", ")))
}

fn shown(text: &str) -> String {
    let mut shown: String = text.chars().take(SHOWN).flat_map(char::escape_debug).collect();
    if text.chars().nth(SHOWN).is_some() {
        shown.push('…');
    }
    shown
}
