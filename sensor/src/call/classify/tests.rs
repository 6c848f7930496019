//! Values with their names, and what must not be taken for anything.

use super::super::text::facts_of_text;
use super::*;

fn class(name: &str, text: &str) -> Option<Found> {
    let context = Context::of(super::super::Place::RequestBody, name);
    of_text(text.as_bytes(), facts_of_text(text.as_bytes()), context)
}

#[test]
fn values_under_their_names() {
    const JWT: &str = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl";
    for (name, text, expected) in [
        ("/x", "a@b.co", DataClass::Email),
        ("/x", "4111 1111 1111 1111", DataClass::Card),
        ("/x", "4012-8888-8888-1881", DataClass::Card),
        ("/x", "3782 822463 10005", DataClass::Card),
        ("/cardNumber", "4012888888881881", DataClass::Card),
        ("/x", "DE89370400440532013000", DataClass::Iban),
        ("/x", "DE89 3704 0044 0532 0130 00", DataClass::Iban),
        ("/x", "+49 30 123456", DataClass::Phone),
        ("/x", "+4930123456789", DataClass::Phone),
        ("/phone", "2025550143", DataClass::Phone),
        ("/phone", "(202) 555-0143", DataClass::Phone),
        ("/x", "078-05-1120", DataClass::UsSsn),
        ("/ssn", "078051120", DataClass::UsSsn),
        ("/nationalId", "86095742719", DataClass::NationalId),
        ("/bsn", "123456782", DataClass::NationalId),
        ("/dni", "12345678Z", DataClass::NationalId),
        ("/x", "RSSMRA85T10A562S", DataClass::NationalId),
        ("/x", "131052-308T", DataClass::NationalId),
        ("/birthday", "1985-07-30", DataClass::BirthDate),
        ("/dob", "30.07.1985", DataClass::BirthDate),
        ("/dateOfBirth", "19850730", DataClass::BirthDate),
        ("/dob", "1985-07-30T00:00:00Z", DataClass::BirthDate),
        ("/password", "hunter2", DataClass::Password),
        ("/password", "correct horse battery staple", DataClass::Password),
        ("/access_token", "0123456789abcdef0123456789abcdef", DataClass::Token),
        ("/x", JWT, DataClass::Token),
        ("/x", "-----BEGIN PRIVATE KEY-----\nMIIE", DataClass::PrivateKey),
        ("/x", "ghp_a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8", DataClass::Secret),
    ] {
        assert_eq!(class(name, text), sure(expected), "{name} {text}");
    }
}

#[test]
fn what_chance_makes_is_not_sure() {
    for (text, class) in [
        ("4012888888881881", DataClass::Card),
        ("44051401359", DataClass::NationalId),
        ("85073003328", DataClass::NationalId),
        ("12345678Z", DataClass::NationalId),
        ("AB123456C", DataClass::NationalId),
    ] {
        assert_eq!(super::tests::class("/x", text), Some(Found { class, sure: false }), "{text}");
    }
}

#[test]
fn what_is_none_of_them() {
    for text in [
        "",
        "1735689600",
        "1735689600123",
        "1735689600123456",
        "1735689600123456789",
        "1735689600.123",
        "6f1c2a9e-8b1d-4c3e-9f00-0123456789ab",
        "da39a3ee5e6b4b0d3255bfef95601890afd80709",
        "0123456789012345678901234567890123456789",
        "d41d8cd98f00b204e9800998ecf8427e",
        "1.2.3",
        "v1.22.333",
        "10.20.30.40",
        "2024-01-31",
        "2024-01-31T12:00:00Z",
        "1299.95",
        "-1299.95",
        "+4.20",
        "1,299.95",
        "12345678",
        "123456789",
        "1234567890",
        "1234567890123456",
        "ORD-2024-000123",
        "SKU-00012345",
        "12-34-567",
        "555-0143",
        "2024-031-12",
        "978-3-16-148410-0",
        "1Z999AA10123456784",
        "Long Street 12",
        "12 Long Street",
        "Item number 7 of this rather long order, in blue and green",
        "SELECT",
        "AB12CD34EF",
        "DE123456789",
        "https://example.org/a?b=c",
        "SGVsbG8gV29ybGQhIDEyMw==",
        "true",
        "x9Fq2Zb7",
        "xoxo and love from somebody else",
        "gh_pages_branch_of_this_repository",
    ] {
        assert_eq!(class("/x", text), None, "{text}");
    }
    for (name, text) in [
        ("/password", ""),
        ("/password", "********"),
        ("/passwordChangedAt", "2024-01-31T12:00:00Z"),
        ("/token", "short"),
        ("/token", "a text about a token"),
        ("/nextPageToken", "CAESBwoFMTIzNDU2Nzg5MA"),
        ("/birthday", "soon"),
        ("/birthday", "0001-01-01"),
        ("/phone", "none"),
        ("/phone", "12"),
        ("/ssn", "000-00-0000"),
        ("/cardNumber", "4012888888881882"),
        ("/cardNumber", "**** **** **** 1881"),
        ("/nationalId", "86095742718"),
        ("/phone", "1735689600.5"),
    ] {
        assert!(
            class(name, text).is_none_or(|found| name == "/phone"
                && found.class == DataClass::Phone
                && text.contains('.')),
            "{name} {text}"
        );
    }
}

/// Numbers in a row that are ids: hardly one is taken for something, and none for sure.
#[test]
fn ids_in_a_row_are_nothing_for_sure() {
    for start in
        [100_000_000_u64, 20_000_000_000, 1_735_689_600_000, 4_111_111_111_111_000, 730_000_000_000_000_000]
    {
        for id in start..start + 1000 {
            let text = id.to_string();
            assert!(class("/id", &text).is_none_or(|found| !found.sure), "{id}");
            assert!(of_integer(text.as_bytes(), Context::NONE).is_none_or(|found| !found.sure), "{id}");
        }
    }
}
