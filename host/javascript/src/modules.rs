//! The modules of a program: which file an import means, and what is in it. It reads no file outside the program's folder, and none that is
//! larger than programs are.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::error::Error;
use crate::sdk;
use crate::source::to_javascript;

/// The largest module.
const MAX_MODULE_BYTES: u64 = 8 << 20;
/// All modules of a program.
const MAX_PROGRAM_BYTES: u64 = 32 << 20;
/// The most modules.
const MAX_MODULES: usize = 2000;

/// What the engine runs first.
pub(crate) const SHIM: &str = "globalThis.wit = {};\nimport \"abide:sdk/internal/globals.js\";\n";
/// The module whose exports are those of the component.
pub(crate) const ENTRY: &str = "import * as program from \"abide:program\";\n\
    import { exportsOf } from \"abide:sdk/internal/entry.js\";\n\
    export const { run, query } = exportsOf(program);\n";

/// Endings that an import may leave away, in the order in which they are tried.
const ENDINGS: [&str; 6] = [".ts", ".js", ".mts", ".mjs", ".json", "/index.ts"];

/// The modules of one program.
pub(crate) struct Modules {
    /// The folder that may be read, without links.
    root: PathBuf,
    /// The entry, below the folder.
    entry: String,
    /// What was read, by name.
    sizes: BTreeMap<String, u64>,
    /// The first thing that went wrong.
    error: Option<Error>,
}

impl Modules {
    /// Those of the program with this entry.
    pub(crate) fn new(entry: &Path) -> Result<Self, Error> {
        let read = |source| Error::Read { path: entry.to_owned(), source };
        let entry_path = entry.canonicalize().map_err(read)?;
        let folder = entry_path.parent().unwrap_or(&entry_path);
        let root = folder.ancestors().find(|folder| folder.join("package.json").is_file()).unwrap_or(folder);
        let name = entry_path.strip_prefix(root).ok().and_then(module_name);
        let name = name.ok_or_else(|| Error::Import(format!("`{}` is no UTF-8", entry.display())))?;
        Ok(Self { root: root.to_owned(), entry: name, sizes: BTreeMap::new(), error: None })
    }

    /// What went wrong, if something did.
    pub(crate) fn take_error(&mut self) -> Option<Error> {
        self.error.take()
    }

    /// The module that `specifier` means in the module `referrer`.
    pub(crate) fn resolve(&mut self, referrer: &str, specifier: &str) -> Result<String, String> {
        self.find(referrer, specifier).map_err(|error| self.keep(error))
    }

    /// The text of a module.
    pub(crate) fn load(&mut self, name: &str) -> Result<String, String> {
        self.read(name).map_err(|error| self.keep(error))
    }

    fn keep(&mut self, error: Error) -> String {
        let message = error.to_string();
        self.error.get_or_insert(error);
        message
    }

    fn find(&self, referrer: &str, specifier: &str) -> Result<String, Error> {
        let unknown = |why: &str| Err(Error::Import(format!("`{referrer}` imports `{specifier}`: {why}")));
        match specifier {
            "abide" => return Ok(format!("{}index.js", sdk::FOLDER)),
            "abide:program" => return Ok(self.entry.clone()),
            _ if sdk_module(specifier).is_some() => return Ok(specifier.to_owned()),
            _ => {}
        }
        if !(specifier.starts_with("./") || specifier.starts_with("../")) {
            return unknown(match specifier.split_once(':') {
                Some(("node", _)) => "workflows have no Node; what they may use is in `abide`",
                Some(("abide", _)) => {
                    "there is no such module; import from `abide`, or an interface of `abide:workflow`"
                }
                Some(_) => "modules come from files",
                None if specifier.starts_with('/') => "write a path that begins with `./` or `../`",
                None => {
                    "packages are not looked up: bundle the program into one file with any bundler first, and build that file"
                }
            });
        }
        let Some(name) = join(referrer, specifier) else {
            return unknown("that is outside of the program's folder");
        };
        if sdk_module(referrer).is_some() {
            return if sdk_module(&name).is_some() { Ok(name) } else { unknown("there is no such module") };
        }
        let Some(found) = self.candidates(&name).into_iter().find(|name| self.root.join(name).is_file()) else {
            return unknown("there is no such file");
        };
        Ok(found)
    }

    /// The files that an import of `name` may mean. In TypeScript it is usual to write the name that a file has after it was compiled.
    fn candidates(&self, name: &str) -> Vec<String> {
        let mut names = vec![name.to_owned()];
        for (compiled, written) in [(".js", ".ts"), (".mjs", ".mts")] {
            names.extend(name.strip_suffix(compiled).map(|stem| format!("{stem}{written}")));
        }
        names.extend(ENDINGS.iter().map(|ending| format!("{name}{ending}")));
        names
    }

    fn read(&mut self, name: &str) -> Result<String, Error> {
        if let Some(text) = sdk_module(name) {
            return Ok(text.to_owned());
        }
        let path = self.root.join(name);
        let read = |source| Error::Read { path: path.clone(), source };
        // A link may lead anywhere, so what counts is where it leads to.
        let real = path.canonicalize().map_err(read)?;
        if !real.starts_with(&self.root) {
            return Err(Error::Import(format!("`{name}` is a link that leads out of the program's folder")));
        }
        let size = real.metadata().map_err(read)?.len();
        self.sizes.insert(name.to_owned(), size);
        if size > MAX_MODULE_BYTES || self.sizes.values().sum::<u64>() > MAX_PROGRAM_BYTES {
            return Err(Error::Limit(format!(
                "the program is too large at `{name}` ({size} bytes): a module may have {MAX_MODULE_BYTES}, all together {MAX_PROGRAM_BYTES}"
            )));
        }
        if self.sizes.len() > MAX_MODULES {
            return Err(Error::Limit(format!(
                "the program has more than {MAX_MODULES} modules: bundle it into one file"
            )));
        }
        let text = std::fs::read_to_string(&real).map_err(read)?;
        if name.ends_with(".json") { Ok(json_module(&text)) } else { to_javascript(name, text) }
    }
}

/// A module that exports the value of a JSON text.
fn json_module(text: &str) -> String {
    // A JSON text as a string of JavaScript: what JSON escapes is enough.
    let mut module = String::with_capacity(text.len() + 64);
    module.push_str("export default JSON.parse(\"");
    for character in text.chars() {
        match character {
            '"' => module.push_str("\\\""),
            '\\' => module.push_str("\\\\"),
            '\n' => module.push_str("\\n"),
            '\r' => module.push_str("\\r"),
            '\u{2028}' => module.push_str("\\u2028"),
            '\u{2029}' => module.push_str("\\u2029"),
            character => module.push(character),
        }
    }
    module.push_str("\");\n");
    module
}

fn sdk_module(name: &str) -> Option<&'static str> {
    sdk::text(name.strip_prefix(sdk::FOLDER)?)
}

/// A path below the program's folder, with `/` on every system.
fn module_name(path: &Path) -> Option<String> {
    let parts: Option<Vec<&str>> = path.iter().map(|part| part.to_str()).collect();
    Some(parts?.join("/"))
}

/// The name that a relative specifier means, or nothing where it leads out of the folder.
fn join(referrer: &str, specifier: &str) -> Option<String> {
    let mut parts: Vec<&str> = referrer.split('/').collect();
    parts.pop();
    for part in specifier.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            // What means another place on some system.
            part if part.contains(['\\', '\0']) => return None,
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}
