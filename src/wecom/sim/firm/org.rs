//! Departments and members.

use std::collections::BTreeMap;

use super::{
    model::{Department, Member, Private},
    rng::Rng,
};

/// Departments and members of the firm.
#[derive(Debug, Clone, Default)]
pub struct Org {
    /// By id.
    pub departments: BTreeMap<u64, Department>,
    /// By userid.
    pub members: BTreeMap<String, Member>,
    /// Userids of those who serve customers, the busiest first.
    pub sellers: Vec<String>,
}

/// Members with a part in demonstrations and tests; they exist under every seed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cast {
    /// Super administrator, 信息技术部.
    pub super_admin: &'static str,
    /// Manager of 华东区.
    pub region_manager: &'static str,
    /// Department id of 华东区.
    pub region: u64,
    /// Member of 静安大悦城店 with the most customers.
    pub store_staff: &'static str,
    /// Department id of 静安大悦城店.
    pub store: u64,
    /// Compliance officer, 合规法务部.
    pub compliance: &'static str,
}

/// The cast.
pub const fn cast() -> Cast {
    Cast {
        super_admin: "shenjiayi",
        region_manager: "chenguoliang",
        region: 10,
        store_staff: "zhoumin",
        store: 101,
        compliance: "gaowenjing",
    }
}

/// id, name, parent, order
const DEPARTMENTS: &[(u64, &str, u64, u64)] = &[
    (1, "云岭茶业", 0, 100_000_000),
    (2, "总部", 1, 100),
    (3, "人力行政部", 2, 40),
    (4, "信息技术部", 2, 30),
    (5, "市场部", 2, 20),
    (6, "合规法务部", 2, 10),
    (10, "华东区", 1, 90),
    (11, "华南区", 1, 80),
    (12, "华北区", 1, 70),
    (13, "西南区", 1, 60),
    (101, "静安大悦城店", 10, 90),
    (102, "徐家汇店", 10, 80),
    (103, "南京德基店", 10, 70),
    (104, "苏州中心店", 10, 60),
    (105, "湖滨银泰店", 10, 50),
    (106, "宁波天一店", 10, 40),
    (111, "广州天河城店", 11, 90),
    (112, "深圳万象城店", 11, 80),
    (113, "厦门中山路店", 11, 70),
    (121, "北京三里屯店", 12, 90),
    (122, "天津恒隆店", 12, 80),
    (123, "济南万象城店", 12, 70),
    (131, "成都太古里店", 13, 90),
    (132, "昆明翠湖店", 13, 80),
    (133, "重庆解放碑店", 13, 70),
];

/// department, userid, name, leads the department
const MEMBERS: &[(u64, &str, &str, bool)] = &[
    (1, "yunzhengde", "云正德", true),
    (2, "tanghuaiyu", "唐怀瑜", true),
    (3, "liuguifang", "刘桂芳", true),
    (3, "xiaoxue", "肖雪", false),
    (4, "shenjiayi", "沈佳怡", true),
    (4, "wangzihao", "王子豪", false),
    (4, "zhouhang", "周航", false),
    (5, "luyiming", "陆一鸣", true),
    (5, "hexiaotong", "何晓彤", false),
    (5, "jianglan", "江岚", false),
    (6, "gaowenjing", "高文静", true),
    (6, "fangxingzhi", "方行之", false),
    (10, "chenguoliang", "陈国梁", true),
    (10, "yuhaiyan", "于海燕", false),
    (11, "liangjunjie", "梁俊杰", true),
    (12, "hanzhiqiang", "韩志强", true),
    (13, "yangyunshan", "杨云山", true),
    (101, "chenlifeng", "陈立峰", true),
    (101, "zhoumin", "周敏", false),
    (101, "sunlili", "孙丽丽", false),
    (101, "shanxiaodan", "单晓丹", false),
    (102, "xumeiling", "徐美玲", true),
    (102, "zengqiang", "曾强", false),
    (102, "wuyutong", "吴雨桐", false),
    (103, "panxiuying", "潘秀英", true),
    (103, "renjie", "任杰", false),
    (103, "dinghaoran", "丁浩然", false),
    (104, "guyaqin", "顾雅琴", true),
    (104, "qianweimin", "钱为民", false),
    (104, "xiezhen", "解珍", false),
    (105, "yeqing", "叶青", true),
    (105, "zhulongjing", "祝龙井", false),
    (105, "shensihan", "沈思涵", false),
    (106, "shihaibo", "史海波", true),
    (106, "lexiaohua", "乐小华", false),
    (111, "luojianhua", "罗建华", true),
    (111, "qiuhaitao", "仇海涛", false),
    (111, "heyongshi", "何咏诗", false),
    (111, "ouyangxue", "欧阳雪", false),
    (112, "caiweiming", "蔡伟明", true),
    (112, "linkexin", "林可馨", false),
    (112, "dengchao", "邓超群", false),
    (113, "huangshaohua", "黄少华", true),
    (113, "suwanting", "苏婉婷", false),
    (121, "zhaojianguo", "赵建国", true),
    (121, "mamingyuan", "马明远", false),
    (121, "lixueqin", "李雪琴", false),
    (121, "zhaitianlin", "翟天林", false),
    (122, "sunbaolin", "孙宝林", true),
    (122, "gaihong", "盖红", false),
    (123, "kongfanrong", "孔繁荣", true),
    (123, "zhangyulan", "张玉兰", false),
    (131, "tanxiaochuan", "谭小川", true),
    (131, "piaozhihui", "朴智慧", false),
    (131, "tangmeng", "唐梦", false),
    (132, "heshuhua", "和淑华", true),
    (132, "zhaxi", "扎西", false),
    (132, "muxiaoxiao", "木晓晓", false),
    (133, "ranyong", "冉勇", true),
    (133, "qiuxiaofeng", "仇晓峰", false),
];

/// The firm's departments and members; the seed decides only who is busiest.
pub fn generate(seed: u64) -> Org {
    let mut org = Org::default();
    for &(id, name, parent, order) in DEPARTMENTS {
        let leaders = MEMBERS
            .iter()
            .filter(|m| m.0 == id && m.3)
            .map(|m| m.1.to_owned())
            .collect();
        let name = name.to_owned();
        org.departments.insert(
            id,
            Department {
                id,
                name,
                name_en: String::new(),
                parent,
                order,
                leaders,
            },
        );
    }
    for &(department, userid, name, leads) in MEMBERS {
        org.members.insert(
            userid.to_owned(),
            member(&org, department, userid, name, leads),
        );
    }
    org.sellers = sellers(seed, &org);
    org
}

fn member(org: &Org, department: u64, userid: &str, name: &str, leads: bool) -> Member {
    let shop = department > 100;
    let position = match (department, leads) {
        (1, _) => "董事长",
        (2, _) => "总经理",
        (3..=6, true) => "部门经理",
        (3, false) => "行政专员",
        (4, false) => "系统工程师",
        (5, false) => "市场专员",
        (6, false) => "法务专员",
        (7..=100, true) => "区域经理",
        (7..=100, false) => "区域督导",
        (_, true) => "店长",
        (_, false) => "茶艺顾问",
    };
    let above = org.departments.get(&department).map(|d| d.parent);
    let superior_in = if leads { above } else { Some(department) };
    let superior = MEMBERS
        .iter()
        .find(|m| Some(m.0) == superior_in && m.3)
        .map(|m| m.1.to_owned());
    let mut departments = vec![department];
    let mut leading = vec![leads];
    if userid == "yuhaiyan" {
        // Two departments, so that nothing takes one for granted.
        departments.push(102);
        leading.push(false);
    }
    Member {
        userid: userid.to_owned(),
        name: name.to_owned(),
        orders: vec![0; departments.len()],
        departments,
        leads: leading,
        position: position.to_owned(),
        superior,
        status: if userid == "xiaoxue" { 4 } else { 1 },
        serves_customers: shop || (department >= 10 && leads),
        telephone: "021-5550100".to_owned(),
        external_position: position.to_owned(),
        private: private(userid),
        ..Member::default()
    }
}

/// Numbers from the range that is given to nobody.
fn private(userid: &str) -> Private {
    let rank = MEMBERS.iter().position(|m| m.1 == userid).unwrap_or(0);
    Private {
        mobile: format!("1390000{:04}", 1000 + rank),
        email: format!("{userid}@mail.example.com"),
        biz_mail: format!("{userid}@yunling.example.com"),
        gender: if rank.is_multiple_of(2) { 1 } else { 2 },
        avatar: format!("https://wework.qpic.cn/wwpic/{userid}/0"),
        ..Private::default()
    }
}

/// Everyone who serves customers, shuffled, with the cast's store staff in front.
fn sellers(seed: u64, org: &Org) -> Vec<String> {
    let mut sellers: Vec<String> = org
        .members
        .values()
        .filter(|m| m.serves_customers)
        .map(|m| m.userid.clone())
        .collect();
    let mut rng = Rng::of(seed, 1, 0);
    for i in (1..sellers.len()).rev() {
        sellers.swap(i, rng.below(i + 1));
    }
    if let Some(at) = sellers.iter().position(|s| s == cast().store_staff) {
        sellers.swap(0, at);
    }
    sellers
}
