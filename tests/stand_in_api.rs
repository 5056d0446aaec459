//! The stand-in against the vendor's page: statuses and bodies, as any client sees them.

#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

mod delivery_outbox;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use delivery_outbox::picture;
use kiosk_enroll::stand_in::{FaultKind, KnownPersons, StandIn, StandInHandle, StandInOptions};
use serde_json::{Value, json};

async fn stand_in() -> StandInHandle {
    let options = StandInOptions { token: Some("t0ken".into()), ..StandInOptions::default() };
    StandIn::start(options).await.unwrap()
}

async fn put(stand_in: &StandInHandle, token: &str, body: Value) -> (u16, Value) {
    let url = format!("{}/v2/face-recognition/persons/person_1", stand_in.base_url());
    send(|client| client.put(url).bearer_auth(token).body(body.to_string())).await
}

async fn get(stand_in: &StandInHandle, path: &str) -> (u16, Value) {
    let url = format!("{}{path}", stand_in.base_url());
    send(|client| client.get(url).bearer_auth("t0ken")).await
}

async fn send(request: impl FnOnce(reqwest::Client) -> reqwest::RequestBuilder) -> (u16, Value) {
    // The client needs some provider although nothing here is encrypted.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let response =
        request(reqwest::Client::builder().no_proxy().build().unwrap()).send().await.unwrap();
    let status = response.status().as_u16();
    let bytes = response.bytes().await.unwrap();
    let text = String::from_utf8_lossy(&bytes).into_owned();
    (status, serde_json::from_slice(&bytes).unwrap_or(Value::String(text)))
}

#[tokio::test]
async fn a_put_answers_with_the_person_as_the_vendors_page_shows_it() {
    let stand_in = stand_in().await;
    let body = json!({
        "name": "John Doe Updated", "gender": "M", "date_of_birth": "1990-01-15",
        "nationality": "US", "collections": ["collection_123456789"],
        "images": [STANDARD.encode(picture(1, 64).bytes())], "notes": "Updated VIP customer",
    });
    let (status, answer) = put(&stand_in, "t0ken", body.clone()).await;
    assert_eq!(status, 200);
    let data = &answer["data"];
    for field in ["name", "gender", "nationality", "collections", "images", "notes"] {
        assert_eq!(data[field], body[field], "{field}");
    }
    assert_eq!(data["_id"], "person_1");
    assert_eq!(data["date_of_birth"], json!({ "year": 1990, "month": 1, "day": 15 }));
    assert_eq!(data["faceEncodings"].as_array().unwrap().len(), 1);
    assert_eq!(answer["signature"]["message"], "Certified by Verifik.co");
    let (status, shown) = get(&stand_in, "/v2/face-recognition/persons/person_1").await;
    assert_eq!((status, &shown["data"]["notes"]), (200, &body["notes"]));
}

#[tokio::test]
async fn a_wrong_token_changes_nothing() {
    let stand_in = stand_in().await;
    let (status, answer) = put(&stand_in, "other", json!({ "notes": "x" })).await;
    assert_eq!(status, 401);
    assert_eq!(answer, json!({ "message": "Authentication required", "code": "UNAUTHORIZED" }));
    assert!(stand_in.person("person_1").is_none());
}

#[tokio::test]
async fn a_data_url_is_refused_as_the_vendor_does() {
    let stand_in = stand_in().await;
    let url = format!("data:image/jpeg;base64,{}", STANDARD.encode(picture(1, 64).bytes()));
    let (status, answer) = put(&stand_in, "t0ken", json!({ "name": "x", "images": [url] })).await;
    assert_eq!(status, 412);
    assert_eq!(answer, json!({ "message": "only_images_in_base64", "code": "ERROR" }));
    assert!(stand_in.person("person_1").is_none(), "a refused request changes nothing");
}

#[tokio::test]
async fn only_known_persons_are_found_when_they_are_listed() {
    let options = StandInOptions {
        persons: KnownPersons::Only(["person_2".to_owned()].into()),
        ..StandInOptions::default()
    };
    let stand_in = StandIn::start(options).await.unwrap();
    let (status, answer) = put(&stand_in, "any", json!({ "notes": "x" })).await;
    assert_eq!(status, 404);
    assert_eq!(answer, json!({ "error": "Person not found", "message": "PERSON_NOT_FOUND" }));
}

#[tokio::test]
async fn a_fault_can_be_chosen_at_run_time() {
    let stand_in = stand_in().await;
    let url = format!("{}/_stand-in/fault", stand_in.base_url());
    let choose = async |name: &str| {
        let (url, body) = (url.clone(), json!({ "fault": name }).to_string());
        send(|client| client.put(url).body(body)).await
    };
    let (status, answer) = choose("expired").await;
    assert_eq!((status, &answer["fault"]), (200, &json!("expired")));
    let (status, answer) = put(&stand_in, "t0ken", json!({ "notes": "x" })).await;
    assert_eq!(status, 403);
    assert_eq!(answer, json!({ "message": "token_expired", "code": "FORBIDDEN" }));
    let (status, answer) = choose("nonsense").await;
    assert_eq!(status, 400);
    assert!(answer["error"].as_str().unwrap().contains("rate-limited"));
    stand_in.set_fault(FaultKind::Error);
    let (status, answer) = put(&stand_in, "t0ken", json!({ "notes": "x" })).await;
    assert_eq!(status, 500);
    assert_eq!(answer, json!({ "message": "internal_error", "code": "ERROR" }));
}

#[tokio::test]
async fn people_can_look_at_the_persons_and_their_pictures() {
    let stand_in = stand_in().await;
    let sent = picture(1, 64);
    let images = [STANDARD.encode(sent.bytes())];
    put(&stand_in, "t0ken", json!({ "name": "<b>Ada", "images": images })).await;
    let (status, page) = get(&stand_in, "/").await;
    let page = page.as_str().unwrap().to_owned();
    assert_eq!(status, 200);
    assert!(page.contains("&lt;b&gt;Ada") && page.contains("/persons/person_1/images/0"), "{page}");
    assert_eq!(stand_in.image("person_1", 0).unwrap(), sent.bytes());
    assert_eq!(get(&stand_in, "/persons/person_1/images/1").await.0, 404);
}

#[tokio::test]
async fn an_address_that_is_taken_is_refused_by_name() {
    let first = stand_in().await;
    let options = StandInOptions { listen: first.address(), ..StandInOptions::default() };
    let error = StandIn::start(options).await.unwrap_err();
    assert!(error.to_string().contains(&first.address().to_string()), "{error}");
}

#[tokio::test]
async fn a_token_is_renewed_and_the_one_before_stays_valid() {
    let stand_in = stand_in().await;
    let session = "/v2/auth/session?origin=refresh&expiresIn=2";
    let (status, answer) = get(&stand_in, session).await;
    assert_eq!((status, answer["tokenType"].as_str()), (200, Some("Bearer")));
    let renewed = answer["accessToken"].as_str().unwrap().to_owned();
    for token in ["t0ken", &renewed] {
        assert_eq!(put(&stand_in, token, json!({ "notes": "x" })).await.0, 200);
    }
    assert_eq!(put(&stand_in, "another", json!({ "notes": "x" })).await.0, 401);
    for wrong in ["", "?origin=renew-and-revoke&expiresIn=2", "?origin=refresh&expiresIn=0"] {
        assert_eq!(get(&stand_in, &format!("/v2/auth/session{wrong}")).await.0, 409, "{wrong}");
    }
    stand_in.set_fault(FaultKind::Expired);
    assert_eq!(get(&stand_in, session).await.0, 403);
}
