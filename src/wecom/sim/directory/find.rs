//! Looking members up by something else than the userid, and bringing them in.
//!
//! Source: WeCom documentation, 成员管理 (userid与openid互换, 手机号获取userid, 邀请成员 …).

use jiff::civil::Date;
use serde_json::{Value, json};

use super::ID_READERS;
use crate::wecom::sim::{
    check::{Call, Fail},
    fields::{Code, PARAM, ensure},
    firm::{Member, Rng},
    routes::Route,
    state::World,
    tokens::App,
};

const UNKNOWN: Code = (60111, "userid not found");
const NOBODY: Code = (46004, "user no exist");

pub const ROUTES: &[Route] = &[
    Route::post("user/convert_to_openid", ID_READERS, to_openid),
    Route::post("user/convert_to_userid", ID_READERS, to_userid),
    Route::post("user/getuserid", ID_READERS, by_mobile),
    Route::post("user/get_userid_by_email", ID_READERS, by_mail),
    Route::post("user/get_active_stat", ID_READERS, active),
    Route::get("user/authsucc", ID_READERS, verified),
    Route::post("batch/invite", ID_READERS, invite).empty(&[
        "invaliduser",
        "invalidparty",
        "invalidtag",
    ]),
    Route::get("corp/get_join_qrcode", ID_READERS, join_code),
    Route::get("getcallbackip", READERS_OF_ADDRESSES, callback_addresses).empty(&["ip_list"]),
    Route::get("get_api_domain_ip", READERS_OF_ADDRESSES, api_addresses).empty(&["ip_list"]),
];

/// Addresses are told to every app.
const READERS_OF_ADDRESSES: &[App] = &[
    App::Own,
    App::Contact,
    App::Sync,
    App::Archive,
    App::Service,
];

/// The id that payments know a member by; one for each member.
fn openid(member: &Member) -> String {
    let seed = member.userid.bytes().fold(7_u64, |seed, byte| {
        seed.wrapping_mul(0x0100_0000_01b3) ^ u64::from(byte)
    });
    Rng::of(seed, 60, 0).id("oZq3x0", 22)
}

fn to_openid(world: &World, call: &Call<'_>) -> Result<Value, Fail> {
    let userid = call.fields().filled("userid", (41009, "missing userid"))?;
    let member = world.member(userid).ok_or(UNKNOWN)?;
    // Who has not activated is not bound to WeChat either.
    ensure(member.status == 1, (43004, "userid not bound wechat"))?;
    Ok(json!({ "openid": openid(member) }))
}

fn to_userid(world: &World, call: &Call<'_>) -> Result<Value, Fail> {
    let asked = call.fields().filled("openid", (40058, "missing openid"))?;
    let mut members = world.org.members.values();
    let member = members.find(|m| m.status == 1 && openid(m) == asked);
    let member = member.ok_or((40073, "openid not exist"))?;
    Ok(json!({ "userid": member.userid }))
}

fn by_mobile(world: &World, call: &Call<'_>) -> Result<Value, Fail> {
    let mobile = call.fields().filled("mobile", (60103, "invalid mobile"))?;
    ensure((5..=32).contains(&mobile.len()), (60103, "invalid mobile"))?;
    let mut members = world.org.members.values();
    let member = members.find(|m| m.private.mobile == mobile);
    Ok(json!({ "userid": member.ok_or(NOBODY)?.userid }))
}

fn by_mail(world: &World, call: &Call<'_>) -> Result<Value, Fail> {
    let fields = call.fields();
    let mail = fields.filled("email", (60105, "invalid email"))?;
    let of = |m: &Member| m.private.biz_mail.clone();
    let of = match fields.one_of("email_type", &[1, 2], PARAM)? {
        Some(2) => |m: &Member| m.private.email.clone(),
        _ => of,
    };
    let mut members = world.org.members.values();
    let member = members.find(|m| of(m).eq_ignore_ascii_case(mail));
    Ok(json!({ "userid": member.ok_or(NOBODY)?.userid }))
}

fn active(world: &World, call: &Call<'_>) -> Result<Value, Fail> {
    let date = call.fields().filled("date", PARAM)?;
    let date: Date = date.parse().map_err(|_| Fail::param("date"))?;
    let beijing = jiff::Timestamp::from_second(call.now_s + 8 * 3600);
    let today = beijing.map_err(|_| Fail::param("date"))?;
    let today = today.to_zoned(jiff::tz::TimeZone::UTC).date();
    let age = today
        .since(date)
        .map_err(|_| Fail::param("date"))?
        .get_days();
    ensure((0..=30).contains(&age), PARAM)?;
    let count = world.org.members.values().filter(|m| m.status == 1).count();
    Ok(json!({ "active_cnt": count }))
}

fn verified(world: &World, call: &Call<'_>) -> Result<Value, Fail> {
    let userid = call.param("userid").ok_or((41009, "missing userid"))?;
    world.member(userid).ok_or(UNKNOWN)?;
    Ok(json!({}))
}

fn invite(world: &World, call: &Call<'_>) -> Result<Value, Fail> {
    let fields = call.fields();
    let (users, parties) = (fields.texts("user")?, fields.numbers("party")?);
    let tags = fields.numbers("tag")?;
    let given = users.len() + parties.len() + tags.len();
    ensure(given > 0, (82001, "user & party & tag all empty"))?;
    ensure(users.len() <= 1000, (40032, "invalid userid list size"))?;
    ensure(parties.len() <= 100, (82002, "too many parties"))?;
    ensure(tags.len() <= 100, (82003, "too many tags"))?;
    let bad_users: Vec<&str> = users
        .into_iter()
        .filter(|u| world.member(u).is_none())
        .collect();
    let bad_parties: Vec<u64> = parties
        .into_iter()
        .filter(|p| !world.org.departments.contains_key(p))
        .collect();
    let bad_tags: Vec<u64> = tags
        .into_iter()
        .filter(|t| world.directory.tags.get(*t).is_none())
        .collect();
    let bad = bad_users.len() + bad_parties.len() + bad_tags.len();
    ensure(bad < given, (81013, "user & party & tag all invalid"))?;
    Ok(json!({
        "invaliduser": bad_users, "invalidparty": bad_parties, "invalidtag": bad_tags,
    }))
}

fn join_code(_: &World, call: &Call<'_>) -> Result<Value, Fail> {
    let size = call.param_number("size_type")?.unwrap_or(1);
    ensure((1..=4).contains(&size), PARAM)?;
    let until = call.now_s + 7 * 86_400;
    let code = format!(
        "https://open.work.weixin.qq.com/wwopen/userQRCode?vcode=vc0123456789&size={size}\
         &expire={until}"
    );
    Ok(json!({ "join_qrcode": code }))
}

fn callback_addresses(_: &World, _: &Call<'_>) -> Result<Value, Fail> {
    Ok(json!({ "ip_list": ["101.226.103.*", "101.226.62.*", "127.0.0.1"] }))
}

fn api_addresses(_: &World, _: &Call<'_>) -> Result<Value, Fail> {
    Ok(json!({ "ip_list": ["182.254.11.176", "127.0.0.0/8"] }))
}
