//! Statements that are a bare call, such as `report();` where `report` is an `async` function. Nobody waits for what they give, and the
//! engine tells nobody of a promise that is rejected without a handler; so they are wrapped in a function of the SDK, which writes a line
//! in the log then. The value of the statement is not used, so nothing else changes.

use oxc_ast::ast::{ChainElement, Expression, ExpressionStatement, Program, UnaryOperator};
use oxc_ast_visit::{Visit, walk};
use oxc_span::{GetSpan as _, Span};

/// The function, which `guest-sdk/js/internal/globals.js` defines.
const WRAPPER: &str = "abideFloating(";

/// Where such calls are, in the order of the text.
pub(crate) fn floating_calls(program: &Program<'_>) -> Vec<Span> {
    let mut finder = Finder { calls: Vec::new() };
    finder.visit_program(program);
    finder.calls
}

/// Wraps the calls. Lines stay where they are.
pub(crate) fn wrap(text: &str, calls: &[Span]) -> String {
    let mut places: Vec<(u32, &str)> = calls.iter().flat_map(|call| [(call.start, WRAPPER), (call.end, ")")]).collect();
    // A call may hold a function with such calls.
    places.sort_by_key(|(place, _)| *place);
    let mut wrapped = String::with_capacity(text.len() + calls.len() * (WRAPPER.len() + 1));
    let mut from = 0;
    for (place, inserted) in places {
        wrapped.push_str(&text[from..place as usize]);
        wrapped.push_str(inserted);
        from = place as usize;
    }
    wrapped.push_str(&text[from..]);
    wrapped
}

struct Finder {
    calls: Vec<Span>,
}

impl<'a> Visit<'a> for Finder {
    fn visit_expression_statement(&mut self, it: &ExpressionStatement<'a>) {
        let value = match &it.expression {
            Expression::UnaryExpression(unary) if unary.operator == UnaryOperator::Void => &unary.argument,
            expression => expression,
        };
        let call = match value {
            // `super()` stays where it has to stand.
            Expression::CallExpression(call) => !matches!(call.callee, Expression::Super(_)),
            Expression::ChainExpression(chain) => matches!(chain.expression, ChainElement::CallExpression(_)),
            _ => false,
        };
        if call {
            self.calls.push(value.span());
        }
        walk::walk_expression_statement(self, it);
    }
}
