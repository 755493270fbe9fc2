//! `media/*`.

use serde_json::{Value, json};

use super::{File, Kind, Source, Upload, UrlJob, formats};
use crate::wecom::sim::{
    check::{Call, Fail},
    fields::{Code, PARAM, ensure},
    routes::{Route, Wrote},
    state::World,
    tokens::App,
};

const USERS: &[App] = &[App::Own, App::Contact, App::Sync, App::Service];
const SELLERS: &[App] = &[App::Own, App::Contact];
const NO_FILE: Code = (44001, "empty media data");
const BAD_TYPE: Code = (40005, "invalid type");
const BAD_PICTURE: Code = (40123, "invalid image format");
const TOO_LARGE: Code = (45001, "media data size out of limit");
const UNKNOWN: Code = (40007, "invalid media_id");
const BAD_URL: Code = (830_001, "invalid url");
const MB: usize = 1 << 20;
/// How long WeCom takes to fetch from an address, in seconds.
const FETCHED_AFTER_S: i64 = 2;

pub const ROUTES: &[Route] = &[
    Route::upload("media/upload", USERS, upload),
    Route::upload("media/uploadimg", USERS, upload_picture),
    Route::upload("media/upload_attachment", SELLERS, upload_attachment),
    Route::raw("media/get", USERS, get),
    Route::raw("media/get/jssdk", USERS, get_voice),
    Route::write("media/upload_by_url", SELLERS, by_url),
    Route::post("media/get_upload_by_url_result", SELLERS, by_url_result),
];

fn given<'c>(call: &'c Call<'_>) -> Result<&'c Upload, Fail> {
    let upload = call.upload.filter(|upload| !upload.bytes.is_empty());
    let upload = upload.ok_or(NO_FILE)?;
    ensure(upload.bytes.len() > 5, (40006, "invalid media size"))?;
    Ok(upload)
}

fn at_most(upload: &Upload, bytes: usize, code: Code) -> Result<(), Fail> {
    ensure(upload.bytes.len() <= bytes, code)
}

fn upload(world: &mut World, call: &Call<'_>) -> Result<Wrote, Fail> {
    let upload = given(call)?;
    let kind = call.param("type").and_then(Kind::of).ok_or(BAD_TYPE)?;
    let bytes = &upload.bytes;
    match kind {
        Kind::Image => {
            at_most(upload, 10 * MB, TOO_LARGE)?;
            ensure(formats::picture(bytes).is_some(), BAD_PICTURE)?;
        }
        Kind::Voice => {
            at_most(upload, 2 * MB, TOO_LARGE)?;
            let ms = formats::amr_ms(bytes).ok_or((301_017, "voice must be amr"))?;
            ensure(ms <= 60_000, (45007, "playtime out of limit"))?;
        }
        Kind::Video => {
            at_most(upload, 10 * MB, TOO_LARGE)?;
            ensure(formats::is_mp4(bytes), (40004, "invalid media type"))?;
        }
        Kind::File => at_most(upload, 20 * MB, TOO_LARGE)?,
    }
    let media_id = world.keep_file(kind, Source::Upload, upload, call.now_s);
    Ok(json!({
        "errmsg": "", "type": kind.name(), "media_id": media_id,
        "created_at": call.now_s.to_string(),
    })
    .into())
}

fn upload_picture(world: &mut World, call: &Call<'_>) -> Result<Wrote, Fail> {
    let upload = given(call)?;
    at_most(upload, 2 * MB, (40009, "invalid image size"))?;
    ensure(formats::picture(&upload.bytes).is_some(), BAD_PICTURE)?;
    let id = world.fresh().id("", 40);
    let url = format!("https://wework.qpic.cn/wwpic/{id}/0");
    let pictures = &mut world.media.pictures;
    pictures.insert(url.clone(), upload.blob.clone());
    Ok(json!({ "url": url }).into())
}

fn upload_attachment(world: &mut World, call: &Call<'_>) -> Result<Wrote, Fail> {
    let upload = given(call)?;
    let kind = call.param("media_type").and_then(Kind::of);
    let kind = kind.ok_or(BAD_TYPE)?;
    let source = match (call.param_number("attachment_type")?, kind) {
        (Some(1), Kind::Image | Kind::Video) => Source::Moment,
        (Some(2), Kind::Image) => Source::Album,
        (Some(1 | 2), _) => return Err(Fail::new(41072, "invalid attachment scene")),
        _ => return Err(Fail::param("attachment_type")),
    };
    at_most(upload, 10 * MB, (41080, "attachment size out of limit"))?;
    match kind {
        Kind::Image => {
            let (width, height) = formats::picture(&upload.bytes).ok_or(BAD_PICTURE)?;
            let fits = width.max(height) <= 10_800 && width.min(height) <= 1080;
            ensure(
                source != Source::Moment || fits,
                (41081, "attachment resolution out of limit"),
            )?;
        }
        _ => {
            let mp4 = formats::is_mp4(&upload.bytes);
            ensure(mp4, (41090, "invalid video format"))?;
            let short = formats::mp4_s(&upload.bytes).is_none_or(|s| s <= 30);
            ensure(short, (41082, "attachment duration out of limit"))?;
        }
    }
    let media_id = world.keep_file(kind, source, upload, call.now_s);
    Ok(json!({
        "type": kind.name(), "media_id": media_id, "created_at": call.now_s,
    })
    .into())
}

fn get(world: &World, call: &Call<'_>) -> Result<File, Fail> {
    let id = call.param("media_id").ok_or((41006, "missing media_id"))?;
    let file = world.media.file(id, call.now_s).ok_or(UNKNOWN)?;
    Ok(file.clone())
}

fn get_voice(world: &World, call: &Call<'_>) -> Result<File, Fail> {
    let file = get(world, call)?;
    ensure(file.kind == Kind::Voice, UNKNOWN)?;
    Ok(file)
}

fn by_url(world: &mut World, call: &Call<'_>) -> Result<Wrote, Fail> {
    let fields = call.fields();
    fields.one_of("scene", &[1], PARAM)?.ok_or(PARAM)?;
    let kind = match fields.filled("type", BAD_TYPE)? {
        "video" => Kind::Video,
        "file" => Kind::File,
        _ => return Err(BAD_TYPE.into()),
    };
    let name = fields.filled("filename", PARAM)?;
    fields.bytes("filename", 128, PARAM)?;
    let url = fields.filled("url", BAD_URL)?;
    let http = url.starts_with("http://") || url.starts_with("https://");
    ensure(http && url.len() <= 1024, BAD_URL)?;
    let md5 = fields.filled("md5", (301_019, "invalid file md5"))?;
    let hex = md5.len() == 32 && md5.bytes().all(|b| b.is_ascii_hexdigit());
    ensure(hex, (301_019, "invalid file md5"))?;
    let empty = Upload::new(name.to_owned(), String::new(), bytes::Bytes::new());
    let ready_at = call.now_s + FETCHED_AFTER_S;
    let media_id = world.keep_file(kind, Source::Url, &empty, ready_at);
    let jobid = world.fresh().id("jobid_", 32);
    let job = UrlJob {
        started_at: call.now_s,
        media_id,
    };
    world.media.jobs.insert(jobid.clone(), job);
    Ok(json!({ "jobid": jobid }).into())
}

fn by_url_result(world: &World, call: &Call<'_>) -> Result<Value, Fail> {
    let jobid = call.fields().filled("jobid", (40088, "invalid jobid"))?;
    let job = world.media.jobs.get(jobid);
    let job = job.ok_or((40088, "invalid jobid"))?;
    let ready_at = job.started_at + FETCHED_AFTER_S;
    if call.now_s < ready_at {
        return Ok(json!({ "status": 1 }));
    }
    Ok(json!({ "status": 2, "detail": {
        "errcode": 0, "errmsg": "ok", "media_id": job.media_id, "created_at": ready_at,
    }}))
}

impl World {
    fn keep_file(&mut self, kind: Kind, source: Source, upload: &Upload, now_s: i64) -> String {
        let media_id = self.fresh().id("3", 63);
        let file = File {
            kind,
            source,
            name: upload.filename.clone(),
            content_type: upload.content_type.clone(),
            blob: upload.blob.clone(),
            created_at: now_s,
        };
        self.media.files.insert(media_id.clone(), file);
        media_id
    }
}
