//! `agent/get`.

use serde_json::{Value, json};

use super::{
    check::{Call, Fail},
    routes::Route,
    state::World,
    tokens::App,
};

pub(super) const ROUTES: &[Route] = &[Route::get("agent/get", &[App::Own], get)];

/// `agent/get`: the firm's own app, whose visible range is the whole firm.
fn get(_: &World, call: &Call<'_>) -> Result<Value, Fail> {
    let agentid = call.agentid;
    match call.param("agentid").map(str::parse::<u64>) {
        Some(Ok(asked)) if asked == agentid => Ok(json!({
            "agentid": agentid, "name": "企台", "square_logo_url": "", "description": "",
            "allow_userinfos": { "user": [] }, "allow_partys": { "partyid": [1] },
            "allow_tags": { "tagid": [] }, "close": 0, "redirect_domain": "",
            "report_location_flag": 0, "isreportenter": 0, "home_url": "",
        })),
        Some(Ok(_)) => Err(Fail::new(301_002, "not allow operate agent")),
        Some(Err(_)) => Err(Fail::new(40056, "invalid agentid")),
        None => Err(Fail::new(41011, "missing agentid")),
    }
}
