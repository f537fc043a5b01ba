//! Reads a tool component before it is compiled: what it imports, and which functions it offers.

use abide_model::{Error, InterfaceName, Json};
use wit_component::DecodedWasm;
use wit_parser::{Function, Resolve, Type, TypeDefKind, WorldItem, WorldKey};

use crate::inspect::{Role, check_import, decode, refuse, to_component};
use crate::typed::{self, Documents};

/// What a file of a tool component is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InspectedTool {
    /// The component. For a core module that carries component types, the component that was made of it.
    pub component: Vec<u8>,
    /// The functions that it exports, in its order.
    pub functions: Vec<ToolFunction>,
}

/// A function of a tool component.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToolFunction {
    /// The interface that it belongs to; none where the component exports it by itself.
    pub interface: Option<InterfaceName>,
    /// Its name.
    pub name: String,
    /// What its WIT says of it.
    pub description: Option<String>,
    /// JSON Schema of its arguments, an object by the names of its parameters.
    pub input_schema: Json,
    /// JSON Schema of what it gives, if it gives anything; of a `result`, that of its value.
    pub output_schema: Option<Json>,
    /// Whether it gives a `result`.
    pub gives_result: bool,
}

/// Inspects `file`. `wit` is the name and the text of a WIT file whose comments describe the functions.
pub fn inspect_tool(file: &[u8], wit: Option<(&str, &str)>) -> Result<InspectedTool, Error> {
    let component = to_component(file)?;
    let DecodedWasm::Component(mut resolve, world) = decode(&component)? else {
        return Err(refuse("the file is a package of WIT types, no component: give what your build made of it"));
    };
    for (key, item) in &resolve.worlds[world].imports {
        check_import(&resolve, key, item, &resolve.name_world_key(key), Role::Tool)?;
    }
    if let Some((name, text)) = wit {
        Documents::parse(name, text)?.add_to(&mut resolve);
    }
    let mut functions = Vec::new();
    for (key, item) in &resolve.worlds[world].exports {
        match (key, item) {
            (WorldKey::Interface(id), WorldItem::Interface { .. }) => {
                let name = resolve.name_world_key(key);
                if name.starts_with("wasi:") {
                    continue;
                }
                let interface = InterfaceName::parse(&name).map_err(|error| refuse(error.message))?;
                for function in resolve.interfaces[*id].functions.values() {
                    functions.push(read(&resolve, Some(interface.clone()), function)?);
                }
            }
            (_, WorldItem::Function(function)) => functions.push(read(&resolve, None, function)?),
            // Types alone cannot be called; an interface without a package cannot be named from outside.
            _ => {}
        }
    }
    if functions.is_empty() {
        return Err(refuse("the component exports no function: a tool component exports an interface of its own"));
    }
    Ok(InspectedTool { component, functions })
}

fn read(resolve: &Resolve, interface: Option<InterfaceName>, function: &Function) -> Result<ToolFunction, Error> {
    typed::check_function(resolve, function).map_err(|reason| {
        let place = interface.as_ref().map_or_else(String::new, |name| format!("of `{name}` "));
        refuse(format!("the exported function {place}{reason}"))
    })?;
    Ok(ToolFunction {
        interface,
        name: function.name.clone(),
        description: function.docs.contents.as_ref().map(|text| text.trim().to_owned()),
        input_schema: typed::schema_of_parameters(resolve, function),
        output_schema: typed::schema_of_result(resolve, function),
        gives_result: function.result.is_some_and(|ty| is_result(resolve, ty)),
    })
}

fn is_result(resolve: &Resolve, ty: Type) -> bool {
    let Type::Id(id) = ty else { return false };
    match &resolve.types[id].kind {
        TypeDefKind::Type(inner) => is_result(resolve, *inner),
        kind => matches!(kind, TypeDefKind::Result(_)),
    }
}
