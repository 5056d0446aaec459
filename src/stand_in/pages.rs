//! A plain page with the persons and their pictures, so that a human can look.

use std::fmt::Write;
use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS,
};
use axum::response::{IntoResponse, Response};

use crate::clock::rfc3339;

use super::Shared;
use super::persons::Person;

const HEAD: &str = "<!DOCTYPE html><html lang=\"en\"><head><meta charset=\"utf-8\">\
<meta name=\"viewport\" content=\"width=device-width\"><meta http-equiv=\"refresh\" content=\"5\">\
<title>Persons API stand-in</title><style>\
body{font-family:sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}\
article{border-top:1px solid #ccc;padding:1rem 0}img{height:12rem;margin-right:.5rem}\
dl{display:grid;grid-template-columns:max-content auto;gap:.2rem 1rem}dd{margin:0}\
</style></head><body><h1>Persons API stand-in</h1>";

const POLICY: &str = "default-src 'none'; img-src 'self'; style-src 'unsafe-inline'";

/// `GET /`
pub(super) async fn index(State(shared): State<Arc<Shared>>) -> Response {
    let mut page = String::from(HEAD);
    let fault = shared.line.fault();
    let answered = shared.requests.count();
    let _ = write!(page, "<p>Fault: {fault}. Requests answered: {answered}.</p>");
    let mut count = 0;
    shared.persons.each(|id, person| {
        count += 1;
        article(&mut page, id, person);
    });
    if count == 0 {
        page.push_str("<p>Nobody yet.</p>");
    }
    page.push_str("</body></html>");
    let headers = [
        (CONTENT_TYPE, "text/html; charset=utf-8"),
        (CONTENT_SECURITY_POLICY, POLICY),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (CACHE_CONTROL, "no-store"),
    ];
    (headers, page).into_response()
}

/// `GET /persons/{id}/images/{n}`
pub(super) async fn image(
    State(shared): State<Arc<Shared>>,
    Path((id, number)): Path<(String, usize)>,
) -> Response {
    let Some(picture) = shared.persons.image(&id, number) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let headers = [
        (CONTENT_TYPE, picture.media_type),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (CACHE_CONTROL, "no-store"),
    ];
    (headers, picture.bytes).into_response()
}

fn article(page: &mut String, id: &str, person: &Person) {
    let birth = person.date_of_birth.map(|date| date.to_string()).unwrap_or_default();
    let updated = rfc3339(person.updated);
    let _ = write!(page, "<article><h2>{}</h2><dl>", escaped(id));
    for (label, value) in [
        ("Name", person.name.as_str()),
        ("Gender", person.gender.as_deref().unwrap_or_default()),
        ("Date of birth", birth.as_str()),
        ("Nationality", person.nationality.as_deref().unwrap_or_default()),
        ("Collections", person.collections.join(", ").as_str()),
        ("Notes", person.notes.as_str()),
        ("Updated", updated.as_str()),
    ] {
        if !value.is_empty() {
            let _ = write!(page, "<dt>{label}</dt><dd>{}</dd>", escaped(value));
        }
    }
    page.push_str("</dl>");
    for (number, picture) in person.images.iter().enumerate() {
        let segment = segment(id);
        let bytes = picture.bytes.len();
        let alt = format!("Picture {} of {}, {bytes} bytes", number + 1, escaped(id));
        let _ = write!(
            page,
            "<img src=\"/persons/{segment}/images/{number}\" alt=\"{alt}\" title=\"{alt}\">"
        );
    }
    page.push_str("</article>");
}

fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}

fn segment(id: &str) -> String {
    id.bytes().fold(String::new(), |mut out, byte| {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'~') {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
        out
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_was_sent_can_become_markup() {
        let person = Person { name: "<script>\"&'".into(), ..Default::default() };
        let mut page = String::new();
        article(&mut page, "a\"><b", &person);
        assert!(!page.contains("<script") && !page.contains("\"><b"), "{page}");
        assert!(page.contains("&lt;script&gt;&quot;&amp;&#39;"), "{page}");
    }
}
