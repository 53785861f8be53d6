//! Indicator sets (指标体系): trees of weighted items over figures of calls, such as those by which hotlines are evaluated. Owns
//! what a set may say ([`set`], [`expression`]), which figures there are and how they are counted for it ([`names`], [`tally`]; the
//! definitions are [`crate::report`]'s), what a set gives for them ([`evaluate`]), how several stand beside each other ([`rank`],
//! [`compare`]), and how a number is explained down to its calls ([`explain`], [`trace`]). Nothing here reads a store.

pub mod cases;
pub mod compare;
mod doubt;
pub mod evaluate;
pub mod explain;
pub mod expression;
mod known_cases;
pub mod names;
pub mod rank;
mod raw;
pub mod scope;
pub mod set;
mod simulate;
pub mod tally;
pub mod told;
pub mod trace;

#[cfg(test)]
mod tests;

pub use doubt::PARTS;
pub use evaluate::{Outcome, shown};
pub use known_cases::KnownCases;
pub use names::Names;
pub use scope::{By, Scope};
pub use set::{Set, load};
