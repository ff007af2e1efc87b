//! Who may sell energy: applications, certifiers, audit trail, and the energy that producers really exported.
#![no_std]

pub mod contract;

pub use contract::{Certification, CertificationClient};
