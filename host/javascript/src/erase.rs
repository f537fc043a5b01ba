//! TypeScript without its types: spaces take their place, so that lines and columns stay where they were, and stack traces are right
//! without a map. Syntax that has a meaning when it runs (`enum`, `namespace` with values, parameter properties) is refused.

use std::collections::HashSet;

use oxc_ast::ast::{
    ArrowFunctionExpression, Class, ClassElement, Declaration, ExportDefaultDeclarationKind, ExportSpecifier,
    FormalParameter, IdentifierReference, ImportDeclaration, ImportDeclarationSpecifier, ImportOrExportKind,
    MethodDefinition, MethodDefinitionType, Program, PropertyDefinition, PropertyDefinitionType, Statement,
    TSAsExpression, TSClassImplements, TSNonNullExpression, TSSatisfiesExpression, TSThisParameter, TSTypeAnnotation,
    TSTypeAssertion, TSTypeParameterDeclaration, TSTypeParameterInstantiation, VariableDeclarator,
};
use oxc_ast_visit::{Visit, walk};
use oxc_span::{GetSpan, Span};

/// Words that stand before the name of a member and mean nothing when it runs.
const MODIFIERS: [&str; 7] = ["public", "private", "protected", "readonly", "override", "abstract", "declare"];

/// Syntax that cannot be erased.
pub(crate) struct Refused {
    /// Where it is, in bytes.
    pub(crate) offset: usize,
    /// What is there, and what to write instead.
    pub(crate) message: String,
}

/// The text of a program without its types.
pub(crate) fn erase_types(text: &str, program: &Program<'_>) -> Result<String, Refused> {
    let mut eraser = Eraser {
        text,
        erased: Vec::new(),
        written: Vec::new(),
        ends: HashSet::new(),
        used: HashSet::new(),
        refused: None,
    };
    eraser.visit_program(program);
    // Which imports are used as values is known now.
    for statement in &program.body {
        if let Statement::ImportDeclaration(import) = statement {
            eraser.import(import);
        }
    }
    match eraser.refused.take() {
        Some(refused) => Err(refused),
        None => Ok(eraser.finish()),
    }
}

struct Eraser<'t> {
    text: &'t str,
    /// What spaces take the place of, in bytes.
    erased: Vec<(usize, usize)>,
    /// Characters that are written over what was erased.
    written: Vec<(usize, u8)>,
    /// Where statements and fields end that have no semicolon.
    ends: HashSet<usize>,
    /// Names that are used as values.
    used: HashSet<String>,
    refused: Option<Refused>,
}

impl Eraser<'_> {
    fn finish(self) -> String {
        let mut bytes = self.text.as_bytes().to_vec();
        for &(start, end) in &self.erased {
            for byte in &mut bytes[start..end] {
                if !matches!(byte, b'\n' | b'\r') {
                    *byte = b' ';
                }
            }
            // The next line would go on with this one.
            if self.ends.contains(&end) {
                bytes[start] = b';';
            }
        }
        for (place, character) in self.written {
            bytes[place] = character;
        }
        String::from_utf8(bytes).expect("whole characters were replaced by ASCII")
    }

    fn erase(&mut self, start: u32, end: u32) {
        if start < end {
            self.erased.push((start as usize, end as usize));
        }
    }

    /// Erases a statement or a member. A semicolon stays, since what stood before may have ended at it.
    fn erase_whole(&mut self, span: Span) {
        self.erase(span.start, span.end);
        self.written.push((span.start as usize, b';'));
    }

    fn refuse(&mut self, span: Span, message: &str) {
        let message = message.to_owned();
        self.refused.get_or_insert(Refused { offset: span.start as usize, message });
    }

    /// Erases the comma that follows, if one does.
    fn erase_comma(&mut self, end: u32) {
        let rest = &self.text[end as usize..];
        let comma = end as usize + rest.len() - rest.trim_start().len();
        if self.text[comma..].starts_with(',') {
            self.erased.push((comma, comma + 1));
        }
    }

    /// Erases the next `?` or `!`, which is known to follow.
    fn erase_mark(&mut self, from: u32, mark: char) {
        if let Some(place) = self.text[from as usize..].find(mark) {
            let place = from as usize + place;
            self.erased.push((place, place + 1));
        }
    }

    /// Erases modifiers between two places.
    fn erase_modifiers(&mut self, start: u32, end: u32) {
        let (start, end) = (start as usize, end as usize);
        let mut place = start;
        for word in self.text[start..end].split(|character: char| !character.is_alphanumeric()) {
            if MODIFIERS.contains(&word) {
                self.erased.push((place, place + word.len()));
            }
            place += word.len() + self.text[place + word.len()..end].chars().next().map_or(0, char::len_utf8);
        }
    }

    /// Notes where something ends that has no semicolon of its own.
    fn note_end(&mut self, span: Span) {
        if !self.text[..span.end as usize].ends_with([';', '}']) {
            self.ends.insert(span.end as usize);
        }
    }

    /// Erases a declaration that is none when it runs; `span` is that of the whole statement. Says whether it did.
    fn declaration(&mut self, declaration: &Declaration<'_>, span: Span) -> bool {
        let erase = match declaration {
            Declaration::TSTypeAliasDeclaration(_)
            | Declaration::TSInterfaceDeclaration(_)
            | Declaration::TSExternalModuleDeclaration(_)
            | Declaration::TSGlobalDeclaration(_) => true,
            Declaration::FunctionDeclaration(function) => function.declare || function.body.is_none(),
            Declaration::ClassDeclaration(class) => class.declare,
            Declaration::VariableDeclaration(variable) => variable.declare,
            Declaration::TSEnumDeclaration(declared) => {
                if !declared.declare {
                    self.refuse(span, "`enum` has values when it runs: write an object, `const Name = { … } as const`");
                }
                true
            }
            Declaration::TSNamespaceDeclaration(declared) => {
                if !declared.declare {
                    self.refuse(span, "`namespace` has values when it runs: write a module");
                }
                true
            }
            Declaration::TSImportEqualsDeclaration(_) => {
                self.refuse(span, "`import … =` is not known here: write `import … from`");
                true
            }
        };
        if erase {
            self.erase_whole(span);
        }
        erase
    }

    fn specifiers(&mut self, specifiers: &[ExportSpecifier<'_>]) {
        for specifier in specifiers {
            if specifier.export_kind == ImportOrExportKind::Type {
                self.erase(specifier.span.start, specifier.span.end);
                self.erase_comma(specifier.span.end);
            }
        }
    }

    /// Erases what an import takes that is no value.
    fn import(&mut self, import: &ImportDeclaration<'_>) {
        let specifiers = import.specifiers.as_ref().map_or(&[][..], |specifiers| specifiers.as_slice());
        let unused: Vec<Span> = specifiers
            .iter()
            .filter(|specifier| {
                let only_type = matches!(specifier, ImportDeclarationSpecifier::ImportSpecifier(named)
                    if named.import_kind == ImportOrExportKind::Type);
                only_type || !self.used.contains(specifier.local().name.as_str())
            })
            .map(GetSpan::span)
            .collect();
        let nothing_left = !specifiers.is_empty() && unused.len() == specifiers.len();
        if import.import_kind == ImportOrExportKind::Type || nothing_left {
            self.erase_whole(import.span);
            return;
        }
        for span in unused {
            self.erase(span.start, span.end);
            self.erase_comma(span.end);
        }
    }
}

impl<'a> Visit<'a> for Eraser<'_> {
    fn visit_statement(&mut self, it: &Statement<'a>) {
        let erased = match it {
            Statement::ExportDeclaration(export) => self.declaration(&export.declaration, export.span),
            Statement::ExportDefaultDeclaration(export) => {
                let only_type = match &export.declaration {
                    ExportDefaultDeclarationKind::TSInterfaceDeclaration(_) => true,
                    ExportDefaultDeclarationKind::FunctionDeclaration(function) => function.body.is_none(),
                    _ => false,
                };
                if only_type {
                    self.erase_whole(export.span);
                }
                only_type
            }
            Statement::ExportNamedDeclaration(export) if export.export_kind == ImportOrExportKind::Type => {
                self.erase_whole(export.span);
                true
            }
            Statement::ExportFromDeclaration(export) if export.export_kind == ImportOrExportKind::Type => {
                self.erase_whole(export.span);
                true
            }
            Statement::ExportAllDeclaration(export) if export.export_kind == ImportOrExportKind::Type => {
                self.erase_whole(export.span);
                true
            }
            Statement::ExportNamedDeclaration(export) => {
                self.specifiers(&export.specifiers);
                false
            }
            Statement::ExportFromDeclaration(export) => {
                self.specifiers(&export.specifiers);
                true
            }
            // After everything else.
            Statement::ImportDeclaration(_) => true,
            Statement::TSExportAssignment(export) => {
                self.refuse(export.span, "`export =` is not known here: write `export default`");
                true
            }
            Statement::TSNamespaceExportDeclaration(export) => {
                self.erase_whole(export.span);
                true
            }
            other => match other.as_declaration() {
                Some(declaration) => self.declaration(declaration, other.span()),
                None => false,
            },
        };
        if !erased {
            self.note_end(it.span());
            walk::walk_statement(self, it);
        }
    }

    fn visit_identifier_reference(&mut self, it: &IdentifierReference<'a>) {
        self.used.insert(it.name.to_string());
    }

    fn visit_ts_type_annotation(&mut self, it: &TSTypeAnnotation<'a>) {
        self.erase(it.span.start, it.span.end);
    }

    fn visit_ts_type_parameter_declaration(&mut self, it: &TSTypeParameterDeclaration<'a>) {
        self.erase(it.span.start, it.span.end);
    }

    fn visit_ts_type_parameter_instantiation(&mut self, it: &TSTypeParameterInstantiation<'a>) {
        self.erase(it.span.start, it.span.end);
    }

    fn visit_ts_this_parameter(&mut self, it: &TSThisParameter<'a>) {
        self.erase(it.span.start, it.span.end);
        self.erase_comma(it.span.end);
    }

    fn visit_ts_as_expression(&mut self, it: &TSAsExpression<'a>) {
        self.visit_expression(&it.expression);
        self.erase(it.expression.span().end, it.span.end);
    }

    fn visit_ts_satisfies_expression(&mut self, it: &TSSatisfiesExpression<'a>) {
        self.visit_expression(&it.expression);
        self.erase(it.expression.span().end, it.span.end);
    }

    fn visit_ts_non_null_expression(&mut self, it: &TSNonNullExpression<'a>) {
        self.visit_expression(&it.expression);
        self.erase(it.expression.span().end, it.span.end);
    }

    fn visit_ts_type_assertion(&mut self, it: &TSTypeAssertion<'a>) {
        self.erase(it.span.start, it.expression.span().start);
        self.visit_expression(&it.expression);
    }

    fn visit_variable_declarator(&mut self, it: &VariableDeclarator<'a>) {
        if it.definite {
            self.erase_mark(it.id.span().end, '!');
        }
        walk::walk_variable_declarator(self, it);
    }

    fn visit_formal_parameter(&mut self, it: &FormalParameter<'a>) {
        if it.accessibility.is_some() || it.readonly || it.r#override {
            self.refuse(it.span, "a parameter that is a property as well: declare the property, and assign it");
        }
        if it.optional {
            self.erase_mark(it.pattern.span().end, '?');
        }
        walk::walk_formal_parameter(self, it);
    }

    fn visit_arrow_function_expression(&mut self, it: &ArrowFunctionExpression<'a>) {
        // No line may end between the parameters and the arrow: the parenthesis moves to the end of the type.
        if let Some(ty) = &it.return_type
            && self.text[ty.span.start as usize..ty.span.end as usize].contains('\n')
            && let Some(parenthesis) = self.text[..ty.span.start as usize].rfind(')')
        {
            self.written.push((parenthesis, b' '));
            self.written.push((ty.span.end as usize - 1, b')'));
        }
        walk::walk_arrow_function_expression(self, it);
    }

    fn visit_class(&mut self, it: &Class<'a>) {
        if it.r#abstract
            && let Some(class) = self.text[it.span.start as usize..].find("class")
        {
            self.erase_modifiers(it.span.start, it.span.start + u32::try_from(class).unwrap_or_default());
        }
        walk::walk_class(self, it);
    }

    fn visit_ts_class_implements_list(&mut self, it: &oxc_allocator::Vec<'a, TSClassImplements<'a>>) {
        if let (Some(first), Some(last)) = (it.first(), it.last())
            && let Some(start) = self.text[..first.span.start as usize].rfind("implements")
        {
            self.erased.push((start, last.span.end as usize));
        }
    }

    fn visit_class_element(&mut self, it: &ClassElement<'a>) {
        let only_type = match it {
            ClassElement::TSIndexSignature(_) => true,
            ClassElement::MethodDefinition(method) => {
                method.r#type == MethodDefinitionType::TSAbstractMethodDefinition || method.value.body.is_none()
            }
            ClassElement::PropertyDefinition(property) => {
                property.r#type == PropertyDefinitionType::TSAbstractPropertyDefinition || property.declare
            }
            _ => false,
        };
        if only_type {
            self.erase_whole(it.span());
        } else {
            walk::walk_class_element(self, it);
        }
    }

    fn visit_method_definition(&mut self, it: &MethodDefinition<'a>) {
        self.erase_modifiers(it.span.start, it.key.span().start);
        if it.optional {
            self.erase_mark(it.key.span().end, '?');
        }
        walk::walk_method_definition(self, it);
    }

    fn visit_property_definition(&mut self, it: &PropertyDefinition<'a>) {
        self.note_end(it.span);
        self.erase_modifiers(it.span.start, it.key.span().start);
        if it.optional || it.definite {
            self.erase_mark(it.key.span().end, if it.optional { '?' } else { '!' });
        }
        walk::walk_property_definition(self, it);
    }
}
