//! What the benches share: quantiles, memory, a plain HTTP client for load.

#![allow(dead_code, reason = "not every bench uses all of it")]

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpStream},
    time::{Duration, Instant},
};

/// A number from the environment, for the size of a bench.
pub fn size(name: &str, default: usize) -> usize {
    std::env::var(name).map_or(default, |n| n.parse().unwrap())
}

/// Whether this build tells nothing: `cargo test --benches` would run it.
pub fn is_debug(name: &str) -> bool {
    if cfg!(debug_assertions) {
        println!("{name} bench: skipped, not a release build");
    }
    cfg!(debug_assertions)
}

/// The smallest time that at least the share `p` of all does not exceed, ms.
pub fn quantile(times: &[Duration], p: f64) -> f64 {
    let mut times: Vec<f64> = times.iter().map(|t| t.as_secs_f64() * 1e3).collect();
    times.sort_by(f64::total_cmp);
    let below = times.iter().enumerate();
    let below = below.take_while(|(i, _)| (*i as f64) < times.len() as f64 * p);
    below.last().map_or(0.0, |(_, time)| *time)
}

/// Anonymous and mapped memory of a process, MiB.
pub fn memory_mib(pid: u32) -> (u64, u64) {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let kib = |name: &str| {
        let line = status.lines().find_map(|l| l.strip_prefix(name));
        let kib = line.and_then(|l| l.split_whitespace().next()?.parse::<u64>().ok());
        kib.unwrap_or(0) >> 10
    };
    (kib("RssAnon:"), kib("RssFile:"))
}

/// CPU time that all threads of a process have used, seconds.
pub fn process_cpu_s(pid: u32) -> f64 {
    cpu_s(&format!("/proc/{pid}/stat"))
}

/// The same with its children, also those that have ended.
pub fn family_cpu_s(pid: u32) -> f64 {
    let stats = std::fs::read_dir("/proc").unwrap();
    let stats = stats.map(|entry| entry.unwrap().path().join("stat"));
    let is_child = |stat: &std::path::PathBuf| {
        let text = std::fs::read_to_string(stat).unwrap_or_default();
        let after_name = text.rsplit(')').next().unwrap_or("");
        after_name.split_whitespace().nth(1) == Some(&pid.to_string())
    };
    let children = stats.filter(is_child);
    let children: f64 = children.map(|stat| cpu_s(stat.to_str().unwrap())).sum();
    process_cpu_s(pid) + children
}

/// CPU time that actix's threads in this process have used, seconds.
pub fn workers_cpu_s() -> f64 {
    let threads = std::fs::read_dir("/proc/self/task").unwrap();
    let paths = threads.map(|thread| thread.unwrap().path());
    let is_worker = |path: &std::path::PathBuf| {
        std::fs::read_to_string(path.join("comm")).is_ok_and(|name| name.starts_with("actix"))
    };
    let workers = paths.filter(is_worker);
    workers
        .map(|path| cpu_s(path.join("stat").to_str().unwrap()))
        .sum()
}

/// User and system time of a `stat` file, seconds. It counts in hundredths.
fn cpu_s(stat: &str) -> f64 {
    let text = std::fs::read_to_string(stat).unwrap_or_default();
    let fields = text.rsplit(')').next().unwrap_or("").split_whitespace();
    let ticks = fields
        .skip(11)
        .take(2)
        .filter_map(|n| n.parse::<f64>().ok());
    ticks.sum::<f64>() / 100.0
}

/// One kept-alive connection.
pub struct Http {
    stream: BufReader<TcpStream>,
    cookie: String,
}

/// What came back.
pub struct Answer {
    pub status: u16,
    pub head: String,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

impl Http {
    pub fn connect(to: SocketAddr, cookie: &str) -> std::io::Result<Self> {
        let stream = TcpStream::connect(to)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(Duration::from_secs(60)))?;
        Ok(Self {
            stream: BufReader::with_capacity(1 << 16, stream),
            cookie: cookie.to_owned(),
        })
    }

    pub fn get(&mut self, path: &str) -> std::io::Result<Answer> {
        self.send("GET", path, "", b"")
    }

    pub fn post_form(&mut self, path: &str, body: &str) -> std::io::Result<Answer> {
        let kind =
            "content-type: application/x-www-form-urlencoded\r\nsec-fetch-site: same-origin\r\n";
        self.send("POST", path, kind, body.as_bytes())
    }

    pub fn post(&mut self, path: &str, body: &[u8]) -> std::io::Result<Answer> {
        self.send("POST", path, "content-type: text/xml\r\n", body)
    }

    fn send(
        &mut self,
        method: &str,
        path: &str,
        more: &str,
        body: &[u8],
    ) -> std::io::Result<Answer> {
        let head = format!(
            "{method} {path} HTTP/1.1\r\nhost: bench\r\ncookie: {}\r\n{more}content-length: {}\r\n\r\n",
            self.cookie,
            body.len()
        );
        let stream = self.stream.get_mut();
        stream.write_all(&[head.as_bytes(), body].concat())?;
        let (mut head, mut length, mut is_chunked) = (String::new(), 0, false);
        loop {
            let mut line = String::new();
            if self.stream.read_line(&mut line)? == 0 {
                return Err(std::io::ErrorKind::UnexpectedEof.into());
            }
            let small = line.trim_end().to_ascii_lowercase();
            if small.is_empty() {
                break;
            }
            if let Some(n) = small.strip_prefix("content-length: ") {
                length = n.parse().unwrap();
            }
            is_chunked |= small == "transfer-encoding: chunked";
            head.push_str(&line);
        }
        let mut body = vec![0; length];
        self.stream.read_exact(&mut body)?;
        while is_chunked {
            let mut line = String::new();
            self.stream.read_line(&mut line)?;
            let n = usize::from_str_radix(line.trim_end(), 16).unwrap();
            let mut chunk = vec![0; n + 2];
            self.stream.read_exact(&mut chunk)?;
            body.extend_from_slice(&chunk[..n]);
            is_chunked = n > 0;
        }
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        Ok(Answer { status, head, body })
    }
}

/// Requests in a second that `clients` connections get through in `seconds`, each asking for
/// the next of `paths`; every answer must be 200. Also the times of all.
pub fn load(
    to: SocketAddr,
    cookie: &str,
    paths: &[String],
    clients: usize,
    seconds: u64,
) -> (f64, Vec<Duration>) {
    let until = Instant::now() + Duration::from_secs(seconds);
    let client = |no: usize| {
        let mut http = Http::connect(to, cookie).unwrap();
        let mut times = Vec::new();
        let mut at = no * 7;
        while Instant::now() < until {
            let start = Instant::now();
            let answer = http.get(&paths[at % paths.len()]).unwrap();
            assert_eq!(answer.status, 200, "{}", answer.head);
            times.push(start.elapsed());
            at += 1;
        }
        times
    };
    let times: Vec<Duration> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..clients)
            .map(|no| scope.spawn(move || client(no)))
            .collect();
        let ended = threads.into_iter().map(|t| t.join().unwrap());
        ended.flatten().collect()
    });
    (times.len() as f64 / seconds as f64, times)
}
