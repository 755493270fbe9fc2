//! Qitai (企台): a self-hosted platform for firms that work on WeCom.
//!
//! Modules in reading order, from the ground up; each knows only those above it in this
//! list. ARCHITECTURE.md is the map with the reasons.

// ground
pub mod config;
pub mod error;
pub mod kit;
pub mod store;

// tools
pub mod audit;
pub mod sheet;
pub mod wecom;
pub mod work;

// slices
pub mod customers;
pub mod org;
pub mod tags;

// surface
pub mod cli;
