//! The made-up firm 云岭茶业, a tea retailer: the same seed gives the same firm.

mod customers;
mod groups;
mod model;
mod org;
mod rng;
mod tags;
mod words;

pub use customers::Book;
pub use groups::generate as groups;
pub use model::{
    CorpTag, Customer, Department, GroupChat, GroupMember, Member, Private, Relation, TagGroup,
};
pub use org::{Cast, Org, cast, generate as org};
pub use rng::{Rng, mix};
pub use tags::generate as tags;
pub use words::FIRMS;
