//! Qitai (企台): a self-hosted platform for firms that work on WeCom.
//!
//! Modules in reading order, from the ground up; each knows only those above it in this
//! list. ARCHITECTURE.md is the map with the reasons.

#![cfg_attr(
    test,
    allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_possible_wrap,
        reason = "tests count in small numbers"
    )
)]

// ground
pub mod config;
pub mod error;
pub mod kit;
pub mod store;

// tools
pub mod audit;
pub mod identity;
pub mod search;
pub mod sheet;
pub mod wecom;
pub mod work;

// slices
pub mod archive;
pub mod compliance;
pub mod custody;
pub mod customers;
pub mod finder;
pub mod import;
pub mod livecodes;
pub mod org;
pub mod outreach;
pub mod rollout;
pub mod scim;
pub mod sync;
pub mod tags;
pub mod todos;

// surface
pub mod api;
pub mod app;
pub mod cli;
pub mod openapi;
pub mod serve;
pub mod slice;
pub mod slices;
pub mod visit;
pub mod web;
