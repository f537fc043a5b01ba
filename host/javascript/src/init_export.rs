//! The export `init` of a linked component, which loads the program and is gone afterwards. It is given another name first, for the
//! snapshot removes exports by their name at every depth, and the engine itself exports an `init` that the component refers to.

use wasm_encoder::reencode::{ReencodeComponent as _, RoundtripReencoder};
use wasm_encoder::{Component, ComponentExportSection, RawSection};
use wasmparser::{Parser, Payload};

use crate::error::Error;

/// What it is called then.
pub(crate) const NAME: &str = "abide-load";

/// Gives the export its other name.
pub(crate) fn rename(component: &[u8]) -> Result<Vec<u8>, Error> {
    let mut renamed = Component::new();
    let mut depth = 0_usize;
    for payload in Parser::new(0).parse_all(component) {
        let payload = payload.map_err(Error::other("the linked component is damaged"))?;
        let outermost = depth == 0;
        match &payload {
            Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => depth += 1,
            Payload::End(_) => depth = depth.saturating_sub(1),
            _ => {}
        }
        if !outermost {
            continue;
        }
        if let Payload::ComponentExportSection(section) = &payload {
            let mut exports = ComponentExportSection::new();
            for export in section.clone() {
                let mut export = export.map_err(Error::other("the linked component is damaged"))?;
                if export.name.name == "init" {
                    export.name.name = NAME;
                }
                RoundtripReencoder
                    .parse_component_export(&mut exports, export)
                    .map_err(Error::other("the linked component has another form"))?;
            }
            renamed.section(&exports);
        } else if let Some((id, range)) = payload.as_section() {
            renamed.section(&RawSection { id, data: &component[range.start as usize..range.end as usize] });
        }
    }
    Ok(renamed.finish())
}
