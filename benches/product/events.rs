//! Events from WeCom: how soon they are acknowledged, and a long queue of them.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use qitai::{kit::Clock, wecom::callback::Keys};

use crate::{
    firm::{Firm, Product, wait},
    support::{Http, memory_mib, quantile},
};

const PER_SECOND: u64 = 200;
const SECONDS: u64 = 10;

/// WeCom's end of the callback.
struct Caller {
    keys: Keys,
    userid: String,
    customers: Vec<String>,
}

impl Caller {
    fn tell(&self, http: &mut Http, no: u64) -> Duration {
        let at = usize::try_from(no).unwrap() % self.customers.len();
        let xml = format!(
            "<xml><ToUserName><![CDATA[corp]]></ToUserName><FromUserName><![CDATA[sys]]></FromUserName><CreateTime>{}</CreateTime><MsgType><![CDATA[event]]></MsgType><Event><![CDATA[change_external_contact]]></Event><ChangeType><![CDATA[edit_external_contact]]></ChangeType><UserID>{}</UserID><ExternalUserID>{}</ExternalUserID></xml>",
            1_772_330_400 + no,
            self.userid,
            self.customers[at]
        );
        let sealed = self
            .keys
            .seal(xml.as_bytes(), 1_772_330_400, "n0nce", [7; 16]);
        let path = format!(
            "/wecom/callback?msg_signature={}&timestamp=1772330400&nonce=n0nce",
            sealed.signature
        );
        let body = format!(
            "<xml><Encrypt><![CDATA[{}]]></Encrypt></xml>",
            sealed.encrypt
        );
        let start = Instant::now();
        assert_eq!(http.post(&path, body.as_bytes()).unwrap().status, 200);
        start.elapsed()
    }
}

/// Moves the simulator's clock with the real one, so that quotas are counted by the minute.
struct Ticking(Arc<AtomicBool>);

impl Ticking {
    fn start(clock: Clock) -> Self {
        let ended = Arc::new(AtomicBool::new(false));
        let seen = ended.clone();
        std::thread::spawn(move || {
            let mut last = Instant::now();
            while !seen.load(Ordering::Relaxed) {
                std::thread::sleep(Duration::from_millis(100));
                let passed = i64::try_from(last.elapsed().as_millis()).unwrap();
                clock.advance_ms(passed);
                last = Instant::now();
            }
        });
        Self(ended)
    }
}

impl Drop for Ticking {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

pub fn run(firm: Firm, queued: usize) {
    let sim = &firm.sim;
    let people = qitai::wecom::sim::firm::cast();
    let caller = Caller {
        keys: Keys::new(&sim.token, &sim.encoding_aes_key, &sim.corpid).unwrap(),
        userid: people.store_staff.to_owned(),
        customers: sim.customers_of(people.store_staff),
    };
    let product = firm.serve();
    let _clock = Ticking::start(sim.clock());
    product.post("/org/sync");
    let times = steadily(&product, &caller);
    println!(
        "events at {PER_SECOND}/s during a full sync: acknowledged p50 {:.2} ms, p99 {:.2} ms",
        quantile(&times, 0.5),
        quantile(&times, 0.99)
    );
    many(&product, &caller, queued);
}

/// Each event at its time, whether the one before was answered or not.
fn steadily(product: &Product, caller: &Caller) -> Vec<Duration> {
    let start = Instant::now();
    let sender = |no: u64| {
        let mut http = product.http();
        let mut times = Vec::new();
        for n in (no..PER_SECOND * SECONDS).step_by(8) {
            let due = Duration::from_micros(n * 1_000_000 / PER_SECOND);
            std::thread::sleep(due.saturating_sub(start.elapsed()));
            // Waiting for one's turn counts as well.
            let late = start.elapsed().saturating_sub(due);
            times.push(late + caller.tell(&mut http, n));
        }
        times
    };
    std::thread::scope(|scope| {
        let senders: Vec<_> = (0..8).map(|no| scope.spawn(move || sender(no))).collect();
        senders
            .into_iter()
            .flat_map(|s| s.join().unwrap())
            .collect()
    })
}

fn many(product: &Product, caller: &Caller, queued: usize) {
    let (before, _) = memory_mib(product.pid());
    let queued = queued as u64;
    let start = Instant::now();
    std::thread::scope(|scope| {
        for no in 0..32 {
            scope.spawn(move || {
                let mut http = product.http();
                for n in (no..queued).step_by(32) {
                    caller.tell(&mut http, 1_000_000 + n);
                }
            });
        }
    });
    let told = start.elapsed();
    let (full, _) = memory_mib(product.pid());
    let mut most = full;
    let mut http = product.http();
    wait(|| {
        std::thread::sleep(Duration::from_millis(200));
        most = most.max(memory_mib(product.pid()).0);
        let page = http
            .get("/settings/wecom/events?state=waiting")
            .unwrap()
            .text();
        page.contains("没有这样的事件")
    });
    println!(
        "{queued} events: taken in {:.1} s ({:.0}/s), dealt with after {:.1} s; memory {before} MiB before, {full} when all had come, {most} at most",
        told.as_secs_f64(),
        queued as f64 / told.as_secs_f64(),
        start.elapsed().as_secs_f64()
    );
}
