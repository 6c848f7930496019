//! What people say about routes: hints, and the routes of given OpenAPI documents. Both win over
//! everything that is learnt from traffic, and are applied when the inventory is read, so to what is
//! stored as well.

/// Everything that was said.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Guidance {
    /// Rules of the hints file, in its order; of two that speak of one thing the later one counts.
    pub hints: Vec<Hint>,
    /// Routes of OpenAPI documents. They win over hints.
    pub documents: Vec<Document>,
}

/// One rule for the services of a pattern.
#[derive(Clone, Debug, PartialEq)]
pub struct Hint {
    /// Name of a service, with `*` for any characters; `*` alone for all.
    pub service: String,
    /// What is said.
    pub rule: Rule,
}

/// What one hint says.
#[derive(Clone, Debug, PartialEq)]
pub enum Rule {
    /// The last segment of the pattern, a literal, is a word of the route there and no value.
    Split(Pattern),
    /// All segments at the place of the last one, `*`, are values of one parameter.
    Collapse(Pattern),
    /// The parameter at the place of the last segment, `*`, has this name.
    Name(Pattern, String),
    /// Paths below the pattern are no endpoints; they are counted as noise.
    Never(Pattern),
}

/// A path from the root, segment by segment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pattern(pub Vec<PatternSegment>);

/// One segment of a [`Pattern`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PatternSegment {
    /// This word.
    Literal(String),
    /// `*` or `{name}`: any one segment.
    Any,
}

/// The routes of one OpenAPI document.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Document {
    /// Services that it describes, as in [`Hint::service`].
    pub services: Vec<String>,
    /// Its routes, base path included.
    pub routes: Vec<Route>,
}

/// One path of a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// Segments from the root.
    pub segments: Vec<RouteSegment>,
    /// Methods in upper case that are documented on it.
    pub methods: Vec<String>,
}

/// One segment of a [`Route`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RouteSegment {
    /// A word.
    Literal(String),
    /// A parameter with a text before and behind it, mostly empty: `{id}`, `{id}.json`, `{id}:cancel`.
    Parameter {
        /// Its name.
        name: String,
        /// Text before it in the segment.
        before: String,
        /// Text behind it in the segment.
        behind: String,
    },
}
