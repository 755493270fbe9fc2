//! Tickets for pages inside WeCom.
//!
//! Source: WeCom documentation, JS-SDK 使用权限签名算法.

use serde_json::{Value, json};

use crate::wecom::sim::{
    check::{Call, Fail},
    firm::Rng,
    routes::Route,
    state::World,
    tokens::App,
};

const APPS: &[App] = &[App::Own, App::Contact];
const LIFE_S: i64 = 7200;

pub const ROUTES: &[Route] = &[
    Route::get("get_jsapi_ticket", APPS, corp),
    Route::get("ticket/get", APPS, agent),
];

/// The same ticket for two hours, by the clock alone.
fn ticket(kind: u64, now_s: i64) -> Value {
    let began = now_s - now_s.rem_euclid(LIFE_S);
    let mut rng = Rng::of(began.unsigned_abs(), 32, kind);
    json!({ "ticket": rng.id("sM4AOVdWfPE4Dx", 86), "expires_in": began + LIFE_S - now_s })
}

fn corp(_: &World, call: &Call<'_>) -> Result<Value, Fail> {
    Ok(ticket(0, call.now_s))
}

fn agent(_: &World, call: &Call<'_>) -> Result<Value, Fail> {
    match call.param("type") {
        Some("agent_config") => Ok(ticket(1 + call.app as u64, call.now_s)),
        _ => Err(Fail::new(91040, "invalid ticket type")),
    }
}
