//! The web layer from outside: requests against an application with sample pages.

mod forms_and_frame;
mod rendered;
mod samples;
mod words_coverage;

pub(crate) use rendered::{HOSTILE, check_page, cx};

use std::sync::Arc;

use actix_web::{HttpRequest, dev::ResourceDef, web::Data};
use jiff::tz::TimeZone;

use super::*;
use crate::{
    error::{AppError, Result},
    kit::{Clock, OperationId, Random, Timestamp},
};

/// 2026-11-20 10:32 in Shanghai.
pub(super) const NOW_MS: i64 = 1_795_141_920_000;

/// A header that stands for a session in these tests: the account's name.
const AS: &str = "x-test-as";

pub(super) fn web() -> Data<Web> {
    Data::new(plain_web())
}

pub(super) fn plain_web() -> Web {
    let random = Random::system();
    Web {
        clock: Clock::manual(Timestamp::from_ms(NOW_MS)),
        random: random.clone(),
        zone: TimeZone::get("Asia/Shanghai").unwrap(),
        visit: Box::new(visit),
        keep: Box::new(|_, _| Box::pin(async { Ok(()) })),
        cursors: Cursors::new(&[7; 32], random),
        secure: false,
        session_cookie: "qitai",
        operations: Operations::new(Box::new(NoBook)),
        open_paths: vec!["/open/"],
        upload_paths: vec![ResourceDef::new("/upload")],
        uploads: std::env::temp_dir().join("qitai-test-uploads"),
    }
}

/// Remembers nothing beyond the frame's own memory.
struct NoBook;

impl OperationBook for NoBook {
    fn carry(&self, _: &HttpRequest, _: OperationId) {}
    fn find(&self, _: &HttpRequest, _: OperationId) -> Result<Option<CarriedOut>> {
        Ok(None)
    }
    fn led_to(&self, _: &HttpRequest, _: OperationId, _: &str) {}
}

fn visit(req: &HttpRequest, _: &str) -> Result<Visit> {
    let header = |name: &str| req.headers().get(name)?.to_str().ok();
    if header("authorization") == Some("Bearer good") {
        return Ok(Visit {
            by_bearer: true,
            form_secret: Some(FormSecret::new([4; 32])),
            ..Visit::nobody(Arc::new(samples::shell("沈佳怡")))
        });
    }
    match header(AS).or(req.cookie("qitai").map(|_| "cookie")) {
        Some("broken") => Err(AppError::Unavailable { why: "starting" }),
        Some(name) => Ok(Visit {
            form_secret: Some(FormSecret::new([3; 32])),
            ..Visit::nobody(Arc::new(samples::shell(name)))
        }),
        None => Ok(Visit::nobody(Arc::new(Shell {
            firm: "云岭茶业".into(),
            ..Shell::default()
        }))),
    }
}
