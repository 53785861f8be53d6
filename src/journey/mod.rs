//! How a caller felt on the way through a call: the curve of a call with its peaks and its end ([`curve`]), the steps that a
//! call goes through ([`step`]), the mean of many curves ([`mean`]), and what goes with a dissatisfied caller ([`drivers`], a
//! logistic regression with intervals, [`regression`]). Owns these figures and their pictures ([`chart`]); feelings and acts of
//! turns are the signal stage's. Definitions with their sources are in docs/journey.md and docs/kpi.md.

pub mod chart;
pub mod curve;
pub mod drivers;
mod factors;
pub mod mean;
pub mod regression;
pub mod step;

#[cfg(test)]
pub(crate) mod tests;

pub use curve::{Course, Journey};
pub use drivers::{Drivers, NotEnough};
pub use mean::{GroupBy, MeanJourney, Means, Narrowing, Topics};
pub use step::CallStep;
