//! A GraphQL document (GraphQL specification, October 2021, section 2) -> its operations: kind, name and
//! root fields. Everything else in it, arguments with their values above all, is passed over.

mod lexer;

pub(crate) use lexer::{Lexer, Token};
use smallvec::SmallVec;

use crate::limits::GRAPHQL_OPERATIONS_MAX;

/// What an operation does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Query,
    Mutation,
    Subscription,
}

impl Kind {
    /// The mark in a path.
    pub(super) const fn mark(self) -> &'static str {
        match self {
            Kind::Query => "#query",
            Kind::Mutation => "#mutation",
            Kind::Subscription => "#subscription",
        }
    }
}

/// One operation of a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Operation<'a> {
    pub(super) kind: Kind,
    pub(super) name: Option<&'a str>,
    /// Names of its root fields, not their aliases, the first few.
    pub(super) roots: SmallVec<[&'a str; 2]>,
}

/// Root fields that are kept of one operation.
const ROOTS_MAX: usize = 4;

/// The operations of a document, if it is one as far as its outline goes.
pub(super) fn operations(document: &str) -> Option<SmallVec<[Operation<'_>; 1]>> {
    let mut lexer = Lexer::new(document);
    let mut operations = SmallVec::new();
    let mut found = false;
    loop {
        let kind = match lexer.token()? {
            Token::End => return found.then_some(operations),
            Token::Sign('{') => {
                let roots = selection(&mut lexer)?;
                found = true;
                push(&mut operations, Operation { kind: Kind::Query, name: None, roots });
                continue;
            }
            Token::Name("query") => Kind::Query,
            Token::Name("mutation") => Kind::Mutation,
            Token::Name("subscription") => Kind::Subscription,
            Token::Name("fragment") => {
                // `fragment Name on Type directives { … }`.
                until_selection(&mut lexer)?;
                skip(&mut lexer, BRACES)?;
                found = true;
                continue;
            }
            Token::Name(_) | Token::Sign(_) | Token::Text | Token::Number => return None,
        };
        let name = match lexer.peek()? {
            Token::Name(name) => {
                lexer.token()?;
                Some(name)
            }
            _ => None,
        };
        until_selection(&mut lexer)?;
        let roots = selection(&mut lexer)?;
        found = true;
        push(&mut operations, Operation { kind, name, roots });
    }
}

fn push<'a>(operations: &mut SmallVec<[Operation<'a>; 1]>, operation: Operation<'a>) {
    if operations.len() < GRAPHQL_OPERATIONS_MAX {
        operations.push(operation);
    }
}

/// Passes over variables and directives, up to and with the brace that opens a selection.
fn until_selection(lexer: &mut Lexer<'_>) -> Option<()> {
    loop {
        match lexer.token()? {
            Token::Sign('{') => return Some(()),
            // Variables and arguments may hold objects.
            Token::Sign('(') => skip(lexer, PARENTHESES)?,
            Token::Name(_) | Token::Sign('@') => {}
            _ => return None,
        }
    }
}

/// Passes over the rest of what stands between two signs, of which the first is open.
fn skip(lexer: &mut Lexer<'_>, [opens, closes]: [char; 2]) -> Option<()> {
    let mut open = 1_usize;
    while open > 0 {
        match lexer.token()? {
            Token::Sign(sign) if sign == opens => open += 1,
            Token::Sign(sign) if sign == closes => open -= 1,
            Token::End => return None,
            _ => {}
        }
    }
    Some(())
}

const BRACES: [char; 2] = ['{', '}'];
const PARENTHESES: [char; 2] = ['(', ')'];

/// Root fields of a selection whose brace is open, up to its end.
fn selection<'a>(lexer: &mut Lexer<'a>) -> Option<SmallVec<[&'a str; 2]>> {
    let mut roots: SmallVec<[&str; 2]> = SmallVec::new();
    loop {
        match lexer.token()? {
            Token::Sign('}') => return Some(roots),
            Token::Sign('{') => skip(lexer, BRACES)?,
            Token::Sign('(') => skip(lexer, PARENTHESES)?,
            Token::Sign('@') => drop(lexer.token()?),
            // A fragment by name, or in place: what is in it is passed over.
            Token::Sign('.') => {
                while lexer.peek()? == Token::Sign('.') {
                    lexer.token()?;
                }
                if lexer.token()? == Token::Name("on") {
                    lexer.token()?;
                }
            }
            Token::Name(name) => {
                let field = match lexer.peek()? {
                    Token::Sign(':') => {
                        lexer.token()?;
                        match lexer.token()? {
                            Token::Name(field) => field,
                            _ => return None,
                        }
                    }
                    _ => name,
                };
                if roots.len() < ROOTS_MAX && !roots.contains(&field) {
                    roots.push(field);
                }
            }
            Token::Sign(_) | Token::Text | Token::Number | Token::End => return None,
        }
    }
}

impl<'a> Lexer<'a> {
    /// The next token; none at what GraphQL has not, which no server takes.
    fn token(&mut self) -> Option<Token<'a>> {
        self.next().ok().map(|(token, _)| token)
    }

    /// The same without going on.
    fn peek(mut self) -> Option<Token<'a>> {
        self.token()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(document: &str) -> Option<Vec<String>> {
        let line = |operation: &Operation<'_>| {
            let name = operation.name.unwrap_or("-");
            format!("{} {name} {}", operation.kind.mark(), operation.roots.join("+"))
        };
        operations(document).map(|operations| operations.iter().map(line).collect())
    }

    #[test]
    fn operations_are_known_by_kind_name_and_root_fields() {
        let document = "# a } comment
            query Pets($id: ID = \"}\", $f: F = {a: 1}) @live(x: {y: \"(\"}) {
              first: pet(id: $id, text: \"\"\"block \\\"\"\" } \"\"\") @skip(if: true) { name owner { id } }
              ...Names ... on Query { more } count
            }
            mutation M { addPet(input: {name: \"{\"}) { id } }
            fragment Names on Query { pet { id } }
            subscription { petAdded { id } }";
        assert_eq!(
            said(document).expect("a document"),
            ["#query Pets pet+count", "#mutation M addPet", "#subscription - petAdded"]
        );
        assert_eq!(said("{ a b: c }").expect("a document"), ["#query - a+c"]);
    }

    #[test]
    fn texts_of_searches_are_no_documents() {
        for text in [
            "",
            "query",
            "query planning",
            "mutation of genes",
            "cats",
            "{",
            "{ a",
            "}",
            "query {a}}",
            "\"{a}\"",
        ] {
            assert_eq!(said(text), None, "{text}");
        }
    }
}
