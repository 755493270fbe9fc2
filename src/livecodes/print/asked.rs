//! What an address or a form asks for, over what is kept; and the code that comes of it.

use actix_web::HttpRequest;

use crate::{
    app::App,
    error::{AppError, Invalid, Problem, Result},
    rollout::queries as rollout,
    web::ListQuery,
};

use super::{
    super::LiveCodeId,
    model::{Look, Mark},
    queries::Printable,
    render::{Art, Caption, Colour, Faint, Fault, Share, Size},
};

/// How a code is to be printed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Wish {
    pub(super) ink: Colour,
    pub(super) paper: Colour,
    pub(super) mark: Mark,
    pub(super) share: Share,
    pub(super) size: Size,
    pub(super) has_caption: bool,
}

impl Wish {
    /// As it is kept.
    pub(super) fn of(look: &Look) -> Self {
        Self {
            ink: look.ink,
            paper: look.paper,
            mark: look.mark,
            share: look.share,
            size: look.size,
            has_caption: look.has_caption,
        }
    }

    /// With what somebody says about it; `value` gives what a field holds, if anything.
    pub(super) fn with<'v>(mut self, value: impl Fn(&str) -> Option<&'v str>) -> Result<Self> {
        let mut wrong = Invalid::default();
        fn put<T>(into: &mut T, asked: Option<Option<T>>) -> bool {
            match asked {
                Some(Some(value)) => *into = value,
                Some(None) => return false,
                None => {}
            }
            true
        }
        let yes = |text: &str| match text {
            "yes" => Some(true),
            "no" => Some(false),
            _ => None,
        };
        for (field, is_good) in [
            ("ink", put(&mut self.ink, value("ink").map(Colour::parse))),
            (
                "paper",
                put(&mut self.paper, value("paper").map(Colour::parse)),
            ),
        ] {
            if !is_good {
                wrong = wrong.with(field, "print.problem.colour");
            }
        }
        for (field, is_good) in [
            (
                "logo",
                put(&mut self.mark, value("logo").map(Mark::of_code)),
            ),
            (
                "share",
                put(&mut self.share, value("share").map(Share::of_code)),
            ),
            (
                "size",
                put(&mut self.size, value("size").map(Size::of_code)),
            ),
            (
                "caption",
                put(&mut self.has_caption, value("caption").map(yes)),
            ),
        ] {
            if !is_good {
                wrong = wrong.with(field, "print.problem.choice");
            }
        }
        wrong.into_result()?;
        Ok(self)
    }

    /// The same as fields of a form or an address.
    pub(super) fn fields(&self) -> Vec<(&'static str, String)> {
        let caption = if self.has_caption { "yes" } else { "no" };
        vec![
            ("ink", self.ink.to_string()),
            ("paper", self.paper.to_string()),
            ("logo", self.mark.code().to_owned()),
            ("share", self.share.code().to_owned()),
            ("size", self.size.code().to_owned()),
            ("caption", caption.to_owned()),
        ]
    }

    /// An address that asks for it.
    pub(super) fn query(&self, path: String) -> ListQuery {
        let fields = self.fields().into_iter();
        fields.fold(ListQuery::new(&path), |query, (name, value)| {
            query.with(name, value)
        })
    }

    /// The code with its colours and its logo.
    pub(super) fn art(&self, of: &Printable, address: &str) -> Result<Art> {
        self.drawn(of, address).map_err(refused)
    }

    /// The same for whoever tells faults otherwise.
    pub(super) fn drawn(&self, of: &Printable, address: &str) -> Result<Art, Fault> {
        let picture = match self.mark {
            Mark::Firm => of.firm.clone(),
            Mark::Own => of.look.own_picture(),
            Mark::Nothing => None,
        };
        let logo = picture.map(|picture| (picture, self.share));
        Art::new(address, (self.ink, self.paper), logo)
    }
}

/// What stands below a code.
pub(super) fn caption(of: &Printable) -> Caption {
    Caption {
        name: of.code.name.clone(),
        number: of.code.id.to_string(),
    }
}

/// Why a code is not handed out, at the field that changes it.
pub(super) fn refused(fault: Fault) -> AppError {
    let (field, code, args) = match fault {
        Fault::Colours(Faint::Inverted) => ("ink", "print.problem.inverted", Vec::new()),
        Fault::Colours(Faint::Alike(hundredths)) => {
            let ratio = format!("{}.{:02}", hundredths / 100, hundredths % 100);
            ("ink", "print.problem.alike", vec![("ratio", ratio)])
        }
        Fault::AddressTooLong => ("", "print.problem.address", Vec::new()),
        Fault::Unreadable { has_logo: true } => ("share", "print.problem.covered", Vec::new()),
        Fault::Unreadable { has_logo: false } => ("ink", "print.problem.unreadable", Vec::new()),
    };
    let mut invalid = Invalid::default();
    invalid.problems.push(Problem { field, code, args });
    AppError::Invalid(invalid)
}

/// Where the server is reached, without a slash at its end, and whether anybody has said so: else
/// it is what the browser was told.
pub(super) fn server(app: &App, req: &HttpRequest) -> Result<(String, bool)> {
    let known = rollout::address(app)?;
    if !known.is_empty() {
        return Ok((known, true));
    }
    let scheme = if app.is_secure() { "https" } else { "http" };
    let info = req.connection_info();
    Ok((format!("{scheme}://{}", info.host()), false))
}

/// What a code says: the address that leads on.
pub(super) fn address(server: &str, code: LiveCodeId) -> String {
    format!("{server}/c/{code}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wish() -> Wish {
        Wish::of(&Look::of(LiveCodeId::from_bits(7)))
    }

    fn wrong(fields: &[(&str, &str)]) -> Vec<(&'static str, &'static str)> {
        let value = |name: &str| {
            let found = fields.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| *value)
        };
        match wish().with(value) {
            Err(AppError::Invalid(invalid)) => {
                let problems = invalid.problems.iter();
                problems.map(|p| (p.field, p.code)).collect()
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn what_is_asked_for_comes_back_as_fields() {
        let asked = Wish {
            ink: Colour([1, 2, 3]),
            paper: Colour([250, 240, 230]),
            mark: Mark::Own,
            share: Share::Large,
            size: Size::A5,
            has_caption: false,
        };
        let query = asked.query("/x".to_owned());
        assert_eq!(wish().with(|name| query.get(name)).unwrap(), asked);
        assert_eq!(wish().with(|_| None).unwrap(), wish());
    }

    #[test]
    fn what_is_no_choice_is_named_by_field() {
        assert_eq!(
            wrong(&[("ink", "red"), ("paper", "#12"), ("size", "60mm")]),
            [
                ("ink", "print.problem.colour"),
                ("paper", "print.problem.colour"),
                ("size", "print.problem.choice"),
            ]
        );
        assert_eq!(
            wrong(&[("logo", "x"), ("share", "huge"), ("caption", "1")]),
            [
                ("logo", "print.problem.choice"),
                ("share", "print.problem.choice"),
                ("caption", "print.problem.choice"),
            ]
        );
    }

    #[test]
    fn a_refusal_names_the_field_that_changes_it() {
        for (fault, field) in [
            (Fault::Colours(Faint::Inverted), "ink"),
            (Fault::Colours(Faint::Alike(321)), "ink"),
            (Fault::Unreadable { has_logo: true }, "share"),
            (Fault::Unreadable { has_logo: false }, "ink"),
        ] {
            let AppError::Invalid(invalid) = refused(fault) else {
                panic!("{fault:?}");
            };
            assert_eq!(invalid.problems[0].field, field);
        }
        let AppError::Invalid(invalid) = refused(Fault::Colours(Faint::Alike(305))) else {
            panic!();
        };
        assert_eq!(invalid.problems[0].args, [("ratio", "3.05".to_owned())]);
    }
}
