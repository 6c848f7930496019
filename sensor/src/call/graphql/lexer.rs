//! Text of GraphQL into tokens (October 2021, section 2.1), one at a time. Descriptions and other texts are
//! one token each, without what they say.

/// Smallest parts that mean something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Token<'a> {
    Name(&'a str),
    /// A sign: braces, `:`, `=`, `!`, `@`, `|`, `&`, `$`, or `.` of a spread.
    Sign(char),
    /// A text, with its quotes and escapes read over.
    Text,
    Number,
    End,
}

/// Goes over a text.
#[derive(Clone, Copy)]
pub(crate) struct Lexer<'a> {
    rest: &'a str,
    /// Of what comes next, from 1.
    pub(crate) line: usize,
}

impl<'a> Lexer<'a> {
    pub(crate) fn new(text: &'a str) -> Lexer<'a> {
        Lexer { rest: text.trim_start_matches('\u{feff}'), line: 1 }
    }

    /// The next token, and the line where it begins.
    pub(crate) fn next(&mut self) -> Result<(Token<'a>, usize), (usize, &'static str)> {
        self.pass_over();
        let line = self.line;
        let Some(first) = self.rest.chars().next() else { return Ok((Token::End, line)) };
        let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let token = match first {
            '"' => {
                let (open, close) = if self.rest.starts_with("\"\"\"") { (3, "\"\"\"") } else { (1, "\"") };
                let end = end_of_text(&self.rest[open..], close).ok_or((line, "a text is not closed"))?;
                self.take(open + end + close.len());
                Token::Text
            }
            '-' | '0'..='9' => {
                let end = self.rest[1..].find(|c| !is_word(c) && !matches!(c, '.' | '+' | '-'));
                self.take(end.map_or(self.rest.len(), |end| end + 1));
                Token::Number
            }
            c if is_word(c) => {
                let end = self.rest.find(|c| !is_word(c)).unwrap_or(self.rest.len());
                Token::Name(self.take(end))
            }
            '{' | '}' | '(' | ')' | '[' | ']' | ':' | '=' | '!' | '@' | '|' | '&' | '$' | '.' => {
                self.take(1);
                Token::Sign(first)
            }
            _ => return Err((line, "there is a sign that GraphQL has not")),
        };
        Ok((token, line))
    }

    /// Blanks, commas and comments.
    fn pass_over(&mut self) {
        loop {
            let end = self.rest.find(|c: char| !c.is_ascii_whitespace() && c != ',' && c != '\u{feff}');
            self.take(end.unwrap_or(self.rest.len()));
            if !self.rest.starts_with('#') {
                return;
            }
            self.take(self.rest.find(['\n', '\r']).unwrap_or(self.rest.len()));
        }
    }

    fn take(&mut self, length: usize) -> &'a str {
        let (taken, rest) = self.rest.split_at(length);
        self.line += taken.bytes().filter(|byte| *byte == b'\n').count();
        self.rest = rest;
        taken
    }
}

/// Where a text ends that is not escaped. One in single quotes ends with its line.
fn end_of_text(text: &str, close: &str) -> Option<usize> {
    let mut bytes = text.bytes().enumerate();
    while let Some((at, byte)) = bytes.next() {
        match byte {
            // In blocks only `\"""` is an escape, in which the first sign is passed over all the same.
            b'\\' if close.len() == 1 => {
                bytes.next();
            }
            b'\\' if text.as_bytes()[at + 1..].starts_with(close.as_bytes()) => {
                bytes.nth(close.len() - 1);
            }
            b'\n' if close.len() == 1 => return None,
            b'"' if text.as_bytes()[at..].starts_with(close.as_bytes()) => return Some(at),
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens(text: &str) -> Result<Vec<(Token<'_>, usize)>, (usize, &'static str)> {
        let mut lexer = Lexer::new(text);
        let mut all = Vec::new();
        loop {
            match lexer.next()? {
                (Token::End, _) => return Ok(all),
                token => all.push(token),
            }
        }
    }

    #[test]
    fn texts_comments_and_lines() {
        let text = "\"\"\"\nsays \\\"\"\" \"x\"\n\"\"\" a # b\n\"q\\\"\" -1.5e3,{";
        let expected = [
            (Token::Text, 1),
            (Token::Name("a"), 3),
            (Token::Text, 4),
            (Token::Number, 4),
            (Token::Sign('{'), 4),
        ];
        assert_eq!(tokens(text), Ok(expected.to_vec()));
        assert_eq!(tokens("\n\"a\n\""), Err((2, "a text is not closed")));
        assert_eq!(tokens("\"\"\"a\""), Err((1, "a text is not closed")));
        assert_eq!(tokens("a ä"), Err((1, "there is a sign that GraphQL has not")));
    }
}
