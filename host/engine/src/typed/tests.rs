//! Values of random types go through JSON and come back as they were; whatever else comes is refused without a panic.

use abide_model::Json;
use proptest::prelude::*;
use rand_chacha::ChaCha12Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};
use wasmtime::component::types::{ComponentFunc, ComponentItem};
use wasmtime::component::{Component, Type, Val};
use wit_component::{ComponentEncoder, StringEncoding, dummy_module, embed_component_metadata};
use wit_parser::{Function, LiftLowerAbi, ManglingAndAbi, Resolve, WorldItem};

use super::{Documents, check_function, failing, read, schema, write};
use abide_model::Failure;

/// An interface with these items, in a world that exports it.
fn resolve(items: &str) -> (Resolve, wit_parser::WorldId) {
    let text = format!("package test:values@1.0.0; interface i {{ {items} }} world w {{ export i; }}");
    let mut resolve = Resolve::default();
    let package = resolve.push_str("test.wit", &text).unwrap();
    let world = resolve.select_world(&[package], Some("w")).unwrap();
    (resolve, world)
}

/// The functions of an interface as wasmtime has them.
struct Compiled {
    component: Component,
}

impl Compiled {
    fn new(items: &str) -> Self {
        let (resolve, world) = resolve(items);
        let mut module = dummy_module(&resolve, world, ManglingAndAbi::Legacy(LiftLowerAbi::Sync));
        embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8).unwrap();
        let bytes = ComponentEncoder::default().module(&module).unwrap().encode().unwrap();
        Self { component: Component::new(&wasmtime::Engine::default(), bytes).unwrap() }
    }

    fn function(&self, name: &str) -> ComponentFunc {
        let (engine, ty) = (self.component.engine(), self.component.component_type());
        let (_, export) = ty.exports(engine).next().unwrap();
        let ComponentItem::ComponentInstance(interface) = export.ty else { panic!("no interface") };
        match interface.get_export(engine, name).unwrap().ty {
            ComponentItem::ComponentFunc(function) => function,
            _ => panic!("no function"),
        }
    }
}

/// Makes up types and values.
struct Random(ChaCha12Rng);

impl Random {
    fn below(&mut self, end: u32) -> u32 {
        self.0.next_u32() % end
    }

    /// The text of a type; definitions that it needs are added.
    fn ty(&mut self, depth: u32, definitions: &mut Vec<String>) -> String {
        const PLAIN: [&str; 13] =
            ["bool", "s8", "u8", "s16", "u16", "s32", "u32", "s64", "u64", "f32", "f64", "char", "string"];
        let choice = if depth == 0 { 0 } else { self.below(12) };
        let mut inner = |random: &mut Self| random.ty(depth.saturating_sub(1), definitions);
        match choice {
            0..=2 => PLAIN[self.below(13) as usize].to_owned(),
            3 => format!("list<{}>", inner(self)),
            4 => "list<u8>".to_owned(),
            5 => format!("option<{}>", inner(self)),
            6 => format!("tuple<{}, {}>", inner(self), inner(self)),
            7 => format!("result<{}, {}>", inner(self), inner(self)),
            8 => ["result", "result<_, string>", "result<u8>"][self.below(3) as usize].to_owned(),
            kind => {
                let (a, b) = (inner(self), inner(self));
                let name = format!("d{}", definitions.len());
                definitions.push(match kind {
                    9 => format!("record {name} {{ first: {a}, second-one: {b} }}"),
                    10 => format!("variant {name} {{ none, some({a}), other({b}) }}"),
                    _ => match self.below(2) {
                        0 => format!("enum {name} {{ one, two, three }}"),
                        _ => format!("flags {name} {{ red, green, blue }}"),
                    },
                });
                name
            }
        }
    }

    fn text(&mut self) -> String {
        (0..self.below(6)).map(|_| self.char()).collect()
    }

    fn char(&mut self) -> char {
        match self.below(4) {
            0 => ['"', '\\', '\n', '\0', '\u{7f}', '\u{2028}', '\u{1f980}'][self.below(7) as usize],
            1 => char::from_u32(self.below(0x11_0000)).unwrap_or('x'),
            _ => char::from(b'a' + self.below(26) as u8),
        }
    }

    fn maybe(&mut self, ty: Option<Type>) -> Option<Box<Val>> {
        ty.map(|ty| Box::new(self.value(&ty)))
    }

    fn value(&mut self, ty: &Type) -> Val {
        let bits = match self.below(3) {
            0 => self.0.next_u64(),
            1 => u64::from(self.below(3)),
            _ => u64::MAX - u64::from(self.below(3)),
        };
        match ty {
            Type::Bool => Val::Bool(bits & 1 == 1),
            Type::S8 => Val::S8(bits as i8),
            Type::U8 => Val::U8(bits as u8),
            Type::S16 => Val::S16(bits as i16),
            Type::U16 => Val::U16(bits as u16),
            Type::S32 => Val::S32(bits as i32),
            Type::U32 => Val::U32(bits as u32),
            Type::S64 => Val::S64(bits as i64),
            Type::U64 => Val::U64(bits),
            Type::Float32 => Val::Float32(f32::from_bits(bits as u32)),
            Type::Float64 => Val::Float64(f64::from_bits(bits)),
            Type::Char => Val::Char(self.char()),
            Type::String => Val::String(self.text()),
            Type::List(list) => Val::List((0..self.below(4)).map(|_| self.value(&list.ty())).collect()),
            Type::Tuple(tuple) => Val::Tuple(tuple.types().map(|ty| self.value(&ty)).collect()),
            Type::Record(record) => {
                Val::Record(record.fields().map(|field| (field.name.to_owned(), self.value(&field.ty))).collect())
            }
            Type::Option(option) => Val::Option((bits & 1 == 1).then(|| Box::new(self.value(&option.ty())))),
            Type::Result(result) if bits & 1 == 1 => Val::Result(Ok(self.maybe(result.ok()))),
            Type::Result(result) => Val::Result(Err(self.maybe(result.err()))),
            Type::Variant(variant) => {
                let case = variant.cases().nth(self.below(variant.cases().len() as u32) as usize).unwrap();
                Val::Variant(case.name.to_owned(), self.maybe(case.ty))
            }
            Type::Enum(cases) => Val::Enum(cases.names().nth(self.below(3) as usize).unwrap().to_owned()),
            Type::Flags(flags) => Val::Flags(flags.names().filter(|_| self.below(2) == 1).map(str::to_owned).collect()),
            _ => panic!("a type that was not made up"),
        }
    }

    /// JSON that may or may not fit something.
    fn json(&mut self, depth: u32) -> serde_json::Value {
        use serde_json::json;
        match self.below(if depth == 0 { 6 } else { 9 }) {
            0 => json!(null),
            1 => json!(self.below(2) == 1),
            2 => json!(self.0.next_u64()),
            3 => json!(-1.5),
            4 => json!(self.text()),
            5 => json!("one"),
            6 => (0..self.below(4)).map(|_| self.json(depth - 1)).collect(),
            7 => json!({ "first": self.json(depth - 1), "second-one": self.json(depth - 1) }),
            _ => json!({ ["ok", "error", "some", "other"][self.below(4) as usize]: self.json(depth - 1) }),
        }
    }
}

/// What `Debug` shows has the sign of zero, and takes one NaN for another.
fn shown(values: &[Val]) -> String {
    format!("{values:?}").replace("-NaN", "NaN")
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, ..ProptestConfig::default() })]

    #[test]
    fn values_of_every_type_come_back_from_json(seed in any::<u64>()) {
        let mut random = Random(ChaCha12Rng::seed_from_u64(seed));
        let mut definitions = Vec::new();
        let (a, b) = (random.ty(4, &mut definitions), random.ty(3, &mut definitions));
        let items = format!("{} f: func(a: {a}, b: {b}) -> {a};", definitions.join(" "));
        let compiled = Compiled::new(&items);
        let function = compiled.function("f");
        for _ in 0..20 {
            let values: Vec<_> = function.params().map(|(_, ty)| random.value(&ty)).collect();
            let json = write::arguments(&function, &values, 1 << 20).unwrap();
            let back = read::arguments(&json, &function).unwrap_or_else(|misfit| panic!("{items}\n{json}\n{misfit}"));
            prop_assert_eq!(shown(&back), shown(&values), "{}\n{}", items, json);
            // The same value is the same text: a replay compares texts.
            prop_assert_eq!(write::arguments(&function, &back, 1 << 20).unwrap(), json.clone());
            // A limit that is met is a failure, wherever it falls.
            let limit = random.0.next_u64() % json.len() as u64;
            prop_assert_eq!(write::arguments(&function, &values, limit).unwrap_err().code, "too-large");
        }
        // Whatever comes is refused or fits.
        for _ in 0..50 {
            let json = Json::from(&serde_json::json!({ "a": random.json(4), "b": random.json(3) }));
            if let Ok(values) = read::arguments(&json, &function) {
                let again = write::arguments(&function, &values, 1 << 20).unwrap();
                prop_assert_eq!(shown(&read::arguments(&again, &function).unwrap()), shown(&values));
            }
        }
    }
}

#[test]
fn values_look_in_json_as_documented() {
    let compiled = Compiled::new(
        "flags rights { read, write } variant contact { none, email(string) }
         record all { wide: u64, ratio: f32, odd: f64, letter: char, bytes: list<u8>, pair: tuple<u8, string>,
            maybe: option<u8>, deep: list<option<option<u8>>>, done: result<u8, string>, over: result,
            contact: list<contact>, rights: rights }
         f: func(all: all);",
    );
    let function = compiled.function("f");
    let text = r#"{"all":{"wide":18446744073709551615,"ratio":0.1,"odd":"-Infinity","letter":"é","bytes":"AAEC","pair":[1,"x"],"maybe":null,"deep":[null,{"some":null},{"some":3}],"done":{"error":"no"},"over":{"ok":null},"contact":["none",{"email":"a@b"}],"rights":["read"]}}"#;
    let json = Json::parse(text).unwrap();
    let values = read::arguments(&json, &function).unwrap();
    assert_eq!(write::arguments(&function, &values, 4096).unwrap(), json);

    // What other programs write is taken too.
    let other = r#"{"all":{"wide":"18446744073709551615","ratio":0.1,"odd":"-Infinity","letter":"é","bytes":[0,1.0,2e0],"pair":[1,"x"],"deep":[null,{"some":null},{"some":3}],"done":{"error":"no"},"over":{"ok":null},"contact":[{"none":null},{"email":"a@b"}],"rights":["read","read"]}}"#;
    assert_eq!(shown(&read::arguments(&Json::parse(other).unwrap(), &function).unwrap()), shown(&values));
}

#[test]
fn what_does_not_fit_is_told_with_its_place() {
    let compiled = Compiled::new(
        "enum tier { free, paid } record customer { name: string, age: u8, tags: list<string>, tier: tier }
         f: func(customer: customer, ratio: f32, nested: option<option<u8>>);",
    );
    let function = compiled.function("f");
    let customer = r#"{"name":"a","age":1,"tags":[],"tier":"free"}"#;
    for (text, problem) in [
        ("[]".to_owned(), "expected an object, found `[]`"),
        ("{}".to_owned(), "the parameter `customer` is missing"),
        (format!(r#"{{"customer":{customer},"ratio":1,"more":1}}"#), "there is no parameter `more`"),
        (format!(r#"{{"customer":{customer},"ratio":1e60}}"#), "`ratio`: expected a number of type f32, found `1e60`"),
        (format!(r#"{{"customer":{customer},"ratio":"1"}}"#), "`ratio`: expected a number of type f32"),
        (format!(r#"{{"customer":{customer},"ratio":1,"nested":3}}"#), "`nested`: expected an object, found `3`"),
        (
            format!(r#"{{"customer":{},"ratio":1}}"#, customer.replace("[]", r#"["a",{}]"#)),
            "`customer.tags[1]`: expected a string, found `{}`",
        ),
        (
            format!(r#"{{"customer":{},"ratio":1}}"#, customer.replace(":1,", ":256,")),
            "`customer.age`: expected a number of type u8, found `256`",
        ),
        (
            format!(r#"{{"customer":{},"ratio":1}}"#, customer.replace("free", "gold")),
            "`customer.tier`: there is no `gold`, but `free`, `paid`",
        ),
    ] {
        let misfit = read::arguments(&Json::parse(text.as_str()).unwrap(), &function).unwrap_err().to_string();
        assert!(misfit.contains(problem), "{text}: {misfit}");
    }
}

#[test]
fn a_failure_is_told_where_the_type_can_say_it() {
    let compiled = Compiled::new(
        "record failure { code: string, message: string, retryable: bool, details: option<string>, hint: option<u8> }
         record strange { code: string, message: string, status: u16 }
         variant problem { gone, other(string) } variant both { other(string), failure(failure) } variant none { gone }
         text: func() -> result<u8, string>; full: func() -> result<_, failure>; case: func() -> result<u8, problem>;
         best: func() -> result<u8, both>; odd: func() -> result<u8, strange>; silent: func() -> result<u8, none>;
         nothing: func() -> result<u8>; plain: func() -> u8; void: func();",
    );
    let mut failure = Failure::retryable("timeout", "it took too long");
    failure.details = Some(Json::parse("{\"a\":1}").unwrap());
    let told = |name: &str| {
        let function = compiled.function(name);
        let value = failing::result(&function, &failure)?;
        Some(write::result(&function, &[value], 4096).unwrap().to_string())
    };
    let full = r#"{"code":"timeout","message":"it took too long","retryable":true,"details":"{\"a\":1}","hint":null}"#;
    assert_eq!(told("text").unwrap(), r#"{"error":"timeout: it took too long"}"#);
    assert_eq!(told("full").unwrap(), format!(r#"{{"error":{full}}}"#));
    assert_eq!(told("case").unwrap(), r#"{"error":{"other":"timeout: it took too long"}}"#);
    assert_eq!(told("best").unwrap(), format!(r#"{{"error":{{"failure":{full}}}}}"#));
    for name in ["odd", "silent", "nothing", "plain", "void"] {
        assert_eq!(told(name), None, "{name}");
    }
}

fn functions(resolve: &Resolve, world: wit_parser::WorldId) -> Vec<Function> {
    let exports = resolve.worlds[world].exports.values();
    let interfaces = exports.filter_map(|item| match item {
        WorldItem::Interface { id, .. } => Some(&resolve.interfaces[*id]),
        _ => None,
    });
    interfaces.flat_map(|interface| interface.functions.values().cloned()).collect()
}

#[test]
fn what_cannot_be_recorded_is_refused_by_name() {
    for (items, reason) in [
        ("resource r; f: func(x: r);", "`f` uses a resource"),
        ("resource r; f: func(x: list<borrow<r>>);", "`f` uses a resource"),
        ("resource r { m: func(); }", "`[method]r.m` belongs to a resource"),
        ("f: func(x: stream<u8>);", "`f` uses a stream"),
        ("record a { b: future<u8> } f: func() -> a;", "`f` uses a future"),
    ] {
        let (resolve, world) = resolve(items);
        let refused = functions(&resolve, world).iter().find_map(|function| check_function(&resolve, function).err());
        assert!(refused.as_ref().is_some_and(|refused| refused.contains(reason)), "{items}: {refused:?}");
    }
    let deep = format!("f: func(x: {}u8{});", "list<".repeat(60), ">".repeat(60));
    let (resolve, world) = resolve(&deep);
    let refused = check_function(&resolve, &functions(&resolve, world)[0]).unwrap_err();
    assert!(refused.contains("nested deeper than 48"), "{refused}");
}

#[test]
fn types_that_use_each_other_have_a_schema_of_bounded_size() {
    let records: String = (1..40).map(|n| format!("record r{n} {{ a: r{}, b: r{} }} ", n - 1, n - 1)).collect();
    let (resolve, world) = resolve(&format!("record r0 {{ a: u8 }} {records} f: func(x: r39);"));
    let function = &functions(&resolve, world)[0];
    check_function(&resolve, function).unwrap();
    assert!(schema::of_parameters(&resolve, function).len() < 1 << 20);
}

#[test]
fn a_schema_says_what_is_read_and_has_the_comments_of_the_wit() {
    let items = "enum tier { free, paid }
        record customer { name: string, email: option<string>, tier: tier }
        find: func(name: string, deep: option<bool>) -> result<customer, string>;";
    let (mut resolve, world) = resolve(items);
    let documents = "package test:values@2.0.0; interface i {
        /// A customer.
        record customer { /// As on the invoice.
            name: string, email: option<string>, tier: u8 }
        /// Finds one.
        find: func(name: string);
    }";
    Documents::parse("values.wit", documents).unwrap().add_to(&mut resolve);
    let function = &functions(&resolve, world)[0];
    assert_eq!(function.docs.contents.as_deref(), Some("Finds one."));
    let arguments: serde_json::Value = schema::of_parameters(&resolve, function).read().unwrap();
    assert_eq!(arguments["required"], serde_json::json!(["name"]));
    assert_eq!(arguments["properties"]["deep"], serde_json::json!({"anyOf": [{"type": "boolean"}, {"type": "null"}]}));
    let result: serde_json::Value = schema::of_result(&resolve, function).unwrap().read().unwrap();
    let expected = serde_json::json!({
        "type": "object",
        "description": "A customer.",
        "properties": {
            "name": {"type": "string", "description": "As on the invoice."},
            "email": {"anyOf": [{"type": "string"}, {"type": "null"}]},
            "tier": {"enum": ["free", "paid"]},
        },
        "required": ["name", "tier"],
        "additionalProperties": false,
    });
    assert_eq!(result, expected);
    let error = Documents::parse("bad.wit", "interface {").map(drop).unwrap_err();
    assert!(error.message.contains("`bad.wit` is no WIT"), "{error}");
}
