//! Links the engine, the bindings of the world and the platform into one component, which has run nothing yet.

use wit_component::{Linker, StringEncoding, embed_component_metadata};
use wit_parser::{Resolve, WorldId};

use crate::error::Error;
use crate::{platform, runtime, world};

/// A component that exports `init`, `run` and `query`.
pub(crate) fn link() -> Result<Vec<u8>, Error> {
    let (resolve, world) = world::resolve(world::PROGRAM)?;
    let mut bindings =
        wit_dylib::create(&resolve, world, None).map_err(Error::other("there are no bindings for the world"))?;
    embed(&mut bindings, &resolve, world)?;
    let (engine, needed) = runtime::engine()?;
    let mut platform = platform::library(&needed)?;
    let (resolve, world) = world::resolve(world::HOST)?;
    embed(&mut platform, &resolve, world)?;

    let mut linker = Linker::default();
    linker.encoder().validate(true);
    for (name, library) in [("engine.wasm", &engine), ("bindings.wasm", &bindings), ("platform.wasm", &platform)] {
        linker.library(name, library, false).map_err(Error::other("a library cannot be linked"))?;
    }
    linker.encode().map_err(Error::other("the libraries cannot be linked"))
}

/// Says what the imports and exports of a library are.
fn embed(library: &mut Vec<u8>, resolve: &Resolve, world: WorldId) -> Result<(), Error> {
    embed_component_metadata(library, resolve, world, StringEncoding::UTF8, false)
        .map_err(Error::other("a library takes no types"))
}
