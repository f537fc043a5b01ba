//! JSON Schemas of functions, for models. They say what `read` takes and `write` gives.

use abide_model::Json;
use serde_json::{Map, Value, json};
use wit_parser::{Docs, Function, Resolve, Type, TypeDefKind, TypeId};

/// How many types a schema spells out. Past that, it takes anything: types that use each other can be written in a few lines and be endless
/// when spelled out.
const MAX_TYPES: usize = 2000;

/// The schema of the arguments: an object by the names of the parameters.
pub(crate) fn of_parameters(resolve: &Resolve, function: &Function) -> Json {
    let mut schemas = Schemas { resolve, left: MAX_TYPES };
    let parameters = function.params.iter().map(|param| (param.name.as_str(), &param.ty, None));
    Json::from(&schemas.object(parameters))
}

/// The schema of what the function gives, where it gives something: of a `result`, that of its value.
pub(crate) fn of_result(resolve: &Resolve, function: &Function) -> Option<Json> {
    let mut schemas = Schemas { resolve, left: MAX_TYPES };
    let ty = function.result?;
    let given = match schemas.named(&ty) {
        Some(TypeDefKind::Result(result)) => result.ok?,
        _ => ty,
    };
    Some(Json::from(&schemas.of(&given)))
}

struct Schemas<'a> {
    resolve: &'a Resolve,
    left: usize,
}

impl<'a> Schemas<'a> {
    /// The kind of a type, behind its other names.
    fn named(&self, ty: &Type) -> Option<&'a TypeDefKind> {
        let mut ty = *ty;
        while let Type::Id(id) = ty {
            match &self.resolve.types[id].kind {
                TypeDefKind::Type(inner) => ty = *inner,
                kind => return Some(kind),
            }
        }
        None
    }

    fn of(&mut self, ty: &Type) -> Value {
        let Some(left) = self.left.checked_sub(1) else { return json!({}) };
        self.left = left;
        match ty {
            Type::Bool => json!({"type": "boolean"}),
            Type::U8 => integer(0, u64::from(u8::MAX)),
            Type::U16 => integer(0, u64::from(u16::MAX)),
            Type::U32 => integer(0, u64::from(u32::MAX)),
            Type::U64 => integer(0, u64::MAX),
            Type::S8 => integer(i8::MIN.into(), 0x7f),
            Type::S16 => integer(i16::MIN.into(), 0x7fff),
            Type::S32 => integer(i32::MIN.into(), 0x7fff_ffff),
            Type::S64 => integer(i64::MIN, 0x7fff_ffff_ffff_ffff),
            Type::F32 | Type::F64 => {
                json!({"anyOf": [{"type": "number"}, {"enum": ["NaN", "Infinity", "-Infinity"]}]})
            }
            Type::Char => json!({"type": "string", "minLength": 1, "maxLength": 1}),
            Type::String => json!({"type": "string"}),
            Type::ErrorContext => json!({}),
            Type::Id(id) => self.defined(*id),
        }
    }

    fn defined(&mut self, id: TypeId) -> Value {
        let definition = &self.resolve.types[id];
        let schema = match &definition.kind {
            TypeDefKind::Type(ty) => self.of(ty),
            TypeDefKind::Record(record) => {
                self.object(record.fields.iter().map(|field| (field.name.as_str(), &field.ty, Some(&field.docs))))
            }
            TypeDefKind::Tuple(tuple) => {
                let items: Vec<_> = tuple.types.iter().map(|ty| self.of(ty)).collect();
                let count = items.len();
                json!({"type": "array", "prefixItems": items, "minItems": count, "maxItems": count})
            }
            TypeDefKind::List(Type::U8) => json!({"type": "string", "contentEncoding": "base64"}),
            TypeDefKind::List(ty) => json!({"type": "array", "items": self.of(ty)}),
            TypeDefKind::Option(ty) => {
                let inner = self.of(ty);
                let inner = match self.named(ty) {
                    Some(TypeDefKind::Option(_)) => member("some", inner),
                    _ => inner,
                };
                json!({"anyOf": [inner, {"type": "null"}]})
            }
            TypeDefKind::Result(result) => {
                let ok = self.payload(result.ok.as_ref());
                let error = self.payload(result.err.as_ref());
                json!({"anyOf": [member("ok", ok), member("error", error)]})
            }
            TypeDefKind::Variant(variant) => {
                let cases = variant.cases.iter().map(|case| match &case.ty {
                    Some(ty) => documented(member(&case.name, self.of(ty)), &case.docs),
                    None => documented(json!({"const": case.name}), &case.docs),
                });
                json!({"anyOf": cases.collect::<Vec<_>>()})
            }
            TypeDefKind::Enum(cases) => {
                json!({"enum": cases.cases.iter().map(|case| case.name.as_str()).collect::<Vec<_>>()})
            }
            TypeDefKind::Flags(flags) => {
                let names: Vec<_> = flags.flags.iter().map(|flag| flag.name.as_str()).collect();
                json!({"type": "array", "items": {"enum": names}, "uniqueItems": true})
            }
            _ => json!({}),
        };
        documented(schema, &definition.docs)
    }

    fn payload(&mut self, ty: Option<&Type>) -> Value {
        ty.map_or_else(|| json!({"type": "null"}), |ty| self.of(ty))
    }

    /// An object. What is an option may be left out.
    fn object<'b>(&mut self, fields: impl Iterator<Item = (&'b str, &'b Type, Option<&'b Docs>)>) -> Value {
        let (mut properties, mut required) = (Map::new(), Vec::new());
        for (name, ty, docs) in fields {
            if !matches!(self.named(ty), Some(TypeDefKind::Option(_))) {
                required.push(name);
            }
            let schema = self.of(ty);
            properties.insert(name.to_owned(), docs.map_or(schema.clone(), |docs| documented(schema, docs)));
        }
        json!({"type": "object", "properties": properties, "required": required, "additionalProperties": false})
    }
}

fn integer(least: i64, most: u64) -> Value {
    json!({"type": "integer", "minimum": least, "maximum": most})
}

fn member(name: &str, schema: Value) -> Value {
    json!({"type": "object", "properties": {name: schema}, "required": [name], "additionalProperties": false})
}

/// Adds a description. That of a field comes before that of its type.
fn documented(mut schema: Value, docs: &Docs) -> Value {
    if let (Some(text), Some(members)) = (&docs.contents, schema.as_object_mut()) {
        members.insert("description".to_owned(), text.trim().into());
    }
    schema
}
