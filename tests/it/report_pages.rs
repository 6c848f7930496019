//! Reports as pages and as Markdown: deterministic, of a bounded size, nothing fetched, and no name from
//! traffic becomes markup.

use std::collections::BTreeSet;

use sensor::inventory::Inventory;
use sensor::inventory::catalog::Catalog;
use sensor::report::document::Report;
use sensor::report::noise::Noise;
use sensor::report::{html, markdown};
use serde_json::Value;

use crate::page_fixture::{HOSTILE, company, hostile};
use crate::store_fixture::{noisy_shop, shop, wide};

pub fn page(inventory: &Inventory) -> String {
    let catalog = Catalog::of(inventory);
    html::render(&Report::of(&catalog, inventory), &Noise::of(&catalog))
}

fn text(inventory: &Inventory) -> String {
    let catalog = Catalog::of(inventory);
    markdown::render(&Report::of(&catalog, inventory), &Noise::of(&catalog))
}

/// Everything between `<` and `>` outside of scripts and styles, as (name, attributes with values).
fn tags(page: &str) -> Vec<(String, Vec<(String, String)>)> {
    let mut tags = Vec::new();
    let mut rest = page;
    while let Some(start) = rest.find('<') {
        rest = &rest[start + 1..];
        let mut name = String::new();
        let mut attributes: Vec<(String, String)> = Vec::new();
        let mut chars = rest.char_indices().peekable();
        while let Some((_, c)) = chars.next_if(|(_, c)| !c.is_whitespace() && *c != '>') {
            name.push(c);
        }
        loop {
            while chars.next_if(|(_, c)| c.is_whitespace() || *c == '/').is_some() {}
            if chars.peek().is_none_or(|(_, c)| *c == '>') {
                break;
            }
            let mut attribute = String::new();
            while let Some((_, c)) =
                chars.next_if(|(_, c)| !c.is_whitespace() && !matches!(c, '=' | '>' | '/'))
            {
                attribute.push(c);
            }
            let mut value = String::new();
            if chars.next_if(|(_, c)| *c == '=').is_some() {
                if chars.next_if(|(_, c)| *c == '"').is_some() {
                    while let Some((_, c)) = chars.next_if(|(_, c)| *c != '"') {
                        value.push(c);
                    }
                    chars.next();
                } else {
                    while let Some((_, c)) = chars.next_if(|(_, c)| !c.is_whitespace() && *c != '>') {
                        value.push(c);
                    }
                }
            }
            attributes.push((attribute, value));
        }
        let end = chars.next().map_or(rest.len(), |(at, c)| at + c.len_utf8());
        rest = &rest[end..];
        if name == "script" || name == "style" {
            let end = rest.find(&format!("</{name}")).expect("it ends");
            rest = &rest[end..];
        }
        tags.push((name, attributes));
    }
    tags
}

#[test]
fn nothing_is_fetched() {
    for inventory in [company(300, 7, 20), hostile(), Inventory::default()] {
        let page = page(&inventory);
        assert!(page.contains("content=\"default-src 'none'; style-src 'sha256-"), "a policy");
        let policy = page.find("Content-Security-Policy").expect("a policy");
        assert!(policy < page.find("<style").expect("a style"), "the policy comes before what it is for");
        for (name, attributes) in tags(&page) {
            for (attribute, value) in attributes {
                match attribute.as_str() {
                    "href" => assert!(value.starts_with('#'), "{name} {value}"),
                    "src" | "srcset" | "data" | "action" | "formaction" | "poster" | "style"
                    | "xlink:href" => {
                        panic!("{name} has {attribute}")
                    }
                    other => assert!(!other.starts_with("on"), "{name} has {other}"),
                }
            }
        }
    }
    // The parts that are the same in every page.
    let empty = page(&Inventory::default());
    for part in
        ["://", "url(", "@import", "<link", "<iframe", "innerHTML", "outerHTML", "insertAdjacent", "eval("]
    {
        assert!(!empty.contains(part), "{part}");
    }
}

#[test]
fn no_name_from_traffic_becomes_markup() {
    let plain: BTreeSet<(String, Vec<String>)> =
        [company(40, 3, 80), noisy_shop(), Inventory::default(), wide(3, 3)]
            .iter()
            .flat_map(|inventory| tags(&page(inventory)))
            .map(|(name, attributes)| (name, attributes.into_iter().map(|(name, _)| name).collect()))
            .collect();
    let hostile = page(&hostile());
    for (name, attributes) in tags(&hostile) {
        let form = (name, attributes.into_iter().map(|(name, _)| name).collect::<Vec<_>>());
        assert!(plain.contains(&form), "{form:?} is in no harmless page");
    }
    // Their text is there all the same.
    for part in
        ["&lt;/script&gt;&lt;img src=x onerror=alert(1)&gt;", "\\u{202e}desrever", "&#39; onmouseover=&#39;"]
    {
        assert!(hostile.contains(part), "{part}");
    }
    assert!(!hostile.contains(['\u{202e}', '\u{2028}', '\0', '\u{1b}']));
    // Blocks of data are whole, and are JSON.
    let blocks: Vec<&str> = hostile.split("<script type=\"application/json\"").skip(1).collect();
    assert_eq!(blocks.len(), 2);
    for block in blocks {
        let json = block.split_once('>').expect("a tag").1.split_once("</script>").expect("an end").0;
        let data: Value = serde_json::from_str(json).expect("JSON");
        let texts = data["texts"].as_array().expect("texts");
        assert!(
            texts.iter().any(|text| text.as_str().is_some_and(|text| text.contains(HOSTILE[0]))),
            "{texts:?}"
        );
    }
}

#[test]
fn markdown_shows_names_and_never_acts_on_them() {
    let hostile = text(&hostile());
    let columns = |line: &str| line.replace("\\|", "").matches('|').count();
    let mut expected = 0;
    for line in hostile.lines() {
        // A row has as many cells as its head, whatever stands in it.
        if line.starts_with("| ") {
            if expected == 0 {
                expected = columns(line);
            }
            assert_eq!(columns(line), expected, "{line}");
        } else {
            expected = 0;
        }
        assert!(!outside_of_code(line).contains(['<', '@', '#', '[']) || line.starts_with('#'), "{line}");
    }
    assert!(!hostile.contains(['\u{202e}', '\u{2028}', '\0', '\u{1b}']));
    assert!(hostile.contains("`</script><img src=x onerror=alert(1)>`"), "{hostile}");
}

/// What is left of a line without its code spans (CommonMark 6.1).
fn outside_of_code(line: &str) -> String {
    let run = |text: &str| text.len() - text.trim_start_matches('`').len();
    let mut outside = String::new();
    let mut rest = line;
    while let Some(start) = rest.find('`') {
        outside.push_str(&rest[..start]);
        rest = &rest[start..];
        let fence = run(rest);
        rest = &rest[fence..];
        let mut at = 0;
        loop {
            let next = rest[at..].find('`').expect("every span ends") + at;
            let length = run(&rest[next..]);
            at = next + length;
            if length == fence {
                break;
            }
        }
        rest = &rest[at..];
    }
    outside + rest
}

/// Without the script every row is there to read, and nothing is offered that would not work.
#[test]
fn pages_need_no_script() {
    let page = page(&company(60, 3, 9));
    assert_eq!(page.matches("<tr class=e>").count(), 60);
    assert!(page.contains("<form id=filter hidden") && page.contains("<noscript>"));
    let hidden =
        tags(&page).into_iter().filter(|(_, attributes)| attributes.iter().any(|(name, _)| name == "hidden"));
    assert_eq!(hidden.map(|(name, _)| name).collect::<Vec<_>>(), ["form", "p"]);
    assert!(page.contains("<svg id=map") && page.contains("served by nginx"));
    // Places in the page that links lead to are there.
    for (_, attributes) in tags(&page) {
        for (_, value) in attributes.iter().filter(|(name, _)| name == "href") {
            let id = value.trim_start_matches('#');
            assert!(page.contains(&format!(" id={id}>")) || page.contains(&format!(" id={id} ")), "{value}");
        }
    }
}

#[test]
fn equal_inventories_give_equal_files() {
    let whole = company(120, 5, 30);
    let mut halves = [Inventory::default(), Inventory::default()];
    for (number, (key, stats)) in whole.endpoints.iter().enumerate() {
        halves[number % 2].endpoints.insert(key.clone(), stats.clone());
    }
    let [mut merged, other] = halves;
    merged.merge(Inventory { coverage: whole.coverage.clone(), ..other });
    merged.merge(Inventory { losses: whole.losses.clone(), ..Inventory::default() });
    assert_eq!(page(&merged), page(&whole));
    assert_eq!(text(&merged), text(&whole));
}

#[test]
fn services_say_how_they_were_called() {
    let page = page(&shop());
    assert!(page.contains("; clear 3, tls1.2 3, tls1.3 10</small>"), "{page}");
    assert_eq!(page.matches("tls1.").count(), 2, "of the other service it is not known");
}

#[test]
fn a_shop_as_markdown() {
    insta::assert_snapshot!("shop_markdown", text(&noisy_shop()));
    insta::assert_snapshot!("empty_markdown", text(&Inventory::default()));
}

/// However large the inventory is, the file stays one that a browser opens, and says what it left out.
#[test]
fn pages_of_large_inventories_are_bounded() {
    let usual = wide(4_000, 50);
    let page_bytes = page(&usual).len();
    assert!(!page(&usual).contains("To keep this file"), "{page_bytes} bytes");
    let large = wide(12_000, 60);
    let page = page(&large);
    assert!(page.len() < 32 << 20, "{} bytes", page.len());
    assert_eq!(page.matches("<tr class=e>").count(), 10_000);
    assert!(page.contains("2,000 endpoints with the fewest calls"), "{}", &page[..20_000]);
    assert!(page.contains("fields of endpoints with many"));
    let text = text(&large);
    assert!(text.len() < 4 << 20, "{} bytes", text.len());
    assert!(text.contains("*7000 more rows not in this file; see `apicensus endpoints`.*"));
}
