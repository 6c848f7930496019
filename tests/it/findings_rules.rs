//! Each rule where it is planted, exactly once and nothing else with it but what is said, and beside a
//! neighbour where it must be silent.

use sensor::call::Credential::*;
use sensor::call::{DataClass, Place, Sign};
use sensor::findings::Settings;
use sensor::findings::{Level, RULES};
use sensor::flow::Verdict;
use sensor::inventory::FieldKey;
use sensor::inventory::compare::{Difference, DifferenceKind};

use super::findings_fixture::{Planted, Row};

/// What is planted for a rule.
pub struct Case {
    pub rule: &'static str,
    pub level: Level,
    pub planted: Planted,
    /// Rules that have to fire as well.
    with: &'static [&'static str],
    neighbours: Vec<Planted>,
}

impl Case {
    /// Rules that have to fire, once for each finding.
    pub fn expected(&self) -> Vec<&'static str> {
        let mut expected = vec![self.rule];
        expected.extend(self.with);
        expected.sort_unstable();
        expected
    }

    /// What is beside it.
    pub fn neighbours(&self) -> &[Planted] {
        &self.neighbours
    }
}

fn case(rule: &'static str, level: Level, planted: Planted, neighbours: Vec<Planted>) -> Case {
    Case { rule, level, planted, with: &[], neighbours }
}

fn shop(endpoint: &str, make: impl FnOnce(Row) -> Row) -> Planted {
    Planted::shop().with("shop", endpoint, make)
}

fn sign(rule: &'static str, level: Level, sign: Sign, credential: sensor::call::Credential) -> Case {
    let with = |sign| shop("GET /items/{}", |row| row.granted("web", credential, 20).sign(sign, 4));
    let old = shop("GET /items/{}", |row| {
        row.granted("web", credential, 20).between(90 * 24, 40 * 24).sign(sign, 4)
    });
    case(rule, level, with(sign), vec![with(Sign::BodyUnread), old])
}

fn at(place: Place, name: &str) -> impl FnOnce(&mut Difference) {
    let field = FieldKey { place, name: name.into() };
    move |difference| difference.field = Some(field)
}

fn saw(observed: &str) -> impl FnOnce(&mut Difference) {
    let observed = observed.to_owned();
    move |difference| difference.observed = observed
}

fn plain(row: Row) -> Row {
    row.granted("web", Bearer, 20)
}

fn with_field(place: Place, name: &'static str) -> impl Fn(Row) -> Row {
    move |row| plain(row).field(place, name)
}

fn one_try(row: Row) -> Row {
    row.between(2, 2).granted("web", Bearer, 1)
}

/// Every rule.
/// Says who may call what of the shop.
fn policy(methods: &str) -> impl FnOnce(&mut Settings) {
    let text = format!("services: {{shop: {{{methods}}}}}");
    let policy = sensor::inventory::policy::Policy::read(&text).expect("a policy");
    move |settings| settings.policy = Some(policy.into())
}

pub fn cases() -> Vec<Case> {
    use DifferenceKind::*;
    use Level::*;
    let (get, put) = ("GET /items/{itemId}", "PUT /items/{itemId}");
    let (body, response) = (Place::RequestBody, Place::ResponseBody);
    let external = "198.51.100.7";
    let mut cases = vec![
        sign("basic-over-clear", Error, Sign::BasicInClear, Basic),
        sign("credential-in-url", Warning, Sign::CredentialInUrl, ApiKey),
        sign("jwt-alg-none", Error, Sign::JwtNone, Jwt),
        sign("jwt-expired-accepted", Error, Sign::JwtExpiredAccepted, Jwt),
        sign("jwt-long-lived", Note, Sign::JwtLongLived, Jwt),
        sign("jwt-no-expiry", Warning, Sign::JwtNoExpiry, Jwt),
        sign("jwt-sensitive-claims", Warning, Sign::JwtSensitiveClaims, Jwt),
        sign("jwt-weak-key", Error, Sign::JwtWeakKey, Jwt),
        sign("permissive-cors-with-credentials", Error, Sign::CorsAnyOriginWithCredentials, SessionCookie),
        sign("sensitive-in-url", Warning, Sign::SensitiveInUrl, Bearer),
        sign("verbose-errors", Warning, Sign::VerboseError, Bearer),
        sign("clear-transport", Warning, Sign::CredentialInClear, Bearer),
        sign("clear-transport", Warning, Sign::SensitiveInClear, None),
        sign("clear-transport", Note, Sign::ClearTransport, None),
    ];
    cases.extend([
        Case {
            with: &["basic-over-clear"],
            ..case(
                "clear-transport",
                Warning,
                shop("GET /items/{}", |row| {
                    plain(row).sign(Sign::CredentialInClear, 9).sign(Sign::BasicInClear, 4)
                }),
                vec![],
            )
        },
        case(
            "rogue-service",
            Warning,
            Planted::shop().specified_elsewhere(),
            vec![
                Planted::shop(),
                Planted::nothing().with("shop", "GET /users/{}", one_try).specified_elsewhere(),
                Planted::nothing()
                    .with("shop", "GET /a", |row| plain(row).server(external))
                    .specified_elsewhere(),
            ],
        ),
        case(
            "undocumented-endpoint",
            Warning,
            shop("GET /items/{}", plain).differs(UndocumentedEndpoint, "shop", get, |_| ()),
            vec![shop("GET /items", one_try).differs(UndocumentedEndpoint, "shop", "GET /items", |_| ())],
        ),
        case(
            "undocumented-endpoint",
            Warning,
            shop("PUT /items/{}", plain).differs(UndocumentedMethod, "shop", put, |_| ()),
            vec![shop("PUT /items/{}", |row| row.denied("web", Bearer, 9)).differs(
                UndocumentedMethod,
                "shop",
                put,
                |_| (),
            )],
        ),
        case(
            "undocumented-field",
            Warning,
            shop("GET /items/{}", with_field(response, "/margin")).differs(
                UndocumentedField,
                "shop",
                get,
                at(response, "/margin"),
            ),
            vec![
                shop("GET /items/{}", |row| {
                    plain(row.between(999, 900)).field(response, "/margin").between(9, 1)
                })
                .differs(UndocumentedField, "shop", get, at(response, "/margin")),
            ],
        ),
        case(
            "undocumented-field",
            Note,
            shop("GET /items/{}", with_field(Place::Query, "debug")).differs(
                UndocumentedParameter,
                "shop",
                get,
                at(Place::Query, "debug"),
            ),
            vec![],
        ),
        case(
            "zombie-endpoint",
            Warning,
            shop("GET /items/{}", plain).differs(Deprecated, "shop", get, |_| ()),
            vec![
                shop("GET /items/{}", |row| plain(row.between(1999, 1900))),
                shop("GET /items/{}", |row| row.called("web", Bearer, 410, 5, &[])).differs(
                    Removed,
                    "shop",
                    get,
                    |_| (),
                ),
            ],
        ),
        case(
            "zombie-endpoint",
            Error,
            shop("GET /items/{}", plain).differs(Removed, "shop", get, |_| ()),
            vec![],
        ),
        case(
            "orphan-endpoint",
            Note,
            Planted::shop().differs(Orphan, "shop", "DELETE /users/{userId}", |_| ()),
            vec![Planted::shop()],
        ),
        case(
            "spec-drift",
            Warning,
            shop("GET /items/{}", with_field(response, "/price")).differs(
                TypeDrift,
                "shop",
                get,
                at(response, "/price"),
            ),
            vec![shop("GET /items/{}", with_field(response, "/price"))],
        ),
        case(
            "spec-drift",
            Note,
            shop("GET /items/{}", |row| plain(row).called("web", Bearer, 418, 2, &[])).differs(
                UndocumentedStatus,
                "shop",
                get,
                saw("418 in 2 calls"),
            ),
            vec![shop("GET /items/{}", |row| plain(row).called("web", Bearer, 503, 2, &[])).differs(
                UndocumentedStatus,
                "shop",
                get,
                saw("503 in 2 calls"),
            )],
        ),
        case(
            "spec-drift",
            Warning,
            shop("POST /items", plain).differs(MissingRequired, "shop", "POST /items", at(body, "/name")),
            vec![],
        ),
        case("spec-drift", Warning, Planted::shop().differs(BasePath, "shop", "", saw("/api")), vec![]),
        case(
            "missing-auth",
            Error,
            shop("GET /items/{}", |row| row.granted("web", None, 3)).differs(
                AuthMissing,
                "shop",
                get,
                |_| (),
            ),
            vec![
                shop("GET /items/{}", |row| row.denied("web", None, 3)).differs(
                    AuthMissing,
                    "shop",
                    get,
                    |_| (),
                ),
                shop("GET /items/{}", |row| {
                    plain(row.between(999, 900).granted("old", None, 3).between(20 * 24, 1))
                })
                .differs(AuthMissing, "shop", get, |_| ()),
            ],
        ),
        case(
            "missing-auth",
            Warning,
            shop("GET /items/{}", |row| row.granted("web", Basic, 3)).differs(
                AuthUndeclared,
                "shop",
                get,
                saw("basic in 3 calls answered with 2xx"),
            ),
            vec![shop("GET /items/{}", |row| row.denied("web", Basic, 3)).differs(
                AuthUndeclared,
                "shop",
                get,
                saw("basic in 3 calls answered with 2xx"),
            )],
        ),
        case(
            "mixed-auth",
            Warning,
            shop("GET /items/{}", |row| row.granted("web", Bearer, 20).granted("batch", Basic, 5)),
            vec![
                shop("GET /items/{}", |row| row.granted("web", Bearer, 99).granted("batch", Basic, 2)),
                shop("GET /items/{}", |row| row.granted("web", Bearer, 20).granted("batch", Jwt, 20)),
                shop("GET /items/{}", |row| {
                    row.granted("web", Bearer, 20).granted("browser", SessionCookie, 20)
                }),
                shop("GET /items/{}", |row| row.granted("web", Bearer, 20).denied("batch", Basic, 20)),
            ],
        ),
        case(
            "auth-not-enforced",
            Error,
            shop("GET /items/{}", |row| {
                row.granted("web", Jwt, 20).granted("batch", None, 3).denied("batch", None, 2)
            }),
            vec![
                shop("GET /items/{}", |row| row.granted("web", Jwt, 20).denied("batch", None, 3)),
                // A page that most visitors see without signing in.
                shop("GET /items/{}", |row| row.granted("web", Jwt, 8).granted("batch", None, 80)),
                shop("GET /items/{}", |row| row.granted("web", SessionCookie, 80).granted("batch", None, 8)),
                shop("GET /items/{}", |row| row.granted("web", Jwt, 80).granted("batch", None, 20)),
            ],
        ),
        case(
            "auth-not-enforced",
            Warning,
            shop("GET /items/{}", |row| row.granted("web", ApiKey, 40).granted("batch", None, 10)).with(
                "shop",
                "DELETE /items/{}",
                |row| row.granted("web", ApiKey, 4).denied("batch", None, 1),
            ),
            vec![],
        ),
        case(
            "auth-not-enforced",
            Warning,
            shop("GET /items/{}", |row| row.granted("web", Basic, 20).granted("batch", None, 2)),
            vec![],
        ),
        case(
            "auth-downgraded",
            Warning,
            shop("GET /items/{}", |row| {
                row.between(470, 420).granted("web", Jwt, 20).between(400, 1).granted("web", ApiKey, 5)
            }),
            vec![
                shop("GET /items/{}", |row| {
                    row.between(470, 420).granted("web", ApiKey, 20).between(400, 1).granted("web", Jwt, 5)
                }),
                shop("GET /items/{}", |row| {
                    row.between(470, 420).granted("web", Jwt, 20).between(400, 1).granted("other", ApiKey, 5)
                }),
                shop("GET /items/{}", |row| {
                    row.between(470, 420).granted("web", Jwt, 20).between(400, 1).denied("web", ApiKey, 5)
                }),
            ],
        ),
        case(
            "auth-downgraded",
            Warning,
            shop("GET /items/{}", |row| {
                row.between(470, 420).granted("web", Jwt, 20).between(400, 1).granted("batch", None, 5)
            }),
            vec![shop("GET /items/{}", |row| {
                row.between(470, 420).granted("batch", None, 5).between(400, 1).granted("web", Jwt, 20)
            })],
        ),
        case(
            "sensitive-to-external",
            Error,
            shop("GET /items/{}", |row| {
                row.granted(external, Bearer, 20).class(response, "/card", DataClass::Card)
            }),
            vec![
                shop("GET /items/{}", |row| {
                    row.granted("10.0.0.7", Bearer, 20).class(response, "/card", DataClass::Card)
                }),
                shop("GET /items/{}", |row| {
                    row.denied(external, Bearer, 20).class(response, "/card", DataClass::Card)
                }),
                shop("GET /items/{}", |row| {
                    row.granted(external, Bearer, 20).class(response, "/t", DataClass::Token)
                }),
                shop("GET /items/{}", |row| {
                    row.granted(external, Bearer, 20).class(body, "/card", DataClass::Card)
                }),
                shop("GET /items/{}", |row| {
                    row.granted(external, None, 20).class(response, "/mail", DataClass::Email)
                })
                .set(|settings| settings.public_classes = ["email".to_owned()].into()),
            ],
        ),
        case(
            "sensitive-to-external",
            Warning,
            shop("GET /items/{}", |row| {
                row.granted(external, None, 20).class(response, "/mail", DataClass::Email).class(
                    response,
                    "/other",
                    DataClass::Email,
                )
            }),
            vec![],
        ),
        Case {
            with: &["external-dependency"],
            ..case(
                "sensitive-to-external",
                Warning,
                Planted::nothing().with("pay.example", "POST /charge", |row| {
                    row.granted("shop", Bearer, 20).server(external).class(body, "/card", DataClass::Card)
                }),
                vec![],
            )
        },
        case(
            "excessive-data",
            Error,
            shop("GET /items/{}", |row| plain(row).class(response, "/password", DataClass::Password)),
            vec![
                shop("POST /login", |row| {
                    row.granted("web", None, 9).class(body, "/password", DataClass::Password).class(
                        response,
                        "/token",
                        DataClass::Token,
                    )
                }),
                shop("GET /items/{}", |row| {
                    plain(row).class(Place::ErrorBody, "/password", DataClass::Password)
                }),
                shop("GET /items/{}", |row| plain(row).class(response, "/card", DataClass::Card)),
            ],
        ),
        Case {
            with: &["undocumented-field"],
            ..case(
                "excessive-data",
                Error,
                shop("GET /items/{}", |row| plain(row).class(response, "/ssn", DataClass::UsSsn)).differs(
                    UndocumentedField,
                    "shop",
                    get,
                    at(response, "/ssn"),
                ),
                vec![],
            )
        },
        case(
            "excessive-data",
            Warning,
            shop("GET /items", |row| {
                plain(row).class(response, "/*/mail", DataClass::Email).sign(Sign::ManyRecords, 3)
            }),
            vec![
                shop("GET /items", |row| plain(row).field(response, "/*/name").sign(Sign::ManyRecords, 3)),
                shop("GET /items", |row| plain(row).class(response, "/*/mail", DataClass::Email)),
                shop("GET /items", |row| {
                    plain(row).class(response, "/mail", DataClass::Email).sign(Sign::ManyRecords, 3)
                }),
            ],
        ),
        Case {
            with: &[],
            ..case(
                "mass-assignment",
                Error,
                shop("PUT /items/{}", with_field(body, "/is_admin")).differs(
                    UndocumentedField,
                    "shop",
                    put,
                    at(body, "/is_admin"),
                ),
                vec![
                    shop("PUT /items/{}", |row| row.denied("web", Bearer, 20).field(body, "/isAdmin"))
                        .differs(UndocumentedField, "shop", put, at(body, "/isAdmin")),
                    shop("PUT /items/{}", with_field(body, "/comment")).differs(
                        UndocumentedField,
                        "shop",
                        put,
                        at(body, "/comment"),
                    ),
                    shop("PUT /items/{}", with_field(body, "/role")),
                ],
            )
        },
        Case {
            with: &[],
            ..case(
                "mass-assignment",
                Warning,
                shop("PUT /items/{}", |row| plain(row).field(body, "/price").field(response, "/item/price"))
                    .differs(UndocumentedField, "shop", put, at(body, "/price")),
                vec![],
            )
        },
        case(
            "admin-or-debug-endpoint",
            Warning,
            shop("GET /debug/pprof", plain),
            vec![
                shop("GET /debug/pprof", |row| row.denied("web", Bearer, 20)),
                shop("GET /actuator/prometheus", plain),
                shop("GET /items/{}", plain),
            ],
        ),
        case(
            "admin-or-debug-endpoint",
            Error,
            shop("GET /admin/users", |row| row.granted(external, None, 20)),
            vec![
                shop("GET /admin/users", plain),
                shop("GET /admin/users", |row| {
                    row.granted("web", SessionCookie, 20).denied(external, None, 20)
                }),
            ],
        ),
        case(
            "admin-or-debug-endpoint",
            Warning,
            shop("GET /metrics", |row| row.granted(external, None, 20)),
            vec![shop("GET /metrics", |row| row.granted("prometheus", None, 20))],
        ),
        case(
            "several-versions-live",
            Note,
            shop("GET /v1/items/{}", plain)
                .with("shop", "GET /v2/items/{}", plain)
                .with("shop", "GET /v1/carts", plain)
                .with("shop", "GET /v2/carts", plain),
            vec![
                shop("GET /v1/items/{}", plain).with("shop", "GET /v2/carts", plain),
                shop("GET /v1/items/{}", |row| plain(row.between(1999, 1900))).with(
                    "shop",
                    "GET /v2/items/{}",
                    plain,
                ),
                shop("GET /v1/items/{}", |row| row.called("web", Bearer, 400, 5, &[])).with(
                    "shop",
                    "GET /v2/items/{}",
                    plain,
                ),
            ],
        ),
        case(
            "new-caller",
            Note,
            shop("GET /items/{}", |row| plain(row).between(100, 1).granted("curl", Bearer, 2)).with(
                "shop",
                "GET /carts",
                |row| plain(row).between(90, 1).granted("curl", Bearer, 2),
            ),
            vec![
                shop("GET /items/{}", |row| plain(row).between(400, 1).granted("curl", Bearer, 2)),
                shop("GET /items/{}", |row| {
                    plain(row).called("10.0.0.1", Bearer, 200, 20, &[7]).between(100, 1).called(
                        "10.0.0.2",
                        Bearer,
                        200,
                        20,
                        &[7],
                    )
                }),
                shop("GET /items/{}", |row| {
                    plain(row).granted(external, Bearer, 20).between(100, 1).granted(
                        "203.0.113.9",
                        Bearer,
                        20,
                    )
                }),
            ],
        ),
        case(
            "new-caller",
            Warning,
            shop("GET /items/{}", |row| {
                plain(row).between(100, 1).granted(external, Bearer, 20).granted("203.0.113.9", Bearer, 20)
            }),
            vec![],
        ),
        case(
            "new-endpoint",
            Note,
            shop("GET /items/{}", |row| plain(row.between(100, 1))),
            vec![
                shop("GET /items/{}", |row| plain(row.between(400, 1))),
                shop("GET /items", one_try),
                shop("GET /items/{}", |row| row.between(100, 1).denied("web", Bearer, 20)),
            ],
        ),
        case(
            "new-sensitive-field",
            Warning,
            shop("GET /items/{}", |row| {
                plain(row).field(response, "/id").between(100, 1).class(response, "/iban", DataClass::Iban)
            }),
            vec![
                shop("GET /items/{}", |row| plain(row).class(response, "/iban", DataClass::Iban)),
                shop("GET /items/{}", |row| {
                    plain(row).between(100, 1).class(response, "/iban", DataClass::Iban)
                }),
                shop("GET /items/{}", |row| {
                    plain(row).field(response, "/id").between(100, 1).class(
                        response,
                        "/jwt",
                        DataClass::Token,
                    )
                }),
            ],
        ),
        case(
            "external-dependency",
            Note,
            Planted::nothing()
                .with("pay.example", "POST /charge", |row| row.granted("shop", Bearer, 20).server(external)),
            vec![
                Planted::nothing().with("pay.example", "POST /charge", |row| {
                    row.granted("shop", Bearer, 20).server("10.1.2.3")
                }),
                Planted::nothing()
                    .with("pay.example", "POST /charge", |row| {
                        row.granted("shop", Bearer, 20).server(external)
                    })
                    .set(|settings| settings.internal = vec!["198.51.100.0/24".parse().expect("a network")]),
            ],
        ),
        case(
            "blind-spot",
            Note,
            Planted::shop().covered("nginx", 443, Verdict::Tls, 5000),
            vec![
                Planted::shop().covered("nginx", 80, Verdict::Http1, 9000).covered(
                    "ssh",
                    22,
                    Verdict::Other,
                    9000,
                ),
                Planted::shop().lost("body-cut", 7),
            ],
        ),
        case("blind-spot", Note, Planted::shop().lost("calls-lost", 7), vec![]),
        case(
            "policy-violation",
            Error,
            Planted::shop().set(policy("POST: [{caller: web, path: /users}]")),
            vec![
                Planted::shop(),
                Planted::shop().set(policy("GET: [{caller: web, path: '/users/{id:integer}'}]")),
                Planted::shop().set(policy("'*': [{caller: '*', path: /**, credentials: [bearer]}]")),
                Planted::nothing()
                    .with("shop", "GET /users/{}", |row| row.denied("web", Bearer, 20))
                    .set(policy("POST: []")),
            ],
        ),
    ]);
    cases
}

#[test]
fn every_rule_fires_where_it_is_planted_and_nowhere_else() {
    for (number, case) in cases().iter().enumerate() {
        let Case { rule, level, planted, neighbours, .. } = case;
        let findings = planted.findings();
        assert_eq!(planted.rules(), case.expected(), "case {number}: {rule}\n{findings:#?}");
        let finding = findings.iter().find(|finding| finding.rule == *rule).expect("it was just counted");
        assert_eq!(finding.level, *level, "case {number}: {rule}\n{finding:#?}");
        for (at, neighbour) in neighbours.iter().enumerate() {
            let is_silent = !neighbour.rules().contains(rule);
            assert!(is_silent, "case {number}: {rule} at neighbour {at}\n{:#?}", neighbour.findings());
        }
    }
}

/// Of an endpoint that is called both ways, what went inside TLS is no part of it.
#[test]
fn only_calls_in_clear_are_unencrypted() {
    let planted = |credential, sign, encrypted: u64| {
        shop("GET /items/{}", move |row| {
            let row = row.granted("web", credential, 20).granted("app", credential, 5).sign(sign, 5);
            let row = if sign == Sign::BasicInClear { row.sign(Sign::CredentialInClear, 5) } else { row };
            row.encrypted("web", credential, 20).encrypted("app", credential, encrypted)
        })
    };
    for (rule, sign, credential) in [
        ("basic-over-clear", Sign::BasicInClear, Basic),
        ("clear-transport", Sign::CredentialInClear, Bearer),
        ("clear-transport", Sign::SensitiveInClear, Bearer),
        ("clear-transport", Sign::ClearTransport, Bearer),
    ] {
        let findings = planted(credential, sign, 0).findings();
        let [finding] = &*findings else { panic!("{rule}: {findings:#?}") };
        assert_eq!((finding.rule, finding.calls), (rule, 5));
        let by: Vec<_> = finding.edges.iter().map(|edge| (&*edge.caller, edge.calls)).collect();
        assert_eq!(by, [("app", 5)], "{rule}");
        assert_eq!(planted(credential, sign, 5).rules(), [""; 0], "{rule}");
        let mut some = planted(credential, sign, 3).findings();
        assert_eq!(some.pop().map(|finding| (finding.rule, finding.calls)), Some((rule, 2)));
    }
}

#[test]
fn every_rule_has_a_case_and_a_neighbour() {
    for rule in RULES {
        let cases = cases();
        let own = cases.iter().filter(|case| case.rule == rule.id);
        assert!(own.flat_map(|case| &case.neighbours).count() > 0, "{} is not tested", rule.id);
    }
}

#[test]
fn every_file_of_a_rule_is_in_the_table() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/findings/rules");
    let mut files: Vec<String> = std::fs::read_dir(folder)
        .expect("the folder of rules")
        .map(|file| file.expect("a file").path())
        .map(|path| path.file_stem().expect("a name").to_string_lossy().replace('_', "-"))
        .filter(|name| name != "mod")
        .collect();
    files.sort_unstable();
    let ids: Vec<&str> = RULES.iter().map(|rule| rule.id).collect();
    assert_eq!(files, ids);
}
