//! Cuts the text of a filter into tokens.

use super::Operator;

/// A token and where it begins, in characters from 1.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Token {
    pub(super) column: usize,
    pub(super) kind: Kind,
}

/// What stands there.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Kind {
    /// A field or a word of the language.
    Word(String),
    /// Between quotes, without them.
    Text(String),
    Number(f64),
    /// So many milliseconds ago.
    Ago(u64),
    Operator(Operator),
    Open,
    Close,
    Comma,
    End,
}

/// The tokens, with an end at the end; or the column of what is none, and why.
pub(super) fn tokens(text: &str) -> Result<Vec<Token>, (usize, String)> {
    let mut lexer = Lexer { rest: text, column: 1 };
    let mut tokens = Vec::new();
    loop {
        lexer.take_while(char::is_whitespace);
        let column = lexer.column;
        let kind = lexer.next().map_err(|why| (column, why))?;
        let ended = kind == Kind::End;
        tokens.push(Token { column, kind });
        if ended {
            return Ok(tokens);
        }
    }
}

struct Lexer<'t> {
    rest: &'t str,
    column: usize,
}

impl<'t> Lexer<'t> {
    fn take(&mut self, bytes: usize) -> &'t str {
        let (taken, rest) = self.rest.split_at(bytes);
        self.column += taken.chars().count();
        self.rest = rest;
        taken
    }

    fn take_while(&mut self, wanted: impl Fn(char) -> bool) -> &'t str {
        let end = self.rest.find(|c| !wanted(c)).unwrap_or(self.rest.len());
        self.take(end)
    }

    fn next(&mut self) -> Result<Kind, String> {
        const SIGNS: [(&str, Kind); 9] = [
            ("!=", Kind::Operator(Operator::NotEqual)),
            ("<=", Kind::Operator(Operator::LessOrEqual)),
            (">=", Kind::Operator(Operator::GreaterOrEqual)),
            ("=", Kind::Operator(Operator::Equal)),
            ("<", Kind::Operator(Operator::Less)),
            (">", Kind::Operator(Operator::Greater)),
            ("(", Kind::Open),
            (")", Kind::Close),
            (",", Kind::Comma),
        ];
        for (sign, kind) in SIGNS {
            if self.rest.starts_with(sign) {
                self.take(sign.len());
                return Ok(kind);
            }
        }
        match self.rest.chars().next() {
            None => Ok(Kind::End),
            Some('\'') => self.quoted(),
            Some('0'..='9' | '-') => self.number(),
            Some(c) if c.is_ascii_alphabetic() || c == '_' => {
                Ok(Kind::Word(self.take_while(|c| c.is_ascii_alphanumeric() || c == '_').to_owned()))
            }
            Some('"') => Err("a text stands between single quotes, as in 'acme'".to_owned()),
            Some(c) => Err(format!("`{}` means nothing here", c.escape_debug())),
        }
    }

    fn quoted(&mut self) -> Result<Kind, String> {
        let mut text = String::new();
        self.take(1);
        loop {
            text.push_str(self.take_while(|c| c != '\''));
            if self.rest.starts_with("''") {
                self.take(2);
                text.push('\'');
            } else if self.rest.is_empty() {
                return Err("the text that begins here has no quote at its end".to_owned());
            } else {
                self.take(1);
                return Ok(Kind::Text(text));
            }
        }
    }

    /// A number, or a time ago such as `-24h`.
    fn number(&mut self) -> Result<Kind, String> {
        let text = self.take_while(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '+' | '.'));
        if let Some(ago) = ago(text) {
            return Ok(Kind::Ago(ago));
        }
        match text.parse::<f64>() {
            Ok(number) if number.is_finite() && text.ends_with(|c: char| c.is_ascii_digit()) => {
                Ok(Kind::Number(number))
            }
            _ => {
                Err(format!("`{text}` is neither a number nor a time ago such as `-24h`; a date stands between quotes"))
            }
        }
    }
}

fn ago(text: &str) -> Option<u64> {
    let unit_ms: u64 = match text.chars().last()? {
        's' => 1000,
        'm' => 60_000,
        'h' => 3_600_000,
        'd' => 86_400_000,
        'w' => 7 * 86_400_000,
        _ => return None,
    };
    let digits = text.strip_prefix('-')?.get(..text.len() - 2)?;
    digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse::<u64>().ok()?.checked_mul(unit_ms)).flatten()
}
