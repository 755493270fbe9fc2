//! `auth/*`: what a code and a ticket are exchanged for.
//!
//! Source: WeCom documentation, 获取访问用户身份 and 获取访问用户敏感信息.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{
    check::{Call, Fail},
    firm::Rng,
    routes::{Route, Wrote},
    state::World,
    tokens::App,
};

/// A code can be exchanged so long, in seconds.
const CODE_LIFE_S: i64 = 300;
/// A ticket is good so long, in seconds.
const TICKET_LIFE_S: i64 = 1800;

pub(super) const ROUTES: &[Route] = &[
    Route::get_write("auth/getuserinfo", READERS, user_info),
    Route::post("auth/getuserdetail", READERS, user_detail),
];

/// The answer of this call says itself what another app's token may not.
const READERS: &[App] = &[
    App::Own,
    App::Contact,
    App::Sync,
    App::Archive,
    App::Service,
];

/// What the authorize page has given out.
#[derive(Debug, Clone, Default)]
pub struct State {
    /// Domain with port that the app trusts (可信域名, 授权回调域); none trusts nobody.
    pub domain: Option<String>,
    codes: BTreeMap<String, Code>,
    tickets: BTreeMap<String, Ticket>,
}

#[derive(Debug, Clone)]
struct Code {
    userid: String,
    private: bool,
    made_at: i64,
    used: bool,
}

#[derive(Debug, Clone)]
struct Ticket {
    userid: String,
    made_at: i64,
}

impl World {
    /// A code for a member who has just agreed at `now_s` (seconds); `private` shows what is
    /// sensitive too.
    pub fn login_code(&mut self, userid: &str, private: bool, now_s: i64) -> String {
        let code = self.fresh().id("", 43);
        let given = Code {
            userid: userid.to_owned(),
            private,
            made_at: now_s,
            used: false,
        };
        self.login.codes.insert(code.clone(), given);
        code
    }
}

/// `auth/getuserinfo`
fn user_info(world: &mut World, call: &Call<'_>) -> Result<Wrote, Fail> {
    let invalid = || Fail::new(40029, "invalid code");
    let code = call.param("code").ok_or_else(invalid)?;
    let ticket = world.fresh().id("", 100);
    let given = world.login.codes.get_mut(code).ok_or_else(invalid)?;
    if call.app != App::Own {
        return Err(Fail::new(50001, "redirect_url domain not match"));
    }
    if given.used {
        return Err(Fail::new(42022, "code has been used"));
    }
    if call.now_s - given.made_at >= CODE_LIFE_S {
        return Err(Fail::new(42003, "code expired"));
    }
    given.used = true;
    let given = given.clone();
    if !given.private {
        return Ok(json!({ "userid": given.userid }).into());
    }
    let kept = Ticket {
        userid: given.userid.clone(),
        made_at: call.now_s,
    };
    world.login.tickets.insert(ticket.clone(), kept);
    let answer = json!({
        "userid": given.userid, "user_ticket": ticket, "expires_in": TICKET_LIFE_S,
    });
    Ok(answer.into())
}

/// `auth/getuserdetail`
fn user_detail(world: &World, call: &Call<'_>) -> Result<Value, Fail> {
    let ticket = call.text("user_ticket")?;
    if ticket.is_empty() {
        return Err(Fail::new(84090, "missing user_ticket"));
    }
    let given = world.login.tickets.get(ticket);
    let given = given.ok_or_else(|| Fail::new(84015, "invalid user_ticket"))?;
    if call.now_s - given.made_at >= TICKET_LIFE_S {
        return Err(Fail::new(84014, "user_ticket expired"));
    }
    let userid = &given.userid;
    Ok(json!({
        "userid": userid, "gender": "0", "avatar": "", "qr_code": "", "mobile": mobile(userid),
        "email": "", "biz_mail": format!("{userid}@yunling.example"), "address": "",
    }))
}

/// A mobile that nobody has, always the same for a member.
fn mobile(userid: &str) -> String {
    let seed = userid.bytes().fold(7u64, |sum, byte| {
        sum.wrapping_mul(131).wrapping_add(u64::from(byte))
    });
    let number = Rng::of(seed, 60, 0).bits() % 100_000_000;
    format!("199{number:08}")
}
