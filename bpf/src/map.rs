//! The layouts as keys and values of maps.

use aya::Pod;

use crate::abi::{portolan_counters, portolan_flow, portolan_owner, portolan_truth};

/// Key of the tables of closed flows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(transparent)]
pub struct FlowKey(pub portolan_flow);

/// Key of the overflow tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(transparent)]
pub struct OwnerKey(pub portolan_owner);

/// Value of both.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(transparent)]
pub struct Counters(pub portolan_counters);

/// Value of the map of truth, one for each CPU.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(transparent)]
pub struct Truth(pub portolan_truth);

// SAFETY: every layout of abi.h is plain old data without implicit padding (checked by the derived zerocopy traits).
unsafe impl Pod for FlowKey {}
// SAFETY: as above.
unsafe impl Pod for OwnerKey {}
// SAFETY: as above.
unsafe impl Pod for Counters {}
// SAFETY: as above.
unsafe impl Pod for Truth {}
