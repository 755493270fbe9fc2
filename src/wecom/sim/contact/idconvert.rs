//! ID 转换: one person under several ids.
//!
//! Source: WeCom documentation, 客户联系 ID 转换.

use serde_json::{Value, json};

use super::{APPS, EMPTY, NO_EXTERNAL_USERID, UNKNOWN_CUSTOMER};
use crate::wecom::sim::{
    check::{Call, Fail},
    fields::{Code, Fields, PARAM, ensure},
    firm::Customer,
    routes::{Route, Wrote},
    state::World,
    tokens::App,
};

const PENDING_S: i64 = 90 * 86_400;
/// Only for providers and their apps: no own app has the right.
const PROVIDERS: &[App] = &[];
const NOT_WECHAT: Code = (41056, "invalid external user type");
const NOT_BOUND: Code = (41057, "no wechat developer account bound");
const BAD_UNIONID: Code = (610014, "invalid unionid");
const TWO_PEOPLE: Code = (610018, "openid and unionid are of different accounts");

pub(super) const ROUTES: &[Route] = &[
    Route::post("externalcontact/convert_to_openid", APPS, to_openid),
    Route::post(
        "externalcontact/unionid_to_external_userid",
        APPS,
        customer_of_unionid,
    ),
    Route::write("idconvert/unionid_to_external_userid", APPS, known_as),
    Route::post(
        "idconvert/batch/external_userid_to_pending_id",
        APPS,
        were_pending,
    )
    .empty(&["result"]),
    Route::post("idconvert/convert_tmp_external_userid", APPS, temporary).empty(&["results"]),
    Route::post("idconvert/external_tagid", PROVIDERS, never),
    Route::post(
        "externalcontact/from_service_external_userid",
        APPS,
        from_service,
    ),
    Route::post(
        "externalcontact/to_service_external_userid",
        PROVIDERS,
        never,
    ),
    Route::post("externalcontact/get_new_external_userid", PROVIDERS, never),
    Route::post("batch/userid_to_openuserid", PROVIDERS, never),
];

/// A person who was asked about before being a customer.
#[derive(Debug, Clone)]
pub(super) struct Pending {
    unionid: String,
    made_at: i64,
}

fn never(_: &World, _: &Call<'_>) -> Result<Value, Fail> {
    Err(Fail::new(48002, "api forbidden"))
}

/// The openid of a WeChat user for the firm.
fn openid(customer: &Customer) -> String {
    let tail = customer.external_userid.get(10..).unwrap_or_default();
    format!("oMp{tail}")
}

fn customer(world: &World, id: &str) -> Result<Customer, Fail> {
    let customer = world.book.number(id).and_then(|n| world.book.get(n));
    Ok(customer.ok_or(UNKNOWN_CUSTOMER)?)
}

fn to_openid(world: &World, call: &Call<'_>) -> Result<Value, Fail> {
    let id = call
        .fields()
        .filled("external_userid", NO_EXTERNAL_USERID)?;
    let customer = customer(world, id)?;
    ensure(customer.kind == 1, NOT_WECHAT)?;
    ensure(world.contact.limit("developer_accounts", 1) > 0, NOT_BOUND)?;
    Ok(json!({ "openid": openid(&customer) }))
}

/// unionid and openid of one WeChat user, and the customer the unionid is of.
fn person<'b>(world: &World, fields: Fields<'b>) -> Result<(&'b str, Option<Customer>), Fail> {
    let unionid = fields.filled("unionid", BAD_UNIONID)?;
    let given = fields.filled("openid", EMPTY)?;
    let shaped = unionid.starts_with('o') && unionid.len() <= 64;
    ensure(shaped && unionid.is_ascii(), BAD_UNIONID)?;
    ensure(
        given.starts_with('o'),
        (845002, "openid of another subject"),
    )?;
    let mut all = (0..world.book.len()).filter_map(|n| world.book.get(n));
    let customer = all.find(|c| c.unionid.as_deref() == Some(unionid));
    // An openid that is known to be somebody else's.
    let of_firm = given.starts_with("oMp");
    let same = customer
        .as_ref()
        .is_none_or(|c| !of_firm || openid(c) == given);
    ensure(same, TWO_PEOPLE)?;
    Ok((unionid, customer.filter(|c| !c.relations.is_empty())))
}

fn customer_of_unionid(world: &World, call: &Call<'_>) -> Result<Value, Fail> {
    let (_, customer) = person(world, call.fields())?;
    let customer = customer.ok_or(UNKNOWN_CUSTOMER)?;
    let mut followers = customer.relations.iter();
    let seen = followers.any(|r| world.sees_userid(call.app, &r.userid));
    ensure(seen, UNKNOWN_CUSTOMER)?;
    Ok(json!({ "external_userid": customer.external_userid }))
}

fn known_as(world: &mut World, call: &Call<'_>) -> Result<Wrote, Fail> {
    let fields = call.fields();
    fields.one_of("subject_type", &[0, 1], PARAM)?;
    let (unionid, customer) = person(world, fields)?;
    if let Some(customer) = customer {
        let answer = json!({ "external_userid": customer.external_userid, "pending_id": "" });
        return Ok(answer.into());
    }
    let unionid = unionid.to_owned();
    let good = |p: &Pending| p.unionid == unionid && call.now_s - p.made_at <= PENDING_S;
    let known = world.contact.pending.iter().find(|(_, p)| good(p));
    let id = match known.map(|(id, _)| id.clone()) {
        Some(id) => id,
        None => {
            let id = world.fresh().id("pd", 30);
            let made_at = call.now_s;
            let pending = Pending { unionid, made_at };
            world.contact.pending.insert(id.clone(), pending);
            id
        }
    };
    Ok(json!({ "external_userid": "", "pending_id": id }).into())
}

fn were_pending(world: &World, call: &Call<'_>) -> Result<Value, Fail> {
    let fields = call.fields();
    let ids = fields.texts("external_userid")?;
    ensure((1..=100).contains(&ids.len()), PARAM)?;
    let chat = fields.text("chat_id")?.filter(|chat| !chat.is_empty());
    let group = chat
        .map(|chat| {
            world
                .groups
                .get(chat)
                .ok_or((90501, "chat is not external group chat"))
        })
        .transpose()?;
    let mut rows = Vec::new();
    for id in ids {
        let inside = group.is_none_or(|g| g.members.iter().any(|m| m.userid == id));
        let customer = world.book.number(id).and_then(|n| world.book.get(n));
        let unionid = customer.filter(|_| inside).and_then(|c| c.unionid);
        let of_person = |p: &Pending| unionid.as_ref() == Some(&p.unionid);
        let mut pending = world.contact.pending.iter();
        let found = pending.find(|(_, p)| of_person(p) && call.now_s - p.made_at <= PENDING_S);
        rows.extend(found.map(|(pd, _)| json!({ "external_userid": id, "pending_id": pd })));
    }
    Ok(json!({ "result": rows }))
}

/// Temporary ids come from providers' products, of which the firm uses none.
fn temporary(_: &World, call: &Call<'_>) -> Result<Value, Fail> {
    let fields = call.fields();
    let ids = fields.texts("tmp_external_userid_list")?;
    ensure((1..=100).contains(&ids.len()), PARAM)?;
    for name in ["business_type", "user_type"] {
        fields.number(name)?.ok_or_else(|| Fail::param(name))?;
    }
    Ok(json!({ "results": [], "invalid_tmp_external_userid_list": ids }))
}

/// The same: no id of a provider is known.
fn from_service(_: &World, call: &Call<'_>) -> Result<Value, Fail> {
    let fields = call.fields();
    fields.filled("external_userid", NO_EXTERNAL_USERID)?;
    fields.number("source_agentid")?.ok_or(PARAM)?;
    Err(UNKNOWN_CUSTOMER.into())
}
