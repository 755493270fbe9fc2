//! The rows: read from a generator's file or made here.

use std::{
    env, fs,
    hash::{DefaultHasher, Hash, Hasher},
    path::Path,
};

use qitai::{
    kit::{Random, Timestamp},
    search::{Kind, ObjectDocs, RowDoc, fold},
};

/// One customer with one relation.
pub struct Row {
    pub object: u64,
    pub name: String,
    pub remark: String,
    pub company: String,
    pub phone: String,
    pub owner: u64,
    pub added_ms: i64,
    pub tags: Vec<u64>,
    /// Name, remark and company, folded.
    pub folded: [String; 3],
}

#[derive(serde::Deserialize)]
struct Line {
    id: String,
    name: String,
    remark: String,
    company: String,
    phone: String,
    owner: String,
    add_ts: i64,
    tags: Vec<String>,
}

fn hash(text: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    hasher.finish()
}

impl Row {
    fn new(line: Line) -> Self {
        let folded = [&line.name, &line.remark, &line.company].map(|t| fold(t));
        Self {
            object: hash(&line.id),
            owner: hash(&line.owner),
            tags: line.tags.iter().map(|t| hash(t)).collect(),
            added_ms: line.add_ts,
            name: line.name,
            remark: line.remark,
            company: line.company,
            phone: line.phone,
            folded,
        }
    }

    /// What the index is given.
    pub fn docs(&self, no: u32) -> ObjectDocs {
        let row = RowDoc {
            owner: self.owner,
            name: self.name.clone(),
            texts: vec![self.remark.clone(), self.company.clone()],
            pinyin_texts: vec![self.remark.clone(), self.company.clone()],
            phones: vec![self.phone.clone()],
            tags: self.tags.clone(),
            added_at: Timestamp::from_ms(self.added_ms),
            ..RowDoc::default()
        };
        ObjectDocs {
            kind: Kind::Customer,
            object: self.object,
            no,
            rows: vec![row],
        }
    }
}

/// So many rows.
pub fn load(wanted: usize) -> Vec<Row> {
    let lines = match env::var("QITAI_BENCH_DATA") {
        Ok(folder) => {
            let text = fs::read_to_string(Path::new(&folder).join("customers.jsonl")).unwrap();
            text.lines()
                .take(wanted)
                .map(|l| serde_json::from_str(l).unwrap())
                .collect()
        }
        Err(_) => made(wanted),
    };
    lines.into_iter().map(Row::new).collect()
}

const SURNAMES: &str = "王李张刘陈杨黄赵吴周徐孙马朱胡郭何林高罗郑梁谢宋唐许韩邓冯曹彭曾肖田董潘袁蔡蒋余于杜叶程魏苏吕丁任卢姚沈钟姜崔谭陆范汪廖石金贾夏韦付方邹熊白孟秦邱侯江尹薛闫段雷龙黎史陶贺毛郝顾龚邵万覃武钱戴严莫孔向常汤单仇解";
const GIVEN: &str = "海燕伟芳娜敏静丽强磊军洋勇艳杰娟涛明超秀霞平刚桂英华玉兰建国志文辉鑫宇浩然子涵梓轩雨欣怡佳琪思远晓东春梅红梅雪婷嘉豪俊峰";
const PLACES: [&str; 12] = [
    "厦门", "苏州", "长沙", "重庆", "杭州", "福州", "泉州", "广州", "成都", "武汉", "南京", "宁波",
];
const TRADES: [&str; 12] = [
    "茶业",
    "服饰",
    "装饰工程",
    "照明",
    "食品",
    "电子商务",
    "文化传播",
    "酒店管理",
    "商贸",
    "机械设备",
    "包装材料",
    "餐饮",
];
const ENDINGS: [&str; 4] = ["有限公司", "经营部", "股份有限公司", "厂"];
const NOTES: [&str; 10] = [
    "老白茶",
    "喜欢岩茶",
    "月底回访",
    "批发",
    "转介绍",
    "要发票",
    "送礼",
    "意向高",
    "价格敏感",
    "老客户",
];
const TAGS: [&str; 6] = ["金卡", "银卡", "意向高", "价格敏感", "已成交", "待跟进"];

fn made(wanted: usize) -> Vec<Line> {
    let random = Random::seeded(1);
    let below = |n: usize| usize::try_from(random.u64() % n as u64).unwrap();
    let surnames: Vec<char> = SURNAMES.chars().collect();
    let given: Vec<char> = GIVEN.chars().collect();
    let one = |n: usize| {
        let surname = surnames[below(surnames.len())];
        let mut name: String = [surname, given[below(given.len())]].iter().collect();
        if below(3) > 0 {
            name.push(given[below(given.len())]);
        }
        let mark: String = (0..2).map(|_| given[below(given.len())]).collect();
        let company = format!(
            "{}{mark}{}{}",
            PLACES[below(12)],
            TRADES[below(12)],
            ENDINGS[below(4)]
        );
        let phone = format!("1{}{:09}", 3 + below(7), below(1_000_000_000));
        let remark = match below(4) {
            0 => format!("{name} {phone}"),
            1 => format!("{surname}总-{company}"),
            2 => format!("{name}-{}", NOTES[below(10)]),
            _ => NOTES[below(10)].to_owned(),
        };
        Line {
            id: format!("wm{n}"),
            name,
            remark,
            company,
            phone,
            owner: format!("member{}", below(500)),
            add_ts: 1_704_067_200_000 + i64::try_from(below(63_072_000)).unwrap() * 1000,
            tags: vec![TAGS[below(6)].to_owned()],
        }
    };
    (0..wanted).map(one).collect()
}
