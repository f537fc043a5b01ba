//! What a WIT file says about functions and types. Components do not carry the comments of the WIT that they were built from, so whoever wants
//! models to read them gives the file beside the component.

use abide_model::{Error, ErrorCode, InterfaceName};
use wit_parser::{Docs, Interface, Resolve, TypeDefKind, TypeId, UnresolvedPackage, UnresolvedPackageGroup};

/// A WIT file, read for its comments. Packages that it refers to are not needed.
pub(crate) struct Documents(UnresolvedPackageGroup);

impl Documents {
    /// Parses the text of a file. `name` is what errors call it.
    pub(crate) fn parse(name: &str, text: &str) -> Result<Self, Error> {
        UnresolvedPackageGroup::parse(name, text).map(Self).map_err(|(sources, error)| {
            Error::new(ErrorCode::InvalidConfig, format!("`{name}` is no WIT: {}", error.render(&sources)))
        })
    }

    /// Puts the comments where `resolve` has the same interfaces, of whatever version.
    pub(crate) fn add_to(&self, resolve: &mut Resolve) {
        let ids: Vec<_> = resolve.interfaces.iter().map(|(id, _)| id).collect();
        for id in ids {
            let Some(name) = resolve.id_of(id).and_then(|name| InterfaceName::parse(&name).ok()) else { continue };
            let packages = std::iter::once(&self.0.main).chain(&self.0.nested);
            for package in packages {
                let prefix = format!("{}:{}/", package.name.namespace, package.name.name);
                let wanted = name.path().strip_prefix(&prefix);
                let found =
                    package.interfaces.iter().find(|(_, found)| wanted.is_some() && found.name.as_deref() == wanted);
                if let Some((_, documented)) = found {
                    add_to_interface(resolve, id, documented, package);
                }
            }
        }
    }
}

fn add_to_interface(
    resolve: &mut Resolve,
    id: wit_parser::InterfaceId,
    documented: &Interface,
    package: &UnresolvedPackage,
) {
    let interface = &mut resolve.interfaces[id];
    for (name, function) in &mut interface.functions {
        if let Some(documented) = documented.functions.get(name) {
            put(&mut function.docs, &documented.docs);
        }
    }
    let types: Vec<(TypeId, TypeId)> = interface
        .types
        .iter()
        .filter_map(|(name, here)| documented.types.get(name).map(|there| (*here, *there)))
        .collect();
    for (here, there) in types {
        let (ty, documented) = (&mut resolve.types[here], &package.types[there]);
        put(&mut ty.docs, &documented.docs);
        if let (TypeDefKind::Record(record), TypeDefKind::Record(documented)) = (&mut ty.kind, &documented.kind) {
            for (field, documented) in record.fields.iter_mut().zip(&documented.fields) {
                if field.name == documented.name {
                    put(&mut field.docs, &documented.docs);
                }
            }
        }
    }
}

fn put(docs: &mut Docs, documented: &Docs) {
    if docs.contents.is_none() {
        docs.contents.clone_from(&documented.contents);
    }
}
