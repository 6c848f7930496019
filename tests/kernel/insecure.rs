//! An application that is insecure by its making, from a registry: json-server with json-server-auth, "for
//! prototyping only" as its authors say. Driven as its users would, nothing is attacked; what is found are
//! the lessons of the OWASP API Security Top 10 2023 that it teaches.

use std::fs;
use std::net::SocketAddr;

use rustix::process::Signal;

use crate::exchange::{Exchange, From, exchange};
use crate::netns::Netns;
use crate::process::Process;
use crate::rig::live;
use crate::sensor::Sensor;
use crate::servers::tools;

const HOST: &str = "notes.test";

/// What must be among the findings, with why it is right.
const EXPECTED: &[(&str, &str)] = &[
    // API3: the hash of every user's password is in the list of users, for anybody.
    ("excessive-data", "notes.test GET /users"),
    // API3: as above, one user.
    ("excessive-data", "notes.test GET /users/{id}"),
    // API3: whoever registers chooses his role.
    ("mass-assignment", "notes.test POST /register"),
    // API2, API5: the description asks for a token, the server does not.
    ("missing-auth", "notes.test POST /posts"),
    // API9: json-server serves every collection, described or not.
    ("undocumented-endpoint", "notes.test GET /users"),
    // API8: any origin may read with the credentials of the browser's user.
    ("permissive-cors-with-credentials", "notes.test GET /posts"),
];

#[test]
fn an_insecure_application_is_told_as_such() {
    let Some(_turn) = live() else { return };
    let folder = tempfile::tempdir().expect("a temporary folder");
    let netns = Netns::create().expect("a namespace");
    let data = folder.path().join("db.json");
    let users = r#"{"users":[],"posts":[{"id":1,"title":"first","userId":1}]}"#;
    fs::write(&data, users).expect("the data are written");
    let address: SocketAddr = "127.0.0.1:8080".parse().expect("an address");
    let output = fs::File::create(folder.path().join("server.out")).expect("a file for what it says");
    let mut command = netns.command("node");
    command.arg(tools().join("node/node_modules/json-server-auth/dist/bin.js"));
    command.arg(&data).args(["--host", "127.0.0.1", "--port", "8080"]).current_dir(folder.path());
    command.env("HOME", folder.path()).stdout(output.try_clone().expect("the same file")).stderr(output);
    let mut server = Process::start("json-server-auth", &mut command).expect("the server starts");
    server.wait_listening(&netns, address).expect("it listens");
    let sensor = Sensor::start(folder.path(), &["--netns", netns.name()]).expect("the sensor captures");

    let send = |exchange: Exchange| exchange.send(&netns, &netns, address, address).expect("is answered");
    let one =
        |exchange: Exchange| netns.within(|| exchange.ask(address)).expect("inside").expect("is answered");
    let mut tokens = Vec::new();
    for name in ["ada", "bob", "eve"] {
        let who = format!(r#""email":"{name}@notes.test","password":"lovelace""#);
        let register = exchange(HOST, "POST /register", "").status(201);
        one(register.json(&format!(r#"{{{who},"role":"reader"}}"#)));
        let login = one(exchange(HOST, "POST /login", "").json(&format!("{{{who}}}")));
        let token = login.split('"').find(|part| part.starts_with("eyJ")).expect("a token").to_owned();
        tokens.push(format!("Bearer {token}"));
    }
    for token in &tokens {
        for id in 1..=3 {
            send(exchange(HOST, &format!("GET /users/{id}"), "").with("Authorization", token.as_str()));
        }
        let post = exchange(HOST, "POST /posts", "").status(201).json(r#"{"title":"second","userId":2}"#);
        send(post.with("Authorization", token.as_str()));
    }
    let post = exchange(HOST, "POST /posts", "").status(201);
    send(post.json(r#"{"title":"third","userId":3}"#).by(&[From::Curl]));
    send(exchange(HOST, "GET /users", ""));
    send(exchange(HOST, "GET /posts", "").with("Origin", "https://elsewhere.example"));
    server.stop(Signal::TERM).expect("stops");
    let store = sensor.stop().expect("the sensor stops in order");

    let spec = crate::servers::repository().join("tests/data/insecure.yaml");
    store.text(&["spec", "add", &spec.to_string_lossy()]).expect("the description is taken");
    println!("{}", store.text(&["findings"]).expect("findings"));
    let found = crate::scenario::found(&store, &[]);
    for (rule, place) in EXPECTED {
        let wanted = ((*rule).to_owned(), (*place).to_owned());
        assert!(found.contains(&wanted), "{rule} at {place} is missing: {found:#?}");
    }
}
