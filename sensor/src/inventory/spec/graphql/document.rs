//! A GraphQL document into its definitions (October 2021, section 3). Values, directives but `@deprecated`
//! and what they are allowed on are read over. Operations of clients (section 2.3) are noted and read over.

use std::collections::BTreeMap;

use crate::call::graphql::{Lexer, Token};
use crate::limits::{GRAPHQL_LEVELS_MAX, SPEC_SCHEMAS_MAX};

/// Words that begin a definition.
const BEGINNINGS: [&str; 13] = [
    "schema",
    "extend",
    "type",
    "interface",
    "input",
    "enum",
    "union",
    "scalar",
    "directive",
    "query",
    "mutation",
    "subscription",
    "fragment",
];

/// What is wrong, and in which line.
pub(super) type Wrong = (usize, String);

/// All definitions of a document; extensions are added to what they extend.
#[derive(Debug, Default)]
pub(super) struct Document<'a> {
    pub(super) types: BTreeMap<&'a str, Type<'a>>,
    /// Types of `query`, `mutation` and `subscription` as a `schema` names them.
    pub(super) roots: BTreeMap<&'a str, &'a str>,
    /// There is a `schema` that is no extension.
    pub(super) names_roots: bool,
    /// There are operations of a client.
    pub(super) has_operations: bool,
    /// Fields, arguments and members.
    count: usize,
}

/// A type with all of its extensions.
#[derive(Debug, Default)]
pub(super) struct Type<'a> {
    pub(super) is_enum: bool,
    pub(super) fields: Vec<Field<'a>>,
    /// Of a union.
    pub(super) members: Vec<&'a str>,
    pub(super) interfaces: Vec<&'a str>,
}

/// A field, of an input object too.
#[derive(Debug)]
pub(super) struct Field<'a> {
    pub(super) name: &'a str,
    pub(super) arguments: Vec<Field<'a>>,
    pub(super) of: Reference<'a>,
    pub(super) has_default: bool,
    pub(super) is_deprecated: bool,
}

/// A type as a field names it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reference<'a> {
    pub(super) name: &'a str,
    /// Lists around it.
    pub(super) lists: usize,
    /// The outermost of them, or itself, is never null.
    pub(super) is_required: bool,
}

/// Reads a document.
pub(super) fn read(text: &str) -> Result<Document<'_>, Wrong> {
    let mut parser =
        Parser { lexer: Lexer::new(text), token: Token::End, line: 1, document: Document::default() };
    parser.step()?;
    while parser.token != Token::End {
        parser.definition()?;
    }
    Ok(parser.document)
}

struct Parser<'a> {
    lexer: Lexer<'a>,
    /// What comes next, and its line.
    token: Token<'a>,
    line: usize,
    document: Document<'a>,
}

impl<'a> Parser<'a> {
    fn step(&mut self) -> Result<(), Wrong> {
        (self.token, self.line) = self.lexer.next().map_err(|(line, what)| (line, what.to_owned()))?;
        Ok(())
    }

    fn wrong<T>(&self, expected: &str) -> Result<T, Wrong> {
        let is = match self.token {
            Token::Name(name) => format!("`{}`", name.chars().take(40).collect::<String>()),
            Token::Sign(sign) => format!("`{sign}`"),
            Token::Text => "a text".to_owned(),
            Token::Number => "a number".to_owned(),
            Token::End => "the end of the file".to_owned(),
        };
        Err((self.line, format!("there is {is} and not {expected}")))
    }

    fn name(&mut self, what: &str) -> Result<&'a str, Wrong> {
        let Token::Name(name) = self.token else { return self.wrong(what) };
        self.step()?;
        Ok(name)
    }

    fn is_next(&mut self, sign: char) -> Result<bool, Wrong> {
        let is = self.token == Token::Sign(sign);
        if is {
            self.step()?;
        }
        Ok(is)
    }

    fn sign(&mut self, sign: char) -> Result<(), Wrong> {
        if self.is_next(sign)? { Ok(()) } else { self.wrong(&format!("`{sign}`")) }
    }

    fn counted(&mut self) -> Result<(), Wrong> {
        self.document.count += 1;
        // Each needs some schemas.
        if self.document.count > SPEC_SCHEMAS_MAX / 8 {
            return Err((self.line, format!("there are more than {} fields", SPEC_SCHEMAS_MAX / 8)));
        }
        Ok(())
    }

    fn definition(&mut self) -> Result<(), Wrong> {
        const WHAT: &str = "a definition: `type`, `schema`, `interface`, `input`, `enum`, `union`, `scalar`, \
                            `directive` or `extend`";
        if self.token == Token::Text {
            self.step()?;
        }
        let extends = self.token == Token::Name("extend");
        if extends {
            self.step()?;
        }
        match self.token {
            Token::Name("schema") => {
                self.step()?;
                self.schema(extends)
            }
            Token::Name(kind @ ("type" | "interface" | "input" | "enum" | "union" | "scalar")) => {
                self.step()?;
                self.type_definition(kind)
            }
            Token::Name("directive") if !extends => self.directive_definition(),
            Token::Name("query" | "mutation" | "subscription" | "fragment") | Token::Sign('{')
                if !extends =>
            {
                self.document.has_operations = true;
                while self.token != Token::Sign('{') {
                    match self.token {
                        Token::End => return self.wrong("`{`"),
                        Token::Sign('(' | '[') => self.group()?,
                        _ => self.step()?,
                    }
                }
                self.group()
            }
            _ => self.wrong(WHAT),
        }
    }

    /// Behind `schema`.
    fn schema(&mut self, extends: bool) -> Result<(), Wrong> {
        self.directives()?;
        self.document.names_roots |= !extends;
        if !self.is_next('{')? {
            return if extends { Ok(()) } else { self.wrong("`{`") };
        }
        while !self.is_next('}')? {
            let Token::Name(kind @ ("query" | "mutation" | "subscription")) = self.token else {
                return self.wrong("`query`, `mutation` or `subscription`");
            };
            self.step()?;
            self.sign(':')?;
            let name = self.name("the name of a type")?;
            self.document.roots.insert(kind, name);
        }
        Ok(())
    }

    /// Behind the word that says which kind of type.
    fn type_definition(&mut self, kind: &str) -> Result<(), Wrong> {
        let name = self.name("the name of a type")?;
        let mut read = Type { is_enum: kind == "enum", ..Type::default() };
        if self.token == Token::Name("implements") && matches!(kind, "type" | "interface") {
            self.step()?;
            self.is_next('&')?;
            loop {
                read.interfaces.push(self.name("the name of an interface")?);
                self.counted()?;
                // The oldest form has nothing between the names.
                let is_another = matches!(self.token, Token::Name(name) if !BEGINNINGS.contains(&name));
                if !self.is_next('&')? && !is_another {
                    break;
                }
            }
        }
        self.directives()?;
        match kind {
            "union" => {
                if self.is_next('=')? {
                    self.is_next('|')?;
                    loop {
                        read.members.push(self.name("the name of a type")?);
                        self.counted()?;
                        if !self.is_next('|')? {
                            break;
                        }
                    }
                }
            }
            "enum" => {
                if self.is_next('{')? {
                    while !self.is_next('}')? {
                        self.text()?;
                        self.name("a value of an enum")?;
                        self.directives()?;
                    }
                }
            }
            "scalar" => {}
            _ => {
                if self.is_next('{')? {
                    read.fields = self.fields('}')?;
                }
            }
        }
        let known = self.document.types.entry(name).or_default();
        known.is_enum |= read.is_enum;
        known.fields.extend(read.fields);
        known.members.extend(read.members);
        known.interfaces.extend(read.interfaces);
        Ok(())
    }

    /// Fields, members of input objects, or arguments, until a sign closes them.
    fn fields(&mut self, close: char) -> Result<Vec<Field<'a>>, Wrong> {
        let mut fields = Vec::new();
        while !self.is_next(close)? {
            self.text()?;
            let name = self.name("the name of a field")?;
            self.counted()?;
            // Arguments have none themselves, so this goes one level deep.
            let arguments = if close == '}' && self.is_next('(')? { self.fields(')')? } else { Vec::new() };
            self.sign(':')?;
            let of = self.reference()?;
            let has_default = self.is_next('=')?;
            if has_default {
                self.value()?;
            }
            let is_deprecated = self.directives()?;
            fields.push(Field { name, arguments, of, has_default, is_deprecated });
        }
        Ok(fields)
    }

    fn text(&mut self) -> Result<(), Wrong> {
        if self.token == Token::Text {
            self.step()?;
        }
        Ok(())
    }

    fn reference(&mut self) -> Result<Reference<'a>, Wrong> {
        let mut lists = 0;
        while self.is_next('[')? {
            lists += 1;
            self.counted()?;
            if lists > GRAPHQL_LEVELS_MAX {
                return Err((self.line, format!("there are more than {GRAPHQL_LEVELS_MAX} lists in a list")));
            }
        }
        let name = self.name("a type")?;
        let mut is_required = self.is_next('!')?;
        for _ in 0..lists {
            self.sign(']')?;
            is_required = self.is_next('!')?;
        }
        Ok(Reference { name, lists, is_required })
    }

    /// Reads over directives; whether one says that something is deprecated.
    fn directives(&mut self) -> Result<bool, Wrong> {
        let mut is_deprecated = false;
        while self.is_next('@')? {
            is_deprecated |= self.name("the name of a directive")? == "deprecated";
            if self.token == Token::Sign('(') {
                self.group()?;
            }
        }
        Ok(is_deprecated)
    }

    /// Reads over `directive @name(arguments) repeatable on A | B`.
    fn directive_definition(&mut self) -> Result<(), Wrong> {
        self.step()?;
        self.sign('@')?;
        self.name("the name of a directive")?;
        if self.is_next('(')? {
            self.fields(')')?;
        }
        if self.token == Token::Name("repeatable") {
            self.step()?;
        }
        if self.token != Token::Name("on") {
            return self.wrong("`on`");
        }
        self.step()?;
        self.is_next('|')?;
        loop {
            self.name("a place of directives")?;
            if !self.is_next('|')? {
                return Ok(());
            }
        }
    }

    /// Reads over a value.
    fn value(&mut self) -> Result<(), Wrong> {
        match self.token {
            Token::Sign('[' | '{') => self.group(),
            Token::Sign('$') => {
                self.step()?;
                self.name("the name of a variable").map(drop)
            }
            Token::Name(_) | Token::Text | Token::Number => self.step(),
            _ => self.wrong("a value"),
        }
    }

    /// Reads over all that stands between two brackets of any kind.
    fn group(&mut self) -> Result<(), Wrong> {
        let start = self.line;
        let mut open: Vec<char> = Vec::new();
        loop {
            match self.token {
                Token::Sign('(') => open.push(')'),
                Token::Sign('[') => open.push(']'),
                Token::Sign('{') => open.push('}'),
                Token::Sign(sign @ (')' | ']' | '}')) if open.pop() != Some(sign) => {
                    return self.wrong("what closes the last bracket");
                }
                Token::End => return Err((start, "a bracket is not closed".to_owned())),
                _ => {}
            }
            if open.len() > GRAPHQL_LEVELS_MAX {
                return Err((
                    self.line,
                    format!("there are more than {GRAPHQL_LEVELS_MAX} brackets in brackets"),
                ));
            }
            self.step()?;
            if open.is_empty() {
                return Ok(());
            }
        }
    }
}
