//! What the name of a field says about its values: computed once for each name, not for each value. The
//! one place of that rule. The last part of a JSON pointer that is a name counts, and the one before it
//! where that is too general to say anything (`/card/number`).

use super::super::looks::parts;
use super::super::{DataClass, Place};

/// A set of hints.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Context(u8);

/// Longest name that is looked at, in bytes; of longer ones the end.
const NAME_BYTES_MAX: usize = 48;

const CARD: &[&str] = &["card", "cards", "creditcard", "debitcard", "cc", "ccnum", "pan", "cardno"];
const PHONE: &[&str] =
    &["phone", "phones", "mobile", "tel", "telephone", "cell", "cellphone", "fax", "msisdn", "whatsapp"];
const NATIONAL: &[&str] = &[
    "bsn",
    "pesel",
    "nif",
    "dni",
    "nie",
    "nir",
    "insee",
    "hetu",
    "nino",
    "personnummer",
    "niss",
    "tin",
    "steuerid",
    "itin",
];
const BIRTH: &[&str] = &["birth", "birthday", "birthdate", "dob", "born", "bday"];
const PASSWORD: &[&str] = &[
    "password",
    "passwords",
    "passwd",
    "pwd",
    "passphrase",
    "passcode",
    "cvv",
    "cvc",
    "cvv2",
    "cvc2",
    "secret",
];
const TOKEN: &[&str] = &["token", "tokens", "jwt", "bearer"];

/// Names without anything between their words that end so.
const NATIONAL_ENDS: &[&str] = &[
    "nationalid",
    "nationalidnumber",
    "identitynumber",
    "personalnumber",
    "nationalidentifier",
    "taxid",
    "taxidnumber",
    "taxnumber",
    "codicefiscale",
    "fiscalcode",
    "nationalinsurancenumber",
    "nationalnumber",
    "steuernummer",
    "socialinsurancenumber",
];
const TOKEN_ENDS: &[&str] = &["apikey", "secretkey", "accesskey", "privatekey", "authkey"];

/// Parts of names that say something about a password or a token and hold none.
const ABOUT: &[&str] = &[
    "id",
    "ids",
    "type",
    "policy",
    "hint",
    "strength",
    "length",
    "expiry",
    "expires",
    "expired",
    "expiration",
    "expire",
    "at",
    "on",
    "in",
    "changed",
    "updated",
    "created",
    "required",
    "url",
    "uri",
    "link",
    "min",
    "max",
    "count",
    "enabled",
    "forgot",
    "status",
    "name",
    "version",
    "ttl",
    "endpoint",
    "field",
    "label",
];

/// Parts of names of tokens that grant nothing: of forms and of pages.
const HARMLESS: &[&str] = &[
    "csrf",
    "xsrf",
    "page",
    "next",
    "previous",
    "prev",
    "continuation",
    "cursor",
    "sync",
    "resume",
    "verification",
];

/// Last parts of names that say nothing by themselves.
const GENERAL: &[&str] = &["number", "no", "nr", "num", "value", "code", "text", "full", "raw"];

impl Context {
    /// A card.
    pub(super) const CARD: Context = Context(1);
    /// A telephone number.
    pub(super) const PHONE: Context = Context(1 << 1);
    /// A US social security number.
    pub(super) const SSN: Context = Context(1 << 2);
    /// An id that a state gives.
    pub(super) const NATIONAL_ID: Context = Context(1 << 3);
    /// A day of birth.
    pub(super) const BIRTH: Context = Context(1 << 4);
    /// A password or the like.
    pub(super) const PASSWORD: Context = Context(1 << 5);
    /// A token.
    pub(super) const TOKEN: Context = Context(1 << 6);

    /// Nothing is known.
    pub(crate) const NONE: Context = Context(0);

    /// Of a field's whole name at its place.
    pub(crate) fn of(place: Place, name: &str) -> Context {
        let mut names = name.rsplit('/').filter(|part| !matches!(*part, "*" | ""));
        let own = match names.next() {
            Some(own) if !own.starts_with('{') => own,
            _ => return Context::NONE,
        };
        let above = names.next().filter(|above| place.is_json() && !above.starts_with('{'));
        let mut context = Context::of_word(own);
        let general = parts(own.as_bytes()).all(|part| is_one(part, GENERAL));
        if let Some(above) = above.filter(|_| general && context.is_none()) {
            context = Context::of_word(above);
        }
        // Where credentials of a call stand, they are no data.
        if matches!(place, Place::RequestHeader | Place::Cookie | Place::SetCookie) {
            context = Context(context.0 & !(Context::PASSWORD.0 | Context::TOKEN.0));
        }
        context
    }

    /// Of one name.
    pub(crate) fn of_word(name: &str) -> Context {
        let name = name.as_bytes();
        let name = &name[name.len().saturating_sub(NAME_BYTES_MAX)..];
        let has = |words: &[&str]| parts(name).any(|part| is_one(part, words));
        let mut squeezed = [0; NAME_BYTES_MAX];
        let mut length = 0;
        for byte in name.iter().filter(|byte| byte.is_ascii_alphanumeric()) {
            squeezed[length] = byte.to_ascii_lowercase();
            length += 1;
        }
        let squeezed = &squeezed[..length];
        let ends = |words: &[&str]| words.iter().any(|end| squeezed.ends_with(end.as_bytes()));
        let last = parts(name).last().unwrap_or_default();
        let about = has(ABOUT);
        let mut set = 0;
        let mut add = |context: Context, yes: bool| set |= if yes { context.0 } else { 0 };
        let is_id = is_one(last, &["id", "ids", "type", "status", "token", "brand"]);
        add(Context::CARD, !is_id && (has(CARD) || ends(&["cardnumber", "creditcard"])));
        add(
            Context::PHONE,
            !is_id && !about && (has(PHONE) || ends(&["phone", "phonenumber", "mobilenumber"])),
        );
        add(Context::SSN, has(&["ssn"]) || ends(&["socialsecuritynumber", "socialsecurity", "ssnumber"]));
        add(Context::NATIONAL_ID, has(NATIONAL) || ends(NATIONAL_ENDS));
        let looked_at = has(&["verified", "updated", "changed", "confirmed", "created"]);
        add(Context::BIRTH, !looked_at && (has(BIRTH) || ends(&["birthdate", "dateofbirth", "birthday"])));
        let own = is_one(name, &["pass", "pin"]);
        add(Context::PASSWORD, own || (!about && (has(PASSWORD) || ends(&["password", "passwd"]))));
        let token = is_one(last, TOKEN) || ends(TOKEN_ENDS) || ends(&["token"]);
        add(Context::TOKEN, token && !about && !has(HARMLESS));
        Context(set)
    }

    /// Of a word of a path, of the value behind it. Ids of telephones and of tokens read like those.
    pub(in super::super) fn of_route(word: &str) -> Context {
        let checked = Context::CARD.0 | Context::SSN.0 | Context::NATIONAL_ID.0;
        Context(Context::of_word(word).0 & checked)
    }

    /// No hint.
    pub(super) const fn is_none(self) -> bool {
        self.0 == 0
    }

    /// All of these are in the set.
    pub(super) const fn has(self, other: Context) -> bool {
        self.0 & other.0 == other.0
    }

    /// A value that passes for this class under this name is one.
    pub(crate) fn supports(self, class: DataClass) -> bool {
        match class {
            DataClass::Card => self.has(Context::CARD),
            DataClass::Phone => self.has(Context::PHONE),
            DataClass::UsSsn => self.has(Context::SSN),
            DataClass::NationalId => self.has(Context::NATIONAL_ID),
            DataClass::BirthDate => self.has(Context::BIRTH),
            DataClass::Password => self.has(Context::PASSWORD),
            DataClass::Token => self.has(Context::TOKEN),
            DataClass::Iban | DataClass::Email | DataClass::Secret | DataClass::PrivateKey => false,
        }
    }
}

fn is_one(part: &[u8], words: &[&str]) -> bool {
    words.iter().any(|word| part.eq_ignore_ascii_case(word.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_say_what_values_are() {
        let body = |name| Context::of(Place::RequestBody, name);
        for (name, context) in [
            ("/card/number", Context::CARD),
            ("/cardNumber", Context::CARD),
            ("/payment/credit_card", Context::CARD),
            ("/cards/*", Context::CARD),
            ("/phone", Context::PHONE),
            ("/contact/mobilePhone", Context::PHONE),
            ("/ssn", Context::SSN),
            ("/social_security_number", Context::SSN),
            ("/person/national_id", Context::NATIONAL_ID),
            ("/codiceFiscale", Context::NATIONAL_ID),
            ("/dateOfBirth", Context::BIRTH),
            ("/dob", Context::BIRTH),
            ("/password", Context::PASSWORD),
            ("/newPassword", Context::PASSWORD),
            ("/client_secret", Context::PASSWORD),
            ("/access_token", Context::TOKEN),
            ("/refreshToken", Context::TOKEN),
        ] {
            assert_eq!(body(name), context, "{name}");
        }
        for name in [
            "",
            "/*",
            "/{key}",
            "/id",
            "/number",
            "/orders/number",
            "/cardId",
            "/postcard",
            "/className",
            "/sessionName",
            "/tokenType",
            "/nextPageToken",
            "/csrfToken",
            "/passwordChangedAt",
            "/phoneVerifiedAt",
            "/phone_id",
            "/birthdayVerifiedAt",
            "/password_policy",
            "/status",
            "/company",
            "/hotel",
        ] {
            assert_eq!(body(name), Context::NONE, "{name}");
        }
        assert_eq!(Context::of(Place::Cookie, "auth_token"), Context::NONE);
        assert_eq!(Context::of(Place::Query, "token"), Context::TOKEN);
        assert_eq!(Context::of(Place::Form, "user[password]"), Context::PASSWORD);
        assert_eq!(Context::of_word("cards"), Context::CARD);
    }
}
