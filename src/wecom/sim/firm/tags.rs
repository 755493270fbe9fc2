//! Corp tags.

use super::{
    model::{CorpTag, TagGroup},
    rng::Rng,
};

/// Group name, and its tags with their weights among a hundred customers; the rest of the
/// hundred has no tag of that group.
const TAGS: &[(&str, &[(&str, u32)])] = &[
    ("等级", &[("金卡", 3), ("银卡", 12), ("普卡", 45)]),
    (
        "品类",
        &[
            ("老白茶", 18),
            ("普洱", 12),
            ("龙井", 8),
            ("单丛", 4),
            ("茶具", 3),
        ],
    ),
    ("意向", &[("高意向", 9), ("观望", 22), ("送礼", 7)]),
    (
        "来源",
        &[("门店立牌", 25), ("公众号", 10), ("抖音", 6), ("转介绍", 4)],
    ),
];

/// The firm's tag groups, the highest first.
pub fn generate(seed: u64, create_time: i64) -> Vec<TagGroup> {
    let mut rng = Rng::of(seed, 2, 0);
    let mut order = 100;
    TAGS.iter()
        .map(|(name, tags)| {
            order -= 10;
            let mut tag_order = 100;
            TagGroup {
                id: rng.id("etQd7hCgAA", 22),
                name: (*name).to_owned(),
                order,
                create_time,
                deleted: false,
                tags: tags
                    .iter()
                    .map(|(name, _)| {
                        tag_order -= 10;
                        CorpTag {
                            id: rng.id("etQd7hCgAA", 22),
                            name: (*name).to_owned(),
                            order: tag_order,
                            create_time,
                            deleted: false,
                        }
                    })
                    .collect(),
            }
        })
        .collect()
}

/// Ids of the tags drawn for one relation.
pub fn draw(rng: &mut Rng, groups: &[TagGroup]) -> Vec<String> {
    let mut drawn = Vec::new();
    for (group, (_, tags)) in groups.iter().zip(TAGS) {
        let mut weights: Vec<u32> = tags.iter().map(|t| t.1).collect();
        let given: u32 = weights.iter().sum();
        weights.push(100 - given);
        if let Some(tag) = group.tags.get(rng.weighted(&weights)) {
            drawn.push(tag.id.clone());
        }
    }
    drawn
}
