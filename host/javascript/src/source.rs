//! The text of a module as the engine takes it: it is parsed, so that what is wrong has a place, TypeScript loses its types, and calls that
//! nobody waits for are wrapped.

use oxc_allocator::Allocator;
use oxc_parser::Parser;
use oxc_span::{SourceType, Span};

use crate::erase::erase_types;
use crate::error::Error;
use crate::floating::{floating_calls, wrap};

/// The text of a module in JavaScript, with each line where it was.
pub(crate) fn to_javascript(file: &str, text: String) -> Result<String, Error> {
    let (plain, floating) = to_plain(file, text)?;
    Ok(wrap(&plain, &floating))
}

/// The text without types, with each character where it was, and the calls that nobody waits for.
fn to_plain(file: &str, text: String) -> Result<(String, Vec<Span>), Error> {
    let typescript = file.ends_with(".ts") || file.ends_with(".mts");
    let kind = if typescript { SourceType::ts() } else { SourceType::mjs() };
    let allocator = Allocator::default();
    let parsed = Parser::new(&allocator, &text, kind.with_module(true)).parse();
    if let Some(diagnostic) = parsed.diagnostics.iter().next() {
        let offset = diagnostic.labels.first().map_or(0, |label| label.offset() as usize);
        let help = diagnostic.help.as_ref().map(|help| format!(" ({help})")).unwrap_or_default();
        return Err(syntax_error(file, &text, offset, format!("{}{help}", diagnostic.message)));
    }
    if parsed.module_record.requested_modules.keys().any(|specifier| specifier.is_empty()) {
        return Err(Error::Import(format!("`{file}` imports an empty text: name a module")));
    }
    let floating = floating_calls(&parsed.program);
    if !typescript {
        return Ok((text, floating));
    }
    let plain = erase_types(&text, &parsed.program)
        .map_err(|refused| syntax_error(file, &text, refused.offset, refused.message))?;
    Ok((plain, floating))
}

fn syntax_error(file: &str, text: &str, offset: usize, message: String) -> Error {
    let before = &text[..text.floor_char_boundary(offset)];
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    Error::Syntax { file: file.to_owned(), line, column, message }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Without the spaces, which only keep places.
    fn erased(text: &str) -> String {
        let erased = to_plain("a.ts", text.to_owned()).unwrap().0;
        assert_eq!(erased.lines().count(), text.lines().count(), "{erased}");
        assert_eq!(erased.len(), text.len(), "{erased}");
        // What is left is JavaScript.
        to_javascript("a.js", erased.clone()).unwrap_or_else(|error| panic!("{error}: {erased}"));
        erased.split_whitespace().collect::<Vec<_>>().join(" ")
    }

    fn refused(file: &str, text: &str) -> String {
        to_javascript(file, text.to_owned()).unwrap_err().to_string()
    }

    #[test]
    fn types_are_erased_and_nothing_else() {
        assert_eq!(erased("const a: number = 1 as number;"), "const a = 1 ;");
        assert_eq!(
            erased("function f<T>(this: X, a?: T, ...b: T[]): asserts a is T { }"),
            "function f ( a , ...b ) { }"
        );
        assert_eq!(erased("let x!: string, y = z!.w!;"), "let x , y = z .w ;");
        assert_eq!(erased("const f = async <T,>(a: T): Promise<T> => a;"), "const f = async (a ) => a;");
        assert_eq!(erased("new Map<string, number>(); f<string>('<a>');"), "new Map (); f ('<a>');");
        assert_eq!(erased("const ok = <const>['a']; x satisfies Y;"), "const ok = ['a']; x ;");
        assert_eq!(erased("try { } catch (error: unknown) { }"), "try { } catch (error ) { }");
        assert_eq!(erased("for (const a of b as C[]) d(a!);"), "for (const a of b ) d(a );");
    }

    #[test]
    fn declarations_of_types_are_erased() {
        assert_eq!(erased("interface A { b: string }\nexport type B = A | { c: 1 };"), "; ;");
        assert_eq!(erased("declare const x: string;\ndeclare module 'm' { }\nexport interface C { }"), "; ; ;");
        assert_eq!(erased("function f(a: string): void;\nfunction f(a: any) { }"), "; function f(a ) { }");
    }

    #[test]
    fn classes_keep_what_runs() {
        let class = "abstract class A<T> extends B<T> implements C, D<T> {\n\
            private readonly a: string = 'x';\n declare b: string;\n static override c?: T;\n [key: string]: any;\n\
            abstract d(): void;\n public get e(): T { return this.#f!; }\n #f?: T;\n async g?(): Promise<void> { }\n}";
        assert_eq!(
            erased(class),
            "class A extends B { a = 'x'; ; static c ; ; ; get e() { return this.#f ; } #f ; async g () { } }"
        );
    }

    #[test]
    fn imports_of_types_are_erased() {
        assert_eq!(
            erased("import type { A } from './a';\nimport { type B, c } from './b';\nc();"),
            "; import { c } from './b'; c();"
        );
        assert_eq!(
            erased("import D, { E, f } from './d';\nlet e: E & D; export { f };"),
            "import { f } from './d'; let e ; export { f };",
        );
        assert_eq!(erased("import { G } from './g';\nimport './h';\nlet g: G;"), "; import './h'; let g ;");
        assert_eq!(
            erased("export type { I } from './i';\nexport { type J, k } from './j';"),
            "; export { k } from './j';"
        );
    }

    #[test]
    fn lines_do_not_run_together() {
        assert_eq!(erased("const a = b as C\n(d)"), "const a = b; (d)");
        assert_eq!(erased("a\ntype B = string\n(d)"), "a ; (d)");
        assert_eq!(erased("let x: number\n[1].forEach(f)"), "let x; [1].forEach(f)");
    }

    #[test]
    fn an_arrow_keeps_its_parameters_on_its_line() {
        assert_eq!(erased("const f = (a: string): {\n b: string\n} => ({ b: a });"), "const f = (a ) => ({ b: a });");
    }

    #[test]
    fn places_stay() {
        let text = "const ä: Array<'ö'> = [] as any; throw\tx;";
        let erased = to_plain("a.ts", text.to_owned()).unwrap().0;
        assert_eq!(erased.find("throw"), text.find("throw"));
    }

    #[test]
    fn what_needs_a_compiler_is_refused_with_its_place() {
        assert!(
            refused("a.ts", "\n enum A { B }").starts_with("a.ts:2:2: `enum`"),
            "{}",
            refused("a.ts", "\n enum A { B }")
        );
        assert!(refused("a.ts", "namespace A { export const b = 1; }").starts_with("a.ts:1:1: `namespace`"));
        assert!(refused("a.ts", "class A { constructor(private b: string) { } }").starts_with("a.ts:1:23:"));
        assert!(refused("a.ts", "import a = require('a');").starts_with("a.ts:1:1:"));
    }

    #[test]
    fn a_syntax_error_has_its_place() {
        assert!(refused("lib/a.js", "const a = 1;\nconst b = ;").starts_with("lib/a.js:2:11: "));
        assert!(refused("a.js", "const a: string = '';").starts_with("a.js:1:"));
    }

    #[test]
    fn calls_that_nobody_waits_for_are_wrapped() {
        let wrapped = |text: &str| to_javascript("a.ts", text.to_owned()).unwrap();
        assert_eq!(wrapped("f();"), "abideFloating(f());");
        assert_eq!(wrapped("void a?.b(c)"), "void abideFloating(a?.b(c))");
        assert_eq!(
            wrapped("(async () => {\n  g(1);\n  await h();\n})()\n"),
            "abideFloating((async () => {\n  abideFloating(g(1));\n  await h();\n})())\n",
        );
        let untouched = "const p = f(); x = g(); await h(); class A extends B { constructor() { super(); } }";
        assert_eq!(wrapped(untouched), untouched);
    }
}
