//! The HTML report in a real browser, opened as a file, with no network: filter, sorting, details and
//! picture work, and the browser has nothing to complain about.
//!
//! The pages stay in `target/tmp/pages`, to be looked at.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Mutex, MutexGuard};
use std::time::{Duration, Instant};

use sensor::inventory::Inventory;

use crate::findings_command::{apicensus, fresh, json, rows, stored};
use crate::page_fixture::{company, hostile};
use crate::report_pages::page;
use crate::store_fixture::{noisy_shop, wide};

/// No page takes this long; a browser that hangs is ended.
const PATIENCE: Duration = Duration::from_secs(120);

/// One browser at a time: each takes several processes. `None` where the user asked for none.
fn browser() -> Option<(PathBuf, MutexGuard<'static, ()>)> {
    static ONE: Mutex<()> = Mutex::new(());
    let found = ["chromium-headless-shell", "chromium", "chromium-browser", "google-chrome"]
        .into_iter()
        .map(|program| Path::new("/usr/bin").join(program))
        .find(|path| path.is_file());
    let Some(found) = found else {
        let skip = std::env::var_os("APICENSUS_SKIP_BROWSER").is_some_and(|value| value == "1");
        assert!(skip, "there is no chromium: run `cargo xtask setup`, or say APICENSUS_SKIP_BROWSER=1");
        eprintln!("##  SKIPPED as asked: no page was opened in a browser.  ##");
        return None;
    };
    // A test that failed has no state that another could find spoilt.
    Some((found, ONE.lock().unwrap_or_else(|poisoned| poisoned.into_inner())))
}

/// The page as a file.
fn file(name: &str, inventory: &Inventory) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("pages");
    fs::create_dir_all(&folder).expect("a folder");
    let path = folder.join(format!("{name}.html"));
    fs::write(&path, page(inventory)).expect("writable");
    path
}

/// The document after its scripts ran, as the browser writes it; it must not have complained.
fn open_any(browser: &Path, file: &Path, fragment: &str) -> String {
    let profile = tempfile::tempdir().expect("a folder");
    let mut child = Command::new(browser)
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-extensions"])
        .args(["--disable-background-networking", "--disable-component-update", "--disable-sync"])
        .args(["--disable-dev-shm-usage", "--host-resolver-rules=MAP * ~NOTFOUND"])
        .args(["--enable-logging=stderr", "--dump-dom"])
        .arg(format!("--user-data-dir={}", profile.path().display()))
        .arg(format!("file://{}{fragment}", file.display()))
        .env("HOME", profile.path())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the browser starts");
    let (mut stdout, mut stderr) = (child.stdout.take().expect("piped"), child.stderr.take().expect("piped"));
    let read = |stream: &mut dyn Read| {
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes).expect("readable");
        String::from_utf8_lossy(&bytes).into_owned()
    };
    let (dom, complaints) = std::thread::scope(|scope| {
        let dom = scope.spawn(|| read(&mut stdout));
        let complaints = scope.spawn(|| read(&mut stderr));
        let started = Instant::now();
        while child.try_wait().expect("a child").is_none() {
            if started.elapsed() > PATIENCE {
                child.kill().expect("it is still there");
                break;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        (dom.join().expect("no panic"), complaints.join().expect("no panic"))
    });
    let status = child.wait().expect("a child");
    assert!(status.success(), "{status}: {complaints}");
    let said: Vec<&str> = complaints.lines().filter(|line| line.contains("CONSOLE")).collect();
    assert!(said.is_empty(), "{fragment}: {said:?}");
    dom
}

/// A report, whose script says that it ran.
fn open(browser: &Path, file: &Path, fragment: &str) -> String {
    let dom = open_any(browser, file, fragment);
    assert!(
        dom.contains("<html lang=\"en\" class=\"scripted\">"),
        "the script ran: {}",
        &dom[..dom.len().min(500)]
    );
    dom
}

/// Paths of the rows that are shown, from above; the browser hides with `hidden`.
fn shown(dom: &str) -> Vec<String> {
    let list = dom
        .split_once("<table id=\"list\"")
        .expect("a table")
        .1
        .split_once("</table></div><p id=\"none\"")
        .expect("its end")
        .0;
    let mut rows = Vec::new();
    for body in list.split("<tbody").skip(1) {
        let (opening, rest) = body.split_once('>').expect("a tag");
        for row in rest.split("<tr class=\"e\"").skip(1) {
            let hidden = opening.contains("hidden") || row.starts_with(" hidden");
            if !hidden {
                let method = text_of(
                    row.split_once("<span class=\"m").expect("a method").1.split_once('>').expect("a tag").1,
                    "</span>",
                );
                rows.push(format!(
                    "{method} {}",
                    text_of(row.split_once("<code>").expect("a path").1, "</code>")
                ));
            }
        }
    }
    rows
}

fn text_of(html: &str, end: &str) -> String {
    let mut text = String::new();
    let mut inside = false;
    for c in html.split(end).next().expect("a part").chars() {
        match c {
            '<' => inside = true,
            '>' => inside = false,
            c if !inside => text.push(c),
            _ => {}
        }
    }
    text
}

fn count(dom: &str) -> String {
    text_of(dom.split_once("<output id=\"count\" aria-live=\"polite\">").expect("a count").1, "</output>")
}

#[test]
fn filters_of_the_page() {
    let Some((browser, _turn)) = browser() else { return };
    let file = file("filters", &company(60, 3, 9));
    let all = open(&browser, &file, "");
    assert_eq!(shown(&all).len(), 60);
    assert_eq!(count(&all), "60 endpoints");
    let orders = open(&browser, &file, "#q=orders");
    let paths = shown(&orders);
    assert!(!paths.is_empty() && paths.len() < 60, "{paths:?}");
    assert!(paths.iter().all(|path| path.contains("orders")), "{paths:?}");
    assert_eq!(count(&orders), format!("{} of 60 endpoints", paths.len()));
    let all_orders = shown(&all).into_iter().filter(|path| path.contains("orders")).collect::<Vec<_>>();
    assert_eq!(paths, all_orders);
    for (fragment, wanted) in [
        ("#method=DELETE", "DELETE /"),
        ("#q=method:delete", "DELETE /"),
        ("#q=method%3Aget+path%3Ausers", "GET /api/v1/users"),
        ("#service=users.internal&method=GET", "GET /"),
    ] {
        let paths = shown(&open(&browser, &file, fragment));
        assert!(!paths.is_empty() && paths.len() < 60, "{fragment}: {paths:?}");
        assert!(paths.iter().all(|path| path.contains(wanted)), "{fragment}: {paths:?}");
    }
    // Both halves of each make the whole.
    for [one, other] in [["#confirmed=yes", "#confirmed=no"], ["#q=field:sku", "#q=method:get"]] {
        let (one, other) = (shown(&open(&browser, &file, one)), shown(&open(&browser, &file, other)));
        assert!(!one.is_empty() && !other.is_empty());
        assert_eq!(one.len() + other.len(), 60, "{one:?} {other:?}");
    }
    let curl = shown(&open(&browser, &file, "#caller=curl+%C2%B7+%2Fsystem.slice%2Fcurl.service"));
    assert!(!curl.is_empty() && curl.len() < 60, "{curl:?}");
    assert_eq!(shown(&open(&browser, &file, "#q=caller:curl")), curl);
    let nobody = open(&browser, &file, "#q=nobody-is-called-so");
    assert_eq!((shown(&nobody).len(), count(&nobody)), (0, "0 of 60 endpoints".to_owned()));
    assert!(nobody.contains("<p id=\"none\">"));
}

#[test]
fn sorting_and_details_of_the_page() {
    let Some((browser, _turn)) = browser() else { return };
    let inventory = company(60, 3, 9);
    let file = file("sorting", &inventory);
    let calls = |dom: &str| -> Vec<u64> {
        let list = dom.split_once("<table id=\"list\"").expect("a table").1;
        let rows = list.split("<tr class=\"e\"").skip(1);
        let cell = |row: &str| text_of(row.split_once("<td class=\"n\">").expect("a number").1, "</td>");
        rows.map(|row| cell(row).replace(',', "").parse().expect("a number")).collect()
    };
    let down = calls(&open(&browser, &file, "#sort=calls&flat=1"));
    assert!(down.is_sorted_by(|a, b| a >= b), "{down:?}");
    let up = open(&browser, &file, "#sort=calls&flat=1&desc=0");
    assert!(calls(&up).is_sorted(), "{:?}", calls(&up));
    assert!(up.contains("data-sort=\"calls\" class=\"n\" aria-sort=\"ascending\""));
    let mut unsorted = calls(&open(&browser, &file, ""));
    assert!(!unsorted.is_sorted_by(|a, b| a >= b));
    unsorted.sort_unstable();
    assert_eq!(calls(&up), unsorted);
    // By service each body is sorted by itself.
    let grouped = open(&browser, &file, "#sort=calls");
    let bodies: Vec<&str> = grouped.split("<tbody id=\"s").skip(1).collect();
    assert_eq!(bodies.len(), 3);

    let closed = open(&browser, &file, "");
    let open_one = open(&browser, &file, "#open=1");
    for part in ["Time to first byte", "/total/currency", "Evidence", "<h3>Callers</h3>"] {
        assert!(
            !closed
                .split_once("<table id=\"list\"")
                .expect("a table")
                .1
                .split_once("<section id=\"callers")
                .expect("more")
                .0
                .contains(part),
            "{part}"
        );
        assert!(open_one.contains(part), "{part}");
    }
    assert!(open_one.contains("aria-expanded=\"true\""));
}

#[test]
fn the_picture_shows_who_calls_what() {
    let Some((browser, _turn)) = browser() else { return };
    let dom = open(&browser, &file("picture", &company(60, 3, 9)), "");
    let map =
        dom.split_once("<svg id=\"map\"").expect("a picture").1.split_once("</svg>").expect("its end").0;
    assert_eq!(map.matches("data-side=\"s\"").count(), 3);
    assert_eq!(map.matches("data-side=\"c\"").count(), 9);
    assert!(map.matches("<path ").count() >= 9 && map.contains("served by nginx"), "{map}");
    // The script knows the boxes.
    assert_eq!(map.matches("tabindex=\"0\"").count(), 12);
    let many = open(&browser, &file("picture-many", &company(600, 80, 120)), "");
    assert!(
        many.contains("90 more callers and 50 more services are summed in one box each"),
        "too many are said"
    );
}

#[test]
fn hostile_names_do_nothing_in_a_browser() {
    let Some((browser, _turn)) = browser() else { return };
    let file = file("hostile", &hostile());
    for fragment in [
        "",
        "#open=0",
        "#q=%3Cimg%20src=x%20onerror=alert(1)%3E&flat=1&sort=__proto__",
        "#sort=constructor&open=constructor",
    ] {
        let dom = open(&browser, &file, fragment);
        for part in ["<img", "<b>x", "onerror=\"", "onload=\"", "onmouseover=\"", "<style>*"] {
            let outside = dom.split("<script type=\"application/json\"").next().expect("a part");
            assert!(!outside.contains(part), "{fragment}: {part}");
        }
        assert_eq!(dom.matches("<style").count(), 1);
    }
    let all = shown(&open(&browser, &file, ""));
    assert!(
        all.iter().any(|path| path.contains("&lt;/script&gt;&lt;img src=x onerror=alert(1)&gt;")),
        "{all:?}"
    );
}

/// Ten thousand endpoints with fifty fields each open, and one of them can be found.
#[test]
fn a_large_page_opens() {
    let Some((browser, _turn)) = browser() else { return };
    let inventory = wide(10_000, 50);
    let started = Instant::now();
    let file = file("large", &inventory);
    eprintln!("made in {:?}", started.elapsed());
    let started = Instant::now();
    let dom = open(&browser, &file, "#q=w777&open=8641&sort=calls");
    eprintln!("{} bytes opened in {:?}", fs::metadata(&file).expect("a file").len(), started.elapsed());
    assert_eq!(count(&dom), "11 of 10,000 endpoints");
    assert!(started.elapsed() < Duration::from_secs(60));
}

#[test]
fn pages_of_any_size_open() {
    let Some((browser, _turn)) = browser() else { return };
    for (name, inventory, endpoints) in [
        ("empty", Inventory::default(), None),
        ("shop", noisy_shop(), Some("3 endpoints")),
        ("small", company(3, 2, 3), Some("3 endpoints")),
        ("middle", company(300, 12, 30), Some("300 endpoints")),
    ] {
        let dom = open(&browser, &file(name, &inventory), "");
        match endpoints {
            Some(endpoints) => assert_eq!(count(&dom), endpoints),
            None => assert!(dom.contains("No endpoint was seen.")),
        }
    }
}

/// The pages of findings and the section of the report, as the commands write them.
#[test]
fn findings_open_in_a_browser() {
    let Some((browser, _one)) = browser() else { return };
    let folder = stored(&fresh());
    let folder = folder.path();
    let found = rows(&json(folder, &[]));
    let planted = found.iter().find(|row| row["service"] != "").expect("the shop has something to find");
    let rule = planted["rule"].as_str().expect("a rule");
    let write = |name: &str| {
        let (code, _, errors) = apicensus(folder, &["--format", "html", "--output", name]);
        assert_eq!((code, errors.as_str()), (0, ""));
        folder.join(name)
    };
    let dom = open_any(&browser, &write("findings.html"), "");
    // The script shows the filter, which is hidden without it, and counts.
    assert!(dom.contains("<form id=\"filter\">"), "the script ran");
    let all = format!("<output id=\"count\">{} findings</output>", found.len());
    assert!(dom.contains(&all), "{all}");
    let text = |member: &str| planted[member].as_str().expect("a text").to_owned();
    assert!(
        dom.contains(&text("service")) && dom.contains(&text("fingerprint")[..8]),
        "the planted one is shown"
    );
    assert!(dom.contains("data-level=") && dom.contains(&format!("data-rule=\"{rule}\"")));

    // The same findings in the report of the inventory.
    let output = Command::new(env!("CARGO_BIN_EXE_apicensus"))
        .args(["--store", "apis.db", "report", "--format", "html", "--output", "report.html"])
        .current_dir(folder)
        .env_clear()
        .status()
        .expect("the program starts");
    assert!(output.success());
    let dom = open(&browser, &folder.join("report.html"), "#findings");
    let section = dom
        .split_once("<section id=\"findings\">")
        .expect("a section")
        .1
        .split_once("</section>")
        .expect("its end")
        .0;
    assert!(
        section.contains(&format!("<code>{rule}</code>")) && section.contains("apicensus findings"),
        "{section}"
    );
}
