//! The governor against a clock that is moved by hand.

use super::*;

const CALL: &str = "externalcontact/remark";

fn governor() -> (Governor, Clock) {
    let clock = Clock::manual(Timestamp::from_s(1_771_200_000));
    (Governor::new(clock.clone()), clock)
}

fn limit(governor: &Governor, budget: &str, window: Window, max: u64) {
    let key = (budget.to_owned(), Unit::Call.code(), window);
    governor.set_overrides([(key, max)].into());
}

fn enter(governor: &Governor, urgency: Urgency) -> Result<(), Held> {
    governor.try_enter(CALL, urgency, &[]).map(drop)
}

#[test]
fn bulk_never_eats_the_reserve_and_urgent_has_all() {
    let (governor, _) = governor();
    limit(&governor, CALL, Window::Minute, 100);
    let count = |urgency| {
        (0..)
            .take_while(|_| enter(&governor, urgency).is_ok())
            .count()
    };
    assert_eq!(count(Urgency::Bulk), 80);
    assert_eq!(count(Urgency::Awaited), 15);
    assert_eq!(count(Urgency::Urgent), 5);
    let held = enter(&governor, Urgency::Urgent).unwrap_err();
    assert_eq!(held.why, Why::Window(Window::Minute));
}

#[test]
fn a_used_up_window_opens_again_and_never_lets_more_through() {
    let (governor, clock) = governor();
    limit(&governor, CALL, Window::Minute, 50);
    let mut passed = Vec::new();
    for _ in 0..300 {
        while enter(&governor, Urgency::Urgent).is_ok() {
            passed.push(clock.now().ms());
        }
        clock.advance_ms(1_000);
    }
    assert!(passed.len() >= 200, "{}", passed.len());
    // By stretches of the clock; what fades out of the one before is on top.
    let mut stretches = std::collections::BTreeMap::new();
    for at in passed {
        *stretches.entry(at / 60_000).or_insert(0) += 1;
    }
    assert!(stretches.values().all(|n| *n <= 50), "{stretches:?}");
}

#[test]
fn within_a_penalty_nothing_passes_and_the_second_one_is_longer() {
    let (governor, clock) = governor();
    assert!(enter(&governor, Urgency::Bulk).is_ok());
    governor.answered(CALL, 45009);
    for _ in 0..59 {
        let held = enter(&governor, Urgency::Urgent).unwrap_err();
        assert_eq!(held.why, Why::Penalty(45009));
        clock.advance_ms(1_000);
    }
    assert!(
        governor.try_enter("user/get", Urgency::Bulk, &[]).is_ok(),
        "another API"
    );
    clock.advance_ms(1_000);
    assert!(enter(&governor, Urgency::Bulk).is_ok());
    governor.answered(CALL, 45009);
    clock.advance_ms(3_599_000);
    assert!(enter(&governor, Urgency::Bulk).is_err());
    clock.advance_ms(1_000);
    assert!(enter(&governor, Urgency::Bulk).is_ok());
    governor.answered(CALL, 0);
    governor.answered(CALL, 45009);
    clock.advance_ms(60_000);
    assert!(
        enter(&governor, Urgency::Bulk).is_ok(),
        "a success begins anew"
    );
}

#[test]
fn calls_under_way_when_one_is_refused_are_refused_together() {
    let (governor, clock) = governor();
    assert!(enter(&governor, Urgency::Bulk).is_ok());
    for _ in 0..4 {
        governor.answered(CALL, 45009);
    }
    clock.advance_ms(60_000);
    assert!(enter(&governor, Urgency::Bulk).is_ok(), "a minute, no hour");
}

#[test]
fn too_many_at_once_halves_and_waits() {
    let (governor, clock) = governor();
    let passes: Vec<Pass> = (0..AT_ONCE)
        .map(|_| governor.try_enter(CALL, Urgency::Bulk, &[]).ok().unwrap())
        .collect();
    assert_eq!(
        enter(&governor, Urgency::Bulk).unwrap_err().why,
        Why::Crowded
    );
    assert!(
        enter(&governor, Urgency::Urgent).is_ok(),
        "urgent has places of its own"
    );
    governor.answered(CALL, 45033);
    drop(passes);
    assert!(enter(&governor, Urgency::Urgent).is_err());
    clock.advance_ms(5_000);
    assert_eq!(governor.standing(CALL).at_once, AT_ONCE / 2);
    assert!(enter(&governor, Urgency::Bulk).is_ok());
}

#[test]
fn counters_and_penalties_outlive_a_restart() {
    let (first, clock) = governor();
    limit(&first, CALL, Window::Hour, 10);
    for _ in 0..10 {
        assert!(enter(&first, Urgency::Urgent).is_ok());
    }
    first.answered(CALL, 45009);
    let kept = first.to_keep();
    assert_eq!(first.to_keep().len(), 1, "the penalty alone is given again");
    let second = Governor::new(clock.clone());
    limit(&second, CALL, Window::Hour, 10);
    second.restore(kept);
    clock.advance_ms(3_599_000);
    let held = enter(&second, Urgency::Urgent).unwrap_err();
    assert_eq!(held.why, Why::Penalty(45009), "the hour was used up");
    clock.advance_ms(7_200_000);
    assert!(enter(&second, Urgency::Urgent).is_ok());
}

#[test]
fn new_secrets_lift_what_the_old_ones_were_refused_and_nothing_else() {
    let (governor, _) = governor();
    governor.answered("gettoken", 40001);
    governor.answered(CALL, 45009);
    assert!(governor.held("gettoken", Urgency::Awaited).is_some());
    governor.lift_refusals();
    assert!(governor.held("gettoken", Urgency::Awaited).is_none());
    let held = governor.held(CALL, Urgency::Awaited).unwrap();
    assert_eq!(held.why, Why::Penalty(45009));
}

#[test]
fn one_person_is_not_flooded() {
    let (governor, clock) = governor();
    let send = |userid: &str| governor.try_enter("message/send", Urgency::Awaited, &[userid]);
    for _ in 0..30 {
        assert!(send("zhou").is_ok());
    }
    assert!(send("ZHOU").is_err(), "userids are compared without case");
    assert!(send("chen").is_ok());
    clock.advance_ms(120_000);
    assert!(send("zhou").is_ok());
}

#[test]
fn every_rule_is_found_by_its_calls() {
    for rule in RULES {
        assert!(!rule.limits.is_empty());
        for call in rule.calls {
            assert_eq!(rule_of(call).name, rule.name);
        }
    }
    assert_eq!(budget_of("checkin/getcheckindata"), "checkin_data");
    assert_eq!(budget_of("user/get"), "user/get");
}

#[tokio::test]
async fn whoever_has_to_wait_long_is_told_and_a_crowd_moves_on() {
    let clock = Clock::system();
    let governor = Governor::new(clock);
    governor.answered(CALL, 45009);
    assert!(governor.enter(CALL, Urgency::Awaited).await.is_err());
    let other = "user/get";
    let passes: Vec<Pass> = (0..AT_ONCE)
        .map(|_| governor.try_enter(other, Urgency::Bulk, &[]).ok().unwrap())
        .collect();
    let waiting = tokio::spawn({
        let governor = governor.clone();
        async move { governor.enter(other, Urgency::Bulk).await.is_ok() }
    });
    tokio::task::yield_now().await;
    drop(passes);
    assert!(waiting.await.unwrap());
}

#[test]
fn what_a_person_was_sent_outlives_a_restart() {
    let (first, clock) = governor();
    let send = |governor: &Governor, userid: &str| {
        let sent = governor.try_enter("message/send", Urgency::Urgent, &[userid]);
        sent.map(drop).map_err(|held| held.why)
    };
    for _ in 0..30 {
        assert_eq!(send(&first, "ZhouMin"), Ok(()));
    }
    assert_eq!(send(&first, "zhoumin"), Err(Why::Window(Window::Minute)));
    let (kept, people) = (first.to_keep(), first.people_to_keep());
    assert_eq!(people.len(), 1, "one shard has changed");
    assert_eq!(first.people_to_keep(), []);
    first.people_not_kept([people[0].shard]);
    assert_eq!(first.people_to_keep(), people);

    let second = Governor::new(clock.clone());
    second.restore(kept);
    second.restore_people(people);
    assert_eq!(send(&second, "zhoumin"), Err(Why::Window(Window::Minute)));
    assert_eq!(send(&second, "liming"), Ok(()));
    // Whoever was sent nothing for two hours is forgotten.
    clock.advance_ms(2 * 3_600_000 + 1);
    assert_eq!(send(&second, "zhoumin"), Ok(()));
    let left: usize = second.people_to_keep().iter().map(|k| k.people.len()).sum();
    assert_eq!(left, 1);
}
