//! Asking WeCom about one thing and applying the answer.

use std::collections::{BTreeMap, HashSet};

use crate::{
    app::App,
    customers::{
        self, GroupState, LastWord,
        sync::{CustomerFacts, GroupFacts, RelationFacts},
    },
    error::Result,
    org::{
        self, MemberId,
        sync::{DepartmentFacts, MemberFacts},
    },
    store::{StoreError, Write},
    tags,
    wecom::Client,
};

use super::{Target, mapping, pilot::Pilot};

/// What WeCom has answered about a target, and what has to be known before.
pub(super) struct Pulled {
    /// Members the directory does not know yet.
    members: Vec<MemberFacts>,
    /// All tags, if one was named that is not known yet.
    tags: Option<Vec<tags::sync::GroupFacts>>,
    /// Who may add customers, if a member is new here: no event tells.
    serving: Option<Vec<String>>,
    answer: Answer,
    /// What a customer did about a member: external_userid, userid, what.
    last_word: Option<(String, String, LastWord)>,
}

enum Answer {
    Departments(Vec<DepartmentFacts>),
    Member {
        userid: String,
        renamed_from: Option<String>,
        /// None if WeCom does not know the userid.
        facts: Option<MemberFacts>,
    },
    Tags(Vec<tags::sync::GroupFacts>),
    Customer {
        external_userid: String,
        /// None if WeCom does not know the customer any more.
        facts: Option<(CustomerFacts, Vec<RelationFacts>)>,
    },
    Group {
        chat_id: String,
        /// None if WeCom does not know the group any more.
        facts: Option<GroupFacts>,
    },
}

impl Pulled {
    fn of(answer: Answer) -> Self {
        Self {
            members: Vec::new(),
            tags: None,
            serving: None,
            answer,
            last_word: None,
        }
    }
}

/// Asks about a target. Nothing is changed here; a failed call is an error, never «gone».
pub(super) async fn ask(app: &App, client: &Client, target: &Target) -> Result<Pulled> {
    Ok(match target {
        Target::Departments => {
            let told = client.departments().await?;
            Pulled::of(Answer::Departments(mapping::departments(told)))
        }
        Target::Tags => {
            let told = client.corp_tags().await?;
            Pulled::of(Answer::Tags(mapping::tag_groups(told)))
        }
        Target::Member(userid) => member(app, client, userid, None).await?,
        Target::RenamedMember { before, userid } => {
            member(app, client, userid, Some(before)).await?
        }
        Target::Customer(external_userid) => customer(app, client, external_userid).await?,
        Target::LastWord {
            customer: external_userid,
            userid,
            word,
        } => Pulled {
            last_word: Some((external_userid.clone(), userid.clone(), *word)),
            ..customer(app, client, external_userid).await?
        },
        Target::Group(chat_id) => group(app, client, chat_id).await?,
    })
}

async fn member(
    app: &App,
    client: &Client,
    userid: &str,
    renamed_from: Option<&String>,
) -> Result<Pulled> {
    let told = client.member(userid).await?;
    let known = app.read(|r| org::queries::member_by_userid(r, userid))?;
    let is_new = renamed_from.is_none() && known.is_none_or(|member| !member.is_here());
    let serving = match told.is_some() && is_new {
        true => Some(client.follow_users().await?),
        false => None,
    };
    let pulled = Pulled::of(Answer::Member {
        userid: userid.to_owned(),
        renamed_from: renamed_from.cloned(),
        facts: told.map(mapping::member),
    });
    Ok(Pulled { serving, ..pulled })
}

async fn customer(app: &App, client: &Client, external_userid: &str) -> Result<Pulled> {
    let told = client.customer(external_userid).await?;
    let facts = told.map(|told| {
        let relations = told.follow_user.into_iter().map(mapping::relation);
        (
            mapping::customer(told.external_contact),
            relations.collect::<Vec<_>>(),
        )
    });
    let relations = facts.iter().flat_map(|(_, relations)| relations);
    let userids: Vec<String> = relations.clone().map(|r| r.userid.clone()).collect();
    let unknown_tag = app.read(|r| {
        for tag in relations.flat_map(|r| &r.tags) {
            if tags::sync::tag_by_wecom_id(r, tag)?.is_none() {
                return Ok::<_, StoreError>(true);
            }
        }
        Ok(false)
    })?;
    let tags = match unknown_tag {
        true => Some(mapping::tag_groups(client.corp_tags().await?)),
        false => None,
    };
    Ok(Pulled {
        members: unknown_members(app, client, &userids).await?,
        tags,
        serving: None,
        answer: Answer::Customer {
            external_userid: external_userid.to_owned(),
            facts,
        },
        last_word: None,
    })
}

async fn group(app: &App, client: &Client, chat_id: &str) -> Result<Pulled> {
    let told = client.group(chat_id).await?;
    // The answer about one group does not tell its state; only the listing does.
    let known = app.read(|r| customers::sync::group_by_chat_id(r, chat_id))?;
    let state = match known.map(|group| group.state) {
        Some(GroupState::Gone { .. }) | None => GroupState::Normal,
        Some(state) => state,
    };
    let facts = told.map(|told| mapping::group(told, state));
    let owner: Vec<String> = facts.iter().map(|facts| facts.owner.clone()).collect();
    Ok(Pulled {
        members: unknown_members(app, client, &owner).await?,
        tags: None,
        serving: None,
        answer: Answer::Group {
            chat_id: chat_id.to_owned(),
            facts,
        },
        last_word: None,
    })
}

/// Members named by an answer but not in the directory yet: their own events may come later.
async fn unknown_members(
    app: &App,
    client: &Client,
    userids: &[String],
) -> Result<Vec<MemberFacts>> {
    let mut found = Vec::new();
    for userid in userids.iter().filter(|userid| !userid.is_empty()) {
        if app
            .read(|r| org::queries::member_by_userid(r, userid))?
            .is_none()
        {
            found.extend(client.member(userid).await?.map(mapping::member));
        }
    }
    Ok(found)
}

/// Applies an answer. Applying the same one again changes nothing.
pub(super) fn apply(w: &mut Write<'_>, pulled: &Pulled) -> Result<(), StoreError> {
    if !pulled.members.is_empty() {
        org::sync::apply_members(w, &pulled.members)?;
    }
    if let Some(groups) = &pulled.tags {
        tags::sync::apply(w, groups)?;
    }
    match &pulled.answer {
        Answer::Departments(facts) => {
            org::sync::apply_departments(w, facts, true)?;
        }
        Answer::Tags(groups) => {
            tags::sync::apply(w, groups)?;
        }
        Answer::Member {
            userid,
            renamed_from,
            facts,
        } => {
            apply_member(w, userid, renamed_from.as_deref(), facts.as_ref())?;
            if let Some(serving) = &pulled.serving {
                org::sync::apply_follow_users(w, serving)?;
            }
        }
        Answer::Customer {
            external_userid,
            facts: None,
        } => {
            customers::sync::apply_gone(w, external_userid)?;
        }
        Answer::Customer {
            facts: Some((customer, relations)),
            ..
        } => apply_customer(w, customer, relations)?,
        Answer::Group {
            chat_id,
            facts: None,
        } => customers::sync::mark_group_gone(w, chat_id)?,
        Answer::Group {
            facts: Some(facts), ..
        } => {
            // It may have been handed to somebody outside the pilot a moment ago.
            if Pilot::load(&w.read())?.has_userid(&w.read(), &facts.owner)? {
                let members = members(w)?;
                customers::sync::apply_group(w, &members, facts)?;
            }
        }
    }
    if let Some((external_userid, userid, word)) = &pulled.last_word
        && let Some(member) = org::queries::member_id_by_userid(&w.read(), userid)?
    {
        customers::sync::note_last_word(w, external_userid, member, *word)?;
    }
    Ok(())
}

/// One answer tells all followers. Of those outside the pilot nothing is stored, and what was
/// stored before stays as it was.
fn apply_customer(
    w: &mut Write<'_>,
    customer: &CustomerFacts,
    relations: &[RelationFacts],
) -> Result<(), StoreError> {
    let members = members(w)?;
    let pilot = Pilot::load(&w.read())?;
    if !pilot.is_limited() {
        customers::sync::apply_customer(w, &members, customer, relations, &HashSet::new())?;
        return Ok(());
    }
    let mut inside = Vec::new();
    for relation in relations {
        if pilot.has_userid(&w.read(), &relation.userid)? {
            inside.push(relation.clone());
        }
    }
    let known = customers::sync::by_external_userid(&w.read(), &customer.external_userid)?;
    if inside.is_empty() && known.is_none() {
        return Ok(());
    }
    let mut untouched = HashSet::new();
    if let Some(known) = known {
        for relation in customers::sync::relations_of(&w.read(), known.id)? {
            if !pilot.has_member(&w.read(), relation.member)? {
                untouched.insert(relation.member);
            }
        }
    }
    customers::sync::apply_customer(w, &members, customer, &inside, &untouched)?;
    Ok(())
}

fn members(w: &Write<'_>) -> Result<BTreeMap<String, MemberId>, StoreError> {
    org::sync::members_by_userid(&w.read())
}

fn apply_member(
    w: &mut Write<'_>,
    userid: &str,
    renamed_from: Option<&str>,
    facts: Option<&MemberFacts>,
) -> Result<(), StoreError> {
    match facts {
        Some(facts) => {
            if let Some(before) = renamed_from {
                org::sync::rename_member(w, before, userid)?;
            }
            org::sync::apply_members(w, std::slice::from_ref(facts))?;
        }
        None => {
            org::sync::mark_left(w, &[userid.to_owned()])?;
        }
    }
    Ok(())
}
