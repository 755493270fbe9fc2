//! The pages with nobody, one, many and hostile names, in both languages.

use std::sync::Arc;

use super::{index::*, member::*};
use crate::{
    identity::Scope,
    kit::Id,
    org::{Directory, Gender, Member, MemberState, Sight, state},
    web::{
        parts::{Empty, EmptyKind, Link, Pager},
        testing,
    },
};
