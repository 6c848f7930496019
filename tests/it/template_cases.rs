//! Templates of calls as other tools get them wrong: requests through the real reader and recorder in,
//! what people read out.

use sensor::call::Reader;
use sensor::counter::Counters;
use sensor::inventory::catalog::Catalog;
use sensor::inventory::{Inventory, Recorder};

use crate::call_exchange::{KEY, exchange, parties};

/// Asks for each path so many times, from three callers in turn, and gives the templates.
fn templates(asked: &[(String, usize)]) -> Vec<String> {
    let (mut reader, mut recorder) = (Reader::new(KEY), Recorder::new(KEY));
    let mut counters = Counters::default();
    let mut inventory = Inventory::default();
    for (number, (path, calls)) in asked.iter().enumerate() {
        for call in 0..*calls {
            let raw = exchange(
                &format!("GET {path} HTTP/1.1\nHost: a\n"),
                &format!("HTTP/1.1 200 OK\nContent-Type: application/json\n\n{{\"n\":{number}}}"),
            );
            let call = reader.read(raw, &parties(2 + (call % 3) as u8), &mut counters).expect("a call");
            recorder.record(&call, &mut counters);
        }
        inventory.merge(recorder.take(&reader));
    }
    let catalog = Catalog::of(&inventory);
    catalog.services.iter().flat_map(|service| &service.endpoints).map(|e| e.template.clone()).collect()
}

fn each(paths: &str, calls: usize) -> Vec<(String, usize)> {
    paths.split_whitespace().map(|path| (path.to_owned(), calls)).collect()
}

fn below(base: &str, values: &str, behind: &str, calls: usize) -> Vec<(String, usize)> {
    values.split_whitespace().map(|value| (format!("{base}/{value}{behind}"), calls)).collect()
}

const FRUITS: &str = "apple banana cherry grape lemon mango melon orange papaya peach pear plum quince \
    raspberry strawberry apricot blueberry cranberry fig guava kiwi lime lychee nectarine olive pineapple \
    pomegranate tangerine watermelon coconut date elderberry gooseberry mulberry blackberry currant kumquat \
    persimmon plantain rhubarb avocado cantaloupe clementine dragonfruit durian jackfruit loquat mandarin";

#[test]
fn a_word_each_for_many_things_is_one_parameter() {
    assert_eq!(templates(&below("/link", FRUITS, "", 1)), ["/link/{linkName}"]);
    assert_eq!(templates(&below("/link", FRUITS, "", 3)), ["/link/{linkName}"]);
}

#[test]
fn two_siblings_are_no_parameter() {
    let mut asked = each("/users/login /users/logout", 10);
    assert_eq!(templates(&asked), ["/users/login", "/users/logout"]);
    asked.extend(below("/users", "1 2 3 4 5 6", "", 3));
    assert_eq!(templates(&asked), ["/users/login", "/users/logout", "/users/{userId}"]);
    let mut asked = each("/projects/active", 20);
    asked.extend(below("/projects", "17 18 19 20", "", 5));
    assert_eq!(templates(&asked), ["/projects/active", "/projects/{projectId}"]);
}

#[test]
fn names_of_people_and_projects_are_values() {
    let people = "alice bob carol dave erin frank grace heidi ivan judy mallory oscar";
    let mut asked = below("/users", people, "", 2);
    asked.extend(below("/users", people, "/orders", 2));
    asked.extend(each("/users/me /users/search", 10));
    assert_eq!(
        templates(&asked),
        ["/users/me", "/users/search", "/users/{userName}", "/users/{userName}/orders"]
    );
    let projects = "abc-xyz report-2023-q1-final web-app api-gateway dotfiles my-notes data-lake old-site";
    let mut asked = Vec::new();
    for (calls, owner) in ["acme", "globex", "initech", "umbrella", "hooli"].iter().enumerate() {
        for behind in ["", "/issues", "/pulls", "/branches"] {
            asked.extend(below(&format!("/repos/{owner}"), projects, behind, 1 + calls % 2));
        }
    }
    assert_eq!(
        templates(&asked),
        [
            "/repos/{repoName}/{repoId}",
            "/repos/{repoName}/{repoId}/branches",
            "/repos/{repoName}/{repoId}/issues",
            "/repos/{repoName}/{repoId}/pulls"
        ]
    );
}

#[test]
fn words_of_routes_are_none() {
    let routes =
        "/api/v1/org/onboardingStatus /api/v1/org/billingPlan /api/v1/org/members /api/v2/org/members";
    assert_eq!(templates(&each(routes, 5)).len(), 4);
    let actions = "/2010-04-01/Accounts/AC77/Calls.json /2010-04-01/Accounts/AC78/Calls.json \
         /2010-04-01/Accounts/AC79/Messages.json /2010-04-01/Accounts/AC80/Messages.json";
    assert_eq!(
        templates(&each(actions, 5)),
        ["/2010-04-01/Accounts/{accountName}/Calls.json", "/2010-04-01/Accounts/{accountName}/Messages.json"]
    );
    let files = below("/tickets", "1 2 3 4 5", ".json", 3);
    assert_eq!(templates(&files), ["/tickets/{ticketId}.json"]);
}
