//! The generated types of `qingting.v1`; no logic.
