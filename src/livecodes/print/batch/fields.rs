//! The columns of a spreadsheet of codes, and what is decided about it.

use crate::import::{Field, Setting, SettingKind};

const fn field(
    code: &'static str,
    word: &'static str,
    required: bool,
    names: &'static [&'static str],
    example: &'static str,
) -> Field {
    Field {
        code,
        word,
        names,
        required,
        example,
    }
}

pub(super) const FIELDS: &[Field] = &[
    field(
        "name",
        "print.batch.name",
        true,
        &[
            "名称",
            "活码名称",
            "活码",
            "门店",
            "门店名称",
            "name",
            "code",
            "store",
        ],
        "静安大悦城门店立牌",
    ),
    field(
        "staff",
        "print.batch.staff",
        true,
        &[
            "成员",
            "员工",
            "接待员工",
            "接待成员",
            "使用成员",
            "账号",
            "members",
            "staff",
            "userid",
            "users",
        ],
        "周敏；林一帆",
    ),
    field(
        "channel",
        "print.batch.channel",
        false,
        &[
            "渠道",
            "来源渠道",
            "渠道路径",
            "channel",
            "source channel",
            "source",
        ],
        "门店/立牌",
    ),
    field(
        "tags",
        "print.batch.tags",
        false,
        &["标签", "自动标签", "企业标签", "tags", "tag", "labels"],
        "门店立牌；静安",
    ),
];

pub(super) const SETTINGS: &[Setting] = &[
    Setting {
        code: "channels",
        word: "print.batch.make_channels",
        kind: SettingKind::Tick,
    },
    Setting {
        code: "verify",
        word: "print.batch.verify",
        kind: SettingKind::Tick,
    },
];
