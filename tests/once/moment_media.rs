//! The files of moments at WeCom: what was uploaded is good for three days, and what WeCom has
//! forgotten before that is uploaded anew.

use qitai::{
    identity::Viewer,
    outreach::{
        materials::{self, Body, Kind, MaterialId},
        moments::{MomentId, MomentState},
    },
    wecom::sim::Fault,
};

use super::{
    Firm,
    moments::{begin_with, moment, one, there, until},
};
use crate::journeys::moment_media::picture;

const UPLOAD: &str = "media/upload_attachment";
const MAKE: &str = "externalcontact/add_moment_task";
const DAY_MS: i64 = 86_400_000;

fn calls(firm: &Firm, path: &str) -> usize {
    let answered = firm.sim.answered();
    answered.iter().filter(|a| a.path == path).count()
}

fn image(firm: &Firm, shade: u8) -> MaterialId {
    let viewer = Viewer::system("test");
    let content = picture(shade);
    let file = ("tea.png", content.as_slice());
    let made = materials::add(firm.app(), &viewer, "茶样", file, Body::Image, Kind::Image);
    firm.runtime().block_on(made).unwrap()
}

fn begin(firm: &Firm, text: &str, picture: MaterialId) -> MomentId {
    begin_with(firm, vec![one(firm)], text, vec![picture])
}

fn out(firm: &Firm, id: MomentId, text: &str) {
    until(firm, "it is with the member", || {
        (moment(firm, id).state == MomentState::Running).then_some(())
    });
    assert_eq!(there(firm, text), [moment(firm, id).moment_id]);
}

#[test]
fn files_are_uploaded_once_in_three_days_and_anew_when_they_are_forgotten() {
    let firm = Firm::start(60);
    let picture = image(&firm, 5);
    for text in ["第一条", "第二条"] {
        let id = begin(&firm, text, picture);
        out(&firm, id, text);
    }
    assert_eq!(calls(&firm, UPLOAD), 1, "the second goes with the same id");

    firm.clock.advance_ms(3 * DAY_MS);
    let id = begin(&firm, "三天以后", picture);
    out(&firm, id, "三天以后");
    assert_eq!(calls(&firm, UPLOAD), 2);

    // WeCom has lost it, whatever it promised.
    firm.sim.inject(Some(MAKE), 1, Fault::Errcode(40007));
    let refused = calls(&firm, MAKE);
    let id = begin(&firm, "又发一条", picture);
    until(&firm, "WeCom does not know the file", || {
        (calls(&firm, MAKE) > refused).then_some(())
    });
    firm.sim.clear_faults();
    out(&firm, id, "又发一条");
    assert!(calls(&firm, UPLOAD) > 2, "it was uploaded anew");
    assert_eq!(firm.app().store.check().unwrap().found, []);
}
