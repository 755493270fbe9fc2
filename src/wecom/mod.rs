//! WeCom (企业微信): the simulated server that tests and trials run against.

pub mod sim;
