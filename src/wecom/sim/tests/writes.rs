//! The product's own typed calls that write, against this server.

use bytes::Bytes;

use super::{super::Fault, client::client, start};
use crate::wecom::{
    ByUrlState, CardButton, CardTitle, CardType, CardUpdate, Content, Error, FileByUrl, ImportKind,
    Invitation, MailKind, MediaKind, MemberChange, MemberFields, Message, NewFile, NewMember,
    Receivers, TagOwner, TemplateCard,
};

fn liang() -> NewMember {
    NewMember {
        userid: "liang".to_owned(),
        fields: MemberFields {
            name: Some("梁冬".to_owned()),
            mobile: Some("13900000002".to_owned()),
            department: Some(vec![101]),
            ..MemberFields::default()
        },
        to_invite: false,
    }
}

#[actix_web::test]
async fn members_are_written_and_found() {
    let sim = start(2, 20);
    let client = client(&sim);
    assert_eq!(client.create_member(&liang()).await, Ok(vec![]));
    let change = MemberChange {
        userid: "liang".to_owned(),
        fields: MemberFields {
            position: Some("顾问".to_owned()),
            ..MemberFields::default()
        },
        ..MemberChange::default()
    };
    client.update_member(&change).await.unwrap();
    let read = client.member("liang").await.unwrap().unwrap();
    assert_eq!(
        (read.name.as_str(), read.position.as_deref()),
        ("梁冬", Some("顾问"))
    );
    let found = client.userid_of_mobile("13900000002").await;
    assert_eq!(found, Ok(Some("liang".to_owned())));
    assert_eq!(client.userid_of_mobile("13911111111").await, Ok(None));
    let mail = "zhoumin@yunling.example.com";
    let found = client.userid_of_mail(mail, MailKind::Corp).await;
    assert_eq!(found, Ok(Some("zhoumin".to_owned())));
    let openid = client.member_openid("zhoumin").await.unwrap().unwrap();
    let back = client.userid_of_openid(&openid).await;
    assert_eq!(back, Ok(Some("zhoumin".to_owned())));
    let places = client.member_places().all().await.unwrap();
    assert!(
        places
            .iter()
            .any(|p| p.userid == "liang" && p.department == 101)
    );
    assert_eq!(client.department_places().await.unwrap().len(), 25);
    assert_eq!(
        client.department(101).await.unwrap().unwrap().name,
        "静安大悦城店"
    );
    assert_eq!(client.department(999).await.unwrap().map(|d| d.id), None);
    assert_eq!(client.member_names(101).await.unwrap().unwrap().len(), 5);
    assert!(client.join_code(1).await.unwrap().starts_with("https://"));
    assert!(!client.api_addresses().await.unwrap().is_empty());
    let invitation = Invitation {
        user: vec!["liang".to_owned(), "nobody".to_owned()],
        ..Invitation::default()
    };
    assert_eq!(
        client.invite(&invitation).await.unwrap().invaliduser,
        ["nobody"]
    );
    assert_eq!(client.delete_member("liang").await, Ok(true));
    assert_eq!(client.delete_member("liang").await, Ok(false));
}

/// An answer that is lost says nothing about whether the deed was done.
#[actix_web::test]
async fn a_lost_answer_is_unclear_and_asked_for_once() {
    let sim = start(2, 20);
    let client = client(&sim);
    for (fault, done) in [
        (Fault::StatusAfter(502), true),
        (Fault::Status(502), false),
        (Fault::HalfBody, true),
    ] {
        sim.inject(Some("user/create"), 1, fault);
        let calls = sim.calls();
        let lost = client.create_member(&liang()).await.unwrap_err();
        assert!(!lost.is_certain(), "{fault:?}: {lost}");
        assert!(sim.calls() <= calls + 2, "once, with a token at most");
        sim.clear_faults();
        assert_eq!(client.delete_member("liang").await, Ok(done), "{fault:?}");
    }
    sim.inject(Some("user/create"), 1, Fault::ErrcodeAfter(-1));
    assert!(client.create_member(&liang()).await.is_err());
    sim.clear_faults();
    assert!(client.member("liang").await.unwrap().is_some());
}

#[actix_web::test]
async fn directory_tags_are_kept() {
    let sim = start(2, 20);
    let client = client(&sim);
    let app = TagOwner::App;
    let id = client
        .create_directory_tag(app, "值班", None)
        .await
        .unwrap();
    let users = ["zhoumin".to_owned(), "nobody".to_owned()];
    let untagged = client.tag_members(app, id, &users, &[4, 99]).await.unwrap();
    assert_eq!(
        (untagged.users, untagged.parties),
        (vec!["nobody".to_owned()], vec![99])
    );
    client
        .rename_directory_tag(app, id, "值班表")
        .await
        .unwrap();
    let tag = client.directory_tag(app, id).await.unwrap().unwrap();
    assert_eq!(
        (tag.tagname.as_str(), tag.userlist[0].userid.as_str()),
        ("值班表", "zhoumin")
    );
    client
        .untag_members(app, id, &users[..1], &[])
        .await
        .unwrap();
    assert_eq!(client.directory_tags(app).await.unwrap().len(), 2);
    assert_eq!(client.delete_directory_tag(app, id).await, Ok(true));
    assert_eq!(client.delete_directory_tag(app, id).await, Ok(false));
    assert_eq!(client.directory_tag(app, id).await.unwrap(), None);
}

#[actix_web::test]
async fn messages_cards_and_files_go_out() {
    let sim = start(2, 20);
    sim.set_callback("http://127.0.0.1:1/nobody");
    let client = client(&sim);
    let message = |content| Message {
        to: Receivers::one("zhoumin"),
        content,
        safe: false,
        once_within_s: Some(600),
    };
    let hello = message(Content::text("你好"));
    let sent = client.send_message(sim.agentid, &hello).await.unwrap();
    let again = client.send_message(sim.agentid, &hello).await.unwrap();
    assert_eq!(sent.msgid, again.msgid);
    client.recall_message(&sent.msgid).await.unwrap();
    let card = TemplateCard {
        card_type: CardType::ButtonInteraction,
        task_id: Some("t-1".to_owned()),
        main_title: Some(CardTitle {
            title: Some("群发待确认".to_owned()),
            desc: None,
        }),
        button_list: vec![CardButton {
            text: "确认".to_owned(),
            key: Some("ok".to_owned()),
            ..CardButton::default()
        }],
        ..TemplateCard::default()
    };
    let sent = client
        .send_message(sim.agentid, &message(Content::card(card)))
        .await
        .unwrap();
    let code = sent.response_code.unwrap();
    let update = CardUpdate::Button("已确认".to_owned());
    let bad = client.update_card(sim.agentid, &code, &[], &update).await;
    assert_eq!(bad, Ok(vec![]));
    let counts = client.message_counts(false).await.unwrap();
    assert_eq!((counts.len(), counts[0].count), (1, 2));

    let file = NewFile {
        name: "清单 1.csv".to_owned(),
        content_type: "text/csv".to_owned(),
        bytes: Bytes::from_static(
            "姓名,帐号,手机号,所在部门\n梁冬,liang,13900000002,101\n".as_bytes(),
        ),
    };
    let up = client.upload(MediaKind::File, &file).await.unwrap();
    let down = client.fetch(&up.media_id, None).await.unwrap();
    assert_eq!(
        (down.name.as_str(), &down.bytes, down.content_type.as_str()),
        ("清单 1.csv", &file.bytes, "text/csv")
    );
    let piece = client.fetch(&up.media_id, Some((0, 5))).await.unwrap();
    assert_eq!(
        (&piece.bytes[..], piece.whole),
        ("姓名".as_bytes(), down.whole)
    );
    let gone = client.fetch("none", None).await;
    assert!(
        matches!(gone, Err(Error::Refused { errcode: 40007, .. })),
        "{gone:?}"
    );
    let picture = client.upload_picture(&file).await;
    assert!(
        matches!(picture, Err(Error::Refused { errcode: 40123, .. })),
        "{picture:?}"
    );
    let ticket = client.agent_ticket().await.unwrap();
    assert!(ticket.expires_in > 0 && ticket != client.jsapi_ticket().await.unwrap());

    let import = client.upload_import(&file).await.unwrap();
    let job = client
        .import(ImportKind::SyncMembers, &import.media_id, false)
        .await
        .unwrap();
    assert!(client.import_state(&job).await.unwrap().status < 3);
    sim.clock().advance_ms(2000);
    let state = client.import_state(&job).await.unwrap();
    assert_eq!((state.status, state.result[0].errcode), (3, 0));
    assert!(client.member("liang").await.unwrap().is_some());
    let by_url = FileByUrl {
        kind: "file".to_owned(),
        filename: "a.pdf".to_owned(),
        url: "https://a.cn/a.pdf".to_owned(),
        md5: "0123456789abcdef0123456789abcdef".to_owned(),
    };
    let job = client.upload_by_url(&by_url).await.unwrap();
    assert_eq!(
        client.upload_by_url_state(&job).await,
        Ok(ByUrlState::Running)
    );
    sim.clock().advance_ms(2000);
    let done = client.upload_by_url_state(&job).await;
    assert!(matches!(done, Ok(ByUrlState::Done(_))), "{done:?}");
}
