//! Whether a function can be a typed activity: all that it takes and gives are values that JSON has a form for.

use std::collections::HashMap;

use wit_parser::{Function, FunctionKind, Handle, Resolve, Type, TypeDefKind, TypeId};

/// How deeply the types of a function may be nested. Each level may be two in JSON, which is read up to 128 levels.
const MAX_DEPTH: usize = 48;

/// Says why `function` cannot be one.
pub(crate) fn check_function(resolve: &Resolve, function: &Function) -> Result<(), String> {
    let name = &function.name;
    match function.kind {
        FunctionKind::Freestanding | FunctionKind::AsyncFreestanding => {}
        _ => {
            return Err(format!(
                "`{name}` belongs to a resource, which cannot be recorded: give its id to plain functions"
            ));
        }
    }
    let mut depths = Depths { resolve, known: HashMap::new() };
    let types = function.params.iter().map(|param| &param.ty).chain(&function.result);
    for ty in types {
        let depth = depths.of(ty).map_err(|reason| format!("`{name}` uses {reason}"))?;
        if depth > MAX_DEPTH {
            return Err(format!(
                "`{name}` uses types that are nested deeper than {MAX_DEPTH} levels: make them flatter"
            ));
        }
    }
    Ok(())
}

/// How deep types are. Each is looked at once, however often it is used.
struct Depths<'a> {
    resolve: &'a Resolve,
    known: HashMap<TypeId, usize>,
}

impl Depths<'_> {
    fn of(&mut self, ty: &Type) -> Result<usize, String> {
        let id = match ty {
            Type::Id(id) => *id,
            Type::ErrorContext => return Err("an error context, which cannot be recorded: give a record".to_owned()),
            _ => return Ok(1),
        };
        if let Some(depth) = self.known.get(&id) {
            return Ok(*depth);
        }
        let deepest = match &self.resolve.types[id].kind {
            TypeDefKind::Type(ty) | TypeDefKind::Option(ty) | TypeDefKind::List(ty) => self.of(ty)?,
            TypeDefKind::Record(record) => self.deepest(record.fields.iter().map(|field| &field.ty))?,
            TypeDefKind::Tuple(tuple) => self.deepest(&tuple.types)?,
            TypeDefKind::Variant(variant) => self.deepest(variant.cases.iter().filter_map(|case| case.ty.as_ref()))?,
            TypeDefKind::Result(result) => self.deepest(result.ok.iter().chain(&result.err))?,
            TypeDefKind::Enum(_) | TypeDefKind::Flags(_) => 0,
            TypeDefKind::Resource | TypeDefKind::Handle(Handle::Own(_) | Handle::Borrow(_)) => {
                return Err("a resource, which cannot be recorded: give its id or its values".to_owned());
            }
            TypeDefKind::Stream(_) => return Err("a stream, which cannot be recorded: give a list".to_owned()),
            TypeDefKind::Future(_) => {
                return Err("a future, which cannot be recorded: make the function an `async func`".to_owned());
            }
            TypeDefKind::Map(..) => return Err("a map, which is not supported: give a list of tuples".to_owned()),
            TypeDefKind::FixedLengthList(..) => {
                return Err("a list of a fixed length, which is not supported: give a list or a tuple".to_owned());
            }
            TypeDefKind::Unknown => return Err("a type that is not known".to_owned()),
        };
        self.known.insert(id, deepest + 1);
        Ok(deepest + 1)
    }

    fn deepest<'a>(&mut self, types: impl IntoIterator<Item = &'a Type>) -> Result<usize, String> {
        types.into_iter().try_fold(0, |deepest, ty| Ok(deepest.max(self.of(ty)?)))
    }
}
