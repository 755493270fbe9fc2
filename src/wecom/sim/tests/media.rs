//! Files in and out.

use serde_json::json;

use super::{Client, NOW, code, start};

const PNG: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x10\0\0\0\x10";

#[actix_web::test]
async fn a_file_comes_back_as_it_went_for_three_days() {
    let sim = start(1, 10);
    let client = Client::app(&sim).await;
    let text = "一二三".repeat(1000);
    let up = client
        .upload("media/upload?type=file", "清单 1.csv", text.as_bytes())
        .await;
    assert_eq!(
        (code(&up), &up["type"], &up["created_at"]),
        (0, &json!("file"), &json!((NOW.ms() / 1000).to_string()))
    );
    let id = up["media_id"].as_str().unwrap();
    let url = client.url(&format!("media/get?media_id={id}"));
    let down = client.http.get(&url).send().await.unwrap();
    let named = down.headers()["content-disposition"].as_bytes().to_vec();
    assert_eq!(
        String::from_utf8(named).unwrap(),
        "attachment; filename=\"清单 1.csv\""
    );
    assert_eq!(down.text().await.unwrap(), text);
    let piece = client.http.get(&url).header("range", "bytes=3-8").send();
    let piece = piece.await.unwrap();
    assert_eq!(piece.status(), 206);
    assert_eq!(piece.headers()["content-range"], "bytes 3-8/9000");
    assert_eq!(piece.text().await.unwrap(), "二三");
    let voice = client.get(&format!("media/get/jssdk?media_id={id}")).await;
    assert_eq!(code(&voice), 40007, "not a voice");
    sim.clock().advance_ms(3 * 86_400_000);
    let fresh = client.token(&sim.corpid, &sim.app_secret).await;
    let mut client = client;
    client.token = fresh["access_token"].as_str().unwrap().to_owned();
    let late = client.get(&format!("media/get?media_id={id}")).await;
    assert_eq!(code(&late), 40007);
}

#[actix_web::test]
async fn each_kind_of_file_is_checked() {
    let sim = start(1, 10);
    let client = Client::app(&sim).await;
    let mp4 = b"\0\0\0\x18ftypmp42";
    let large = vec![0; (20 << 20) + 1];
    let mut minute = b"#!AMR\n".to_vec();
    minute.extend(std::iter::repeat_n([0x44, 0, 0, 0, 0, 0], 3001).flatten());
    let mut tall = PNG[..16].to_vec();
    tall.extend([0, 0, 0x10, 0, 0, 0, 0x10, 0]);
    // 31 s in units of 1/1000 s.
    let long = [
        &mp4[..],
        b"....mvhd",
        &[0; 12],
        &[0, 0, 3, 0xe8, 0, 0, 0x79, 0x18],
    ]
    .concat();
    for (path, bytes, expected) in [
        ("media/upload?type=image", PNG, 0),
        ("media/upload?type=image", &b"GIF89a..."[..], 40123),
        ("media/upload?type=image", &b""[..], 44001),
        ("media/upload?type=image", &b"12345"[..], 40006),
        ("media/upload?type=pdf", PNG, 40005),
        ("media/upload", PNG, 40005),
        ("media/upload?type=voice", &b"#!AMR\n\x44\x44"[..], 0),
        ("media/upload?type=voice", &minute, 45007),
        ("media/upload?type=voice", PNG, 301_017),
        ("media/upload?type=video", mp4, 0),
        ("media/upload?type=video", PNG, 40004),
        ("media/upload?type=file", &large, 45001),
        ("media/uploadimg", PNG, 0),
        ("media/uploadimg", mp4, 40123),
        (
            "media/upload_attachment?media_type=image&attachment_type=1",
            PNG,
            0,
        ),
        (
            "media/upload_attachment?media_type=image&attachment_type=1",
            &tall,
            41081,
        ),
        (
            "media/upload_attachment?media_type=image&attachment_type=2",
            &tall,
            0,
        ),
        (
            "media/upload_attachment?media_type=video&attachment_type=1",
            mp4,
            0,
        ),
        (
            "media/upload_attachment?media_type=video&attachment_type=1",
            &long,
            41082,
        ),
        (
            "media/upload_attachment?media_type=video&attachment_type=2",
            mp4,
            41072,
        ),
        (
            "media/upload_attachment?media_type=video&attachment_type=1",
            PNG,
            41090,
        ),
        ("media/upload_attachment?media_type=image", PNG, 40058),
    ] {
        let answer = client.upload(path, "a", bytes).await;
        assert_eq!(code(&answer), expected, "{path}: {answer}");
    }
    let body = json!({ "scene": 1, "type": "file", "filename": "a", "url": "https://a.cn/a",
                       "md5": "0123456789abcdef0123456789abcdef" });
    let job = client.post("media/upload_by_url", body).await;
    let ask = json!({ "jobid": job["jobid"] });
    let early = client
        .post("media/get_upload_by_url_result", ask.clone())
        .await;
    assert_eq!(early["status"], 1);
    sim.clock().advance_ms(2000);
    let done = client.post("media/get_upload_by_url_result", ask).await;
    assert_eq!(
        (&done["status"], code(&done["detail"])),
        (&json!(2), 0),
        "{done}"
    );
}
