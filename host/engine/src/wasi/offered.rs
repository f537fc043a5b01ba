//! Which interfaces of WASI a component may import, and what to do about the others.

use wit_parser::PackageName;

/// Packages of WASI 0.2 that are linked; of some only these interfaces.
const WASI: [(&str, &[&str]); 7] = [
    ("cli", &[]),
    ("clocks", &["monotonic-clock", "wall-clock"]),
    ("filesystem", &[]),
    ("http", &["types", "outgoing-handler"]),
    ("io", &[]),
    ("random", &[]),
    ("sockets", &[]),
];

/// Packages of WASI 0.3 that are linked.
const WASI_3: [(&str, &[&str]); 3] =
    [("cli", &[]), ("clocks", &["types", "monotonic-clock", "system-clock"]), ("random", &[])];

/// What of WASI a component may import. The error says what to do.
pub(crate) fn check(package: &PackageName, interface: Option<&str>) -> Result<(), String> {
    let has = |packages: &[(&str, &[&str])]| {
        packages.iter().any(|(known, interfaces)| {
            *known == package.name
                && (interfaces.is_empty() || interface.is_some_and(|name| interfaces.contains(&name)))
        })
    };
    let release = package.version.as_ref().filter(|version| version.pre.is_empty());
    match release.map(|version| (version.major, version.minor)) {
        Some((0, 2)) if has(&WASI) => return Ok(()),
        Some((0, 2)) => {}
        Some((0, 3)) if has(&WASI_3) => return Ok(()),
        Some((0, 3)) => {
            return Err("of WASI 0.3 this host has clocks, random numbers and the command line; files, sockets and `wasi:http` \
                        it has in WASI 0.2: import those of 0.2, or build for `wasm32-wasip2`"
                .to_owned());
        }
        _ => return Err("this host has WASI 0.2, and some of 0.3.0: build for `wasm32-wasip2`".to_owned()),
    }
    Err(match package.name.as_str() {
        "keyvalue" | "blobstore" | "config" => {
            "keep data in variables, which last as long as the run, or reach a store through a tool".to_owned()
        }
        _ => {
            let packages: Vec<&str> = WASI.iter().map(|(package, _)| *package).collect();
            format!("of WASI 0.2 this host has: {}; of `wasi:http` the outgoing half", packages.join(", "))
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(package: &str, version: &str, interface: &str) -> Option<String> {
        let version = version.parse().expect("a version");
        let package = PackageName { namespace: "wasi".to_owned(), name: package.to_owned(), version: Some(version) };
        check(&package, Some(interface)).err()
    }

    #[test]
    fn some_of_wasi_is_there_and_the_rest_says_what_to_do() {
        for (package, version, interface) in [
            ("cli", "0.2.0", "environment"),
            ("http", "0.2.12", "outgoing-handler"),
            ("cli", "0.3.0", "stdin"),
            ("clocks", "0.3.0", "system-clock"),
            ("random", "0.3.1", "insecure-seed"),
        ] {
            assert_eq!(refused(package, version, interface), None, "{package}@{version}");
        }
        for (package, version, interface, hint) in [
            ("clocks", "0.2.0", "timezone", "of WASI 0.2 this host has"),
            ("http", "0.2.0", "incoming-handler", "the outgoing half"),
            ("keyvalue", "0.2.0", "store", "keep data in variables"),
            ("filesystem", "0.3.0", "types", "import those of 0.2"),
            ("http", "0.3.0", "client", "import those of 0.2"),
            ("clocks", "0.3.0", "timezone", "import those of 0.2"),
            ("cli", "0.3.0-rc-2025-09-16", "run", "some of 0.3.0"),
            ("cli", "0.4.0", "run", "some of 0.3.0"),
        ] {
            let told = refused(package, version, interface).unwrap_or_else(|| panic!("{package}@{version} is taken"));
            assert!(told.contains(hint), "{package}@{version}: {told}");
        }
    }
}
