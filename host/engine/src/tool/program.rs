//! A loaded tool component.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use abide_model::InterfaceName;
use wasmtime::component::types::ComponentItem;
use wasmtime::component::{Component, ComponentExportIndex, InstancePre};

use crate::Engine;
use crate::state::GuestState;

/// A loaded tool component. Cheap to clone.
#[derive(Clone)]
pub struct ToolProgram {
    inner: Arc<Inner>,
}

struct Inner {
    pre: InstancePre<GuestState>,
    /// The exported functions, by the name of their interface and their own.
    functions: HashMap<(Option<InterfaceName>, String), ComponentExportIndex>,
    /// Keeps the engine's ticker going.
    engine: Engine,
}

impl ToolProgram {
    pub(crate) fn load(engine: &Engine, path: &Path) -> wasmtime::Result<Self> {
        let component = engine.load_component(path)?;
        let pre = engine.linker_for(&component)?.instantiate_pre(&component)?;
        let functions = functions(&component);
        Ok(Self { inner: Arc::new(Inner { pre, functions, engine: engine.clone() }) })
    }

    pub(super) fn pre(&self) -> &InstancePre<GuestState> {
        &self.inner.pre
    }

    pub(super) fn engine(&self) -> &wasmtime::Engine {
        self.inner.engine.inner()
    }

    pub(super) fn function(&self, interface: Option<&InterfaceName>, name: &str) -> Option<ComponentExportIndex> {
        self.inner.functions.get(&(interface.cloned(), name.to_owned())).copied()
    }
}

fn functions(component: &Component) -> HashMap<(Option<InterfaceName>, String), ComponentExportIndex> {
    let (engine, ty) = (component.engine(), component.component_type());
    let mut functions = HashMap::new();
    for (name, export) in ty.exports(engine) {
        let Some(index) = component.get_export_index(None, name) else { continue };
        match export.ty {
            ComponentItem::ComponentFunc(_) => {
                functions.insert((None, name.to_owned()), index);
            }
            ComponentItem::ComponentInstance(interface) => {
                let Ok(interface_name) = InterfaceName::parse(name) else { continue };
                for (function, item) in interface.exports(engine) {
                    if let ComponentItem::ComponentFunc(_) = item.ty
                        && let Some(index) = component.get_export_index(Some(&index), function)
                    {
                        functions.insert((Some(interface_name.clone()), function.to_owned()), index);
                    }
                }
            }
            _ => {}
        }
    }
    functions
}
