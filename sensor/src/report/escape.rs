//! Makes text of unknown origin harmless to a terminal: service names, field names and templates
//! come from whoever sends requests.

use std::borrow::Cow;
use std::fmt::Write;

/// Whether a terminal might act on it or show something else than is there: control characters
/// (C0, DEL, C1), line and paragraph separators, directions (Unicode TR 9) and invisible ones.
pub(super) fn is_harmful(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}')
        || matches!(c, '\u{ad}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// The text with harmful characters as `\u{..}`.
pub(crate) fn for_terminal(text: &str) -> Cow<'_, str> {
    if !text.contains(is_harmful) {
        return Cow::Borrowed(text);
    }
    let mut safe = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if is_harmful(c) {
            // Writing to a string cannot fail.
            let _ = write!(safe, "\\u{{{:x}}}", u32::from(c));
        } else {
            safe.push(c);
        }
    }
    Cow::Owned(safe)
}

/// JSON with the harmful characters that JSON itself allows in strings as `\uXXXX`.
///
/// Line breaks stay: outside of strings they are layout, inside JSON has escaped them already.
pub(super) fn for_json(json: &str) -> Cow<'_, str> {
    let harmful = |c: char| is_harmful(c) && c != '\n';
    if !json.contains(harmful) {
        return Cow::Borrowed(json);
    }
    let mut safe = String::with_capacity(json.len() + 16);
    for c in json.chars() {
        if harmful(c) {
            for unit in c.encode_utf16(&mut [0; 2]) {
                let _ = write!(safe, "\\u{unit:04x}");
            }
        } else {
            safe.push(c);
        }
    }
    Cow::Owned(safe)
}

/// Text of any origin as text of HTML or as a quoted value of an attribute; what a terminal might act
/// on is shown as `\u{..}` here too, since directions and invisible characters deceive on pages as well.
pub(super) fn for_html(text: &str) -> Cow<'_, str> {
    let text = for_terminal(text);
    if !text.contains(['&', '<', '>', '"', '\'', '`']) {
        return text;
    }
    let mut safe = String::with_capacity(text.len() + 32);
    for c in text.chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            '`' => safe.push_str("&#96;"),
            c => safe.push(c),
        }
    }
    Cow::Owned(safe)
}

/// JSON for a `<script>` block: nothing in it can end the block or begin a comment of HTML, and no
/// line separator is left that old JavaScript takes for one.
pub(super) fn for_script(json: &str) -> String {
    for_json(json).replace('&', "\\u0026").replace('<', "\\u003c").replace('>', "\\u003e")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_show_text_and_never_act_on_it() {
        assert_eq!(
            for_html("</td><img src=x onerror='a'>`\"&"),
            "&lt;/td&gt;&lt;img src=x onerror=&#39;a&#39;&gt;&#96;&quot;&amp;"
        );
        assert_eq!(for_html("a\u{202e}b\0"), "a\\u{202e}b\\u{0}");
        let text = "</script><!--\u{2028}&";
        let json = for_script(&serde_json::to_string(text).expect("a text is JSON"));
        assert!(!json.contains(['<', '>', '&', '\u{2028}']));
        assert_eq!(serde_json::from_str::<String>(&json).expect("still JSON"), text);
    }

    #[test]
    fn nothing_reaches_the_terminal_that_it_would_act_on() {
        assert_eq!(for_terminal("plain /{id} é"), "plain /{id} é");
        assert_eq!(
            for_terminal("\u{1b}[31mred\r\n\u{9b}2J\u{202e}x"),
            "\\u{1b}[31mred\\u{d}\\u{a}\\u{9b}2J\\u{202e}x"
        );
    }

    #[test]
    fn json_stays_the_same_document() {
        let text = "a\u{7f}\u{9b}\u{202e}\u{e0041}\u{1b}\n";
        let json = serde_json::to_string_pretty(&[text]).expect("a text is JSON");
        let safe = for_json(&json);
        assert!(!safe.contains(|c| is_harmful(c) && c != '\n'));
        assert_eq!(serde_json::from_str::<Vec<String>>(&safe).expect("still JSON"), [text]);
    }
}
