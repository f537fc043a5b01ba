//! The guest's world, from the files in `wit/`.

use wit_parser::{Resolve, SourceMap, WorldId};

use crate::error::Error;

/// The files of the package `abide:workflow`.
const FILES: [(&str, &str); 6] = [
    ("http.wit", include_str!("../../../wit/http.wit")),
    ("llm.wit", include_str!("../../../wit/llm.wit")),
    ("run.wit", include_str!("../../../wit/run.wit")),
    ("tools.wit", include_str!("../../../wit/tools.wit")),
    ("types.wit", include_str!("../../../wit/types.wit")),
    ("world.wit", include_str!("../../../wit/world.wit")),
];

/// What every program here is built for: it may be asked queries, and answers those that it does not know with a failure.
pub(crate) const PROGRAM: &str = "workflow-with-query";
/// What the host has, and no exports.
pub(crate) const HOST: &str = "imports";

/// A world.
pub(crate) fn resolve(world: &str) -> Result<(Resolve, WorldId), Error> {
    let mut sources = SourceMap::new();
    for (name, text) in FILES {
        sources.push_str(name, text);
    }
    let group = sources.parse().map_err(|(_, error)| Error::Internal(format!("the world is no WIT: {error}")))?;
    let mut resolve = Resolve::default();
    let package = resolve.push_group(group).map_err(Error::other("the world does not resolve"))?;
    let world = resolve.select_world(&[package], Some(world)).map_err(Error::other("there is no such world"))?;
    Ok((resolve, world))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_of_the_world_is_here() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../wit");
        let files = std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().file_name().into_string().unwrap());
        let mut wit: Vec<String> = files.filter(|name| name.ends_with(".wit")).collect();
        wit.sort();
        assert_eq!(wit, FILES.map(|(name, _)| name));
    }
}
