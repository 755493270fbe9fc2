//! Members say who they are, and codes are exchanged.

use serde_json::json;

use super::{Client, code, start};

/// The authorize page's query with one parameter changed.
fn query(sim: &super::SimHandle, name: &str, value: &str) -> String {
    let agentid = sim.agentid.to_string();
    let back = "https%3A%2F%2Fqitai.example%3A8443%2Fback%3Fa%3Db";
    let mut pairs = vec![
        ("appid", sim.corpid.as_str()),
        ("redirect_uri", back),
        ("response_type", "code"),
        ("scope", "snsapi_privateinfo"),
        ("state", "abc123"),
        ("agentid", &agentid),
        ("login_type", "CorpApp"),
    ];
    for pair in &mut pairs {
        if pair.0 == name {
            pair.1 = value;
        }
    }
    let pairs: Vec<String> = pairs.iter().map(|(n, v)| format!("{n}={v}")).collect();
    pairs.join("&")
}

const PAGES: [&str; 2] = ["connect/oauth2/authorize", "wwlogin/sso/login"];

async fn page(client: &Client<'_>, page: &str, query: &str) -> (u16, String, String) {
    let http = reqwest::Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .unwrap();
    let url = format!("{}/{page}?{query}", client.sim.login_url());
    let answer = http.get(url).send().await.unwrap();
    let status = answer.status().as_u16();
    let location = answer.headers().get("location");
    let location = location.map_or(String::new(), |v| v.to_str().unwrap().to_owned());
    (status, location, answer.text().await.unwrap())
}

/// A code for a member, as the browser brings it back.
async fn agree(client: &Client<'_>, path: &str, userid: &str) -> String {
    let query = format!("{}&as={userid}", query(client.sim, "", ""));
    let (status, location, _) = page(client, path, &query).await;
    assert_eq!(status, 302);
    let rest = location.strip_prefix("https://qitai.example:8443/back?a=b&code=");
    let (code, state) = rest.unwrap().split_once("&state=").unwrap();
    assert_eq!(state, "abc123");
    code.to_owned()
}

#[actix_web::test]
async fn the_pages_of_sign_in_refuse_what_wecom_refuses() {
    let sim = start(1, 5);
    let client = Client::app(&sim).await;
    let (status, _, body) = page(&client, PAGES[0], &query(&sim, "", "")).await;
    assert!(status == 403 && body.contains("50001"), "no domain yet");
    sim.set_login_domain("qitai.example:8443");
    for (name, value, errcode) in [
        ("appid", "ww0", "40013"),
        ("agentid", "1", "40056"),
        ("state", "a-b", "84025"),
        (
            "redirect_uri",
            "https%3A%2F%2Fqitai.example%2Fback",
            "50001",
        ),
        (
            "redirect_uri",
            "https%3A%2F%2Fevil.example%2Fqitai.example%3A8443",
            "50001",
        ),
    ] {
        for path in PAGES {
            let (status, _, body) = page(&client, path, &query(&sim, name, value)).await;
            assert!(
                status == 403 && body.contains(errcode),
                "{path} {name} {body}"
            );
        }
    }
    for path in PAGES {
        let (status, _, body) = page(&client, path, &query(&sim, "", "")).await;
        assert!(status == 200 && body.contains("as=zhoumin"), "{body}");
        let declined = format!("{}&as=", query(&sim, "", ""));
        let (_, location, _) = page(&client, path, &declined).await;
        assert_eq!(location, "https://qitai.example:8443/back?a=b&state=abc123");
    }
}

#[actix_web::test]
async fn a_code_is_exchanged_once_within_five_minutes_by_its_own_app() {
    let sim = start(1, 5);
    sim.set_login_domain("qitai.example:8443");
    let client = Client::app(&sim).await;
    let ask = async |client: &Client<'_>, given: &str| {
        client.get(&format!("auth/getuserinfo?code={given}")).await
    };
    let given = agree(&client, PAGES[0], "zhoumin").await;
    let other = Client::new(&sim, &sim.contact_secret).await;
    assert_eq!(code(&ask(&other, &given).await), 50001);
    let answer = ask(&client, &given).await;
    assert_eq!((code(&answer), &answer["userid"]), (0, &json!("zhoumin")));
    assert_eq!(code(&ask(&client, &given).await), 42022);
    assert_eq!(code(&ask(&client, "nonsense").await), 40029);
    assert_eq!(code(&client.get("auth/getuserinfo").await), 40029);

    let ticket = answer["user_ticket"].as_str().unwrap();
    let body = json!({ "user_ticket": ticket });
    let details = client.post("auth/getuserdetail", body.clone()).await;
    assert_eq!(details["userid"], "zhoumin");
    assert_eq!(details["mobile"].as_str().unwrap().len(), 11);
    let wrong = json!({ "user_ticket": "x" });
    assert_eq!(code(&client.post("auth/getuserdetail", wrong).await), 84015);
    assert_eq!(
        code(&client.post("auth/getuserdetail", json!({})).await),
        84090
    );

    // The desktop never gives a ticket.
    let late = agree(&client, PAGES[1], "zhoumin").await;
    let answer = ask(&client, &agree(&client, PAGES[1], "zhoumin").await).await;
    assert!(answer["user_ticket"].is_null(), "{answer}");
    sim.clock().advance_ms(300_000);
    assert_eq!(code(&ask(&client, &late).await), 42003);
    sim.clock().advance_ms(1_500_000);
    assert_eq!(code(&client.post("auth/getuserdetail", body).await), 84014);
}
