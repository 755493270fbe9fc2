//! Greetings and the customers' ledger: a customer may be greeted before the sync knows them,
//! so some greetings are posted a moment later. Old greetings are forgotten.

use std::{sync::Arc, time::Duration};

use crate::{
    app::App,
    customers,
    error::Result,
    outreach::touches::{self, NewTouch, TouchKind, TouchState},
    slice::WorkerFuture,
    store::{Act, Read, StoreError, Walk, Write},
};

use super::{
    model::{Greeting, GreetingId, Outcome, Source},
    tables::{BY_TIME, UNPOSTED},
};

/// Time between two looks.
const LOOK_EVERY: Duration = Duration::from_secs(30);
/// Greetings changed in one write.
const AT_ONCE: usize = 200;
/// After so long a customer that nobody knows will not become known, in milliseconds.
const UNKNOWN_MS: i64 = 7 * 86_400_000;
/// How long greetings are kept, in milliseconds.
const KEPT_MS: i64 = 90 * 86_400_000;

/// Enters a greeting that reached its customer into the ledger, if the customer is known here.
/// The caller keeps the greeting.
pub(super) fn post(w: &mut Write<'_>, greeting: &mut Greeting) -> Result<()> {
    let Some(external_userid) = greeting.unposted.clone() else {
        return Ok(());
    };
    if greeting.outcome != Some(Outcome::Sent) {
        greeting.unposted = None;
        return Ok(());
    }
    let customer = customers::sync::by_external_userid(&w.read(), &external_userid)?;
    if let Some(customer) = customer {
        let (kind, id) = match greeting.source {
            Source::Welcome(id) => ("welcome", id.to_string()),
            Source::Code(id) => ("live_code", id.to_string()),
        };
        touches::note(
            w,
            NewTouch {
                customer: customer.id,
                member: greeting.member,
                kind: TouchKind::Welcome,
                at: greeting.sent_at.unwrap_or(greeting.at),
                state: TouchState::Sent,
                of: (kind.to_owned(), id),
                why: None,
            },
        )?;
        greeting.unposted = None;
    } else if w.now().since_ms(greeting.at) > UNKNOWN_MS {
        greeting.unposted = None;
    }
    Ok(())
}

/// Runs as long as the process.
pub(super) fn run(app: Arc<App>) -> WorkerFuture {
    Box::pin(async move {
        while !app.is_stopping() {
            settle(&app).await?;
            tokio::select! {
                () = tokio::time::sleep(LOOK_EVERY) => {}
                () = app.stopped() => {}
            }
        }
        Ok(())
    })
}

/// Posts what can be posted by now, and forgets what is old.
pub(super) async fn settle(app: &App) -> Result<()> {
    let now = app.store.clock().now();
    let waiting = app.read(|r| {
        let old = |greeting: &Greeting| now.since_ms(greeting.at) > UNKNOWN_MS;
        waiting(r, |r, greeting| {
            let external = greeting.unposted.as_deref().unwrap_or_default();
            let known = customers::sync::by_external_userid(r, external)?;
            Ok(known.is_some() || old(greeting))
        })
    })?;
    if !waiting.is_empty() {
        app.write(Act::by_system("outreach.greetings", "outreach"), move |w| {
            for id in waiting {
                if let Some(mut greeting) = w.get::<Greeting>(&id)? {
                    post(w, &mut greeting)?;
                    w.put(&greeting)?;
                }
            }
            Ok(())
        })
        .await?;
    }
    let oldest = app.read(|r| {
        let rows = r.list(&BY_TIME, &Walk::default())?.take(AT_ONCE);
        rows.collect::<Result<Vec<Greeting>, StoreError>>()
    })?;
    let old: Vec<GreetingId> = oldest
        .iter()
        .filter(|greeting| now.since_ms(greeting.at) > KEPT_MS)
        .map(|greeting| greeting.id)
        .collect();
    if old.is_empty() {
        return Ok(());
    }
    app.write(Act::by_system("outreach.greetings", "outreach"), move |w| {
        for id in old {
            w.delete::<Greeting>(&id)?;
        }
        Ok(())
    })
    .await
}

fn waiting(
    r: &Read<'_>,
    is_ready: impl Fn(&Read<'_>, &Greeting) -> Result<bool, StoreError>,
) -> Result<Vec<GreetingId>, StoreError> {
    let mut ready = Vec::new();
    for greeting in r.list(&UNPOSTED, &Walk::default())? {
        let greeting = greeting?;
        if ready.len() == AT_ONCE {
            break;
        }
        if is_ready(r, &greeting)? {
            ready.push(greeting.id);
        }
    }
    Ok(ready)
}
