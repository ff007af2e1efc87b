//! Who may sell energy: applications, certifiers, audit trail, and the energy that producers really exported.
//!
//! Reading order: [`contract`] lists every entry point; [`application`] and [`standing`] are the way of a producer from
//! applying to being revoked; [`production`] counts what was exported while certified, in a byte [`page`].
//! Nothing here sells anything, and no act is ever taken out of the [`audit`] trail.
#![no_std]

pub mod application;
pub mod audit;
pub mod contract;
pub mod errors;
pub mod events;
pub mod fees;
pub mod lists;
pub mod page;
pub mod production;
pub mod roles;
pub mod standing;
pub mod storage;
pub mod terms;
pub mod types;

pub use contract::{Certification, CertificationClient};
