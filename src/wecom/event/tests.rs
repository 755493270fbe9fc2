//! Every event of the documentation as a type; nothing that comes in can do harm.

use proptest::prelude::*;

use super::*;

/// An event around `inner`, as WeCom writes it.
fn wrapped(event: &str, change: &str, inner: &str) -> String {
    format!(
        "<xml><ToUserName><![CDATA[ww0123456789abcdef]]></ToUserName>\
         <FromUserName><![CDATA[sys]]></FromUserName>\n<CreateTime>1772330400</CreateTime>\
         <MsgType><![CDATA[event]]></MsgType><Event><![CDATA[{event}]]></Event>\
         <ChangeType><![CDATA[{change}]]></ChangeType>{inner}</xml>"
    )
}

fn read(event: &str, change: &str, inner: &str) -> Event {
    let received = Received::parse(wrapped(event, change, inner).as_bytes()).unwrap();
    assert_eq!(received.to, "ww0123456789abcdef");
    assert_eq!((received.from.as_str(), received.agentid), ("sys", None));
    assert_eq!(received.at, Timestamp::from_s(1_772_330_400));
    received.event
}

fn some(text: &str) -> Option<String> {
    Some(text.to_owned())
}

#[test]
fn members_come_change_and_go() {
    let read = |change: &str, inner: &str| match read("change_contact", change, inner) {
        Event::Directory(event) => event,
        other => panic!("{other:?}"),
    };
    let user = "<UserID><![CDATA[chenyu]]></UserID>";
    let userid = "chenyu".to_owned();
    assert_eq!(
        read(
            "create_user",
            &format!("{user}<Department><![CDATA[5,8]]></Department>")
        ),
        DirectoryEvent::MemberCreated {
            userid: userid.clone(),
            departments: vec![5, 8]
        }
    );
    assert_eq!(
        read(
            "update_user",
            &format!("{user}<NewUserID>cy</NewUserID><Name>陈雨</Name>")
        ),
        DirectoryEvent::MemberUpdated {
            userid: userid.clone(),
            new_userid: some("cy"),
            departments: None,
        }
    );
    // Nothing in it: not told, rather than in no department at all.
    assert_eq!(
        read("update_user", &format!("{user}<Department></Department>")),
        DirectoryEvent::MemberUpdated {
            userid: userid.clone(),
            new_userid: None,
            departments: None,
        }
    );
    assert_eq!(
        read("delete_user", user),
        DirectoryEvent::MemberDeleted { userid }
    );
}

#[test]
fn departments_and_directory_tags_change() {
    let read = |change: &str, inner: &str| match read("change_contact", change, inner) {
        Event::Directory(event) => event,
        other => panic!("{other:?}"),
    };
    let id = 4_294_967_295;
    assert_eq!(
        read(
            "create_party",
            "<Id>4294967295</Id><ParentId><![CDATA[1]]></ParentId>"
        ),
        DirectoryEvent::DepartmentCreated {
            id,
            parent: Some(1)
        }
    );
    assert_eq!(
        read("update_party", "<Id>4294967295</Id><Name>华东</Name>"),
        DirectoryEvent::DepartmentUpdated { id, parent: None }
    );
    assert_eq!(
        read("delete_party", "<Id>4294967295</Id>"),
        DirectoryEvent::DepartmentDeleted { id }
    );
    let lists = "<TagId>1</TagId><AddUserItems><![CDATA[a,b]]></AddUserItems>\
                 <DelPartyItems><![CDATA[3|4]]></DelPartyItems>";
    assert_eq!(
        read("update_tag", lists),
        DirectoryEvent::TagUpdated {
            tag_id: 1,
            added: Moves {
                members: vec!["a".to_owned(), "b".to_owned()],
                departments: vec![]
            },
            removed: Moves {
                members: vec![],
                departments: vec![3, 4]
            },
        }
    );
}

#[test]
fn relations_begin_change_and_end() {
    let ids = "<UserID><![CDATA[chenyu]]></UserID><ExternalUserID>wmQ1</ExternalUserID>";
    let read = |change, inner: &str| {
        let inner = format!("{ids}{inner}");
        match read("change_external_contact", change, &inner) {
            Event::Customer(event) => {
                assert_eq!(
                    (&*event.userid, &*event.external_userid),
                    ("chenyu", "wmQ1")
                );
                event.change
            }
            other => panic!("{other:?}"),
        }
    };
    let code = "<State><![CDATA[qr-expo-03]]></State><WelcomeCode><![CDATA[c0de]]></WelcomeCode>";
    let added = |half, state, welcome_code| CustomerChange::Added {
        half,
        state,
        welcome_code,
    };
    let full = added(false, some("qr-expo-03"), some("c0de"));
    assert_eq!(read("add_external_contact", code), full);
    assert_eq!(read("add_external_contact", ""), added(false, None, None));
    assert_eq!(
        read("add_half_external_contact", code),
        added(true, some("qr-expo-03"), some("c0de"))
    );
    for (inner, state) in [("", None), ("<State>s</State>", some("s"))] {
        let edited = CustomerChange::Edited { state };
        assert_eq!(read("edit_external_contact", inner), edited);
    }
    assert_eq!(
        read(
            "del_external_contact",
            "<Source>DELETE_BY_TRANSFER</Source>"
        ),
        CustomerChange::DeletedByMember {
            source: some("DELETE_BY_TRANSFER")
        }
    );
    assert_eq!(
        read("del_follow_user", ""),
        CustomerChange::DeletedByCustomer
    );
    assert_eq!(
        read("transfer_fail", "<FailReason>customer_refused</FailReason>"),
        CustomerChange::TransferFailed {
            reason: "customer_refused".to_owned()
        }
    );
    assert_eq!(
        read("msg_audit_approved", "<WelcomeCode>c</WelcomeCode>"),
        CustomerChange::ArchiveAgreed {
            welcome_code: some("c")
        }
    );
}

#[test]
fn groups_change_in_every_way() {
    let read = |change, inner: &str| {
        let inner = format!("<ChatId><![CDATA[wrQ1]]></ChatId>{inner}");
        match read("change_external_chat", change, &inner) {
            Event::Group(event) => {
                assert_eq!(event.chat_id, "wrQ1");
                event.change
            }
            other => panic!("{other:?}"),
        }
    };
    let detail = |name: &str, more: &str| {
        read(
            "update",
            &format!("<UpdateDetail><![CDATA[{name}]]></UpdateDetail>{more}"),
        )
    };
    assert_eq!(read("create", ""), GroupChange::Created);
    assert_eq!(read("dismiss", ""), GroupChange::Disbanded);
    let joined = "<JoinScene>3</JoinScene><MemChangeCnt>2</MemChangeCnt><MemChangeList>\
                  <Item><![CDATA[wmQ1]]></Item><Item>wmQ2</Item></MemChangeList>\
                  <LastMemVer>71</LastMemVer><CurMemVer>8c</CurMemVer>";
    assert_eq!(
        detail("add_member", joined),
        GroupChange::Joined(MemberMoves {
            scene: Some(3),
            count: Some(2),
            who: vec!["wmQ1".to_owned(), "wmQ2".to_owned()],
            version_before: some("71"),
            version: some("8c"),
        })
    );
    let left = MemberMoves {
        scene: Some(0),
        ..MemberMoves::default()
    };
    assert_eq!(
        detail("del_member", "<QuitScene>0</QuitScene>"),
        GroupChange::Left(left)
    );
    assert_eq!(detail("change_owner", ""), GroupChange::OwnerChanged);
    // A captured delivery carried fields of joining with a new name.
    assert_eq!(
        detail("change_name", "<JoinScene>0</JoinScene>"),
        GroupChange::Renamed
    );
    assert_eq!(detail("change_notice", ""), GroupChange::NoticeChanged);
    assert_eq!(
        detail("later", ""),
        GroupChange::Updated {
            detail: "later".to_owned()
        }
    );
}

#[test]
fn tags_and_links_report() {
    let tag = |change: &str, inner: &str| match read("change_external_tag", change, inner) {
        Event::Tag(event) => (event.change, event.strategy_id),
        other => panic!("{other:?}"),
    };
    let id = "etQ1".to_owned();
    assert_eq!(
        tag(
            "create",
            "<Id>etQ1</Id><TagType>tag</TagType><StrategyId>7</StrategyId>"
        ),
        (TagChange::Created(TagObject::Tag(id.clone())), Some(7))
    );
    assert_eq!(
        tag("delete", "<Id>etQ1</Id><TagType>tag_group</TagType>"),
        (TagChange::Deleted(TagObject::Group(id.clone())), None)
    );
    assert_eq!(
        tag("update", "<Id>etQ1</Id><TagType>tag</TagType>"),
        (TagChange::Updated(TagObject::Tag(id)), None)
    );
    assert_eq!(
        tag("shuffle", "<Id></Id>"),
        (TagChange::Shuffled { group: None }, None)
    );

    let link = |change| match read(
        "customer_acquisition",
        change,
        "<LinkId>l1</LinkId><UserID>u</UserID><ExternalUserID>wm</ExternalUserID><State>s</State>\
         <ChatKey>k</ChatKey><ChatSeq>2</ChatSeq><ExpireTime>1780243200</ExpireTime>\
         <ExpireQuotaNum>64</ExpireQuotaNum>",
    ) {
        Event::Acquisition(event) => event,
        other => panic!("{other:?}"),
    };
    let link_id = "l1".to_owned();
    assert_eq!(link("balance_low"), AcquisitionEvent::BalanceLow);
    assert_eq!(
        link("balance_exhausted"),
        AcquisitionEvent::BalanceExhausted
    );
    assert_eq!(
        link("quota_expire_soon"),
        AcquisitionEvent::QuotaExpiresSoon {
            expires_at: Some(1_780_243_200),
            quota: Some(64)
        }
    );
    let deleted = AcquisitionEvent::LinkDeleted {
        link_id: link_id.clone(),
    };
    assert_eq!(link("delete_link"), deleted);
    let unavailable = AcquisitionEvent::LinkUnavailable {
        link_id: link_id.clone(),
    };
    assert_eq!(link("link_unavailable"), unavailable);
    let opened = AcquisitionEvent::ProfileOpened {
        link_id: link_id.clone(),
        state: some("s"),
    };
    assert_eq!(link("open_profile"), opened);
    let request = AcquisitionEvent::FriendRequested {
        link_id: link_id.clone(),
        state: some("s"),
    };
    assert_eq!(link("friend_request"), request);
    let (userid, external_userid) = ("u".to_owned(), "wm".to_owned());
    let chat = AcquisitionEvent::ChatStarted {
        userid,
        external_userid,
    };
    assert_eq!(link("customer_start_chat"), chat);
    let (chat_key, chat_seq, state) = (some("k"), Some(2), some("s"));
    let message = AcquisitionEvent::MessageFromCustomer {
        link_id,
        chat_key,
        chat_seq,
        state,
    };
    assert_eq!(link("message_from_customer"), message);
}

#[test]
fn approvals_jobs_and_the_archive_report() {
    let own = "<ApprovalInfo><SpNo>202601010001</SpNo><SpStatus>2</SpStatus>\
               <StatuChangeEvent>2</StatuChangeEvent><TemplateId>3Tm</TemplateId>\
               <SpRecord><SpStatus>1</SpStatus></SpRecord><SpRecord/></ApprovalInfo>";
    assert_eq!(
        read("sys_approval_change", "", own),
        Event::Approval(ApprovalEvent {
            number: "202601010001".to_owned(),
            own_engine: false,
            status: Some(2),
            cause: Some(2),
            template_id: some("3Tm"),
        })
    );
    let built = "<ApprovalInfo><ThirdNo>t1</ThirdNo><OpenSpStatus>3</OpenSpStatus></ApprovalInfo>";
    let Event::Approval(event) = read("open_approval_change", "", built) else {
        panic!("no approval")
    };
    assert_eq!(
        (&*event.number, event.own_engine, event.status),
        ("t1", true, Some(3))
    );
    assert_eq!(read("msgaudit_notify", "", ""), Event::ArchiveNotify);
    let job = "<BatchJob><JobId>j1</JobId><JobType>sync_user</JobType><ErrCode>0</ErrCode>\
               <ErrMsg>ok</ErrMsg></BatchJob>";
    assert_eq!(
        read("batch_job_result", "", job),
        Event::BatchJob(BatchJob {
            id: "j1".to_owned(),
            kind: "sync_user".to_owned(),
            errcode: 0,
            errmsg: "ok".to_owned(),
        })
    );
}

#[test]
fn a_message_is_read_with_its_blanks() {
    let xml = "<xml><ToUserName>ww1</ToUserName><FromUserName>chenyu</FromUserName>\
               <CreateTime>1409659813</CreateTime><MsgType><![CDATA[text]]></MsgType>\
               <Content><![CDATA[ 好的 ]]></Content><MsgId>4561255354251345929</MsgId>\
               <AgentID>218</AgentID></xml>";
    let received = Received::parse(xml.as_bytes()).unwrap();
    assert_eq!((&*received.from, received.agentid), ("chenyu", Some(218)));
    assert_eq!(
        received.event,
        Event::Message(Message {
            kind: "text".to_owned(),
            id: "4561255354251345929".to_owned(),
            text: some(" 好的 "),
            media_id: None,
        })
    );
}

#[test]
fn the_unknown_is_kept_and_the_useless_is_named() {
    let other = |event: &str, change_type: &str| Event::Other {
        event: event.to_owned(),
        change_type: change_type.to_owned(),
    };
    for (event, change) in [
        ("share_chain_change", ""),
        ("change_contact", "create_moon"),
        ("change_external_contact", "later"),
        ("change_external_chat", "later"),
        ("change_external_tag", "later"),
        ("customer_acquisition", "later"),
    ] {
        assert_eq!(
            read(event, change, "<New><A>1</A></New>"),
            other(event, change)
        );
    }
    let refusal = |xml: &str| Received::parse(xml.as_bytes()).unwrap_err();
    let no_id = wrapped(
        "change_external_contact",
        "del_follow_user",
        "<UserID>a</UserID>",
    );
    assert_eq!(refusal(&no_id), Error::Field("ExternalUserID"));
    assert_eq!(refusal("<xml/>"), Error::Field("CreateTime"));
    assert_eq!(
        refusal("<xml><CreateTime>1</CreateTime></xml>"),
        Error::Field("MsgType")
    );
    assert_eq!(
        refusal("<!DOCTYPE x><xml/>"),
        Error::Xml(xml::Error::DocType)
    );
}

proptest! {
    #[test]
    fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        drop(Received::parse(&bytes));
    }

    #[test]
    fn no_fields_panic(
        event in proptest::sample::select(vec![
            "change_contact", "change_external_contact", "change_external_chat",
            "change_external_tag", "customer_acquisition", "sys_approval_change",
            "batch_job_result", "x",
        ]),
        change in "[a-z_]{0,20}|create|update|create_user|update_tag|add_external_contact",
        names in proptest::collection::vec("[A-Z][A-Za-z]{1,12}|UserID|Id|ChatId", 0..6),
        text in "[^<&\u{0}]{0,20}",
    ) {
        let inner: String = names.iter().map(|n| format!("<{n}>{text}</{n}>")).collect();
        drop(Received::parse(wrapped(event, &change, &inner).as_bytes()));
    }
}
