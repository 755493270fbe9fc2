//! Welcome messages and templates for groups.

use serde_json::json;

use super::{
    super::super::{CodeVerb, SimHandle},
    PNG, Raw, Receiver, UPLOAD, client, expect, refused, relations, start, uploaded,
};
use crate::wecom::{
    Attachment, Greeting, GroupWelcome, Image, Link, Material, Media, MiniProgramCard, Text,
    event::CustomerChange,
};

const SEND: &str = "externalcontact/send_welcome_msg";

/// Somebody new, and the code to greet with.
async fn added(sim: &SimHandle, receiver: &Receiver) -> (String, String) {
    let id = sim.add_customer("zhoumin", "新客");
    match relations(receiver.events(sim).await).remove(0).2 {
        CustomerChange::Added { welcome_code, .. } => (id, welcome_code.unwrap()),
        other => panic!("{other:?}"),
    }
}

fn link() -> Attachment {
    Attachment::Link {
        link: Link {
            title: "门店地图".to_owned(),
            url: "https://scrm.example.cn/m".to_owned(),
            ..Link::default()
        },
    }
}

#[actix_web::test]
async fn a_code_greets_once_and_within_twenty_seconds() {
    let sim = start(1, 20);
    let receiver = Receiver::of(&sim);
    let client = client(&sim);
    let text = Text::new("您好，我是周敏");
    let (id, code) = added(&sim, &receiver).await;
    sim.clock().advance_ms(20_000);
    let sent = client.send_welcome(&code, Some(&text), &[link()]).await;
    assert_eq!(sent, Ok(Greeting::Sent));
    let greeted = sim.greeted().remove(0);
    assert_eq!(
        (&*greeted.userid, &greeted.external_userid),
        ("zhoumin", &id)
    );
    assert_eq!((&greeted.text, greeted.attachments), (&text.content, 1));
    let again = client.send_welcome(&code, Some(&text), &[]).await;
    assert_eq!(again, Ok(Greeting::AlreadyGreeted));
    let (_, late) = added(&sim, &receiver).await;
    sim.clock().advance_ms(21_000);
    for code in [late.as_str(), "CALLBACKCODEnone"] {
        let sent = client.send_welcome(code, Some(&text), &[]).await;
        assert_eq!(sent, Ok(Greeting::TooLate));
    }
    let (id, code) = added(&sim, &receiver).await;
    let begin = CodeVerb::BeginChat {
        userid: "zhoumin".to_owned(),
        external_userid: id,
    };
    sim.act(begin).unwrap();
    let sent = client.send_welcome(&code, Some(&text), &[]).await;
    assert_eq!(sent, Ok(Greeting::AlreadyGreeted));
    let (id, code) = added(&sim, &receiver).await;
    let other = CodeVerb::OtherAppGreets {
        userid: "zhoumin".to_owned(),
        external_userid: id.clone(),
    };
    sim.act(other).unwrap();
    let sent = client.send_welcome(&code, Some(&text), &[]).await;
    assert_eq!(sent, Ok(Greeting::OtherAppSending));
    sim.clock().advance_ms(3000);
    let sent = client.send_welcome(&code, Some(&text), &[]).await;
    assert_eq!(sent, Ok(Greeting::AlreadyGreeted), "it was faster");
    let (id, code) = added(&sim, &receiver).await;
    let refuse = CodeVerb::RefuseArchive {
        external_userid: id.clone(),
    };
    sim.act(refuse).unwrap();
    let sent = client.send_welcome(&code, Some(&text), &[]).await;
    assert_eq!(refused(sent), 41053);
    // Agreement brings a code of its own.
    let agree = CodeVerb::AgreeToArchive {
        userid: "zhoumin".to_owned(),
        external_userid: id,
    };
    sim.act(agree).unwrap();
    let events = relations(receiver.events(&sim).await);
    let CustomerChange::ArchiveAgreed {
        welcome_code: Some(code),
    } = &events[0].2
    else {
        panic!("{events:?}")
    };
    let sent = client.send_welcome(code, Some(&text), &[]).await;
    assert_eq!(sent, Ok(Greeting::Sent));
    assert_eq!(sim.greeted().len(), 2);
    receiver.stop().await;
}

#[actix_web::test]
async fn bad_messages_get_the_named_errcodes_and_use_up_no_code() {
    let sim = start(1, 20);
    let receiver = Receiver::of(&sim);
    let client = client(&sim);
    let (_, code) = added(&sim, &receiver).await;
    let raw = Raw::app(&sim).await;
    let picture = uploaded(&raw, UPLOAD, PNG).await;
    let with = |field: &str, value: serde_json::Value| {
        let mut body = json!({ "welcome_code": code });
        body[field] = value;
        body
    };
    let part = |kind: &str, inner| with("attachments", json!([{ "msgtype": kind, kind: inner }]));
    let program = |appid: &str, page: &str| {
        part(
            "miniprogram",
            json!({ "title": "x", "pic_media_id": "m", "appid": appid, "page": page }),
        )
    };
    let unlink = CodeVerb::LinkMiniProgram {
        appid: "wx00112233445566aa".to_owned(),
        linked: false,
    };
    sim.act(unlink).unwrap();
    let links = vec![json!({ "msgtype": "link", "link": { "title": "x", "url": "u" } }); 10];
    let cases = vec![
        (json!({ "text": { "content": "x" } }), 41049),
        (with("nothing", json!(1)), 40063),
        (with("text", json!({ "content": "" })), 40063),
        (with("text", json!({ "content": "x".repeat(4001) })), 40058),
        (with("attachments", json!(links)), 41064),
        (part("voice", json!({})), 41065),
        (part("image", json!({})), 40007),
        (part("video", json!({})), 40007),
        (part("file", json!({ "media_id": "" })), 40007),
        (
            part(
                "image",
                json!({ "pic_url": "https://elsewhere.example/a.png" }),
            ),
            40007,
        ),
        (part("video", json!({ "media_id": picture })), 40007),
        (part("link", json!({ "url": "u" })), 40058),
        (part("link", json!({ "title": "x" })), 40058),
        (
            part("link", json!({ "title": "x".repeat(129), "url": "u" })),
            40058,
        ),
        (
            part(
                "link",
                json!({ "title": "x", "url": "u", "desc": "x".repeat(513) }),
            ),
            40058,
        ),
        (
            part("link", json!({ "title": "x", "url": "u".repeat(2049) })),
            40058,
        ),
        (program("wx123", "p"), 90207),
        (program("wx00112233445566aa", "p"), 90206),
        (program("wx00112233445566bb", ""), 90204),
    ];
    expect(&raw, SEND, cases).await;
    let text = Text::new("您好");
    let sent = client.send_welcome(&code, Some(&text), &[]).await;
    assert_eq!(sent, Ok(Greeting::Sent));
    // A picture of each kind, and a mini program, are fine.
    let (_, code) = added(&sim, &receiver).await;
    let lasting = raw.upload("media/uploadimg", "a.png", PNG).await;
    let pictures = [
        Image {
            media_id: picture.clone(),
            ..Image::default()
        },
        Image {
            pic_url: lasting["url"].as_str().unwrap().to_owned(),
            ..Image::default()
        },
    ];
    let mut attachments = pictures.map(|image| Attachment::Image { image }).to_vec();
    attachments.push(Attachment::MiniProgram {
        miniprogram: MiniProgramCard {
            title: "商城".to_owned(),
            pic_media_id: picture,
            appid: "wx00112233445566bb".to_owned(),
            page: "pages/index".to_owned(),
        },
    });
    attachments.push(Attachment::File {
        file: Media {
            media_id: uploaded(&raw, "media/upload?type=file", b"price list").await,
        },
    });
    let sent = client.send_welcome(&code, None, &attachments).await;
    assert_eq!(sent, Ok(Greeting::Sent));
    receiver.stop().await;
}

#[actix_web::test]
async fn templates_are_made_read_replaced_and_deleted() {
    let sim = start(1, 20);
    let client = client(&sim);
    let template = |material| GroupWelcome {
        material,
        notify: false,
    };
    let words = Material {
        text: Some(Text::new("%NICKNAME% 欢迎进群")),
        link: Some(Link {
            title: "群规".to_owned(),
            url: "https://scrm.example.cn/r".to_owned(),
            picurl: "https://scrm.example.cn/r.jpg".to_owned(),
            desc: "请先看".to_owned(),
        }),
        ..Material::default()
    };
    let id = client
        .add_group_welcome(&template(words.clone()))
        .await
        .unwrap();
    assert!(id.starts_with("msg"));
    assert_eq!(client.group_welcome(&id).await.unwrap(), words);
    // Of several attachments the first of WeCom's order.
    let several = Material {
        miniprogram: Some(MiniProgramCard::default()),
        file: Some(Media::default()),
        ..words.clone()
    };
    client
        .edit_group_welcome(&id, &template(several))
        .await
        .unwrap();
    assert_eq!(client.group_welcome(&id).await.unwrap(), words);
    let raw = Raw::app(&sim).await;
    for call in ["edit", "get", "del"] {
        let path = format!("externalcontact/group_welcome_template/{call}");
        let cases = vec![
            (json!({}), 40063),
            (json!({ "template_id": "msgnone" }), 41058),
            (
                json!({ "template_id": id, "text": { "content": "x" } }),
                41058,
            ),
        ];
        expect(&raw, &path, cases).await;
    }
    let path = "externalcontact/group_welcome_template/add";
    let cases = vec![
        (json!({}), 40063),
        (json!({ "text": { "content": "x".repeat(3001) } }), 40058),
        (json!({ "text": { "content": "x" }, "notify": 2 }), 40058),
        (json!({ "image": {} }), 40007),
    ];
    expect(&raw, path, cases).await;
    assert!(client.delete_group_welcome(&id).await.unwrap());
    assert!(!client.delete_group_welcome(&id).await.unwrap());
    for _ in 0..100 {
        client
            .add_group_welcome(&template(words.clone()))
            .await
            .unwrap();
    }
    let full = client.add_group_welcome(&template(words)).await;
    assert_eq!(refused(full), 41055);
    let picture = Attachment::Image {
        image: Image::default(),
    };
    let text = serde_json::to_value(&picture).unwrap();
    assert_eq!(text, json!({ "msgtype": "image", "image": {} }));
}
